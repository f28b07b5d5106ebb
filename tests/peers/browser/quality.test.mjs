import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accept, callId, callState, hangUp, mediaFlows, pressCall, setUp, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const quality = (page, id) => page.evaluate((id) => globalThis.client.calls.quality(id), id);

test("two pages talk, both report, and everybody sees how it sounds both ways", { timeout: 90_000 }, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await pressCall(ada, "Bo");
  await accept(bo);
  await mediaFlows(ada, bo);
  const id = await callId(ada);
  for (const page of [ada, bo]) {
    const bars = page.locator(".tile:not(.mine) .bars");
    await bars.waitFor({ timeout: 30_000 });
    assert.match(await bars.getAttribute("aria-label"), /^Quality \w+, MOS 4\.\d, (\d+ ms round trip, )?[\d.]+ % lost$/);
    assert.equal(await bars.getAttribute("title"), await bars.getAttribute("aria-label"));
  }
  await hangUp(ada);
  await callState(bo, "ended");
  const { directions } = await until("two directions, with the last reports", async () => {
    const seen = await quality(bo, id);
    return seen.directions.length === 2 && seen;
  });
  assert.deepEqual(new Set(directions.map(({ listener }) => listener)).size, 2);
  for (const { mos, level, verdict, points } of directions) {
    assert.ok(mos.median > 4, `${mos.median} on loopback`);
    assert.ok(level, "a level");
    assert.ok(verdict === "none" || verdict === "device", `${verdict}: there is no network to blame`);
    assert.ok(points.length > 0 && points.every(({ lost }) => lost < 5), JSON.stringify(points));
  }
  for (const page of [ada, bo]) {
    await page.getByRole("heading", { name: "How it sounded" }).waitFor();
    assert.equal(await page.locator("#sound figure svg[role=img] path").count(), 2);
    const summary = await page.evaluate(() => globalThis.client.calls.qualitySummary());
    assert.equal(summary.calls, 1);
    assert.ok(summary.mos.median > 4, JSON.stringify(summary));
  }
  assert.deepEqual(stage.complaints, []);
});

test("what a browser counts is told as it is, and never more lost than sent", { timeout: 30_000 }, async (t) => {
  const ada = await stage.window(t, "Ada");
  const counted = await ada.evaluate(async () => {
    const { count } = await import("/client/quality.js");
    const stats = [
      { id: "a", type: "inbound-rtp", kind: "audio", ssrc: 7, bytesReceived: 900, packetsReceived: 9, packetsLost: -1, jitter: 0.004, jitterBufferDelay: 1.5, jitterBufferEmittedCount: 48000, totalSamplesReceived: 48000, concealedSamples: 500, silentConcealedSamples: 400 },
      { id: "o", type: "outbound-rtp", kind: "video", packetsSent: 5, qualityLimitationReason: "bandwidth" },
      { id: "r", type: "remote-inbound-rtp", kind: "video", packetsLost: 9 },
      { id: "p", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.0421, availableOutgoingBitrate: 300000 },
    ];
    return count(new Map(stats.map((one) => [one.id, one])));
  });
  assert.deepEqual(counted, {
    round_trip_ms: 43,
    audio: { source: 7, bytes: 900, packets: 9, lost: 0, jitter_ms: 4, buffer_ms: 1500, emitted: 48000, samples: 48000, concealed: 100, frames: 0, dropped: 0, freezes: 0 },
    sent: { packets: 5, lost: 5, available_kbps: 300, limited: "bandwidth" },
  });
});

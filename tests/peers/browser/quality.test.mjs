import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accept, callId, callState, hangUp, setUp, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const quality = (page, id) => page.evaluate((id) => globalThis.client.calls.quality(id), id);

// Sound alone: a machine that encodes two pictures beside other work hears itself late, and says so.
test("two pages talk, both report, and everybody sees how it sounds both ways", { timeout: 120_000 }, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await ada.getByRole("button", { name: /^Audio call to Bo/ }).click();
  await accept(bo);
  await callState(ada, "connected");
  const id = await callId(ada);
  for (const page of [ada, bo]) {
    const bars = page.locator(".tile:not(.mine) .bars");
    await bars.waitFor({ timeout: 30_000 });
    const said = await bars.evaluate((bars) => [bars.getAttribute("aria-label"), bars.title]);
    assert.match(said[0], /^Quality \w+, MOS \d\.\d, (\d+ ms round trip, )?[\d.]+ % lost$/);
    assert.equal(said[1], said[0]);
  }
  const good = ({ points }) => points.some(({ mos }) => mos > 4);
  await until("a good stretch both ways", async () => {
    const { directions } = await quality(bo, id);
    return directions.length === 2 && directions.every(good);
  }, { within: 60_000 });
  await hangUp(ada);
  await callState(bo, "ended");
  const { directions } = await quality(ada, id);
  assert.equal(new Set(directions.map(({ listener }) => listener)).size, 2);
  for (const { mos, level, verdict, points } of directions) {
    assert.ok(mos.median >= mos.worst && level && verdict, JSON.stringify({ mos, level, verdict }));
    assert.ok(points.every(({ span_ms, lost }) => span_ms >= 1_000 && lost < 5), JSON.stringify(points));
  }
  for (const page of [ada, bo]) {
    await page.getByRole("heading", { name: "How it sounded" }).waitFor();
    assert.equal(await page.locator("#sound figure svg[role=img] path").count(), 2);
    const summary = await page.evaluate(() => globalThis.client.calls.qualitySummary());
    assert.equal(summary.calls, 1);
    assert.ok(summary.mos.median >= 1, JSON.stringify(summary));
  }
  assert.deepEqual(stage.complaints, []);
});

test("what a browser counts is told as it is, and never more lost than sent", { timeout: 30_000 }, async (t) => {
  const ada = await stage.window(t, "Ada");
  const counted = await ada.evaluate(async () => {
    const { count } = await import("/client/quality.js");
    const stats = [
      { id: "a", type: "inbound-rtp", kind: "audio", ssrc: 7, bytesReceived: 900, packetsReceived: 9, packetsLost: -1, jitter: 0.004, jitterBufferDelay: 1.5, jitterBufferEmittedCount: 48000, totalSamplesReceived: 48000, concealedSamples: 500, silentConcealedSamples: 400 },
      { id: "v", type: "inbound-rtp", kind: "video", ssrc: 8, bytesReceived: 1, packetsReceived: 1, packetsLost: 0, framesDecoded: 1 },
      { id: "o", type: "outbound-rtp", kind: "video", packetsSent: 5, qualityLimitationReason: "bandwidth" },
      { id: "r", type: "remote-inbound-rtp", kind: "video", packetsLost: 9 },
      { id: "p", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.0421, availableOutgoingBitrate: 300000 },
    ];
    return count(new Map(stats.map((one) => [one.id, one])));
  });
  assert.deepEqual(counted, {
    round_trip_ms: 43,
    audio: { source: 7, bytes: 900, packets: 9, lost: 0, jitter_ms: 4, buffer_ms: 1500, emitted: 48000, samples: 48000, concealed: 100, frames: 0, dropped: 0, freezes: 0 },
    video: { source: 8, bytes: 1, packets: 1, lost: 0, jitter_ms: 0, buffer_ms: 0, emitted: 0, samples: 0, concealed: 0, frames: 1, dropped: 0, freezes: 0 },
    sent: { packets: 5, lost: 5, available_kbps: 300, limited: "bandwidth" },
  });
});

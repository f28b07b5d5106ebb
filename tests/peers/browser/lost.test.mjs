// What is lost on the way, comes late or comes in too great a number.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { allSee, dial, hangUp, someone, state } from "./people.mjs";
import { setUp, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const limits = { timeout: 60_000 };

/** Two who talk without pictures. */
async function two(t) {
  const ada = await someone(stage, t, "ada");
  const bo = await someone(stage, t, "bo", { answers: true });
  await dial(ada, bo, "audio");
  for (const page of [ada, bo]) await state(page, "connected");
  return [ada, bo];
}

for (const [what, event] of [["an offer", "call.offer"], ["an answer", "call.answer"]]) {
  test(`${what} whose push was lost is made up for, on either side`, limits, async (t) => {
    const [ada, bo] = await two(t);
    for (const [one, other] of [[ada, bo], [bo, ada]]) {
      await (event === "call.offer" ? other : one).evaluate((wanted) => {
        globalThis.lost = 0;
        globalThis.deaf = ({ event }) => event === wanted && lost++ === 0;
      }, event);
      await one.evaluate(() => call.mute("video", false));
      await until("the picture", () => other.evaluate(async (id) => [...(await call.stats()).get(id).values()].some(({ framesDecoded }) => framesDecoded > 0), one.id), { within: 25_000 });
      assert.ok(await (event === "call.offer" ? other : one).evaluate(() => lost > 0), "one was lost");
      for (const page of [ada, bo]) await until("nothing to be negotiated", () => page.evaluate(() => pcs.at(-1).signalingState === "stable"), { within: 25_000 });
    }
    await allSee(ada, bo);
    await hangUp(ada);
    await state(bo, "ended");
  });
}

test("a path that breaks again and again is mended less and less often", limits, async (t) => {
  const [ada, bo] = await two(t);
  const times = await ada.evaluate(async () => {
    const [pc] = pcs;
    const times = [];
    Object.defineProperty(pc, "connectionState", { get: () => "failed" });
    pc.restartIce = () => {
      times.push(performance.now());
      setTimeout(() => pc.onconnectionstatechange(), 20);
    };
    const began = performance.now();
    pc.onconnectionstatechange();
    await new Promise((done) => setTimeout(done, 9_000));
    return times.map((at) => at - began);
  });
  assert.ok(times.length >= 3 && times.length <= 4, `${times}`);
  assert.ok(times[0] < 1_000 && times[1] - times[0] >= 1_900 && times[2] - times[1] >= 3_900, `${times}`);
  await hangUp(bo);
});

test("what somebody said to send is not undone by a view that was read before", limits, async (t) => {
  const [ada, bo] = await two(t);
  const sends = () => ada.evaluate((id) => call.media.get(id).audio, bo.id);
  let seen;
  await ada.route("**/api/webrtc/call/*", async (route) => {
    const answer = await route.fetch();
    seen = (await answer.json()).participants.find(({ user_id }) => user_id === bo.id).media.audio;
    await bo.evaluate(() => call.mute("audio", true));
    await until("Ada's page to know", async () => (await sends()) === false);
    await route.fulfill({ response: answer });
  }, { times: 1 });
  await ada.evaluate(() => call.sync());
  assert.deepEqual([seen, await sends()], [true, false]);
  await new Promise((done) => setTimeout(done, 1_500));
  await ada.evaluate((id) => (call.media.set(id, { audio: true, video: false, screen: false, hold: false }), call.sync()), bo.id);
  assert.equal(await sends(), false, "a later one is believed");
  await hangUp(ada);
});

test("of candidates that came before their description only so many are kept", limits, async (t) => {
  const ada = await someone(stage, t, "ada");
  const kept = await ada.evaluate(async () => {
    const { Early } = await import("/client/trickle.js");
    const early = new Early();
    for (let n = 0; n < 100; n += 1) for (let i = 0; i < 3; i += 1) early.keep(`off_${n}`, Array(60).fill({ candidate: "x" }));
    return [0, 67, 68, 99, 99].map((n) => early.take(`off_${n}`).length);
  });
  assert.deepEqual(kept, [0, 0, 128, 128, 0]);
});

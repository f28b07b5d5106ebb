import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { allSee, dial, everybody, hangUp, nothingRings, someone, standing, stands, state } from "./people.mjs";
import { accept, callState, hangUp as pressHangUp, setUp, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const limits = { timeout: 60_000 };
const answers = { answers: true };

test("people are invited, removed, leave and come back; four see each other, and one's screen", { timeout: 120_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const [bo, chidi, dara] = await everybody(stage, t, ["bo", "chidi", "dara"], answers);
  const id = await dial(ada, bo);
  await allSee(ada, bo);
  await bo.evaluate((id) => call.invite(id), chidi.id);
  await allSee(ada, bo, chidi);

  const refused = await bo.evaluate((id) => call.remove(id).catch(({ code }) => code), chidi.id);
  assert.equal(refused, "not_host");
  await ada.evaluate((id) => call.remove(id), chidi.id);
  await state(chidi, "ended");
  assert.equal(await chidi.evaluate(() => call.reason), "removed");
  await stands(bo, chidi, "removed");
  const back = await chidi.evaluate((id) => client.calls.resume(id).catch(({ code }) => code), id);
  assert.equal(back, "call_over", "who was removed does not come back by themselves");
  await allSee(ada, bo);

  await ada.evaluate((ids) => call.invite(ids), [chidi.id, dara.id]);
  await allSee(ada, bo, chidi, dara);
  await hangUp(bo);
  await stands(dara, bo, "left");
  await bo.evaluate(async (id) => take(await client.calls.resume(id)), id);
  await allSee(ada, bo, chidi, dara);
  assert.equal((await standing(ada, bo)).generation, 3, "a stay of its own");

  await dara.evaluate(() => call.shareScreen(true));
  for (const page of [ada, bo, chidi]) await until("the others to know of the screen", () => page.evaluate((id) => call.media.get(id)?.screen, dara.id));
  await allSee(ada, bo, chidi, dara);
  await dara.evaluate(() => call.shareScreen(false));
  await until("the end of it", () => bo.evaluate((id) => call.media.get(id)?.screen === false, dara.id));

  await Promise.all([ada, bo, chidi].map(hangUp));
  await state(dara, "ended");
  assert.equal(await dara.evaluate(() => call.reason), "hung_up");
});

test("somebody who declines is asked again and joins", limits, async (t) => {
  const ada = await someone(stage, t, "ada");
  const [bo, chidi] = [await someone(stage, t, "bo", answers), await someone(stage, t, "chidi")];
  await dial(ada, [bo, chidi], "audio");
  await until("Chidi's phone", () => chidi.evaluate(() => calls.length === 1));
  await chidi.evaluate(() => calls[0].decline());
  await stands(ada, chidi, "declined");
  await state(ada, "connected");
  await ada.evaluate((id) => call.invite(id), chidi.id);
  await until("Chidi's phone again", () => chidi.evaluate(() => calls.length === 2));
  await chidi.evaluate(() => (take(calls[1]), call.accept()));
  for (const page of [ada, bo, chidi]) await until("paths to both", () => page.evaluate(async () => (await call.stats()).size === 2 && call.state === "connected"));
  await Promise.all([ada, bo].map(hangUp));
  await state(chidi, "ended");
});

test("who is in a call is told that a second one waits, and says busy", limits, async (t) => {
  const [ada, chidi] = await everybody(stage, t, ["ada", "chidi"]);
  const bo = await someone(stage, t, "bo");
  await dial(bo, chidi, "audio");
  await until("Chidi's phone", () => chidi.evaluate(() => calls.length === 1));
  assert.equal(await chidi.evaluate(() => calls[0].isWaiting), false);
  await chidi.evaluate(() => (take(calls[0]), call.accept()));
  await state(bo, "connected");
  await dial(ada, bo, "audio");
  await until("Bo's phone", () => bo.evaluate(() => calls.length === 1));
  assert.equal(await bo.evaluate(() => calls[0].isWaiting), true);
  await bo.evaluate(() => calls[0].decline({ busy: true }));
  await state(ada, "failed");
  assert.equal(await ada.evaluate(() => call.reason), "busy");
  assert.equal((await standing(ada, bo)).standing, "busy");
  assert.equal(await bo.evaluate(() => call.state), "connected", "the first call goes on");
  await hangUp(bo);
  await state(chidi, "ended");
});

test("of two devices of one person the other one learns which took the call", limits, async (t) => {
  const ada = await someone(stage, t, "ada");
  const [here, there] = await everybody(stage, t, ["bo", "bo"]);
  await dial(ada, here, "audio");
  for (const page of [here, there]) await until("both to ring", () => page.evaluate(() => calls.length === 1));
  await here.evaluate(() => (take(calls[0]), call.accept()));
  await until("the other to be told", () => there.evaluate(() => calls[0].reason === "answered_elsewhere"));
  const taken = await there.evaluate((id) => calls[0].participants.find(({ user_id }) => user_id === id).device_id, here.id);
  assert.equal(taken, await here.evaluate(() => client.device));
  const refused = await there.evaluate(() => calls[0].accept().catch(({ code }) => code));
  assert.equal(refused, "answered_elsewhere");
  await state(ada, "connected");
  await hangUp(ada);
  await state(here, "ended");
});

test("two who call each other at once are in one call, and no phone rings", { timeout: 120_000 }, async (t) => {
  const [ada, bo] = await everybody(stage, t, ["ada", "bo"]);
  for (let round = 0; round < 6; round += 1) {
    const ids = await Promise.all([dial(ada, bo), dial(bo, ada)]);
    assert.equal(ids[0], ids[1], `round ${round}: one call`);
    await allSee(ada, bo);
    assert.deepEqual(await Promise.all([ada, bo].map((page) => page.evaluate(() => calls.length))), [0, 0], `round ${round}: no ring`);
    await hangUp(round % 2 ? ada : bo);
    await Promise.all([ada, bo].map((page) => state(page, "ended")));
  }
  await nothingRings(ada, bo);
  const captured = await ada.evaluate(() => call.local.getTracks().map(({ readyState }) => readyState));
  assert.deepEqual(captured, ["ended", "ended"], "camera and microphone are off");
});

test("more than four are warned of what a mesh costs, in the log and on the page", limits, async (t) => {
  const crowd = await (await fetch(`${stage.url}/local/crowd?people=4`, { method: "POST" })).json();
  const ids = crowd.items.map(({ user_id }) => user_id);
  const ada = await stage.window(t, "Ada");
  await ada.evaluate(() => {
    globalThis.warned = 0;
    client.on("log", ({ what }) => (warned += /^a mesh of more than four/.test(what)));
  });
  const call = async (whom) => {
    await ada.getByLabel("Call by id").fill(whom.join(" "));
    await ada.locator("#by-id").getByRole("button", { name: "Audio" }).click();
    await callState(ada, "ringing");
    await ada.evaluate(() => globalThis.call.sync());
    return ada.evaluate(() => [globalThis.call.isCrowded, warned, document.getElementById("call-note").textContent]);
  };
  assert.deepEqual(await call(ids.slice(1)), [false, 0, ""], "four are no crowd");
  await pressHangUp(ada);
  const [crowded, warned, note] = await call(ids);
  assert.deepEqual([crowded, warned], [true, 1]);
  assert.match(note, /^More than four people/);
  await pressHangUp(ada);
});

test("five minutes before the plan ends a call the app and the page say so", limits, async (t) => {
  const ada = await someone(stage, t, "ada");
  const bo = await stage.window(t, "Bo");
  await dial(ada, { id: await bo.locator("#my-id").innerText() }, "audio");
  await accept(bo);
  await callState(bo, "connected");
  await state(ada, "connected");
  const soon = async () => {
    const ends_at = new Date(Date.now() + 290_000).toISOString();
    return { ends_at, view: { ...(await client.calls.get(call.id)), ends_at } };
  };
  const told = await ada.evaluate(`(${soon})().then(({ ends_at, view }) => new Promise((done) => {
    call.on("ending", (told) => done({ told, ends_at, endsAt: call.endsAt }));
    push("call.ending", { call: view });
  }))`);
  assert.deepEqual([told.told, told.endsAt], [{ ends_at: told.ends_at }, told.ends_at]);
  await bo.evaluate(`(${soon})().then(({ view }) => call.ending(view, {}))`);
  assert.equal(await bo.locator("#call-note").innerText(), "The plan ends this call in 5 minutes.");
  await hangUp(ada);
  await callState(bo, "ended");
});

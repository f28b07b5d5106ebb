import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { allSee, dial, everybody, hangUp as leave, someone, state } from "./people.mjs";
import { accept, callState, hangUp, mediaFlows, pressCall, setUp, until } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const sign = (page, words) => page.locator("#recording-sign", { hasText: words }).waitFor();
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

/** What the page hears of its recordings, and what its recorder does. */
const watch = (page) =>
  page.evaluate(() => {
    globalThis.heard = [];
    globalThis.call.on("recording", ({ state }) => heard.push(state));
    globalThis.tapes = [];
    globalThis.MediaRecorder = class extends MediaRecorder {
      constructor(...made) {
        super(...made);
        tapes.push(this);
        this.bytes = 0;
        this.addEventListener("dataavailable", ({ data }) => (this.bytes += data.size));
      }
    };
  });

const tape = (page, wanted) => until(`the tape to be ${wanted}`, () => page.evaluate((wanted) => tapes.at(-1)?.state === wanted, wanted));

const heard = (page, wanted) =>
  until(`the recording to be ${wanted}`, () => page.evaluate((wanted) => heard.at(-1) === wanted, wanted), { within: 30_000 });

/** Bytes that were recorded while nothing may be. */
async function grows(page, ms = 2_500) {
  const bytes = () => page.evaluate(() => tapes.at(-1).bytes);
  // What was recorded before is handed over within a second.
  await new Promise((done) => setTimeout(done, 1_500));
  const before = await bytes();
  await new Promise((done) => setTimeout(done, ms));
  return (await bytes()) - before;
}

async function isClean(page, where) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  assert.ok(passes.length > 10, `${where}: axe looked at something`);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), [], where);
  const { scrolled, width } = await page.evaluate(() => ({ scrolled: document.documentElement.scrollWidth, width: innerWidth }));
  assert.equal(scrolled, width, `${where}: nothing sticks out`);
}

test("one records with consent, the other sees that, both watch it, and it is deleted", { timeout: 120_000 }, async (t) => {
  const small = await stage.profile(t, { colorScheme: "dark", viewport: { width: 360, height: 740 } });
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo", small)];
  await pressCall(ada, "Bo");
  await accept(bo);
  await mediaFlows(ada, bo);
  await watch(ada);
  await press(ada, "Record");
  await sign(ada, "Not recording yet: waiting for Bo");
  await bo.getByRole("alert").filter({ hasText: /^Ada.* wants to record this call\.$/ }).waitFor();
  await tape(ada, "inactive");
  await isClean(bo, "the question");
  await bo.locator("#consent").focus();
  await bo.keyboard.press("Enter");
  for (const page of [ada, bo]) await sign(page, /^Recording( by Ada.*)?$/);
  await until("the focus to go on", () => bo.evaluate(() => document.activeElement.id === "no-consent"));
  await tape(ada, "recording");
  assert.ok((await grows(ada)) > 1_000, "it records");
  for (const page of [ada, bo]) await isClean(page, "the sign");

  await press(bo, "No longer allow");
  for (const page of [ada, bo]) await sign(page, /^Recording paused: not allowed by /);
  await tape(ada, "paused");
  assert.equal(await grows(ada), 0, "nothing is recorded of who took it back");
  await press(bo, "Allow");
  await tape(ada, "recording");
  await press(ada, "Stop recording");
  await heard(ada, "kept");
  await bo.locator("#recording").waitFor({ state: "hidden" });
  assert.equal(await ada.evaluate(() => call.state), "connected", "the call goes on");
  await hangUp(ada);
  await callState(bo, "ended");

  for (const page of [ada, bo]) {
    const line = page.locator("#recordings-list li");
    await line.waitFor();
    await line.getByRole("button", { name: /^Play/ }).click();
    const played = await until("it to play", () => line.locator("video").evaluate((video) => video.readyState >= 2 && video.currentTime > 0.5 && video.videoWidth));
    assert.equal(played, 960);
    await isClean(page, "what is kept");
  }
  const decoded = await ada.evaluate(async () => {
    const [{ recording_id }] = (await client.recordings.list()).items;
    const bytes = await (await fetch((await client.recordings.get(recording_id)).link.url)).arrayBuffer();
    const sound = await new AudioContext().decodeAudioData(bytes);
    const peak = sound.getChannelData(0).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    return { seconds: sound.duration, peak };
  });
  assert.ok(decoded.seconds > 3 && decoded.seconds < 60 && decoded.peak > 0.01, JSON.stringify(decoded));
  const file = ada.waitForEvent("download");
  await ada.getByRole("button", { name: /^Download/ }).click();
  assert.match((await file).suggestedFilename(), /^rec_.*\.webm$/);
  await ada.getByRole("button", { name: /^Delete/ }).click();
  await ada.getByRole("button", { name: /^Delete .* for everybody\?$/ }).click();
  await ada.locator("#recordings").waitFor({ state: "hidden" });
  assert.deepEqual(await bo.evaluate(async () => (await client.recordings.list()).items), []);
  assert.deepEqual(stage.complaints, []);
});

test("who refuses is not recorded, and nothing is kept", { timeout: 60_000 }, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await ada.getByRole("button", { name: /^Audio call to Bo/ }).click();
  await accept(bo);
  for (const page of [ada, bo]) await callState(page, "connected");
  await watch(ada);
  await press(ada, "Record");
  await press(bo, "Don’t allow");
  for (const page of [ada, bo]) await sign(page, /^Not recording yet: not allowed by /);
  assert.deepEqual([await grows(ada), await ada.evaluate(() => tapes[0].state)], [0, "inactive"]);
  await hangUp(ada);
  await heard(ada, "stopped");
  assert.deepEqual(await ada.evaluate(async () => (await client.recordings.list()).items), []);
  assert.deepEqual(stage.complaints, []);
});

test("a recorder whose page is reloaded records no more, and the others see that", { timeout: 60_000 }, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await ada.getByRole("button", { name: /^Audio call to Bo/ }).click();
  await accept(bo);
  await callState(ada, "connected");
  await press(ada, "Record");
  await press(bo, "Allow");
  await sign(ada, /^Recording$/);
  await ada.reload();
  for (const page of [ada, bo]) {
    await callState(page, "connected");
    await page.locator("#recording").waitFor({ state: "hidden" });
  }
  await hangUp(bo);
  await callState(ada, "ended");
});

test("whoever comes pauses it until they consent, and the recorder who hangs up keeps it", { timeout: 120_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const [bo, chidi] = await everybody(stage, t, ["bo", "chidi"], { answers: true });
  await dial(ada, bo);
  await allSee(ada, bo);
  await watch(ada);
  const id = await ada.evaluate(() => call.record());
  await until("Bo to be asked", () => bo.evaluate((id) => call.recording?.recording_id === id && call.recording.state === "asking", id));
  await bo.evaluate(() => call.consent(true));
  await tape(ada, "recording");

  await ada.evaluate((id) => call.invite(id), chidi.id);
  await tape(ada, "paused");
  await allSee(ada, bo, chidi);
  assert.equal(await grows(ada), 0, "who came is not recorded");
  assert.deepEqual(await ada.evaluate(() => [call.recording.state, call.recording.missing]), ["paused", [chidi.id]]);
  await chidi.evaluate(() => call.consent(true));
  await tape(ada, "recording");
  assert.ok((await grows(ada)) > 1_000);
  await ada.evaluate(() => call.remote.set("somebody", new MediaStream()));
  await tape(ada, "paused");
  assert.equal(await ada.evaluate(() => call.recording.state), "running", "the server has not heard of them yet");
  await ada.evaluate(() => (call.remote.delete("somebody"), call.mute("audio", true)));
  await tape(ada, "recording");
  await leave(ada);
  await ada.evaluate(() => call.saved);
  await heard(ada, "kept");
  assert.equal(await bo.evaluate(() => call.state), "connected");
  for (const page of [ada, bo, chidi]) {
    const [item] = await page.evaluate(async () => (await client.recordings.list()).items);
    assert.deepEqual([item.recording_id, item.people.length], [id, 3]);
  }
  await Promise.all([bo, chidi].map(leave));
  await state(bo, "ended");
});

test("a recording of several parts arrives whole, over a network that fails and a pause", { timeout: 60_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const bo = await someone(stage, t, "bo", { answers: true });
  await dial(ada, bo, "audio");
  await state(ada, "connected");
  const id = await ada.evaluate(() => {
    globalThis.MediaRecorder = class extends EventTarget {
      static isTypeSupported = () => true;
      state = "inactive";
      start = () => (this.state = "recording");
      pause = () => (this.state = "paused");
      resume = () => (this.state = "recording");
      stop = () => ((this.state = "inactive"), setTimeout(() => this.dispatchEvent(new Event("stop"))));
      constructor() {
        super();
        globalThis.reel = this;
      }
    };
    const chunk = new Uint8Array(1_500_000).map((_, at) => at % 251);
    globalThis.hand = (times) => {
      while (times-- > 0) reel.ondataavailable({ data: new Blob([chunk]) });
    };
    const network = globalThis.fetch;
    globalThis.puts = { tried: 0, arrived: 0 };
    globalThis.fetch = async (url, init) => {
      if (init?.method !== "PUT") return network(url, init);
      if (puts.tried++ % 2 === 0) throw new TypeError("no network");
      return network(url, init).finally(() => (puts.arrived += 1));
    };
    globalThis.heard = [];
    call.on("recording", ({ state }) => heard.push(state));
    return call.record();
  });
  const reel = (wanted) => until(`the reel to be ${wanted}`, () => ada.evaluate((wanted) => reel.state === wanted, wanted));
  const arrived = (wanted) => until(`${wanted} parts`, () => ada.evaluate((wanted) => puts.arrived === wanted, wanted));
  await until("Bo to be asked", () => bo.evaluate(() => call.recording?.state === "asking"));
  await bo.evaluate(() => call.consent(true));
  await reel("recording");
  await ada.evaluate(() => hand(4));
  await arrived(1);
  await bo.evaluate(() => call.consent(false));
  await reel("paused");
  await ada.evaluate(() => hand(4));
  await new Promise((done) => setTimeout(done, 1_500));
  assert.deepEqual(await ada.evaluate(() => puts), { tried: 2, arrived: 1 }, "no part is granted meanwhile");
  await ada.evaluate(() => call.stopRecording());
  await heard(ada, "kept");
  await arrived(2);
  const kept = await ada.evaluate(async (id) => {
    const { bytes, link } = await client.recordings.get(id);
    const file = new Uint8Array(await (await fetch(link.url)).arrayBuffer());
    return { bytes, size: file.length, whole: file.every((byte, at) => byte === (at % 1_500_000) % 251) };
  }, id);
  assert.deepEqual(kept, { bytes: 12_000_000, size: 12_000_000, whole: true });
  await leave(ada);
  await state(bo, "ended");
});

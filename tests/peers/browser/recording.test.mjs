import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { allSee, dial, everybody, hangUp as leave, someone, state } from "./people.mjs";
import { accept, callState, hangUp, mediaFlows, pressCall, setUp, until } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const { isUnbroken } = await import("../../../clients/js/consents.js");

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
        /** Seconds that it ran. */
        this.ran = 0;
        this.addEventListener("dataavailable", ({ data }) => (this.bytes += data.size));
        const turn = (by) => () => (this.ran += (by * performance.now()) / 1_000);
        for (const event of ["start", "resume"]) this.addEventListener(event, turn(-1));
        this.addEventListener("pause", turn(1));
        this.addEventListener("stop", () => this.ran < 0 && turn(1)());
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
    await page.route("**/ran-out", (route) => route.fulfill({ contentType: "video/webm", body: "nothing that plays" }));
    await line.locator("video").evaluate((video) => {
      const now = Date.now;
      Date.now = () => now() + 120_000;
      video.src = "/ran-out";
    });
    await until("it to go on with a new link", () => line.locator("video").evaluate((video) => !/ran-out/.test(video.src) && video.readyState >= 2));
    await isClean(page, "what is kept");
  }
  const decoded = await ada.evaluate(async () => {
    const [{ recording_id }] = (await client.recordings.list()).items;
    const bytes = await (await fetch((await client.recordings.get(recording_id)).link.url)).arrayBuffer();
    const sound = await new AudioContext().decodeAudioData(bytes);
    const samples = sound.getChannelData(0);
    const peak = (from, to) => samples.subarray(from * samples.length, to * samples.length).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    return { seconds: sound.duration, ran: tapes.at(-1).ran, peaks: [peak(0, 0.5), peak(0.5, 1)] };
  });
  t.diagnostic(`recorded ${decoded.ran.toFixed(2)} s, plays ${decoded.seconds.toFixed(2)} s`);
  assert.ok(decoded.ran > 3 && Math.abs(decoded.seconds - decoded.ran) < 1, `${JSON.stringify(decoded)}: as long as it ran, the pause left out`);
  assert.ok(decoded.peaks.every((peak) => peak > 0.01), `${decoded.peaks}: the beeps of both halves`);
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

/** A recorder whose tape is what `hand` gives it, over a network that `puts` counts and may fail. */
const fakeRecorder = (page) =>
  page.evaluate(() => {
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
    globalThis.hand = (times, byte = (at) => at % 251) => {
      const chunk = new Uint8Array(1_500_000).map((_, at) => byte(at));
      while (times-- > 0) reel.ondataavailable({ data: new Blob([chunk]) });
    };
    const network = globalThis.fetch;
    globalThis.puts = { tried: 0, arrived: 0 };
    globalThis.fetch = async (url, init) => {
      if (init?.method !== "PUT") return network(url, init);
      puts.tried += 1;
      if (globalThis.fails?.(puts.tried)) throw new TypeError("no network");
      return network(url, init).finally(() => (puts.arrived += 1));
    };
    globalThis.heard = [];
    call.on("recording", ({ state, problem }) => (heard.push(state), (globalThis.why = problem?.code)));
  });
const reel = (page, wanted) => until(`the reel to be ${wanted}`, () => page.evaluate((wanted) => reel.state === wanted, wanted));
const arrived = (page, wanted) => until(`${wanted} parts`, () => page.evaluate((wanted) => puts.arrived === wanted, wanted));
const asked = (page) => until("the question", () => page.evaluate(() => call.recording?.state === "asking"));

/** How many bytes are kept, and whether each is what `hand` was told to give. */
const kept = (page, id, byte) =>
  page.evaluate(async ([id, byte]) => {
    const file = new Uint8Array(await (await fetch((await client.recordings.get(id)).link.url)).arrayBuffer());
    return { size: file.length, whole: file.every((one, at) => one === (byte ?? (at % 1_500_000) % 251)) };
  }, [id, byte]);

test("a recording of several parts arrives whole, over a network that fails and a pause", { timeout: 60_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const bo = await someone(stage, t, "bo", { answers: true });
  await dial(ada, bo, "audio");
  await state(ada, "connected");
  await fakeRecorder(ada);
  await ada.evaluate(() => (globalThis.fails = (tried) => tried % 2 === 1));
  const id = await ada.evaluate(() => call.record());
  await asked(bo);
  await bo.evaluate(() => call.consent(true));
  await reel(ada, "recording");
  await ada.evaluate(() => hand(4));
  await new Promise((done) => setTimeout(done, 500));
  assert.deepEqual(await ada.evaluate(() => puts), { tried: 0, arrived: 0 }, "nothing goes before the server was heard of again");
  await ada.evaluate(() => call.sync());
  await arrived(ada, 1);
  await bo.evaluate(() => call.consent(false));
  await reel(ada, "paused");
  await ada.evaluate(() => hand(4));
  await new Promise((done) => setTimeout(done, 1_500));
  assert.deepEqual(await ada.evaluate(() => puts), { tried: 2, arrived: 1 }, "no part is granted meanwhile");
  await ada.evaluate(() => call.stopRecording());
  await heard(ada, "kept");
  await arrived(ada, 2);
  assert.deepEqual(await kept(ada, id), { size: 12_000_000, whole: true });
  assert.equal((await ada.evaluate((id) => client.recordings.get(id), id)).bytes, 12_000_000);
  await leave(ada);
  await state(bo, "ended");
});

test("when the push is lost that takes a consent back, nothing from after it is uploaded", { timeout: 90_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const bo = await someone(stage, t, "bo", { answers: true });
  await dial(ada, bo, "audio");
  await state(ada, "connected");
  await fakeRecorder(ada);
  const id = await ada.evaluate(() => call.record());
  await asked(bo);
  await bo.evaluate(() => call.consent(true));
  await reel(ada, "recording");
  await ada.evaluate(() => (hand(4, () => 1), call.sync()));
  await arrived(ada, 1);
  await ada.evaluate(() => (globalThis.deaf = ({ event }) => event === "call.changed"));
  await bo.evaluate(() => call.consent(false));
  await ada.evaluate(() => hand(4, () => 2));
  assert.deepEqual(await ada.evaluate(() => [reel.state, call.recording.state]), ["recording", "running"], "Ada's page does not know");
  await heard(ada, "kept");
  assert.deepEqual(await ada.evaluate(() => [why, reel.state, call.recording]), ["consent_unheard", "inactive", null]);
  assert.deepEqual(await kept(ada, id, 1), { size: 6_000_000, whole: true });

  await ada.evaluate(() => (globalThis.deaf = undefined));
  const again = await ada.evaluate(() => call.record());
  assert.notEqual(again, id, "it can be asked for again");
  await bo.evaluate(() => call.consent(true));
  await reel(ada, "recording");
  await ada.evaluate(() => hand(1, () => 3));
  await ada.evaluate(() => (globalThis.deaf = ({ event }) => event === "call.changed"));
  for (const given of [false, true]) await bo.evaluate((given) => call.consent(given), given);
  await ada.evaluate(() => (call.sync(), call.saved));
  await heard(ada, "stopped");
  assert.equal(await ada.evaluate(() => why), "consent_unheard", "taken back and given again is unheard, too");
  await ada.evaluate(() => (globalThis.deaf = undefined));
  await leave(ada);
  await state(bo, "ended");
});

test("a recording that the host stops at once can be asked for again, and all that one recorded is waited for", { timeout: 60_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const bo = await someone(stage, t, "bo", { answers: true });
  await dial(ada, bo, "audio");
  await state(bo, "connected");
  await fakeRecorder(bo);
  await bo.route("**/recording", async (route) => {
    const answer = await route.fetch();
    await asked(ada);
    await ada.evaluate(() => call.stopRecording());
    await until("Bo's page to know", () => bo.evaluate(() => heard.at(-1) === "stopped"));
    await route.fulfill({ response: answer });
  }, { times: 1 });
  const first = await bo.evaluate(() => call.record());
  await bo.evaluate(() => call.saved);
  assert.equal(await bo.evaluate(() => heard.at(-1)), "stopped");

  let complete;
  const held = new Promise((resolve) => (complete = resolve));
  await bo.route("**/complete", async (route) => (await held, route.continue()), { times: 1 });
  const ids = [first];
  for (const which of [2, 3]) {
    ids.push(await bo.evaluate(() => call.record()));
    await asked(ada);
    await ada.evaluate(() => call.consent(true));
    await reel(bo, "recording");
    await bo.evaluate((which) => (hand(1, () => which), call.stopRecording()), which);
    await until("the recording to be over", () => ada.evaluate(() => call.recording === null));
  }
  assert.equal(new Set(ids).size, 3);
  await heard(bo, "kept");
  const early = await bo.evaluate(() => Promise.race([call.saved.then(() => "saved"), new Promise((done) => setTimeout(done, 500, "waiting"))]));
  assert.equal(early, "waiting", "the second one is not kept yet");
  complete();
  await bo.evaluate(() => call.saved);
  const list = await bo.evaluate(async () => (await client.recordings.list()).items.map(({ recording_id }) => recording_id));
  assert.deepEqual(list.slice(0, 2).sort(), ids.slice(1).sort());
  await leave(bo);
  await state(ada, "ended");
});

test("a bucket that never answers, and a part that is never granted, are given up", { timeout: 30_000 }, async (t) => {
  const page = await someone(stage, t, "ada");
  const given = await page.evaluate(async () => {
    const { Upload } = await import("/client/upload.js");
    const { Problem } = await import("/client/problem.js");
    const [later, timeout] = [globalThis.setTimeout, AbortSignal.timeout];
    globalThis.setTimeout = (fn, ms, ...rest) => later(fn, ms / 1_000, ...rest);
    AbortSignal.timeout = (ms) => timeout(ms / 10_000);
    const tries = { grants: 0, puts: 0 };
    const deaf = (_, { signal }) => (tries.puts++, new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
    const grant = async () => (tries.grants++, { url: "https://bucket.example", headers: {} });
    const refuse = async () => (tries.grants++, Promise.reject(new Problem({ code: "consent_missing", status: 409, detail: "not everybody consents" })));
    const ends = [];
    for (const send of [grant, refuse]) {
      const upload = new Upload("rec_1", { send, fetch: deaf, log: () => {} }, () => {});
      upload.add(new Blob(["some bytes"]));
      ends.push(await upload.finish().catch(({ code }) => ({ code, ...tries })));
    }
    return ends;
  });
  assert.deepEqual(given, [{ code: "network", grants: 10, puts: 10 }, { code: "consent_missing", grants: 20, puts: 10 }]);
});

test("a push says that a recording can be watched", { timeout: 30_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const told = await ada.evaluate(() => new Promise((done) => {
    client.on("kept", done);
    push("recording.kept", { recording_id: "rec_1", call_id: "call_1", recorded_by: "usr_1", bytes: 1 });
  }));
  assert.equal(told.recording_id, "rec_1");
});

test("whoever says no unheard and leaves, or is followed by a stop, is not recorded from the no on", () => {
  const joined = (user_id, change) => ({ user_id, standing: "joined", generation: 1, consent: true, ...change });
  const view = (seq, people, recording = { recording_id: "rec_1", state: "running" }) => ({ seq, end_time: null, recording, participants: people });
  const before = view(9, [joined("ada"), joined("bo"), joined("cy")]);
  const gone = { standing: "left", generation: 2, consent: null };
  const lost = { since: 1_000 };
  const left = (seq) => view(seq, [joined("ada"), joined("bo"), joined("cy", gone)]);
  assert.equal(isUnbroken(before, left(10), lost), true, "left");
  assert.equal(isUnbroken(before, left(11), lost), false, "no, then left");
  const rings = view(9, [...before.participants, { user_id: "dee", standing: "ringing", generation: 0, consent: null }]);
  const missed = (seq) => view(seq, [...before.participants, { user_id: "dee", standing: "missed", generation: 0, consent: null }]);
  assert.equal(isUnbroken(rings, missed(10), lost), true, "somebody who did not answer");
  assert.equal(isUnbroken(rings, missed(12), lost), false, "and no, then yes");
  const reloaded = (seq) => view(seq, [joined("ada"), joined("bo", { generation: 3 }), joined("cy")]);
  assert.equal(isUnbroken(before, reloaded(11), lost), true, "came back and consented");
  assert.equal(isUnbroken(before, reloaded(13), lost), false, "while another said no, then yes");
  const stays = (seq) => view(seq, before.participants);
  assert.equal(isUnbroken(before, stays(10), lost), true, "one fact that does not show is no consent taken back and given again");
  assert.equal(isUnbroken(before, stays(11), lost), false);
  const stopped = view(10, before.participants.map((person) => ({ ...person, consent: null })), null);
  assert.equal(isUnbroken(before, stopped, lost), false, "stopped by somebody else, unheard");
  assert.equal(isUnbroken(before, stopped, { ...lost, toldAt: 1_001 }), true);
  assert.equal(isUnbroken(before, stopped, { ...lost, own: true }), true);
});

test("a list that is brought up to date keeps what is there, with its focus", { timeout: 30_000 }, async (t) => {
  const ada = await stage.window(t, "Ada");
  const seen = await ada.evaluate(async () => {
    const { h, more, renew } = await import("/console/dom.js");
    const list = h("ul");
    document.body.append(list);
    const row = (id) => h("li", { "data-id": id }, h("button", {}, id));
    const ids = () => [...list.children].map(({ dataset }) => dataset.id).join("");
    const seen = [];
    const bring = (items, isAll = false) => {
      const more = renew(list, [...items], { id: (item) => item, row, isAll });
      const focus = list.contains(document.activeElement) ? document.activeElement.textContent : "";
      seen.push([ids(), more, focus]);
    };
    bring("dcb");
    more(list, [..."ba"].map(row));
    seen.push([ids(), document.activeElement.textContent]);
    list.children[1].firstChild.focus();
    const kept = list.children[1];
    bring("edcb");
    seen.push(kept === list.children[2]);
    bring("ecb");
    bring("fe", true);
    bring("zy");
    list.remove();
    return seen;
  });
  assert.deepEqual(seen, [["dcb", false, ""], ["dcba", "a"], ["edcba", true, "c"], true, ["ecba", true, "c"], ["fe", false, ""], ["zy", false, ""]]);
});

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accept, callId, callState, hangUp, mediaFlows, online, pastCall, pressCall, received, setUp, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const limits = { timeout: 60_000 };

test("a call is answered, media flows both ways, and both histories tell how long", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await until("Ada to see that Bo is online", () => ada.locator("[data-person=bo] [data-online=true]").count());
  await pressCall(ada, "Bo");
  await bo.getByRole("alertdialog", { name: /^Ada.* is calling/ }).waitFor();
  await until("Ada's page to say that it rings", async () => (await ada.locator("#call-state").innerText()).includes("Ringing at Bo"));
  assert.equal(await bo.evaluate(() => document.activeElement.id), "accept", "the focus is on Accept");
  await accept(bo);
  await mediaFlows(ada, bo);
  await hangUp(ada);
  await callState(bo, "ended");
  for (const page of [ada, bo]) {
    const { words, duration } = await pastCall(page, await callId(ada), "hung_up");
    assert.ok(duration > 0, `it lasted ${duration} s`);
    assert.match(words, /talked \d+ s/);
    assert.equal(await page.evaluate(() => document.querySelectorAll("#tiles video").length), 0);
  }
  assert.deepEqual(stage.complaints, []);
});

test("a declined call says so on both sides", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await pressCall(ada, "Bo");
  await bo.getByRole("button", { name: "Decline" }).click();
  await callState(ada, "failed");
  assert.match(await ada.locator("#call-state").innerText(), /^Bo.* declined\.$/);
  assert.equal(await bo.getByRole("alertdialog").count(), 0);
  assert.match((await pastCall(ada, await callId(ada), "declined")).words, /declined by Bo/);
  await pastCall(bo, await callId(ada), "declined");
});

test("the caller gives up and the dialog goes away", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await pressCall(ada, "Bo");
  await bo.getByRole("alertdialog").waitFor();
  await hangUp(ada);
  await bo.getByRole("alertdialog").waitFor({ state: "hidden" });
  assert.match((await pastCall(bo, await callId(ada), "cancelled")).words, /missed: Ada.* gave up/);
});

test("whoever is offline picks up when the first window opens", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  await pressCall(ada, "Chidi");
  await until("Ada's page to say that nobody is there", async () => (await ada.locator("#call-state").innerText()).includes("No window"));
  const opening = ada.context().waitForEvent("page");
  await ada.getByRole("link", { name: "Open as Chidi in a new window" }).click();
  const chidi = await opening;
  await online(chidi);
  assert.match(await chidi.locator("#my-name").innerText(), /^Chidi/);
  await accept(chidi);
  await mediaFlows(ada, chidi);
  assert.match(await ada.locator("#my-name").innerText(), /^Ada/, "the first window stays Ada's");
  await hangUp(chidi);
  await callState(ada, "ended");
});

test("a reload in mid-call takes the call up again", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await pressCall(ada, "Bo");
  await accept(bo);
  await mediaFlows(ada, bo);
  const id = await ada.evaluate(() => globalThis.call.id);
  await bo.reload();
  await mediaFlows(ada, bo);
  assert.equal(await bo.evaluate(() => globalThis.call.id), id);
  await ada.reload();
  await mediaFlows(ada, bo);
  await Promise.all([ada.reload(), bo.reload()]);
  await mediaFlows(ada, bo);
  assert.deepEqual(await ada.evaluate(() => globalThis.call.participants.map(({ generation }) => generation)), [5, 5], "the third stay of each");
  await hangUp(bo);
  await callState(ada, "ended");
  assert.ok((await pastCall(ada, id, "hung_up")).duration >= 4);
});

test("of two windows of one person the first to answer takes the call", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  const bos = await stage.profile(t);
  const [first, second] = [await stage.window(t, "Bo", bos), await stage.window(t, "Bo", bos)];
  await pressCall(ada, "Bo");
  await Promise.all([first, second].map((page) => page.getByRole("alertdialog").waitFor()));
  await accept(second);
  await first.getByRole("alertdialog").waitFor({ state: "hidden" });
  assert.equal(await first.locator("#call-state").innerText(), "Answered in another window.");
  await mediaFlows(ada, second);
  await hangUp(ada);
  await callState(second, "ended");
});

test("mute, camera and screen are shown to the other side without a new call", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await ada.getByRole("button", { name: /^Audio call to Bo/ }).click();
  await bo.getByRole("button", { name: "Accept" }).click();
  await callState(ada, "connected");
  await until("Bo to hear Ada", async () => (await received(bo)).audioBytes > 0);
  assert.equal((await received(bo)).videoBytes, 0, "an audio call sends no picture");
  await ada.getByRole("button", { name: "Camera off" }).click();
  await until("Ada's picture at Bo's", async () => (await received(bo)).frames > 0);
  assert.equal(await ada.getByRole("button", { name: "Camera off" }).getAttribute("aria-pressed"), "false");
  await ada.getByRole("button", { name: "Camera off" }).click();
  await bo.locator(".tile[data-video=false]:not(.mine)").waitFor();
  await ada.getByRole("button", { name: "Share screen" }).click();
  await bo.locator(".tile[data-video=true]:not(.mine)").waitFor();
  const before = (await received(bo)).frames;
  await until("Ada's screen at Bo's", async () => (await received(bo)).frames > before);
  await ada.getByRole("button", { name: "Share screen" }).click();
  await bo.locator(".tile[data-video=false]:not(.mine)").waitFor();
  await ada.getByRole("button", { name: "Mute" }).click();
  assert.equal(await ada.evaluate(() => globalThis.call.local.getAudioTracks()[0].enabled), false);
  await hangUp(bo);
  await callState(ada, "ended");
});

test("both turn their cameras on at the same moment, and one of the two offers stands", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  for (let round = 0; round < 3; round += 1) {
    await ada.getByRole("button", { name: /^Audio call to Bo/ }).click();
    await accept(bo);
    await Promise.all([ada, bo].map((page) => callState(page, "connected")));
    await Promise.all([ada, bo].map((page) => page.evaluate(() => globalThis.call.mute("video", false))));
    await mediaFlows(ada, bo);
    await hangUp(ada);
    await callState(bo, "ended");
  }
});

test("three people talk in a mesh, and one leaves", { timeout: 90_000 }, async (t) => {
  const [ada, bo, chidi] = [await stage.window(t, "Ada"), await stage.window(t, "Bo"), await stage.window(t, "Chidi")];
  const ids = await Promise.all([bo, chidi].map((page) => page.locator("#my-id").innerText()));
  await ada.getByLabel("Call by id").fill(ids.join(" "));
  await ada.locator("#by-id").getByRole("button", { name: "Call" }).click();
  await Promise.all([accept(bo), accept(chidi)]);
  for (const page of [ada, bo, chidi]) {
    await until("two pictures in each window", () => page.evaluate(() => globalThis.call.remote.size === 2), { within: 30_000 });
    await until("both to arrive", async () =>
      page.evaluate(async () => {
        const reports = [...(await globalThis.call.stats()).values()];
        const sees = (report) => [...report.values()].some((one) => one.type === "inbound-rtp" && one.framesDecoded > 0);
        return reports.length === 2 && reports.every(sees);
      }), { within: 30_000 });
  }
  await hangUp(bo);
  await until("Bo to be gone", () => ada.evaluate(() => globalThis.call.remote.size === 1));
  await mediaFlows(ada, chidi);
  await hangUp(ada);
  await callState(chidi, "ended");
});

test("the host asks somebody in, sees how everybody is, and removes; a second call waits; the history tells and can be searched", { timeout: 90_000 }, async (t) => {
  const [ada, bo, chidi, dara] = [await stage.window(t, "Ada"), await stage.window(t, "Bo"), await stage.window(t, "Chidi"), await stage.window(t, "Dara")];
  await pressCall(ada, "Bo");
  await accept(bo);
  await callState(ada, "connected");
  assert.equal(await ada.locator("#roster").isVisible(), false, "two need no list");
  await ada.getByRole("button", { name: "Invite Chidi" }).click();
  await ada.locator("#roster [data-standing=ringing]").waitFor();
  await accept(chidi);
  const line = ada.locator("#roster li", { hasText: "Chidi" });
  await until("Chidi to be in", async () => /talks/.test(await line.innerText()), { within: 30_000 });
  assert.equal(await ada.getByRole("button", { name: "Invite Chidi" }).isDisabled(), true);
  assert.match(await bo.locator("#roster li", { hasText: "Ada" }).innerText(), /host/);
  assert.equal(await bo.getByRole("button", { name: /^Remove/ }).count(), 0, "only the host removes");
  await chidi.getByRole("button", { name: "Hold" }).click();
  await until("Ada to see the hold", async () => /on hold/.test(await line.innerText()));
  assert.match(await chidi.locator("#call-note").innerText(), /^On hold/);

  await dara.getByRole("button", { name: /^Audio call to Bo/ }).click();
  await bo.getByRole("alertdialog", { name: /^Dara.* is calling/ }).waitFor();
  await bo.getByRole("button", { name: "I am in a call" }).click();
  await callState(dara, "failed");
  assert.match(await dara.locator("#call-state").innerText(), /^Bo.* is in another call\.$/);
  await callState(bo, "connected");

  await ada.getByRole("button", { name: /^Remove Chidi/ }).click();
  await callState(chidi, "ended");
  assert.match(await chidi.locator("#call-state").innerText(), /host removed you/);
  await until("Ada to see that", async () => /was removed/.test(await line.innerText()));
  const id = await callId(ada);
  await hangUp(bo);
  await callState(ada, "ended");
  await pastCall(ada, id, "hung_up");
  const past = ada.locator(`[data-call-id=${id}]`);
  await past.getByText("Details").click();
  assert.match(await past.innerText(), /Bo[^]*in all \d+ s[^]*Chidi[^]*in all[^]*End[^]*hung up by Bo/);
  await ada.getByLabel("With", { exact: true }).selectOption({ label: "With Dara Ó Briain" });
  await ada.getByText("No such calls.").waitFor();
  await ada.getByLabel("With", { exact: true }).selectOption("");
  await past.waitFor();
  await ada.getByLabel("Missed").check();
  await past.waitFor({ state: "detached" });
  await until("the missed one of the demo world", async () => /missed/.test(await ada.locator("#history-list .past").first().innerText()));
});

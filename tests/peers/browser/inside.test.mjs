import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { accept, callId, callState, hangUp, mediaFlows, online, pressCall, setUp, startServer, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const limits = { timeout: 60_000 };
const run = promisify(execFile);
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
const tab = (page, name) => page.getByRole("tab", { name }).click();
const row = (page, what) => page.locator(`#pane details[data-what="${what}"]`).first();
const said = (page) => page.locator("#pane [role=status]");

test("what just happened: a click's request with person, status and price; copied as curl and as a client call", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await pressCall(ada, "Bo");
  const request = row(ada, "/api/webrtc/call/initiate");
  await request.waitFor();
  const words = await request.innerText();
  assert.match(words, /^POST/);
  assert.match(words, /201/);
  assert.match(words, /you · [\d.]+ ms · \d store requests, .*\d+ write units/);
  const pushed = row(ada, "call.invited");
  await pushed.waitFor();
  assert.match(await pushed.innerText(), /^push[^]*Bo/);
  assert.equal(await row(ada, "presence.get").count(), 0, "what every window says all the time is left out");
  await ada.getByLabel("Pings and presence too").check();
  await row(ada, "presence.get").waitFor();
  await until("the frame and its reply in one line", async () => /^frame\s+presence\.get\s+you · [\d.]+ ms/.test(await row(ada, "presence.get").innerText()));
  await ada.getByLabel("Only mine").check();
  assert.equal(await pushed.count(), 0, "Bo's are not Ada's");
  await ada.getByLabel("Only mine").uncheck();

  await request.locator("summary").focus();
  await ada.keyboard.press("Enter");
  assert.match(await request.locator("pre").innerText(), /"participants"[^]*usr_00000000000080008000000000000002/);
  await request.getByRole("button", { name: "Copy as client call" }).click();
  assert.equal(await clipboard(ada), 'await client.calls.start({"to":["usr_00000000000080008000000000000002"],"media":"video"})');
  await request.getByRole("button", { name: "Copy as curl" }).click();
  const curl = await clipboard(ada);
  assert.match(curl, /-H "Authorization: Bearer \$TOKEN"/);
  assert.doesNotMatch(curl, /eyJ/);
  await hangUp(ada);
  await callState(bo, "failed");

  const history = row(ada, "/api/webrtc/calls/active");
  await history.locator("summary").click();
  await history.getByRole("button", { name: "Copy as curl" }).click();
  const token = await ada.evaluate(() => JSON.parse(Object.entries(sessionStorage).find(([key]) => key.startsWith("dchat:session"))[1]).access_token);
  const { stdout } = await run("bash", ["-c", await clipboard(ada)], { env: { ...process.env, TOKEN: token } });
  assert.ok(Array.isArray(JSON.parse(stdout).items), stdout);
});

test("a refusal shows its code and its remedy; no secret is ever shown", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  await ada.evaluate(() => globalThis.client.auth.send("GET", "/api/webrtc/call/call_00000000000000000000000000000000").catch(() => {}));
  const refused = row(ada, "/api/webrtc/call/call_00000000000000000000000000000000");
  await refused.waitFor();
  assert.match(await refused.innerText(), /404[^]*call_unknown: \S+/);
  await refused.locator("summary").click();
  await refused.getByRole("link", { name: "More" }).waitFor();
  await ada.evaluate(async () => {
    await globalThis.client.auth.withPassword("nobody@example.com", "a secret that nobody may see").catch(() => {});
    await globalThis.client.auth.send("POST", "/auth/ws-ticket");
  });
  await row(ada, "/auth/login").waitFor();
  const trace = await ada.evaluate(async () => JSON.stringify(await (await fetch("/local/trace?after=0")).json()));
  for (const text of [trace, await ada.locator("#pane").innerHTML()]) {
    const [leak] = text.match(/.{60}(eyJ[\w-]{10}|a secret that nobody may see|"(code|ticket|sdp)":"[^…"_]{9})/) ?? [];
    assert.equal(leak, undefined);
  }
});

test("of several windows one asks what happened, and all show it", limits, async (t) => {
  const profile = await stage.profile(t);
  const asking = new Set();
  profile.on("request", (request) => request.url().includes("/local/trace") && asking.add(request));
  for (const ended of ["requestfinished", "requestfailed"]) profile.on(ended, (request) => asking.delete(request));
  const windows = [];
  for (const name of ["Ada", "Bo", "Chidi"]) windows.push(await stage.window(t, name, profile));
  await windows[0].evaluate(() => globalThis.client.auth.me());
  for (const page of windows) {
    await row(page, "/auth/me").waitFor();
    await page.getByLabel("Pings and presence too").check();
    const numbers = await page.locator("#pane details").evaluateAll((all) => all.map(({ dataset }) => Number(dataset.n)));
    assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => b - a), "each once, the newest first");
  }
  await until("one window to ask", () => asking.size === 1);
  await windows[0].close();
  await windows[1].evaluate(() => globalThis.client.auth.sessions());
  await row(windows[2], "/auth/sessions").waitFor();
});

test("the outbox has the links that were made for people, and they sign in", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  await ada.evaluate(() => fetch("/local/people/chidi/enter", { method: "POST" }));
  await tab(ada, "Outbox");
  const message = ada.locator("#pane li").first();
  await message.waitFor();
  assert.match(await message.innerText(), /chidi/i);
  const opening = ada.context().waitForEvent("page");
  await message.getByRole("link", { name: /^Open/ }).click();
  const chidi = await opening;
  await online(chidi);
  assert.match(await chidi.locator("#my-name").innerText(), /^Chidi/);
});

for (const [fault, word] of [["drop", "Drop"], ["rollover", "Roll over"], ["idle", "Idle"]]) {
  test(`${word}: the window says so, comes back, and the call goes on`, limits, async (t) => {
    const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
    await pressCall(ada, "Bo");
    await accept(bo);
    await mediaFlows(ada, bo);
    const id = await callId(ada);
    await ada.evaluate(() => {
      globalThis.seen = [];
      globalThis.client.on("state", ({ to, reason }) => seen.push(`${to} ${reason}`));
      globalThis.call.on("state", ({ to }) => seen.push(`call ${to}`));
    });
    await tab(ada, "Socket");
    await ada.getByRole("button", { name: word, exact: true }).click();
    await until("the pane to say that it healed", async () => /Online again after [\d.]+ s/.test(await said(ada).innerText()));
    const seen = await ada.evaluate(() => globalThis.seen);
    assert.deepEqual(seen.filter((line) => line.startsWith("offline") || line.startsWith("online")), ["offline dropped", "online resumed"]);
    assert.deepEqual(seen.filter((line) => line.startsWith("call")), [], "the call noticed nothing");
    assert.match(await ada.locator("#pane ol").innerText(), /offline: dropped, waiting/);
    await mediaFlows(ada, bo);
    assert.equal(await callId(ada), id);
    await hangUp(bo);
    await callState(ada, "ended");
  });
}

test("Gone: nothing shows until a ping, and then what was missed arrives", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await tab(bo, "Socket");
  await bo.getByRole("button", { name: "Gone" }).click();
  await until("the pane to say what is expected", async () => /Done to 1 socket\. Expected: Nothing shows/.test(await said(bo).innerText()));
  await pressCall(ada, "Bo");
  await callState(ada, "ringing");
  await new Promise((done) => setTimeout(done, 1_000));
  assert.equal(await bo.getByRole("alertdialog").count(), 0, "the push found nobody");
  assert.equal(await bo.evaluate(() => globalThis.client.state), "online", "and Bo's window knows nothing of it");
  await bo.getByRole("button", { name: "Ping", exact: true }).click();
  await accept(bo);
  await mediaFlows(ada, bo);
  await hangUp(ada);
  await callState(bo, "ended");
});

test("somebody else's socket can be broken, and nobody's says so", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await bo.evaluate(() => {
    globalThis.seen = [];
    globalThis.client.on("state", ({ to }) => seen.push(to));
  });
  await tab(ada, "Socket");
  await ada.getByLabel("Whose socket").selectOption({ label: "Bo’s" });
  await ada.getByRole("button", { name: "Drop" }).click();
  await until("Bo's window to be back", () => bo.evaluate(() => seen.join() === "offline,connecting,resuming,online"));
  assert.equal(await ada.evaluate(() => globalThis.client.state), "online");
  await ada.getByLabel("Whose socket").selectOption({ label: "Dara’s" });
  await ada.getByRole("button", { name: "Drop" }).click();
  await until("the pane to say that nothing was done", async () => /not open: nothing was done/.test(await said(ada).innerText()));
});

test("the limits are those of the server, and what is left of them shows", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  const { rates, sizes } = await ada.evaluate(async () => (await fetch("/api/v1/limits")).json());
  assert.ok(rates.length > 0);
  await ada.evaluate(() => globalThis.client.auth.withPassword("nobody@example.com", "correct horse").catch(() => {}));
  await tab(ada, "Limits");
  for (const { name, burst, per } of rates) {
    const words = await ada.locator(`#pane [data-limit="${name}"]`).innerText();
    assert.match(words, new RegExp(`${burst} at once, then one every [\\d.]+ (ms|s|min), per ${per.replaceAll("_", " ")}`));
  }
  assert.match(await ada.locator('#pane [data-limit="login"]').innerText(), /\d+ left as of the last answer/);
  assert.match(await ada.locator("#pane").innerText(), new RegExp(`body\\s*${sizes.body_bytes / 1024} KB`));
});

test("Diagnose: all ok; a denied camera and a server that is gone each have their remedy", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  const diagnose = async (page) => {
    await tab(page, "Diagnose");
    await page.getByRole("button", { name: "Diagnose", exact: true }).click();
    await until("the findings", async () => /\bok\b/.test(await said(page).innerText()), { within: 30_000 });
  };
  const finding = (page, check) => page.locator(`#pane [data-check="${check}"]`);
  await diagnose(ada);
  assert.equal(await said(ada).innerText(), "All 9 are ok.");
  await ada.getByRole("button", { name: "Copy for an issue" }).click();
  await until("the text", async () => /^dchat diagnose/.test(await clipboard(ada)), { within: 20_000 });
  const text = await clipboard(ada);
  assert.match(text, /^peer connection +ok/m);
  assert.doesNotMatch(text, /localhost|eyJ|usr_|127\.0/);

  const denied = await stage.window(t, "Bo", await stage.profile(t, { permissions: [] }));
  await diagnose(denied);
  for (const name of ["camera", "microphone"]) {
    assert.equal(await finding(denied, name).getAttribute("data-result"), "fail");
    assert.match(await finding(denied, name).locator(".remedy").innerText(), new RegExp(`Allow the ${name} in the address bar`));
  }
  assert.equal(await finding(denied, "peer connection").getAttribute("data-result"), "ok");


  const own = await startServer();
  t.after(() => own.stop());
  const alone = await (await stage.profile(t)).newPage();
  await alone.goto(own.console);
  await online(alone);
  await alone.waitForResponse((answer) => answer.url().endsWith("/client/diagnose.js"));
  await own.stop();
  await diagnose(alone);
  assert.match(await finding(alone, "api").innerText(), /nothing answers[^]*Start the server \(cargo run\)/);
  assert.match(await finding(alone, "socket").innerText(), /not tried/);
  assert.equal(await finding(alone, "peer connection").getAttribute("data-result"), "ok");
});

test("Reset asks once, and then the demo world is as on the first start", limits, async (t) => {
  const [ada, bo] = [await stage.window(t, "Ada"), await stage.window(t, "Bo")];
  await pressCall(ada, "Bo");
  await hangUp(ada);
  await until("a third call in the history", async () => (await ada.locator("#history-list .past").count()) >= 3);
  await ada.getByRole("button", { name: /^Reset demo world/ }).click();
  const ask = ada.getByRole("dialog", { name: "Reset the demo world?" });
  await ask.waitFor();
  assert.equal(await ada.evaluate(() => document.activeElement.id), "reset-no", "the focus is on what changes nothing");
  await ada.keyboard.press("Enter");
  await ask.waitFor({ state: "hidden" });
  assert.equal(await ada.evaluate(() => globalThis.client.state), "online");
  await ada.getByRole("button", { name: /^Reset demo world/ }).click();
  await ada.getByRole("button", { name: "Reset", exact: true }).click();
  await ada.getByText("The demo world is as on the first start").waitFor();
  for (const page of [ada, bo]) await page.getByRole("button", { name: "Enter as Ada" }).waitFor({ timeout: 5_000 });
  await ada.getByRole("button", { name: "Enter as Ada" }).click();
  await online(ada);
  await until("the history of the first start", async () => (await ada.locator("#history-list .past").count()) === 2);
});

test("a session that another window ends is over here within five seconds, and the window says why", limits, async (t) => {
  const [here, there] = [await stage.window(t, "Dara"), await stage.window(t, "Dara")];
  const id = await here.evaluate(() => globalThis.client.session.id);
  await here.evaluate(() => {
    globalThis.seen = [];
    globalThis.client.on("state", ({ to, reason }) => seen.push(`${to} ${reason}`));
    globalThis.client.on("signed_out", ({ reason, problem }) => seen.push(`signed_out ${reason} ${problem.code}`));
  });
  const began = Date.now();
  await there.evaluate((id) => globalThis.client.auth.endSession(id), id);
  await here.getByRole("button", { name: "Enter as Ada" }).waitFor({ timeout: 5_000 });
  t.diagnostic(`signed out after ${Date.now() - began} ms`);
  assert.match(await here.getByRole("alert").innerText(), /^You are not signed in any more.*Sign in again\./);
  assert.deepEqual((await here.evaluate(() => seen)).slice(-2), ["closed session_ended", "signed_out session_ended session_revoked"]);
  assert.equal(await here.evaluate(() => document.activeElement.id), "welcome-title");
  assert.equal(await there.evaluate(() => globalThis.client.state), "online");
  await new Promise((done) => setTimeout(done, 1_500));
  assert.equal(await here.evaluate(() => globalThis.client.state), "closed", "it does not try for ever");
});

test("a server that comes back without its memory: the window signs out and says so", limits, async (t) => {
  const first = await startServer();
  t.after(() => first.stop());
  const page = await (await stage.profile(t)).newPage();
  await page.goto(first.console);
  await online(page);
  await first.stop();
  const second = await startServer(Number(new URL(first.url).port));
  t.after(() => second.stop());
  await page.getByRole("button", { name: "Enter as Bo" }).waitFor({ timeout: 20_000 });
  assert.match(await page.getByRole("alert").innerText(), /^You are not signed in any more.*Sign in again\./);
  await page.getByRole("button", { name: "Enter as Bo" }).click();
  await online(page);
});

test("with a server that offers none of it every pane says so", limits, async (t) => {
  const profile = await stage.profile(t);
  await profile.route(/\/(local\/(trace|outbox|reset|sockets)|api\/v1\/limits)/, (route) => route.fulfill({ status: 404, contentType: "application/problem+json", body: '{"code":"route_unknown"}' }));
  const ada = await stage.window(t, "Ada", profile);
  const polite = "This server does not offer that";
  for (const name of ["What just happened", "Outbox", "Limits"]) {
    await tab(ada, name);
    await ada.locator("#pane").getByText(polite).waitFor();
  }
  await tab(ada, "Socket");
  await ada.getByRole("button", { name: "Drop" }).click();
  await until("the pane to say so", async () => /does not break sockets on request/.test(await said(ada).innerText()));
  await ada.getByRole("button", { name: /^Reset demo world/ }).click();
  await ada.getByRole("button", { name: "Reset", exact: true }).click();
  await ada.getByText("This server has nothing to reset").waitFor();
  assert.equal(await ada.evaluate(() => globalThis.client.state), "online");
});

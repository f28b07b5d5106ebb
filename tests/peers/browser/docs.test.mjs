import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { setUp, until } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const limits = { timeout: 60_000 };

async function docs(t, options) {
  const page = await (await stage.profile(t, options)).newPage();
  await page.goto(`${stage.url}/docs`);
  await page.locator("#me").waitFor();
  return page;
}

const open = async (page, id) => {
  await page.locator(`#${id} > summary`).click();
  return page.locator(`#${id} .inner`);
};

test("every operation and every frame of the contracts is on the page, with its fields and limits", limits, async (t) => {
  const page = await docs(t);
  const { paths } = await (await fetch(`${stage.url}/openapi.json`)).json();
  const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  const { messages } = (await (await fetch(`${stage.url}/asyncapi.json`)).json()).channels.socket;
  for (const id of ids) assert.equal(await page.locator(`details#${id}`).count(), 1, id);
  const frames = await page.locator("details[id^=send-], details[id^=push-]").count();
  assert.equal(frames, Object.keys(messages).length);
  assert.equal(await page.locator("#toc li").count(), ids.length + frames);

  const register = await open(page, "register");
  for (const words of ["email required", "8 to 128 characters", '"email": "ada@example.com"', "Answer 201", "Problems"]) {
    assert.ok((await register.innerText()).includes(words), words);
  }
  const invited = await open(page, "push-call\\.invited");
  assert.match(await invited.innerText(), /"event": "call\.invited"/);
});

test("search finds by path, by words and by field", limits, async (t) => {
  const page = await docs(t);
  const shown = () => page.locator("details.op:visible").evaluateAll((all) => all.map(({ id }) => id));
  const search = page.getByRole("searchbox", { name: "Search" });
  await search.fill("refresh_token");
  assert.deepEqual(await shown(), ["refresh"]);
  await search.fill("ws-ticket");
  assert.deepEqual(await shown(), ["wsTicket"]);
  await search.fill("call media");
  assert.ok((await shown()).includes("send-call.media"));
  assert.match(await page.locator("#found").innerText(), /^\d+ found$/);
  await search.fill("");
  assert.ok((await shown()).length > 30);
});

test("Try it sends the request as the console's person and shows status, time and body", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  const opening = ada.context().waitForEvent("page");
  await ada.getByRole("link", { name: /^API reference/ }).click();
  const page = await opening;
  await page.getByText("Asking as Ada Lovelace").waitFor();
  assert.deepEqual(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith("dchat:session"))), [], "the copy is gone");
  const me = await open(page, "me");
  await me.getByRole("button", { name: "Send" }).click();
  const answer = me.locator(".answer");
  await answer.locator(".status").waitFor();
  assert.match(await answer.innerText(), /^200.*· \d+ ms/);
  assert.match(await answer.innerText(), /"name": "Ada Lovelace"/);

  const initiate = await open(page, "initiateCall");
  assert.match(await initiate.getByLabel("Idempotency-Key").inputValue(), /^[0-9a-f-]{36}$/);
  await initiate.getByRole("button", { name: "Send" }).click();
  await initiate.locator(".answer .status").waitFor();
  assert.match(await initiate.locator(".answer").innerText(), /^201/);
  await ada.evaluate(async () => {
    const [{ call_id }] = await globalThis.client.calls.active();
    await globalThis.client.auth.send("POST", `/api/webrtc/call/${call_id}/end`);
  });

  const show = await open(page, "showCall");
  await show.getByLabel("id (path)").fill("call_00000000000000000000000000000000");
  await show.getByRole("button", { name: "Send" }).click();
  await show.locator(".answer[data-ok=false]").waitFor();
  assert.match(await show.locator(".answer").innerText(), /^404[^]*"remedy"/);
});

test("a console's token that has run out is renewed by the console alone", limits, async (t) => {
  const ada = await stage.window(t, "Ada");
  const refreshes = [];
  ada.context().on("request", (request) => request.url().endsWith("/auth/refresh") && refreshes.push(request.frame().page()));
  await ada.evaluate(() => {
    const key = Object.keys(sessionStorage).find((key) => key.startsWith("dchat:session"));
    sessionStorage.setItem(key, JSON.stringify({ ...JSON.parse(sessionStorage.getItem(key)), expires_at: Date.now() - 1 }));
  });
  const opening = ada.context().waitForEvent("page");
  await ada.getByRole("link", { name: /^API reference/ }).click();
  const page = await opening;
  const me = await open(page, "me");
  await me.getByRole("button", { name: "Send" }).click();
  await me.locator(".answer[data-ok=true]").waitFor();
  assert.equal(refreshes.length, 1);
  assert.equal(refreshes[0], ada);
});

test("without a console a token is pasted, or a demo person asks", limits, async (t) => {
  const page = await docs(t);
  await page.getByText("Not signed in").waitFor();
  const me = await open(page, "me");
  await me.getByRole("button", { name: "Send" }).click();
  await me.locator(".answer[data-ok=false]").waitFor();
  assert.match(await me.locator(".answer").innerText(), /^401[^]*token_missing/);
  await page.getByRole("button", { name: "Ask as Bo" }).click();
  await page.getByText("Asking as Bo Diddley, until").waitFor();
  await me.getByRole("button", { name: "Send" }).click();
  await me.locator(".answer[data-ok=true]").waitFor();

  const ada = await stage.window(t, "Ada");
  const token = await ada.evaluate(() => JSON.parse(Object.entries(sessionStorage).find(([key]) => key.startsWith("dchat:session"))[1]).access_token);
  await page.getByLabel("Access token").fill(token);
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText("Asking as Ada Lovelace, until").waitFor();
});

test("a frame is sent to the socket, and what comes shows live", limits, async (t) => {
  const page = await docs(t);
  const form = page.locator("#try-socket");
  await form.getByRole("button", { name: "Send frame" }).click();
  await form.getByText("Connect first").waitFor();
  await form.getByRole("button", { name: "Connect" }).click();
  await form.getByText(/^No ticket: .*access token/).waitFor();
  await page.getByRole("button", { name: "Ask as Bo" }).click();
  await page.getByText("Asking as Bo").waitFor();
  await form.getByRole("button", { name: "Connect" }).click();
  await form.getByText("Connected.").waitFor();
  await form.getByRole("button", { name: "Send frame" }).click();
  const newest = form.locator(".frames li").first();
  await until("the reply", async () => /"event": "reply"[^]*"rollover_at"/.test(await newest.innerText()));
  await form.getByLabel("Action").selectOption("presence.get");
  await form.getByRole("button", { name: "Send frame" }).click();
  await until("who is online", async () => /"people"[^]*"online": true/.test(await newest.innerText()));
  const ada = await stage.window(t, "Ada");
  await ada.getByRole("button", { name: /^Call Bo/ }).click();
  await until("a push", async () => /call\.invited/.test(await form.locator(".frames").innerText()));
  await form.getByRole("button", { name: "Disconnect" }).click();
  await form.getByText(/^Closed with/).waitFor();
});

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [{ width: 1200, height: 800 }, { width: 360, height: 740 }]) {
    test(`axe finds nothing in ${colorScheme} at ${viewport.width} px, with everything open`, limits, async (t) => {
      const page = await docs(t, { colorScheme, viewport });
      await page.getByRole("button", { name: "Ask as Bo" }).click();
      await page.getByText("Asking as Bo").waitFor();
      const me = await open(page, "me");
      await me.getByRole("button", { name: "Send" }).click();
      await me.locator(".answer[data-ok=true]").waitFor();
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, "nothing sticks out");
    });
  }
}

test("by keyboard: skip, open, send; small, and asking nobody else", limits, async (t) => {
  const context = await stage.profile(t);
  const foreign = [];
  let bytes = 0;
  context.on("request", (request) => new URL(request.url()).origin !== stage.url && !request.url().startsWith("data:") && foreign.push(request.url()));
  context.on("response", async (response) => {
    if (!/^\/docs(\/docs\.\w+)?$/.test(new URL(response.url()).pathname)) return;
    const body = await response.body().catch(() => "");
    bytes += body.length;
  });
  const page = await context.newPage();
  await page.goto(`${stage.url}/docs#health`);
  await page.locator("#health[open]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.closest("details").id), "health", "a link leads to its operation");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Send");
  await page.keyboard.press("Enter");
  await page.locator("#health .answer[data-ok=true]").waitFor();
  await page.locator("#search").focus();
  await page.keyboard.press("Shift+Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the operations");
  await page.keyboard.press("Enter");
  await until("the focus on the operations", () => page.evaluate(() => document.activeElement.id === "content"));
  assert.deepEqual(foreign, []);
  await until("all of the page", () => bytes > 10_000);
  assert.ok(bytes < 40_000, `the page has ${bytes} bytes`);
  const policy = await page.evaluate(async () => (await fetch("/docs")).headers.get("content-security-policy"));
  assert.match(policy ?? "", /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
});

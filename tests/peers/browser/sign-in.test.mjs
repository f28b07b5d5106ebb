import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { online, setUp, startServer, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const limits = { timeout: 60_000 };

test("the address in the banner signs in once", limits, async (t) => {
  const page = await (await stage.profile(t)).newPage();
  await page.goto(stage.console);
  await online(page);
  assert.match(await page.locator("#my-name").innerText(), /^Ada/);
  assert.equal(new URL(page.url()).search, "", "the code does not stay in the address");

  const second = await (await stage.profile(t)).newPage();
  await second.goto(stage.console);
  await second.getByRole("alert").waitFor();
  assert.ok((await second.getByRole("alert").innerText()).length > 20);
  await second.getByRole("button", { name: "Enter as Bo" }).waitFor();
});

test("LinkedIn's stand-in signs in, and again as the same person", limits, async (t) => {
  const context = await stage.profile(t);
  let began, exchanged;
  context.on("request", (request) => {
    if (request.url().includes("/auth/linkedin/auth-url")) began = request.url();
    if (request.url().endsWith("/auth/token")) exchanged = request.postDataJSON();
  });
  const signIn = async () => {
    const page = await context.newPage();
    await page.goto(stage.url);
    await page.getByRole("button", { name: "Sign in with LinkedIn" }).click();
    await page.waitForURL((url) => url.pathname !== "/");
    await page.getByRole("button").first().click();
    await online(page);
    assert.equal(new URL(page.url()).search, "");
    return page.locator("#my-id").innerText();
  };
  const first = await signIn();
  assert.match(began, /code_challenge=[\w-]{43}(&|$)/);
  assert.match(exchanged.code_verifier, /^[\w-]{43}$/);
  assert.match(first, /^usr_[0-9a-f]{32}$/);
  assert.equal(await signIn(), first);
});

test("somebody who says no at LinkedIn comes back and is told what to do", limits, async (t) => {
  const page = await (await stage.profile(t)).newPage();
  await page.goto(stage.url);
  await page.getByRole("button", { name: "Sign in with LinkedIn" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alert").waitFor();
  assert.match(await page.getByRole("alert").innerText(), /LinkedIn did not let you in.* You are not signed in\. Try again/);
  assert.equal(new URL(page.url()).search, "");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("alert").waitFor({ state: "hidden" });
});

test("an account is made with an e-mail address; mistakes are named at their fields", limits, async (t) => {
  const page = await (await stage.profile(t)).newPage();
  await page.goto(stage.url);
  await page.getByText("With e-mail and password").click();
  await page.getByLabel("E-mail").fill("nobody");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.locator("#email[aria-invalid=true]").waitFor();
  assert.match(await page.locator("#email-wrong").innerText(), /e-mail/);
  assert.match(await page.locator("#secret-wrong").innerText(), /8/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "email");

  const email = `grace-${Date.now()}@example.com`;
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByLabel("Name").fill("Grace Hopper");
  await page.getByRole("button", { name: "Create account" }).click();
  await online(page);
  assert.equal(await page.locator("#my-name").innerText(), "Grace Hopper");

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("With e-mail and password").waitFor();
  assert.equal(await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith("dchat:session")).length), 0);
  const details = page.locator("#password");
  if (!(await details.evaluate((element) => element.open))) await page.getByText("With e-mail and password").click();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("wrong horse battery");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await online(page);
});

test("the page asks nobody else, and its own rules allow nothing else", limits, async (t) => {
  const context = await stage.profile(t);
  const foreign = [];
  let bytes = 0;
  context.on("request", (request) => new URL(request.url()).origin !== stage.url && !request.url().startsWith("data:") && foreign.push(request.url()));
  context.on("response", async (response) => {
    const { pathname } = new URL(response.url());
    if (pathname === "/" || pathname.startsWith("/console/")) bytes += (await response.body().catch(() => "")).length;
  });
  const page = await stage.window(t, "Ada", context);
  const policy = await page.evaluate(async () => (await fetch("/")).headers.get("content-security-policy"));
  assert.match(policy ?? "", /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.deepEqual(foreign, []);
  assert.ok(bytes > 0 && bytes < 80_000, `the page has ${bytes} bytes`);
});

test("too many wrong passwords: the page says when to come back", limits, async (t) => {
  const own = await startServer();
  t.after(() => own.stop());
  const page = await (await stage.profile(t)).newPage();
  await page.goto(own.url);
  await page.getByText("With e-mail and password").click();
  await page.getByLabel("E-mail").fill("ada@example.com");
  await page.getByLabel("Password").fill("a wrong guess");
  const tries = [];
  page.on("response", (answer) => answer.url().endsWith("/auth/login") && tries.push(answer.status()));
  await until("the refusal", async () => {
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").waitFor();
    return tries.at(-1) === 429;
  });
  await until("how long to wait", async () => /Try again in \d+ s\./.test(await page.getByRole("alert").innerText()));
  assert.deepEqual(tries, [401, 401, 401, 401, 401, 429], "what a person waits for is not tried again behind their back");
});

test("a code that another browser began signs nobody in", limits, async (t) => {
  const { url } = await (await fetch(`${stage.url}/local/people/bo/enter`, { method: "POST" })).json();
  const page = await (await stage.profile(t)).newPage();
  await page.goto(`${stage.url}/?code=${new URL(url, stage.url).searchParams.get("enter")}`);
  await page.getByText("this tab did not begin that sign-in").waitFor();
  assert.equal(await page.evaluate(() => globalThis.client.session), null);
});

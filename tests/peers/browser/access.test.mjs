import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { accept, callState, mediaFlows, online, pressCall, setUp, until } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

async function hasNoViolations(page, where) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  assert.ok(passes.length > 10, `${where}: axe looked at something`);
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(found, [], where);
}

for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [{ width: 1200, height: 800 }, { width: 360, height: 740 }]) {
    test(`axe finds nothing in ${colorScheme} at ${viewport.width} px`, { timeout: 90_000 }, async (t) => {
      const options = { colorScheme, viewport };
      const out = await (await stage.profile(t, options)).newPage();
      await out.goto(stage.url);
      await out.getByText("With e-mail and password").click();
      await out.getByRole("button", { name: "Create account" }).click();
      await out.locator("#email[aria-invalid=true]").waitFor();
      await hasNoViolations(out, "signed out");
      await out.goto(`${stage.url}/?error=access_denied`);
      await out.getByRole("alert").waitFor();
      await hasNoViolations(out, "refused");

      const [ada, bo] = [await stage.window(t, "Ada", await stage.profile(t, options)), await stage.window(t, "Bo", await stage.profile(t, options))];
      await until("presence", () => ada.locator("[data-person=bo] [data-online=true]").count());
      await hasNoViolations(ada, "signed in");
      await pressCall(ada, "Bo");
      await bo.getByRole("alertdialog").waitFor();
      await callState(ada, "ringing");
      await hasNoViolations(ada, "calling");
      await hasNoViolations(bo, "ringing");
      await accept(bo);
      await mediaFlows(ada, bo);
      await hasNoViolations(ada, "in a call");
      for (const page of [ada, bo, out]) {
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, "nothing sticks out");
      }
      await ada.getByRole("button", { name: "Hang up" }).click();
      await callState(bo, "ended");
      await hasNoViolations(bo, "after the call");
    });
  }
}

/** Tabs until something with this name has the focus, and sees that the focus shows. */
async function tabTo(page, name) {
  const walked = [];
  while (walked.length < 60) {
    await page.keyboard.press("Tab");
    const { label, shows } = await page.evaluate(() => {
      const at = document.activeElement;
      const text = at.cloneNode(true);
      for (const hidden of text.querySelectorAll("[aria-hidden]")) hidden.remove();
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      const label = at === document.body ? "the page" : (at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? text.textContent);
      return { label: label.trim(), shows: outlineStyle !== "none" && outlineWidth !== "0px" };
    });
    walked.push(label);
    if (!label.startsWith(name)) continue;
    assert.ok(shows, `the focus on ${name} shows`);
    return;
  }
  assert.fail(`Tab never came to ${name}: ${walked.join(", ")}`);
}

test("the whole tour by keyboard", { timeout: 60_000 }, async (t) => {
  const enterBy = async (name) => {
    const page = await (await stage.profile(t)).newPage();
    await page.goto(stage.url);
    await page.getByRole("button", { name: `Enter as ${name}` }).waitFor();
    await tabTo(page, `Enter as ${name}`);
    await page.keyboard.press("Enter");
    await online(page);
    return page;
  };
  const [ada, bo] = [await enterBy("Ada"), await enterBy("Bo")];
  await tabTo(ada, "Call Bo");
  await ada.keyboard.press("Enter");
  await bo.getByRole("alertdialog").waitFor();
  await bo.keyboard.press("Escape");
  assert.equal(await bo.getByRole("alertdialog").count(), 1, "Escape neither answers nor declines");
  await bo.keyboard.press("Enter");
  await mediaFlows(ada, bo);
  assert.equal(await ada.evaluate(() => document.activeElement.id), "stage-title");
  await tabTo(ada, "Mute");
  await ada.keyboard.press("Space");
  await ada.locator("#mute[aria-pressed=true]").waitFor();
  await tabTo(ada, "Hang up");
  await ada.keyboard.press("Enter");
  await callState(bo, "ended");
  assert.equal(await ada.evaluate(() => document.activeElement.id), "stage-title", "the focus is not lost with the button");
  await tabTo(bo, "Sign out");
  await bo.keyboard.press("Enter");
  await bo.getByRole("button", { name: "Enter as Ada" }).waitFor();
});

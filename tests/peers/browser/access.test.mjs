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
      await ada.locator("#pane summary").first().click();
      await hasNoViolations(ada, "what just happened");
      for (const tab of ["Outbox", "Socket", "Limits", "Diagnose"]) {
        await ada.getByRole("tab", { name: tab }).click();
        if (tab === "Socket") await ada.getByRole("button", { name: "Drop" }).click();
        if (tab === "Diagnose") await ada.getByRole("button", { name: "Diagnose", exact: true }).click();
        await ada.locator(tab === "Diagnose" ? "#pane [data-result]" : tab === "Socket" ? "#pane ol li" : "#pane li").first().waitFor();
        await hasNoViolations(ada, tab);
      }
      await ada.getByRole("button", { name: /^Reset demo world/ }).click();
      await hasNoViolations(ada, "reset");
      await ada.keyboard.press("Escape");
      await online(ada);
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

test("the panes by keyboard: arrows between the tabs, one Tab into the pane, no trap", { timeout: 60_000 }, async (t) => {
  const ada = await stage.window(t, "Ada");
  await ada.locator("#pane details").first().waitFor();
  await tabTo(ada, "Reset demo world");
  await ada.keyboard.press("Enter");
  await ada.getByRole("dialog").waitFor();
  await ada.keyboard.press("Escape");
  assert.equal(await ada.evaluate(() => document.activeElement.id), "reset", "the focus is back where it came from");
  await tabTo(ada, "What just happened");
  const chosen = () => ada.evaluate(() => [document.activeElement.textContent, document.activeElement.ariaSelected, document.getElementById("pane").getAttribute("aria-labelledby")]);
  for (const [key, name, id] of [
    ["ArrowRight", "Outbox", "tab-outbox"],
    ["End", "Diagnose", "tab-diagnosis"],
    ["ArrowRight", "What just happened", "tab-trace"],
    ["ArrowLeft", "Diagnose", "tab-diagnosis"],
    ["Home", "What just happened", "tab-trace"],
  ]) {
    await ada.keyboard.press(key);
    assert.deepEqual(await chosen(), [name, "true", id], key);
  }
  await ada.locator("#pane details").first().waitFor();
  await ada.keyboard.press("Tab");
  assert.equal(await ada.evaluate(() => document.activeElement.id), "pane", "the other tabs are not on the way");
  await tabTo(ada, "GET");
  await ada.keyboard.press("Enter");
  await tabTo(ada, "Copy as curl");
  await ada.keyboard.press("Enter");
  await until("the curl line", () => ada.evaluate(async () => (await navigator.clipboard.readText()).startsWith("curl 'http")));
  await ada.getByRole("tab", { name: "Socket" }).click();
  await tabTo(ada, "Drop");
  await ada.keyboard.press("Space");
  await until("the socket to be back", async () => /Online again/.test(await ada.locator("#pane [role=status]").innerText()));
});

test("a group by keyboard on a small dark screen: axe finds nothing in it, with a second call waiting, and in what is kept of it", { timeout: 90_000 }, async (t) => {
  const ada = await stage.window(t, "Ada", await stage.profile(t, { colorScheme: "dark", viewport: { width: 360, height: 740 } }));
  const [bo, chidi, dara] = [await stage.window(t, "Bo"), await stage.window(t, "Chidi"), await stage.window(t, "Dara")];
  await ada.getByRole("tab", { name: "Limits" }).click(); // few stops on the way round the page
  await ada.getByRole("button", { name: /^Audio call to Bo/ }).click();
  await accept(bo);
  await callState(ada, "connected");
  await tabTo(ada, "Invite Chidi");
  await ada.keyboard.press("Enter");
  await accept(chidi);
  await ada.locator("#roster li", { hasText: "talks" }).nth(1).waitFor();
  await tabTo(ada, "Hold");
  await ada.keyboard.press("Space");
  await ada.locator("#call-note").waitFor();
  await hasNoViolations(ada, "a group on hold");
  assert.equal(await ada.evaluate(() => document.documentElement.scrollWidth), 360, "nothing sticks out");
  await dara.getByRole("button", { name: /^Audio call to Ada/ }).click();
  await ada.getByRole("alertdialog").waitFor();
  await hasNoViolations(ada, "a second call");
  await tabTo(ada, "I am in a call");
  await ada.keyboard.press("Enter");
  await ada.getByRole("alertdialog").waitFor({ state: "hidden" });
  await tabTo(ada, "Remove Chidi");
  await ada.keyboard.press("Enter");
  await callState(chidi, "ended");
  await tabTo(ada, "Hang up");
  await ada.keyboard.press("Enter");
  await callState(bo, "ended");
  await ada.locator("#history-list summary").first().waitFor();
  await tabTo(ada, "Details of the call with");
  await ada.keyboard.press("Enter");
  await ada.locator("#history-list dl").first().waitFor();
  await hasNoViolations(ada, "details");
});

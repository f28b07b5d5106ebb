import { test } from "node:test";
import { readFileSync } from "node:fs";
import { accept, callId, callState, hangUp, pressCall, setUp, mediaFlows } from "./stage.mjs";
const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const axe = async (page, what) => { await page.evaluate(AXE); const r = await page.evaluate(() => globalThis.axe.run()); console.log(what, JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.target + " " + n.any.map((a) => a.message))]))); };
test("probe", { timeout: 100000 }, async (t) => {
  const stage = await setUp(); t.after(() => stage.tearDown());
  const wide = await stage.profile(t, { viewport: { width: 1400, height: 900 }, colorScheme: "light" });
  const small = await stage.profile(t, { viewport: { width: 360, height: 800 }, colorScheme: "dark" });
  const [ada, bo] = [await stage.window(t, "Ada", wide), await stage.window(t, "Bo", small)];
  await pressCall(ada, "Bo"); await accept(bo); await mediaFlows(ada, bo);
  for (const p of [ada, bo]) await p.locator(".tile:not(.mine) .bars").waitFor({ timeout: 40000 });
  // history with ups and downs
  const id = await callId(ada);
  await new Promise((d) => setTimeout(d, 21000));
  await ada.screenshot({ path: "/tmp/q_live_wide.png" }); await bo.screenshot({ path: "/tmp/q_live_small.png" });
  await axe(ada, "live wide"); await axe(bo, "live small");
  await hangUp(ada); await callState(bo, "ended");
  for (const p of [ada, bo]) await p.getByRole("heading", { name: "How it sounded" }).waitFor();
  await ada.screenshot({ path: "/tmp/q_after_wide.png" }); await bo.screenshot({ path: "/tmp/q_after_small.png", fullPage: true });
  await axe(ada, "after wide"); await axe(bo, "after small");
  console.log(await bo.evaluate(() => document.documentElement.scrollWidth), JSON.stringify(await ada.evaluate((id) => globalThis.client.calls.quality(id), id)));
});

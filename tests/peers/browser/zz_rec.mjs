import { accept, callId, callState, hangUp, pressCall, setUp, mediaFlows, until } from "/work/wt/quality/tests/peers/browser/stage.mjs";
import { writeFileSync } from "node:fs";
const stage = await setUp();
const fakeT = { after() {} };
const out = {};
try {
for (const [scenario, adaNet, boNet] of [
  ["calm", null, null],
  ["loss_at_bo", null, { packetLoss: 12 }],
  ["narrow_up_at_ada", { uploadThroughput: 20_000 }, null],
]) {
  const [ada, bo] = [await stage.window(fakeT, "Ada"), await stage.window(fakeT, "Bo")];
  const said = { ada: [], bo: [] };
  for (const [who, page] of [["ada", ada], ["bo", bo]]) page.on("request", (r) => { if (r.method() === "POST" && r.url().endsWith("/quality")) said[who].push(...JSON.parse(r.postData()).peers); });
  const shape = async (page, net) => {
    if (!net) return;
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Network.enable");
    await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1, ...net });
  };
  await pressCall(ada, "Bo"); await accept(bo); await mediaFlows(ada, bo);
  await shape(ada, adaNet); await shape(bo, boNet);
  const id = await callId(ada);
  await new Promise((d) => setTimeout(d, 33000));
  await hangUp(ada); await new Promise((d) => setTimeout(d, 3000));
  const q = await bo.evaluate((id) => globalThis.client.calls.quality(id), id).catch((e) => String(e));
  console.log(scenario, JSON.stringify(q.directions?.map((d) => [d.listener.slice(-1), d.mos, d.level, d.verdict, d.points])));
  out[scenario] = said;
  await ada.context().close(); await bo.context().close();
}
} finally { writeFileSync("/tmp/rec.json", JSON.stringify(out)); await stage.tearDown(); }

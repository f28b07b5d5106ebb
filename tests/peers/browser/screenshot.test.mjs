import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { accept, mediaFlows, pressCall, setUp, until } from "./stage.mjs";

const PICTURE = fileURLToPath(new URL("../../../docs/first-call.png", import.meta.url));

test("the picture of the first call in the docs", { skip: !process.env.UPDATE_SCREENSHOT && "set UPDATE_SCREENSHOT=1 to draw it", timeout: 60_000 }, async (t) => {
  const stage = await setUp();
  t.after(() => stage.tearDown());
  const wide = await stage.profile(t, { viewport: { width: 1400, height: 760 }, colorScheme: "light" });
  const small = await stage.profile(t, { viewport: { width: 480, height: 760 }, colorScheme: "dark" });
  const [ada, bo] = [await stage.window(t, "Ada", wide), await stage.window(t, "Bo", small)];
  await until("Ada to see that Bo is online", () => ada.locator("[data-person=bo] [data-online=true]").count());
  await pressCall(ada, "Bo");
  await accept(bo);
  await mediaFlows(ada, bo);
  for (const page of [ada, bo]) await page.evaluate(() => scrollTo(0, 0));
  const windows = await Promise.all([ada, bo].map((page) => page.screenshot()));

  const frame = await (await stage.profile(t, { viewport: { width: 1960, height: 820 } })).newPage();
  await frame.setContent(`<body style="margin:0;height:100vh;display:flex;gap:24px;align-items:center;justify-content:center;background:#e3e6ee">
    ${windows.map((png) => `<img style="border-radius:14px;box-shadow:0 12px 40px #0005" src="data:image/png;base64,${png.toString("base64")}">`).join("")}`);
  await frame.screenshot({ path: PICTURE });
});

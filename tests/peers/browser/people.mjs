// People at a page with nothing but the client: what they say and hear is counted, and small pictures keep groups cheap.
import assert from "node:assert/strict";
import { until } from "./stage.mjs";

/** A page that is online as a demo person. It has `client`, `calls` that rang, `call`, `said` and `pcs`; frames for which `deaf` is true are
 * lost, others are what `alter` makes of them, and `push` is one more. */
export async function someone(stage, t, handle, { context, answers = false } = {}) {
  const page = await (context ?? (await stage.profile(t))).newPage();
  await page.goto(`${stage.url}/client/client.js`);
  await page.evaluate(async ([handle, answers]) => {
    const { createClient } = await import("/client/client.js");
    const capture = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = ({ audio, video }) => capture({ audio, video: video && { width: 160, height: 120, frameRate: 10 } });
    Object.assign(globalThis, { said: [], calls: [], pcs: [], events: [] });
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration) {
        super(configuration);
        pcs.push(this);
      }
    };
    class Counted extends WebSocket {
      send(text) {
        const { action } = JSON.parse(text);
        said.push(action);
        if (!globalThis.dumb) super.send(text);
      }
      set onmessage(hear) {
        const take = (frame) => globalThis.deaf?.(frame) || hear({ data: JSON.stringify(globalThis.alter?.(frame) ?? frame) });
        super.onmessage = ({ data }) => take(JSON.parse(data));
        globalThis.push = (event, data) => take({ event, data, at: new Date().toISOString() });
      }
    }
    globalThis.client = createClient({
      WebSocket: Counted,
      fetch: (url, init) => (globalThis.dumb === "everywhere" ? Promise.reject(new TypeError("no network")) : fetch(url, init)),
    });
    globalThis.take = (taken) => {
      globalThis.call = taken;
      taken.on("state", ({ to, reason }) => events.push(`${to} ${reason}`));
      return taken.id;
    };
    client.on("call", (call) => {
      calls.push(call);
      if (answers) take(call), void call.accept();
    });
    const { url } = await (await fetch(`/local/people/${handle}/enter`, { method: "POST" })).json();
    await client.auth.enter(new URL(url, location.href).searchParams.get("enter"));
    await client.open();
  }, [handle, answers]);
  page.id = await page.evaluate(() => client.session.user.id);
  return page;
}

/** Several, each in a profile of their own. */
export const everybody = (stage, t, handles, options) => Promise.all(handles.map((handle) => someone(stage, t, handle, options)));

export const dial = (page, to, media = "video") =>
  page.evaluate(async ([to, media]) => take(await client.calls.start({ to, media })), [[to].flat().map((other) => other.id), media]);

export const state = (page, wanted, options) =>
  until(`the call to be ${wanted}`, () => page.evaluate((wanted) => globalThis.call?.state === wanted, wanted), options);

/** Each of them sees each other one: frames of every pair arrive, and go on arriving. */
export async function allSee(...pages) {
  const counts = (page) =>
    page.evaluate(async () => {
      const reports = call.state === "connected" ? [...(await call.stats()).entries()] : [];
      const frames = (report) => [...report.values()].reduce((sum, one) => sum + (one.type === "inbound-rtp" ? (one.framesDecoded ?? 0) : 0), 0);
      return Object.fromEntries(reports.map(([user, report]) => [user, frames(report)]));
    });
  for (const page of pages) {
    const others = pages.filter((other) => other !== page).map(({ id }) => id);
    const first = await until("a path to each other one", async () => {
      const seen = await counts(page);
      return others.every((id) => id in seen) && seen;
    }, { within: 30_000 });
    await until("frames of each other one", async () => {
      const seen = await counts(page);
      return others.every((id) => seen[id] > first[id]) && Object.keys(seen).length === others.length;
    }, { within: 30_000 });
  }
}

/** How somebody stands, as a page sees it. */
export const standing = (page, other) =>
  page.evaluate((id) => call.participants.find(({ user_id }) => user_id === id), other.id);

/** The seen standing, in time. */
export const stands = (page, other, wanted, options) =>
  until(`somebody to be ${wanted}`, async () => (await standing(page, other))?.standing === wanted, options);

export const hangUp = (page) => page.evaluate(() => call.hangUp());

export const nothingRings = async (...pages) => {
  for (const page of pages) assert.deepEqual(await page.evaluate(() => calls.filter(({ isOver, local }) => !isOver && !local).length), 0);
};

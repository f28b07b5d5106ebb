// The stage of every browser test: the local server as its own process, real Chromium, people at their windows.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGS = [
  "--no-sandbox",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** Waits for a condition; says what it waited for when that never came. */
export async function until(what, condition, { within = 15_000 } = {}) {
  const end = Date.now() + within;
  for (;;) {
    let value;
    try {
      value = await condition();
    } catch (error) {
      if (Date.now() > end) throw new Error(`waited ${within / 1000} s for ${what}`, { cause: error });
    }
    if (value) return value;
    if (Date.now() > end) assert.fail(`waited ${within / 1000} s for ${what}; last seen: ${JSON.stringify(value)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Starts the server that DCHAT_BIN names and reads its banner. */
export async function startServer(port = 0) {
  const binary = process.env.DCHAT_BIN;
  assert.ok(binary, "DCHAT_BIN must name the server binary, for example target/debug/dchat");
  const server = spawn(binary, ["--ephemeral", "--port", String(port)], { stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  createInterface({ input: server.stderr }).on("line", (line) => said.push(line));
  const stop = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, "exit");
    server.kill("SIGTERM");
    const hard = setTimeout(() => server.kill("SIGKILL"), 5_000);
    await gone;
    clearTimeout(hard);
  };
  try {
    const console_ = await new Promise((resolve, reject) => {
      let console_;
      const late = setTimeout(() => reject(new Error(`no banner within 30 s\n${said.join("\n")}`)), 30_000);
      server.on("error", reject);
      server.on("exit", (code) => reject(new Error(`the server ended with ${code}\n${said.join("\n")}`)));
      createInterface({ input: server.stdout }).on("line", (line) => {
        said.push(line);
        console_ ??= line.match(/Console\s+(http:\/\/localhost:\d+\/\?enter=\S+)/)?.[1];
        if (!/^ready in/.test(line.trim())) return;
        clearTimeout(late);
        if (console_) resolve(console_);
        else reject(new Error(`ready, but the banner names no console\n${said.join("\n")}`));
      });
    });
    return { url: new URL(console_).origin, console: console_, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A server, a browser, and what has to end when the tests of a file do. */
export async function setUp() {
  const server = await startServer();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS }).catch(async (error) => {
    await server.stop();
    throw error;
  });
  const complaints = [];

  return {
    url: server.url,
    console: server.console,
    /** Errors that any page reported: a test that expects none asserts so. */
    complaints,
    async tearDown() {
      await browser.close();
      await server.stop();
    },
    /** A browser profile of its own, closed by the test that made it. */
    async profile(t, options = {}) {
      const context = await browser.newContext({ permissions: ["camera", "microphone", "clipboard-read", "clipboard-write"], ...options });
      context.setDefaultTimeout(15_000);
      context.on("page", (page) => {
        page.on("pageerror", (error) => complaints.push(`${error}`));
        page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
      });
      t.after(async () => {
        // A call that a failed test left ringing would ring in the next one.
        const left = context.pages().map((page) => page.evaluate(() => globalThis.client?.calls.leave()).catch(() => {}));
        await Promise.race([Promise.all(left), new Promise((done) => setTimeout(done, 2_000))]);
        await context.close();
      });
      return context;
    },
    /** A window of a demo person, signed in by a click and online. */
    async window(t, name, context) {
      const page = await (context ?? (await this.profile(t))).newPage();
      await page.goto(server.url);
      await page.getByRole("button", { name: `Enter as ${name}` }).click();
      await online(page);
      return page;
    },
  };
}

export const online = (page) => page.locator("#socket[data-state=online]").waitFor();

export const callState = (page, state) => page.locator(`#stage[data-state=${state}]`).waitFor();

export const pressCall = (page, name) => page.getByRole("button", { name: new RegExp(`^Call ${name}`) }).click();

export const accept = (page) => page.getByRole("button", { name: "Accept" }).click();

export const hangUp = (page) => page.getByRole("button", { name: "Hang up" }).click();

/** What a page has received and decoded in its call so far. */
export const received = (page) =>
  page.evaluate(async () => {
    const sum = { audioBytes: 0, videoBytes: 0, frames: 0 };
    for (const report of (await globalThis.call.stats()).values()) {
      for (const one of report.values()) {
        if (one.type !== "inbound-rtp") continue;
        sum[`${one.kind}Bytes`] += one.bytesReceived;
        sum.frames += one.framesDecoded ?? 0;
      }
    }
    return sum;
  });

/** Sound and picture arrive at every page and go on arriving. */
export async function mediaFlows(...pages) {
  for (const page of pages) {
    await callState(page, "connected");
    await until("the other's picture on the page", () =>
      page.locator(".tile[data-video=true]:not(.mine) video").evaluate((video) => video.videoWidth > 0 && getComputedStyle(video).visibility === "visible"));
    await until("a first decoded frame", async () => (await received(page)).frames > 0);
  }
  const before = await Promise.all(pages.map(received));
  await new Promise((done) => setTimeout(done, 2_000));
  const after = await Promise.all(pages.map(received));
  for (const [i, { audioBytes, videoBytes, frames }] of after.entries()) {
    assert.ok(audioBytes > before[i].audioBytes, `page ${i} hears: ${audioBytes} bytes after ${before[i].audioBytes}`);
    assert.ok(videoBytes > before[i].videoBytes, `page ${i} receives a picture: ${videoBytes} bytes after ${before[i].videoBytes}`);
    assert.ok(frames > before[i].frames, `page ${i} sees: ${frames} frames after ${before[i].frames}`);
  }
}

export const callId = (page) => page.evaluate(() => globalThis.call.id);

/** A call's line of a page's history once it says that the call ended like this. */
export async function pastCall(page, id, result) {
  const line = page.locator(`#history-list [data-call-id=${id}][data-result=${result}]`);
  await line.waitFor();
  return { words: await line.innerText(), duration: Number(await line.getAttribute("data-duration")) };
}

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { allSee, dial, everybody, hangUp, someone, standing, stands, state } from "./people.mjs";
import { setUp, until } from "./stage.mjs";

const limits = { timeout: 60_000 };
const answers = { answers: true };

// One waits for most of its time: the others run beside it, at a server of their own.
describe("stays", { concurrency: 2 }, () => {
  describe("that begin, pause and change", { concurrency: 1 }, () => {
    let stage;
    before(async () => (stage = await setUp()));
    after(() => stage?.tearDown());

    test("to set up a call each side sends its ways in one or two messages", limits, async (t) => {
      const ada = await someone(stage, t, "ada");
      const bo = await someone(stage, t, "bo", answers);
      const counted = [];
      for (let round = 0; round < 3; round += 1) {
        for (const page of [ada, bo]) await page.evaluate(() => (said.length = 0));
        await dial(ada, bo);
        await allSee(ada, bo);
        await new Promise((done) => setTimeout(done, 1_000));
        for (const page of [ada, bo]) counted.push(await page.evaluate(() => said.filter((action) => action === "call.candidates").length));
        await hangUp(ada);
        await state(bo, "ended");
      }
      t.diagnostic(`call.candidates, caller and callee: ${counted.join(", ")}`);
      assert.ok(counted.every((n) => n >= 1 && n <= 2), counted.join());
    });

    test("on another network the path is made anew with the newest ICE servers, by whichever side, and the call goes on", limits, async (t) => {
      const ada = await someone(stage, t, "ada");
      const bo = await someone(stage, t, "bo", answers);
      let told = "stun:127.0.0.1:9";
      for (const page of [ada, bo]) {
        await page.route("**/api/webrtc/ice-servers", (route) => route.fulfill({ json: { ice_servers: [{ urls: [told] }], ttl: 0, expires_at: "2099-01-01T00:00:00Z" } }));
        // A sign of life brings servers, too.
        await page.evaluate((told) => {
          globalThis.told = told;
          globalThis.alter = (frame) => {
            const ice = frame.data?.call?.renewed?.ice;
            if (ice) Object.assign(ice, { ice_servers: [{ urls: [told] }], ttl: 0 });
            return frame;
          };
        }, told);
      }
      await dial(ada, bo);
      await allSee(ada, bo);
      const ways = (page) =>
        page.evaluate(() => {
          const pc = pcs.at(-1);
          const ufrag = ({ sdp }) => sdp.match(/a=ice-ufrag:(.*)/)[1];
          return { ufrags: [pc.localDescription, pc.remoteDescription].map(ufrag), servers: pc.getConfiguration().iceServers.flatMap(({ urls }) => urls), made: pcs.length };
        });
      for (const [page, port] of [[ada, 10], [bo, 11]]) {
        const before = await ways(page);
        assert.deepEqual(before.servers, [told]);
        told = `stun:127.0.0.1:${port}`;
        for (const one of [ada, bo]) await one.evaluate((told) => (globalThis.told = told), told);
        await page.evaluate(() => dispatchEvent(new Event("online")));
        await until("new credentials of both sides", async () => (await ways(page)).ufrags.every((ufrag, i) => ufrag !== before.ufrags[i]));
        const after = await ways(page);
        assert.deepEqual(after.servers, [told]);
        assert.equal(after.made, before.made, "the same connection");
        await allSee(ada, bo);
      }
      assert.deepEqual(await ada.evaluate(() => events.filter((event) => !event.startsWith("connected"))), ["starting null"], "nobody noticed");
      await hangUp(ada);
      await state(bo, "ended");
    });

    test("on hold nothing is sent or played and the other side is told; a camera is added in mid-call", limits, async (t) => {
      const ada = await someone(stage, t, "ada");
      const bo = await someone(stage, t, "bo", answers);
      await dial(ada, bo, "audio");
      await state(ada, "connected");
      assert.deepEqual(await bo.evaluate((id) => call.media.get(id), ada.id), { audio: true, video: false, screen: false, hold: false });
      await ada.evaluate(() => call.hold(true));
      await until("Bo to know", () => bo.evaluate((id) => call.media.get(id)?.hold, ada.id));
      const tracks = () => ada.evaluate(() => [call.local, ...call.remote.values()].flatMap((stream) => stream.getTracks().map(({ enabled }) => enabled)));
      await until("nothing to be sent or played", async () => String(await tracks()) === "false,false");
      await ada.evaluate(() => call.mute("audio", true));
      await ada.evaluate(() => call.hold(false));
      assert.deepEqual(await tracks(), [false, true], "what was muted stays so");
      await ada.evaluate(() => call.mute("audio", false));
      assert.deepEqual(await tracks(), [true, true]);
      await Promise.all([ada, bo].map((page) => page.evaluate(() => call.mute("video", false))));
      await allSee(ada, bo);
      await hangUp(ada);
      await state(bo, "ended");
    });

    test("a latecomer learns what the others send", limits, async (t) => {
      const ada = await someone(stage, t, "ada");
      const [bo, chidi] = await everybody(stage, t, ["bo", "chidi"], answers);
      await dial(ada, bo, "audio");
      await state(ada, "connected");
      await ada.evaluate(() => call.mute("audio", true));
      await bo.evaluate(() => call.hold(true));
      await until("Ada to know", () => ada.evaluate((id) => call.media.get(id)?.hold, bo.id));
      await ada.evaluate((id) => call.invite(id), chidi.id);
      await state(chidi, "connected");
      const seen = await chidi.evaluate((ids) => ids.map((id) => call.media.get(id)), [ada.id, bo.id]);
      assert.deepEqual(seen, [{ audio: false, video: false, screen: false, hold: false }, { audio: true, video: false, screen: false, hold: true }]);
      await Promise.all([ada, bo].map(hangUp));
      await state(chidi, "ended");
    });
  });

  test("a tab that is killed shows as away and is lost; one that could say nothing for long comes back by itself", { timeout: 180_000 }, async (t) => {
    const stage = await setUp();
    t.after(() => stage.tearDown());
    const ada = await someone(stage, t, "ada");
    const [bo, chidi, dara] = await everybody(stage, t, ["bo", "chidi", "dara"], answers);
    await dial(ada, [bo, chidi, dara], "audio");
    const reach = (pages, paths) =>
      Promise.all(pages.map((page) => until(`${paths} paths`, () => page.evaluate(async (paths) => call.state === "connected" && (await call.stats()).size === paths, paths), { within: 30_000 })));
    await reach([ada, bo, chidi, dara], 3);
    const began = Date.now();
    await chidi.evaluate(() => (globalThis.dumb = "everywhere"));
    await dara.evaluate(() => (globalThis.dumb = "on the socket"));
    await bo.close();
    await until("Bo to be away", async () => (await standing(ada, bo)).away, { within: 60_000 });
    t.diagnostic(`away after ${Math.round((Date.now() - began) / 1000)} s`);
    await stands(ada, bo, "left", { within: 45_000 });
    t.diagnostic(`out after ${Math.round((Date.now() - began) / 1000)} s`);
    await stands(dara, chidi, "left", { within: 30_000 });
    assert.equal(await chidi.evaluate(() => call.isOver), false, "Chidi's page does not know");
    const { generation, away } = await standing(ada, dara);
    assert.deepEqual({ generation, away }, { generation: 1, away: false }, "without a socket the signs of life go over HTTP");
    for (const page of [chidi, dara]) await page.evaluate(() => (globalThis.dumb = undefined));
    await stands(ada, chidi, "joined", { within: 45_000 });
    assert.equal((await standing(ada, chidi)).generation, 3);
    await reach([ada, chidi, dara], 2);
    await Promise.all([ada, dara].map(hangUp));
    await state(chidi, "ended");
  });
});

// Two browsers that may use nothing but the relay talk through it with the credentials of our endpoint.
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { after, before, test } from "node:test";
import { dial, hangUp, someone, state } from "../browser/people.mjs";
import { setUp } from "../browser/stage.mjs";
import { startCoturn } from "./coturn.mjs";

const SECRET = "correct horse, battery and only this staple";
/**
 * Where this test's coturn relays: an address of this machine, because coturn never sends to the loopback address. The shipped
 * file refuses private ones, so here, and only here, this one is permitted.
 */
const RELAY = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === "IPv4" && !internal)?.address;

let coturn;
let stage;
before(async () => {
  assert.ok(RELAY, "this machine has an IPv4 address besides 127.0.0.1");
  coturn = await startCoturn({ secrets: [SECRET], relays: [RELAY], permitted: [RELAY] });
  const urls = ["udp", "tcp"].map((transport) => `turn:127.0.0.1:${coturn.port}?transport=${transport}`);
  Object.assign(process.env, { TURN_URLS: urls.join(","), TURN_SECRET: SECRET });
  stage = await setUp();
});
after(async () => {
  await stage?.tearDown();
  await coturn?.stop();
});

/** A page that is signed in, with a connection of these servers in `pc` and what it hears in `heard`. */
async function page(t, handle, alter = (servers) => servers) {
  const page = await (await stage.profile(t)).newPage();
  await page.goto(`${stage.url}/client/client.js`);
  const servers = await page.evaluate(async (handle) => {
    const post = async (path, body) => (await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).json();
    const { url } = await (await fetch(`/local/people/${handle}/enter`, { method: "POST" })).json();
    const { access_token } = await post("/auth/token", { code: new URL(url, location.href).searchParams.get("enter") });
    return (await fetch("/api/webrtc/ice-servers", { headers: { authorization: `Bearer ${access_token}` } })).json();
  }, handle);
  await page.evaluate(({ ice_servers }) => {
    globalThis.pc = new RTCPeerConnection({ iceServers: ice_servers, iceTransportPolicy: "relay" });
    globalThis.channel = pc.createDataChannel("talk", { negotiated: true, id: 0 });
    globalThis.heard = new Promise((resolve) => (channel.onmessage = ({ data }) => resolve(data)));
    globalThis.refused = [];
    pc.onicecandidateerror = ({ errorCode }) => refused.push(errorCode);
    globalThis.described = async () => {
      if (pc.iceGatheringState !== "complete") {
        await new Promise((done) => (pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done()));
      }
      return pc.localDescription.toJSON();
    };
  }, alter(servers));
  return page;
}

const offer = (page) => page.evaluate(async () => (await pc.setLocalDescription(), described()));

test("two browsers that use only the relay hear each other", { timeout: 60_000 }, async (t) => {
  const [ada, bo] = [await page(t, "ada"), await page(t, "bo")];
  const proposal = await offer(ada);
  const reply = await bo.evaluate(async (offer) => (await pc.setRemoteDescription(offer), await pc.setLocalDescription(), described()), proposal);
  await ada.evaluate((answer) => pc.setRemoteDescription(answer), reply);
  for (const one of [ada, bo]) {
    await one.evaluate(() => channel.readyState === "open" || new Promise((done) => (channel.onopen = done)));
  }
  await ada.evaluate(() => channel.send("through the relay"));
  assert.equal(await bo.evaluate(() => heard), "through the relay");
  for (const one of [ada, bo]) {
    const pair = await one.evaluate(async () => {
      const stats = await pc.getStats();
      const transport = [...stats.values()].find(({ type }) => type === "transport");
      const pair = stats.get(transport.selectedCandidatePairId);
      return [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)].map(({ candidateType, address }) => `${candidateType} ${address}`);
    });
    assert.deepEqual(pair, [`relay ${RELAY}`, `relay ${RELAY}`]);
  }
});

test("with a credential that is not ours a browser gets no relay", { timeout: 60_000 }, async (t) => {
  const forged = ({ ice_servers, ...rest }) => ({ ...rest, ice_servers: ice_servers.map((server) => ({ ...server, credential: "made up" })) });
  const eve = await page(t, "chidi", forged);
  const { sdp } = await offer(eve);
  assert.ok(!sdp.includes("a=candidate:"), "no candidate");
  assert.ok((await eve.evaluate(() => refused)).includes(401));
});

test("connections to seven others, made twice for a reload, fit into what a person may allocate", { timeout: 60_000 }, async (t) => {
  const dara = await page(t, "dara");
  const { relays, refused } = await dara.evaluate(async () => {
    const all = Array.from({ length: 14 }, () => new RTCPeerConnection(pc.getConfiguration()));
    const refused = [];
    const gathered = await Promise.all(all.map(async (one) => {
      one.createDataChannel("talk");
      one.onicecandidateerror = ({ errorCode }) => refused.push(errorCode);
      const done = new Promise((done) => (one.onicegatheringstatechange = () => one.iceGatheringState === "complete" && done()));
      await one.setLocalDescription();
      await done;
      return one.localDescription.sdp.match(/a=candidate:.* typ relay/g)?.length ?? 0;
    }));
    return { relays: gathered, refused };
  });
  const allocations = relays.reduce((sum, one) => sum + one, 0);
  t.diagnostic(`${allocations} allocations for 14 connections`);
  assert.deepEqual(refused, []);
  assert.ok(relays.every((one) => one >= 2), `one for each address: ${relays}`);
});

test("in a call whose caller wants it nobody learns anybody's address", { timeout: 60_000 }, async (t) => {
  const ada = await someone(stage, t, "ada");
  const bo = await someone(stage, t, "bo", { answers: true });
  await ada.evaluate(async (to) => take(await client.calls.start({ to, media: "audio", relayOnly: true })), bo.id);
  for (const one of [ada, bo]) await state(one, "connected", { within: 30_000 });
  for (const one of [ada, bo]) {
    const { policy, kinds, chosen } = await one.evaluate(async () => {
      const [pc] = pcs;
      const stats = [...(await pc.getStats()).values()];
      const of = (type) => stats.filter((one) => one.type === type);
      const pair = stats.find(({ id }) => id === of("transport")[0].selectedCandidatePairId);
      const type = (id) => stats.find((one) => one.id === id).candidateType;
      const kinds = new Set([...of("local-candidate"), ...of("remote-candidate")].map(({ candidateType }) => candidateType));
      return { policy: pc.getConfiguration().iceTransportPolicy, kinds: [...kinds], chosen: [type(pair.localCandidateId), type(pair.remoteCandidateId)] };
    });
    assert.deepEqual({ policy, kinds, chosen }, { policy: "relay", kinds: ["relay"], chosen: ["relay", "relay"] });
  }
  await hangUp(ada);
  await dial(ada, bo, "audio");
  await state(ada, "connected");
  assert.equal(await ada.evaluate(() => pcs.at(-1).getConfiguration().iceTransportPolicy), "all", "other calls go straight");
  await hangUp(ada);
});

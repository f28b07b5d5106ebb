// The TURN server as we ship it takes our credentials and nobody else's, and is no way into the network that it stands in.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { startServer } from "../browser/stage.mjs";
import { CONF, startCoturn } from "./coturn.mjs";
import { TurnClient } from "./turn.mjs";

const [SECRET, OLD, OTHER] = ["new", "old", "other"].map((which) => `correct horse, battery and the ${which} staple`);

let coturn;
let dchat;
before(async () => {
  coturn = await startCoturn({ secrets: [OLD, SECRET] });
  Object.assign(process.env, {
    STUN_URLS: `stun:127.0.0.1:${coturn.port}`,
    TURN_URLS: `turn:127.0.0.1:${coturn.port}?transport=udp`,
    TURN_SECRET: SECRET,
  });
  dchat = await startServer();
});
after(async () => {
  await dchat?.stop();
  await coturn?.stop();
});

const limits = { timeout: 60_000 };

/** What our endpoint gives a demo person. */
async function given(person) {
  const { url } = await (await fetch(`${dchat.url}/local/people/${person}/enter`, { method: "POST" })).json();
  const code = new URL(url, dchat.url).searchParams.get("enter");
  const body = JSON.stringify({ code });
  const tokens = await (await fetch(`${dchat.url}/auth/token`, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  return (await fetch(`${dchat.url}/api/webrtc/ice-servers`, { headers })).json();
}

const relay = ({ ice_servers }) => ice_servers.find(({ username }) => username);

/** A credential made by another implementation than ours. */
function made(secret, username) {
  return { username, credential: createHmac("sha1", secret).update(username).digest("base64") };
}

let people = 0;
const somebody = () => made(SECRET, `${Math.floor(Date.now() / 1000) + 60}:somebody${people++}`);

async function connected(t, who, { over } = {}) {
  const client = await TurnClient.to({ port: coturn.port, over }, who);
  t.after(() => client.close());
  return client;
}

test("credentials of our endpoint are taken", limits, async (t) => {
  const servers = await given("ada");
  assert.deepEqual(servers.ice_servers[0], { urls: [process.env.STUN_URLS] });
  const { urls, username, credential } = relay(servers);
  assert.deepEqual(urls, [process.env.TURN_URLS]);
  assert.deepEqual({ username, credential }, made(SECRET, username), "Node makes the same");
  assert.equal(await (await connected(t, relay(servers))).allocate(), 200);
});

test("a wrong secret, an altered name and one that ended are refused", limits, async (t) => {
  const now = Math.floor(Date.now() / 1000);
  const { username, credential } = relay(await given("bo"));
  const [ends, whose] = username.split(":");
  for (const [what, who] of Object.entries({
    "wrong secret": made(OTHER, `${now + 60}:eve`),
    "a longer life": { username: `${Number(ends) + 1}:${whose}`, credential },
    "another person": { username: `${ends}:eve`, credential },
    "ended a second ago": made(SECRET, `${now - 1}:eve`),
    "no credential": { username, credential: "" },
  })) {
    assert.equal(await (await connected(t, who)).allocate(), 401, what);
  }
});

test("while the secret changes the old one is taken too", limits, async (t) => {
  const ends = Math.floor(Date.now() / 1000) + 60;
  assert.equal(await (await connected(t, made(OLD, `${ends}:late`))).allocate(), 200);
});

test("a person has 64 allocations, however many credentials", limits, async (t) => {
  const ends = Math.floor(Date.now() / 1000) + 60;
  for (let n = 0; n < 64; n++) {
    assert.equal(await (await connected(t, made(SECRET, `${ends + n}:greedy`))).allocate(), 200, `allocation ${n + 1}`);
  }
  assert.equal(await (await connected(t, made(SECRET, `${ends + 64}:greedy`))).allocate(), 486, "Allocation Quota Reached");
});

test("TCP is not relayed", limits, async (t) => {
  const client = await connected(t, somebody(), { over: "tcp" });
  assert.equal(await client.allocate({ transport: 6 }), 442, "Unsupported Transport Protocol");
  assert.equal(await (await connected(t, somebody(), { over: "tcp" })).allocate(), 200, "UDP is, over the same connection");
});

const FORBIDDEN = {
  udp4: {
    loopback: ["127.0.0.1", "127.255.255.254"],
    unspecified: ["0.0.0.0", "0.0.0.1"],
    private: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    CGNAT: ["100.64.0.1", "100.127.255.255", "100.100.100.200"],
    metadata: ["169.254.169.254", "169.254.170.2"],
    "protocols, benchmarks, documentation": ["192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"],
    multicast: ["224.0.0.1", "239.255.255.255"],
    "reserved and broadcast": ["240.0.0.1", "255.255.255.255"],
  },
  udp6: {
    "unspecified and loopback": ["::", "::1"],
    "IPv4-compatible": ["::127.0.0.1", "::10.0.0.1"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:8.8.8.8"],
    "IPv4-translated": ["::ffff:0:127.0.0.1"],
    NAT64: ["64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::10.0.0.1"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::"],
    Teredo: ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    metadata: ["fd00:ec2::254"],
    "unique local, link-local, site-local": ["fc00::1", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1"],
    multicast: ["ff02::1", "ff0e::1"],
    "discard, documentation, segment routing": ["100::1", "2001:db8::1", "3fff::1", "5f00::1"],
  },
};
const PUBLIC = { udp4: ["8.8.8.8", "100.63.255.255", "172.32.0.1", "193.0.0.1"], udp6: ["2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888"] };

for (const [family, kinds] of Object.entries(FORBIDDEN)) {
  test(`no ${family} peer inside is reached, and public ones are`, limits, async (t) => {
    const client = await connected(t, somebody());
    assert.equal(await client.allocate({ family }), 200);
    let number = 0x4000;
    for (const [kind, peers] of Object.entries(kinds)) {
      for (const peer of peers) {
        assert.equal(await client.permit(peer), 403, `${kind}: permission for ${peer}`);
        assert.equal(await client.bind(peer, 80, number++), 403, `${kind}: channel to ${peer}`);
      }
    }
    for (const peer of PUBLIC[family]) assert.equal(await client.permit(peer), 200, peer);
  });
}

/** First and last address of a prefix, spelled in full. */
function range(prefix) {
  const [address, bits] = prefix.split("/");
  const v6 = address.includes(":");
  const width = v6 ? 128n : 32n;
  const host = (1n << (width - BigInt(bits ?? width))) - 1n;
  const first = numberOf(address);
  // The file cannot name :: (it says why).
  return [v6 && first === 0n ? 1n : first, first | host];
}

function numberOf(address) {
  if (!address.includes(":")) return address.split(".").reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const [before, after] = address.split("::").map((part) => (part ? part.split(":") : []));
  const groups = after ? [...before, ...Array(8 - before.length - after.length).fill("0"), ...after] : before;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

test("the file says what its page says, and nothing that opens it", limits, async () => {
  const conf = (await readFile(CONF, "utf8")).split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const denied = conf.filter((line) => line.startsWith("denied-peer-ip=")).map((line) => line.split("=")[1].split("-").map(numberOf));
  const readme = await readFile(new URL("README.md", `file://${CONF}`), "utf8");
  const table = readme.slice(readme.indexOf("| refused |"));
  const listed = [...table.matchAll(/(?<![\w:.])(?:[0-9a-f]*:[0-9a-f:.]*|\d+\.\d+\.\d+\.\d+)(?:\/\d+)?(?![\w:.])/g)].map(([prefix]) => prefix);
  assert.ok(listed.length > 30, `${listed}`);
  const within = ([first, last], v6) => denied.some(([low, high], i) => conf.filter((l) => l.startsWith("denied"))[i].includes(":") === v6 && low <= first && last <= high);
  for (const prefix of listed) assert.ok(within(range(prefix), prefix.includes(":")), `${prefix} is in the page and not in the file`);
  const ranges = listed.map((prefix) => ({ v6: prefix.includes(":"), of: range(prefix) }));
  for (const line of conf.filter((l) => l.startsWith("denied"))) {
    const [low, high] = line.split("=")[1].split("-").map(numberOf);
    const said = ranges.some(({ v6, of: [first, last] }) => v6 === line.includes(":") && first === low && last === high);
    assert.ok(said, `${line} is in the file and not in the page`);
  }
  for (const needed of ["use-auth-secret", "stale-nonce=600", "fingerprint", "user-quota=64", "total-quota=4800", "no-multicast-peers", "no-tcp-relay", "no-cli"]) {
    assert.ok(conf.includes(needed), needed);
  }
  for (const never of ["allow-loopback-peers", "allowed-peer-ip", "no-auth", "static-auth-secret", "user=", "cli-password", "mobility"]) {
    assert.ok(!conf.some((line) => line.startsWith(never)), never);
  }
  for (const name of ["STUN_URLS", "TURN_URLS", "TURN_SECRET", "4.9.0", "CVE-2026-27624", "49152", "5349"]) assert.ok(readme.includes(name), name);
});

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setUp, until } from "./stage.mjs";

let stage;
before(async () => (stage = await setUp()));
after(() => stage?.tearDown());

const limits = { timeout: 60_000 };

/** A page of the server that runs nothing of its own, so that nothing but the test uses the client. */
async function blank(context) {
  const page = await context.newPage();
  await page.goto(`${stage.url}/client/client.js`);
  await page.evaluate(async () => {
    Object.assign(globalThis, await import("/client/client.js"));
    globalThis.signIn = async (client, handle) => {
      const { url } = await (await fetch(`/local/people/${handle}/enter`, { method: "POST" })).json();
      return client.auth.enter(new URL(url, location.href).searchParams.get("enter"));
    };
    globalThis.told = (promise) => promise.then((value) => ({ value }), ({ name, kind, code, status, remedy, fields, retry, requestId }) =>
      ({ name, kind, code, status, remedy, fields, retry, requestId }));
  });
  return page;
}

const online = (page, handle) =>
  page.evaluate(async (handle) => {
    globalThis.client ??= createClient();
    await signIn(client, handle);
    await client.open();
    return client.session.user.id;
  }, handle);

test("open() twice is one promise and one socket; mount, unmount, mount keeps it; the last close() closes", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(socket));
  const seen = await page.evaluate(async () => {
    globalThis.client = createClient();
    await signIn(client, "ada");
    globalThis.states = [];
    client.on("state", ({ to, reason }) => states.push(`${to} ${reason}`));
    const [first, second] = [client.open(), client.open()];
    await first;
    void client.close();
    void client.close();
    void client.open();
    await new Promise((done) => setTimeout(done, 300));
    return { same: first === second, state: client.state };
  });
  assert.deepEqual(seen, { same: true, state: "online" });
  assert.equal(sockets.length, 1);
  const states = await page.evaluate(() => client.close().then(() => states));
  assert.deepEqual(states, ["connecting asked", "resuming opened", "online resumed", "closed asked"]);
  await until("the socket to be closed", () => sockets[0].isClosed());
});

test("five tabs refresh an old token once", limits, async (t) => {
  const context = await stage.profile(t);
  const tabs = [];
  for (let i = 0; i < 5; i += 1) tabs.push(await blank(context));
  await tabs[0].evaluate(async () => {
    const client = createClient();
    await signIn(client, "bo");
    const key = Object.keys(localStorage).find((key) => key.startsWith("dchat:session"));
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), expires_at: Date.now() - 1 }));
  });
  const refreshes = [];
  context.on("request", (request) => request.url().endsWith("/auth/refresh") && refreshes.push(request));
  const names = await Promise.all(tabs.map((page) => page.evaluate(async () => (await createClient().auth.me()).name)));
  assert.equal(new Set(names).size, 1);
  assert.match(names[0], /^Bo/);
  assert.equal(refreshes.length, 1);
  assert.match(refreshes[0].headers()["idempotency-key"], /^[0-9a-f-]{36}$/);
});

test("an expired token is refreshed once and the request repeated once", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const asked = await page.evaluate(async () => {
    const asked = [];
    let expire = false;
    const expired = () => new Response(JSON.stringify({ code: "token_expired", status: 401, detail: "old" }), { status: 401 });
    const client = createClient({
      storage: "memory",
      fetch: (url, init) => {
        asked.push(new URL(url).pathname);
        return expire && url.endsWith("/auth/me") ? expired() : fetch(url, init);
      },
    });
    await signIn(client, "ada");
    asked.length = 0;
    expire = true;
    const refused = await told(client.auth.me());
    return { asked, refused: refused.code, still: client.session !== null };
  });
  assert.deepEqual(asked, { asked: ["/auth/me", "/auth/refresh", "/auth/me"], refused: "token_expired", still: true });
});

test("a lost answer to a refresh is repeated with the same key; a lost network never signs out; a refused token does", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const seen = await page.evaluate(async () => {
    const keys = [];
    let fate = "lose the answer";
    const storage = { items: new Map(), getItem: (key) => storage.items.get(key) ?? null, setItem: (key, value) => storage.items.set(key, value), removeItem: (key) => storage.items.delete(key) };
    const age = () => {
      for (const [key, text] of storage.items) storage.items.set(key, JSON.stringify({ ...JSON.parse(text), expires_at: 0 }));
    };
    const client = createClient({
      storage,
      fetch: async (url, init) => {
        if (!url.endsWith("/auth/refresh")) return fetch(url, init);
        keys.push(init.headers["Idempotency-Key"]);
        if (fate === "no network") throw new TypeError("no network");
        const answer = await fetch(url, init);
        if (fate === "lose the answer" && keys.length === 1) throw new TypeError("lost");
        return answer;
      },
    });
    await signIn(client, "ada");
    age();
    const name = (await client.auth.me()).name;
    fate = "no network";
    age();
    const offline = await told(client.auth.me());
    const still = client.session !== null;
    fate = "none";
    for (const [key, text] of storage.items) storage.items.set(key, JSON.stringify({ ...JSON.parse(text), refresh_token: "forged" }));
    const sessions = [];
    client.on("session", (session) => sessions.push(session));
    const refused = await told(client.auth.me());
    return { name: name.split(" ")[0], same: keys[0] === keys[1], offline: offline.kind, still, status: refused.status, code: refused.code, sessions, session: client.session };
  });
  const { code, ...rest } = seen;
  assert.deepEqual(rest, { name: "Ada", same: true, offline: "network", still: true, status: 401, sessions: [null], session: null });
  assert.match(code, /^(refresh|session)_/);
});

test("a dropped socket comes back and what was missed meanwhile arrives", limits, async (t) => {
  const [ada, bo] = [await blank(await stage.profile(t)), await blank(await stage.profile(t))];
  await online(ada, "ada");
  const id = await bo.evaluate(async () => {
    globalThis.sockets = [];
    globalThis.rings = [];
    globalThis.resumed = [];
    let gate = Promise.resolve();
    globalThis.hold = () => (gate = new Promise((open) => (globalThis.release = open)));
    class Recorded extends WebSocket {
      constructor(url) {
        super(url);
        sockets.push(this);
      }
    }
    globalThis.client = createClient({
      WebSocket: Recorded,
      fetch: async (url, init) => {
        if (url.endsWith("/auth/ws-ticket")) await gate;
        return fetch(url, init);
      },
    });
    await signIn(client, "bo");
    client.on("call", (call) => rings.push(call.id));
    client.on("log", ({ what, detail }) => what === "resumed" && resumed.push(detail.inbox.result));
    await client.open();
    hold();
    sockets[0].close();
    return client.session.user.id;
  });
  await until("Bo to be offline", () => bo.evaluate(() => client.state !== "online"));
  const call = await ada.evaluate(async (to) => (globalThis.call = await client.calls.start({ to, media: "audio" })).id, id);
  assert.deepEqual(await bo.evaluate(() => rings), []);
  await bo.evaluate(() => release());
  await until("Bo to be online", () => bo.evaluate(() => client.state === "online"));
  assert.deepEqual(await bo.evaluate(() => ({ rings, resumed: resumed.at(-1), sockets: sockets.length })), { rings: [call], resumed: "full", sockets: 2 });
  await ada.evaluate(() => globalThis.call.hangUp());
});

test("a socket is rolled over before it is cut, without a gap", limits, async (t) => {
  const [ada, bo] = [await blank(await stage.profile(t)), await blank(await stage.profile(t))];
  await online(ada, "ada");
  const id = await bo.evaluate(async () => {
    globalThis.lives = [];
    class ShortLived extends WebSocket {
      constructor(url) {
        super(url);
        const name = lives.filter((life) => life.startsWith("open")).length + 1;
        lives.push(`open ${name}`);
        this.name = name;
        this.addEventListener("close", () => lives.push(`closed ${name}`));
      }
      set onmessage(take) {
        const soon = () => new Date(Date.now() + 300).toISOString();
        super.onmessage = ({ data }) => take({ data: this.name === 1 ? data.replace(/"rollover_at":"[^"]+"/, `"rollover_at":"${soon()}"`) : data });
      }
    }
    globalThis.client = createClient({ WebSocket: ShortLived });
    await signIn(client, "bo");
    await client.open();
    globalThis.states = [];
    globalThis.rings = 0;
    client.on("state", ({ to }) => states.push(to));
    client.on("call", () => (rings += 1));
    return client.session.user.id;
  });
  await until("the first socket to be closed", () => bo.evaluate(() => lives.includes("closed 1")));
  assert.deepEqual(await bo.evaluate(() => ({ lives, states })), { lives: ["open 1", "open 2", "closed 1"], states: [] });
  await ada.evaluate(async (to) => (globalThis.call = await client.calls.start({ to, media: "audio" })), id);
  await until("the call on the second socket", () => bo.evaluate(() => rings === 1));
  await ada.evaluate(() => globalThis.call.hangUp());
});

test("a socket that no longer answers is given up after ten seconds", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  await page.evaluate(async () => {
    globalThis.dead = false;
    class Mortal extends WebSocket {
      send(text) {
        if (!dead) super.send(text);
      }
    }
    globalThis.client = createClient({ WebSocket: Mortal });
    await signIn(client, "ada");
    await client.open();
    globalThis.states = [];
    client.on("state", ({ to, reason }) => states.push(`${to} ${reason}`));
    dead = true;
    dispatchEvent(new Event("online"));
  });
  await until("the client to notice", () => page.evaluate(() => states.includes("offline silent")));
  await page.evaluate(() => (dead = false));
  await until("the client to be back", () => page.evaluate(() => client.state === "online"));
});

test("a duplicated tab takes a device name of its own, a reloaded one keeps it", limits, async (t) => {
  const context = await stage.profile(t);
  const page = await blank(context);
  await online(page, "ada");
  const mine = await page.evaluate(() => client.device);
  const [copy] = await Promise.all([context.waitForEvent("page"), page.evaluate(() => void open(location.href))]);
  await copy.waitForLoadState();
  const names = await copy.evaluate(async () => {
    const client = (await import("/client/client.js")).createClient();
    const before = client.device;
    await client.open();
    return [before, client.device];
  });
  assert.equal(names[0], mine, "the browser copied it");
  assert.notEqual(names[1], mine);
  await page.reload();
  const again = await page.evaluate(async () => {
    const client = (await import("/client/client.js")).createClient();
    await client.open();
    return client.device;
  });
  assert.equal(again, mine);
});

test("a call connects while one socket is away and the other hears no signals", limits, async (t) => {
  const [ada, bo] = [await blank(await stage.profile(t)), await blank(await stage.profile(t))];
  await ada.evaluate(async () => {
    class Deaf extends WebSocket {
      set onmessage(take) {
        super.onmessage = (event) => /^\{"event":"call\.(answer|candidates)"/.test(event.data) || take(event);
      }
    }
    globalThis.client = createClient({ WebSocket: Deaf });
    await signIn(client, "ada");
    await client.open();
  });
  const id = await bo.evaluate(async () => {
    let away = false;
    globalThis.leave = () => (away = true);
    globalThis.sockets = [];
    class Recorded extends WebSocket {
      constructor(url) {
        super(url);
        sockets.push(this);
      }
    }
    globalThis.client = createClient({
      WebSocket: Recorded,
      fetch: (url, init) => (away && url.endsWith("/auth/ws-ticket") ? Promise.reject(new TypeError("away")) : fetch(url, init)),
    });
    await signIn(client, "bo");
    client.on("call", (call) => (globalThis.call = call));
    await client.open();
    return client.session.user.id;
  });
  await ada.evaluate(async (to) => (globalThis.call = await client.calls.start({ to, media: "audio" })), id);
  await until("Bo's client to ring", () => bo.evaluate(() => Boolean(globalThis.call)));
  await bo.evaluate(async () => {
    leave();
    sockets.at(-1).close();
    await call.accept();
  });
  for (const page of [ada, bo]) await until("the call to connect", () => page.evaluate(() => globalThis.call.state === "connected"), { within: 25_000 });
  assert.equal(await bo.evaluate(() => client.state), "offline");
  await ada.evaluate(() => globalThis.call.hangUp());
});

test("every failure is a Problem that says its kind and what to do", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const { wrong, invalid, aborted, unreachable, out, unopened, nobody } = await page.evaluate(async () => {
    const client = createClient({ storage: "memory" });
    const out = await told(client.auth.me());
    const wrong = await told(client.auth.withPassword("nobody@example.com", "correct horse"));
    const invalid = await told(client.auth.register({ email: "nobody", password: "short", name: "" }));
    const unreachable = await told(createClient({ url: "http://localhost:9", storage: "memory" }).auth.withPassword("a@example.com", "correct horse"));
    await signIn(client, "ada");
    const aborted = await told(client.auth.send("GET", "/auth/me", { signal: AbortSignal.abort() }));
    const unopened = await told(client.calls.start({ to: "usr_00000000000000000000000000000000", media: "audio" }));
    const nobody = await told(client.auth.send("GET", "/api/webrtc/call/call_00000000000000000000000000000000"));
    return { wrong, invalid, aborted, unreachable, out, unopened, nobody };
  });
  for (const problem of [wrong, invalid, unreachable, out, unopened, nobody]) {
    assert.equal(problem.name, "Problem");
    assert.ok(problem.code && problem.remedy, JSON.stringify(problem));
  }
  assert.equal(wrong.status, 401);
  assert.match(wrong.requestId, /^req_/);
  assert.deepEqual(invalid.fields.map(({ pointer }) => pointer).sort(), ["/email", "/name", "/password"]);
  assert.equal(aborted.kind, "aborted");
  assert.equal(unreachable.kind, "network");
  assert.equal(out.code, "signed_out");
  assert.equal(unopened.code, "not_open");
  assert.equal(nobody.status, 404);
});

test("without a microphone nobody is rung", limits, async (t) => {
  const [ada, bo] = [await blank(await stage.profile(t)), await blank(await stage.profile(t))];
  await online(ada, "ada");
  const id = await online(bo, "bo");
  for (const [error, code] of [["NotAllowedError", "denied"], ["NotFoundError", "no_device"]]) {
    const problem = await ada.evaluate(async ([id, error]) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", error));
      return told(client.calls.start({ to: id, media: "video" }));
    }, [id, error]);
    assert.equal(problem.code, code);
    assert.ok(problem.remedy);
  }
  assert.deepEqual(await ada.evaluate(() => client.calls.active()), []);
});

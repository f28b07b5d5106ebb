import assert from "node:assert/strict";
import { createServer } from "node:http";
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

/** A server of a few lines: what it answers by path, and what it was asked. */
const pretend = (page) =>
  page.evaluate(() => {
    globalThis.asked = [];
    globalThis.answers = {};
    const items = new Map();
    const storage = { items, getItem: (key) => items.get(key) ?? null, setItem: (key, value) => items.set(key, value), removeItem: (key) => items.delete(key) };
    const reply = (status, body, headers = {}) => new Response(body && JSON.stringify(body), { status, headers });
    globalThis.tooMany = (seconds) => () => reply(429, { code: "too_many_requests", status: 429, detail: "slow down", remedy: "Wait.", retry: "later", retry_after: seconds }, { "Retry-After": String(seconds) });
    globalThis.tokens = (name = "ada", more = {}) => () =>
      reply(200, { access_token: `token of ${name}`, expires_in: 600, refresh_token: "r", session_id: `ses_${name}`, user: { id: `usr_${name}`, name }, ...more }, { "RateLimit-Policy": '"login";q=5;w=100, "login_address";q=10;w=600', RateLimit: '"login";r=4;t=20, "login_address";r=9;t=60' });
    globalThis.lost = () => { throw new TypeError("lost"); };
    globalThis.reply = reply;
    globalThis.client = createClient({
      url: location.origin,
      storage,
      fetch: async (url, init) => {
        const path = new URL(url).pathname;
        asked.push({ path, at: performance.now(), key: init.headers["Idempotency-Key"], body: init.body && JSON.parse(init.body) });
        return (answers[path].length > 1 ? answers[path].shift() : answers[path][0])();
      },
    });
  });

test("too many: what is keyed waits and asks again with the same key, within bounds; what is not says so at once", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  await pretend(page);
  const seen = await page.evaluate(async () => {
    answers["/auth/login"] = [tooMany(1), tooMany(1), tokens()];
    await client.auth.withPassword("ada@example.com", "correct horse");
    const login = asked.splice(0);
    const limits = [...client.limits.values()].map(({ name, quota, windowMs, remaining, resetMs }) => ({ name, quota, windowMs, remaining, resetMs }));

    answers["/auth/login"] = [tooMany(0)];
    const busy = await client.auth.withPassword("ada@example.com", "correct horse").catch((problem) => problem);
    const bounded = asked.splice(0).length;

    answers["/auth/login"] = [tooMany(60)];
    const far = await client.auth.withPassword("ada@example.com", "correct horse").catch((problem) => problem);
    const patient = asked.splice(0).length;

    answers["/thing"] = [tooMany(0)];
    const once = await client.auth.send("POST", "/thing").catch((problem) => problem);
    const unkeyed = asked.splice(0).length;

    const over = new AbortController();
    answers["/thing"] = [tooMany(2)];
    setTimeout(() => over.abort(), 100);
    const began = performance.now();
    const aborted = await client.auth.send("GET", "/thing", { signal: over.signal }).catch((problem) => problem);
    return { login, limits, busy: busy.code, bounded, far: [far.status, far.retryAfterMs], patient, once: once.retryAfterMs, unkeyed, aborted: aborted.kind, soon: performance.now() - began < 1_000 };
  });
  const { login, ...rest } = seen;
  assert.equal(login.length, 3);
  assert.equal(new Set(login.map(({ key }) => key)).size, 1);
  assert.match(login[0].key, /^[0-9a-f-]{36}$/);
  for (const i of [1, 2]) {
    const waited = login[i].at - login[i - 1].at;
    assert.ok(waited >= 1_000 && waited < 2_000, `waited ${waited} ms`);
  }
  assert.deepEqual(rest, {
    limits: [{ name: "login", quota: 5, windowMs: 100_000, remaining: 4, resetMs: 20_000 }, { name: "login_address", quota: 10, windowMs: 600_000, remaining: 9, resetMs: 60_000 }],
    busy: "too_many_requests", bounded: 4, far: [429, 60_000], patient: 1, once: 0, unkeyed: 1, aborted: "aborted", soon: true,
  });
});

test("what makes something carries one key per intent, also when the button is pressed again after a lost answer", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  await pretend(page);
  const asked = await page.evaluate(async () => {
    const account = { email: "ada@example.com", password: "correct horse", name: "Ada" };
    answers["/auth/register"] = [lost, lost, tokens()];
    await client.auth.register(account).catch(() => {});
    await client.auth.register(account);
    await client.auth.register(account);
    answers["/auth/token"] = [lost, tokens()];
    await client.auth.enter("code");
    answers["/auth/login"] = [() => reply(401, { code: "wrong_credentials", status: 401, detail: "no" })];
    for (let i = 0; i < 2; i += 1) await client.auth.withPassword("ada@example.com", "correct horse").catch(() => {});
    return globalThis.asked;
  });
  const keys = (path) => asked.filter((one) => one.path === path).map(({ key }) => key);
  const [a, b, c, d] = keys("/auth/register");
  assert.ok(a && a === b && b === c, "one account");
  assert.notEqual(c, d, "what was heard is over");
  const [e, f] = keys("/auth/token");
  assert.equal(e, f);
  const [g, h] = keys("/auth/login");
  assert.ok(g && h && g !== h, "a refused sign-in is over");
});

test("a device token outlives the sign-out, and goes with the next sign-in of its own address alone", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  await pretend(page);
  const { bodies, stored } = await page.evaluate(async () => {
    answers["/auth/logout"] = [() => reply(204)];
    answers["/auth/login"] = [tokens("ada", { device_token: "dev_1" }), tokens("ada", { device_token: "dev_2" }), tokens("bo"), tokens("ada")];
    for (const email of ["ada@example.com", " Ada@Example.com", "bo@example.com", "ada@example.com"]) {
      await client.auth.withPassword(email, "correct horse");
      await client.auth.signOut();
    }
    return { bodies: asked.filter(({ path }) => path === "/auth/login").map(({ body }) => body.device_token ?? null), stored: Object.keys(localStorage).join() };
  });
  assert.deepEqual(bodies, [null, "dev_1", null, "dev_2"]);
  assert.doesNotMatch(stored, /example/, "no address is left behind");
});

test("the server's own device token is taken back", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const sent = await page.evaluate(async () => {
    const bodies = [];
    const client = createClient({ fetch: (url, init) => (url.endsWith("/auth/login") && bodies.push(JSON.parse(init.body)), fetch(url, init)) });
    const email = `grace-${Date.now()}@example.com`;
    await client.auth.register({ email, password: "correct horse", name: "Grace" });
    for (let i = 0; i < 2; i += 1) {
      await client.auth.signOut();
      await client.auth.withPassword(email, "correct horse");
    }
    return bodies.map(({ device_token }) => typeof device_token);
  });
  assert.deepEqual(sent, ["string", "string"], "from the registration on");
});

test("a session that the server ended is over at the next request or ticket, once, and nothing is tried for ever", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  await pretend(page);
  const seen = await page.evaluate(async () => {
    const revoked = () => reply(401, { code: "session_revoked", status: 401, detail: "this session was signed out", remedy: "Sign in again." });
    answers["/auth/login"] = [tokens()];
    answers["/auth/ws-ticket"] = answers["/auth/me"] = [revoked];
    const events = [];
    client.on("state", ({ to, reason }) => events.push(`${to} ${reason}`));
    client.on("signed_out", ({ reason, problem }) => events.push(`${reason} ${problem?.code}`));
    await client.auth.withPassword("ada@example.com", "correct horse");
    const opened = await told(client.open());
    const first = events.splice(0);
    await client.auth.withPassword("ada@example.com", "correct horse");
    const me = await told(client.auth.me());
    await new Promise((done) => setTimeout(done, 1_000));
    return { opened: opened.code, first, me: me.code, then: events, session: client.session, tickets: asked.filter(({ path }) => path === "/auth/ws-ticket").length };
  });
  assert.deepEqual(seen, {
    opened: "session_revoked", first: ["connecting asked", "closed session_ended", "session_ended session_revoked"],
    me: "session_revoked", then: ["session_ended session_revoked"], session: null, tickets: 1,
  });
});

test("whoever says too much is told so and stays away for ten seconds", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const seen = await page.evaluate(async () => {
    const sockets = [];
    class Held extends WebSocket {
      constructor(url) {
        super(url);
        sockets.push(this);
      }
    }
    const client = createClient({ storage: "memory", WebSocket: Held });
    await signIn(client, "ada");
    const events = [];
    const away = new Promise((done) => client.on("state", ({ to, reason, doing }) => (events.push(`${to} ${reason} ${doing}`), to === "offline" && done())));
    await client.open();
    events.length = 0;
    for (let n = 0; n < 130; n += 1) sockets[0].send(JSON.stringify({ action: "ping" }));
    await away;
    await client.close();
    return events;
  });
  assert.match(seen[0], /^offline refused waiting 1\d\.\d s/);
});

test("an offer whose answer was lost is repeated with its key and its body, and counts once", limits, async (t) => {
  const [ada, bo] = [await blank(await stage.profile(t)), await blank(await stage.profile(t))];
  const id = await online(bo, "bo");
  await bo.evaluate(() => client.on("call", (call) => { globalThis.call = call; void call.accept(); }));
  await ada.evaluate(() => {
    globalThis.offers = [];
    globalThis.client = createClient({
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (!url.endsWith("/offer")) return answer;
        const { offer_id } = await answer.clone().json();
        offers.push({ key: init.headers["Idempotency-Key"], body: init.body, offer_id });
        if (offers.length <= 2) throw new TypeError("lost");
        return answer;
      },
    });
  });
  await online(ada, "ada");
  await ada.evaluate(async (to) => (globalThis.call = await client.calls.start({ to, media: "audio" })), id);
  for (const page of [ada, bo]) await until("the call to connect", () => page.evaluate(() => globalThis.call?.state === "connected"), { within: 25_000 });
  const [first, ...again] = await ada.evaluate(() => offers);
  assert.match(first.key, /^[0-9a-f-]{36}$/);
  assert.deepEqual(again.slice(0, 2), [first, first], "the same key, the same body, the same offer");
  await ada.evaluate(() => globalThis.call.hangUp());
});

test("diagnose tells CORS and the page's own policy from a server that is not there, and a busy camera from a denied one", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const other = createServer((_, answer) => answer.end("{}")).listen(0);
  t.after(() => other.close());
  const finding = (findings, check) => findings.find((one) => one.check === check);
  const seen = await page.evaluate(async (port) => {
    const look = (url) => createClient({ url, storage: "memory" }).diagnose({ ask: true });
    const csp = await look(`http://localhost:${port}`);
    const wrong = await look(`${location.origin}/docs`);
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("in use", "NotReadableError"));
    const busy = await look(location.origin);
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied by system", "NotAllowedError"));
    const system = await look(location.origin);
    navigator.mediaDevices.enumerateDevices = async () => [];
    const none = await look(location.origin);
    return { csp, wrong, busy, system, none };
  }, other.address().port);
  const plain = await page.context().newPage();
  await plain.goto(`${stage.url}/api/webrtc/health`); // an answer without a policy
  for (const [name, port] of [["cors", other.address().port], ["gone", 2]]) {
    seen[name] = await plain.evaluate(async (port) => (await import("/client/client.js")).createClient({ url: `http://localhost:${port}`, storage: "memory" }).diagnose(), port);
  }
  assert.match(finding(seen.cors, "api").cause, /does not allow this page's origin/);
  assert.match(finding(seen.cors, "api").remedy, /AllowedOrigins/);
  assert.match(finding(seen.csp, "api").cause, /Content-Security-Policy forbids the API/);
  assert.match(finding(seen.gone, "api").remedy, /Start the server/);
  assert.match(finding(seen.wrong, "api").cause, /not Dchat answered with status 404/);
  assert.match(finding(seen.busy, "camera").remedy, /Close the other program/);
  assert.match(finding(seen.system, "camera").remedy, /system's privacy settings/);
  assert.equal(finding(seen.none, "camera").result, "warn");
  assert.equal(finding(seen.none, "microphone").result, "fail");
  for (const findings of Object.values(seen)) {
    assert.equal(findings.length, 9);
    for (const { check, result, remedy } of findings) assert.ok(result === "ok" || remedy, `${check} has a remedy`);
  }
});

test("diagnose tells a socket that is refused from one that swallows frames", limits, async (t) => {
  const page = await blank(await stage.profile(t));
  const [refused, mute] = await page.evaluate(async () => {
    class Refused extends WebSocket {
      constructor(url) {
        super(url.replace("/socket", "/nothing"));
      }
    }
    class Mute extends WebSocket {
      send() {}
    }
    return Promise.all([Refused, Mute].map(async (WebSocket) => {
      const client = createClient({ storage: "memory", WebSocket });
      await signIn(client, "ada");
      return (await client.diagnose()).find(({ check }) => check === "socket");
    }));
  });
  assert.match(`${refused.cause} ${refused.remedy}`, /refused to open \(1006\).*forward the headers Upgrade and Connection/);
  assert.match(`${mute.cause} ${mute.remedy}`, /a ping had no answer.*proxy/);
});

test("in Node the client signs in, asks and diagnoses what is not a browser's", limits, async () => {
  const { createClient } = await import("../../../clients/js/client.js");
  const client = createClient({ url: stage.url, storage: "memory" });
  await client.auth.register({ email: `node-${Date.now()}@example.com`, password: "correct horse", name: "Node" });
  assert.equal((await client.auth.me()).name, "Node");
  const findings = await client.diagnose();
  assert.deepEqual(findings.slice(0, 3).map(({ check, result }) => `${check} ${result}`), ["api ok", "clock ok", "session ok"]);
  const text = await createClient({ url: "http://127.0.0.1:2", storage: "memory" }).diagnose({ format: "text" });
  assert.match(text, /^api +fail .*Start the server/m);
  assert.doesNotMatch(text, /127\.0\.0\.1/);
});

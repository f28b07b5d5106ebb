// Signing in with LinkedIn, against a provider that others wrote and certified. Every test has its own people.
//
//   DCHAT_BIN=target/debug/dchat node --test tests/peers/linkedin/login.test.mjs
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Browser } from './browser.mjs';
import { claimsOf, startProvider } from './op.mjs';
import { freePort, startServer } from './server.mjs';

const PASSWORD = 'correct horse battery staple';
const bearer = (tokens) => ({ authorization: `Bearer ${tokens.access_token}` });
const json = (body) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('sign in with LinkedIn', { timeout: 120_000 }, () => {
  let op, dchat, misconfigured, callback;
  /** What must be found in no log. */
  const secrets = new Set();

  before(async () => {
    const [port, other] = [await freePort(), await freePort()];
    const callbackOf = (at) => `http://localhost:${at}/auth/linkedin/callback`;
    callback = callbackOf(port);
    op = await startProvider({ redirectUri: [callback, callbackOf(other)] });
    dchat = await startServer({ port, settings: op.settings });
    misconfigured = await startServer({
      port: other,
      settings: { ...op.settings, LINKEDIN_CLIENT_SECRET: 'not-the-secret' },
    });
    secrets.add(op.settings.LINKEDIN_CLIENT_SECRET);
  });

  after(async () => {
    await Promise.all([dchat?.stop(), misconfigured?.stop()]);
    await op?.close();
  });

  const api = (path, init) => fetch(`${dchat.origin}${path}`, { ...init, signal: AbortSignal.timeout(10_000) });

  async function answer(response, status = 200) {
    const text = await response.text();
    assert.equal(response.status, status, text);
    return text && JSON.parse(text);
  }

  async function refused(response, status, code) {
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(response.headers.get('location'), null);
    const problem = await answer(response, status);
    assert.equal(problem.code, code);
    assert(problem.remedy && problem.docs, 'a problem says what to do');
  }

  /** Where the callback sends the browser: the app, with a parameter and nothing that is a token. */
  async function toApp(response, origin = dchat.origin) {
    assert.equal(response.status, 303, await response.text());
    const url = new URL(response.headers.get('location'), response.url);
    assert.equal(url.origin, origin);
    for (const [name, value] of url.searchParams) assert(!/token/.test(name) && !/^eyJ.*\./.test(value), `${name} in a URL`);
    return url.searchParams;
  }

  /** Begins a sign-in: where the provider is, as the API says it. */
  const begin = async (browser, { tokens, origin = dchat.origin } = {}) =>
    answer(await browser.go(`${origin}/auth/linkedin/auth-url`, { headers: tokens && bearer(tokens) }));

  /** The callback that the provider would send this browser to. */
  async function comeBack(browser, as, options) {
    const { auth_url } = await begin(browser, options);
    const back = await browser.signIn(auth_url, callback, { as });
    secrets.add(new URL(back).searchParams.get('code'));
    return back;
  }

  async function exchange(code) {
    assert(code, 'a one-time code');
    secrets.add(code);
    const tokens = await answer(await api('/auth/token', json({ code })));
    secrets.add(tokens.access_token).add(tokens.refresh_token);
    return tokens;
  }

  async function signIn(as, browser = new Browser()) {
    const app = await toApp(await browser.go(await comeBack(browser, as)));
    return exchange(app.get('code'));
  }

  /** Redeems a code at the provider, past our server. */
  const redeem = (code) =>
    fetch(op.settings.LINKEDIN_TOKEN_URL, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: callback,
        client_id: op.settings.LINKEDIN_CLIENT_ID,
        client_secret: op.settings.LINKEDIN_CLIENT_SECRET,
      }),
    });

  const me = async (tokens) => answer(await api('/auth/me', { headers: bearer(tokens) }));
  const post = (path, tokens) => api(path, { method: 'POST', headers: bearer(tokens) });

  async function register() {
    const email = `${randomUUID()}@example.com`;
    return answer(await api('/auth/register', json({ email, password: PASSWORD, name: 'Robin' })), 201);
  }

  /** Nobody has this LinkedIn account yet: the next sign-in makes the account. */
  async function isStillNobody(as) {
    const asked = Date.now();
    const { created_at } = await me(await signIn(as));
    assert(Date.parse(created_at) >= asked, `there was an account already, made at ${created_at}`);
  }

  it('makes an account with what LinkedIn says', async () => {
    const browser = new Browser();
    const start = await browser.go(`${dchat.origin}/auth/linkedin/auth-url?redirect=true`);
    assert.equal(start.status, 303);
    const authUrl = new URL(start.headers.get('location'));
    assert.equal(authUrl.origin, op.url);
    assert.equal(authUrl.searchParams.get('scope'), 'openid profile email');
    assert.equal(authUrl.searchParams.get('redirect_uri'), callback);

    const app = await toApp(await browser.go(await browser.signIn(authUrl.href, callback, { as: 'ada' })));
    const tokens = await exchange(app.get('code'));
    assert.equal(tokens.token_type, 'Bearer');

    const said = claimsOf('ada');
    const account = await me(tokens);
    assert.equal(account.id, tokens.user.id);
    assert.match(account.id, /^usr_[0-9a-f]{32}$/);
    assert.deepEqual(account.ways_in, ['linkedin']);
    assert.equal(account.name, said.name);
    assert.equal(account.email, said.email);
    assert.equal(account.email_verified, true);
    assert.equal(account.picture, said.picture);

    const profile = await answer(await api('/auth/linkedin/profile', { headers: bearer(tokens) }));
    assert.equal(profile.linkedin_id, said.sub);
    for (const claim of ['name', 'given_name', 'family_name', 'email', 'email_verified', 'picture']) {
      assert.equal(profile[claim], said[claim], claim);
    }
  });

  it('binds the sign-in to the browser with a cookie that no script and no other site gets', async () => {
    const browser = new Browser();
    await begin(browser);
    assert.equal(browser.cookies.length, 1);
    const [{ attributes, path }] = browser.cookies;
    assert(attributes.has('httponly'));
    assert.match(attributes.get('samesite'), /^lax$/i);
    assert.equal(path, '/');
  });

  it('knows the person again', async () => {
    const first = await signIn('bo');
    const second = await signIn('bo');
    assert.equal(second.user.id, first.user.id);
    assert.notEqual(second.session_id, first.session_id);
  });

  it('tells people apart by who LinkedIn says they are, not by their address', async () => {
    op.people.set('cy', { email: 'shared@linkedin.example' }).set('di', { email: 'shared@linkedin.example' });
    const [cy, di] = [await signIn('cy'), await signIn('di')];
    assert.notEqual(cy.user.id, di.user.id);
  });

  it('takes "true" for true', async () => {
    op.people.set('eve', { email_verified: 'true' });
    assert.equal((await me(await signIn('eve'))).email_verified, true);
  });

  it('honours a one-time code once', async () => {
    const browser = new Browser();
    const app = await toApp(await browser.go(await comeBack(browser, 'finn')));
    await exchange(app.get('code'));
    await refused(await api('/auth/token', json({ code: app.get('code') })), 400, 'code_refused');
  });

  it('refuses a callback that was used', async () => {
    const browser = new Browser();
    const back = await comeBack(browser, 'gil');
    await exchange((await toApp(await browser.go(back))).get('code'));
    await refused(await browser.go(back), 400, 'sign_in_refused');
  });

  it('refuses a callback that nobody began', async () => {
    const browser = new Browser();
    const back = new URL(await comeBack(browser, 'hal'));
    back.searchParams.set('state', 'A'.repeat(43));
    await refused(await browser.go(back), 400, 'sign_in_refused');
  });

  it('refuses the callback of another browser, and the right one still finishes', async () => {
    const [right, stranger, another] = [new Browser(), new Browser(), new Browser()];
    const back = await comeBack(right, 'ida');
    await refused(await stranger.go(back), 400, 'sign_in_refused');
    await begin(another);
    await refused(await another.go(back), 400, 'sign_in_refused');

    const app = await toApp(await right.go(back));
    assert.equal((await me(await exchange(app.get('code')))).name, claimsOf('ida').name);
  });

  it('lets two tabs of one browser sign in at the same time', async () => {
    const browser = new Browser();
    const tabs = [await comeBack(browser, 'jo'), await comeBack(browser, 'jo')];
    const codes = [];
    for (const back of tabs) codes.push((await toApp(await browser.go(back))).get('code'));
    const [one, other] = [await exchange(codes[0]), await exchange(codes[1])];
    assert.equal(one.user.id, other.user.id);
  });

  it('returns to the page of the app that the sign-in began on, and to no other site', async () => {
    const browser = new Browser();
    const begun = (path) => browser.go(`${dchat.origin}/auth/linkedin/auth-url?return_to=${encodeURIComponent(path)}`);
    const { auth_url } = await answer(await begun('/calls'));
    const done = await browser.go(await browser.signIn(auth_url, callback, { as: 'pat' }));
    assert.equal(new URL(done.headers.get('location'), done.url).pathname, '/calls');
    await exchange((await toApp(done)).get('code'));
    for (const elsewhere of ['https://evil.example/', '//evil.example/', '/\\evil.example/']) {
      assert.equal((await begun(elsewhere)).status, 422, elsewhere);
    }
  });

  it('asks the person again when LinkedIn no longer takes the kept token', async () => {
    const browser = new Browser();
    const back = await comeBack(browser, 'rio');
    const tokens = await exchange((await toApp(await browser.go(back))).get('code'));
    // A provider revokes what it gave for a code that comes a second time (RFC 6749 section 4.1.2).
    assert.equal((await redeem(new URL(back).searchParams.get('code'))).status, 400);

    const response = await browser.go(`${dchat.origin}/auth/linkedin/sync`, { method: 'POST', headers: bearer(tokens) });
    const asked = await answer(response);
    assert.deepEqual([asked.synced, asked.auth_required], [false, true]);
    const app = await toApp(await browser.go(await browser.signIn(asked.auth_url, callback, { as: 'rio' })));
    assert.equal(app.get('linked'), 'linkedin');
    assert.equal((await answer(await post('/auth/linkedin/sync', tokens))).synced, true);
  });

  it('ends in an error, and makes no account, when the code was redeemed before', async () => {
    const browser = new Browser();
    const stolen = new URL(await comeBack(browser, 'kim')).searchParams.get('code');
    assert.equal((await redeem(stolen)).status, 200);

    const back = new URL(callback);
    back.searchParams.set('code', stolen);
    back.searchParams.set('state', (await begin(browser)).state);
    const app = await toApp(await browser.go(back));
    assert(app.get('error'));
    assert.equal(app.get('code'), null);
    await isStillNobody('kim');
  });

  it('ends in an error, and makes no account, when consent is denied', async () => {
    const browser = new Browser();
    const { auth_url } = await begin(browser);
    const app = await toApp(await browser.go(await browser.signIn(auth_url, callback, { as: 'lou', cancel: true })));
    assert.equal(app.get('error'), 'access_denied');
    assert(app.get('error_description'));
    assert.equal(app.get('code'), null);
    await isStillNobody('lou');
  });

  it('ends in an error when the client secret is wrong', async () => {
    const browser = new Browser();
    const { auth_url } = await begin(browser, { origin: misconfigured.origin });
    const back = await browser.signIn(auth_url, `${misconfigured.origin}/auth/linkedin/callback`, { as: 'mia' });
    const app = await toApp(await browser.go(back), misconfigured.origin);
    assert(app.get('error'));
    assert.equal(app.get('code'), null);
    assert.match(misconfigured.said(), /invalid_client/, 'the log names the cause');
  });

  it('asks LinkedIn again with the token it kept', async () => {
    const tokens = await signIn('noa');
    op.people.set('noa', { name: 'Noa Renamed' });
    const synced = await answer(await post('/auth/linkedin/sync', tokens));
    assert.equal(synced.synced, true);
    assert.equal(synced.profile.name, 'Noa Renamed');
    assert.equal((await me(tokens)).name, 'Noa Renamed');
  });

  it('does not unlink the only way in', async () => {
    const tokens = await signIn('ola');
    await refused(await post('/auth/linkedin/unlink', tokens), 409, 'last_way_in');
    assert.deepEqual((await me(tokens)).ways_in, ['linkedin']);
  });

  it('links LinkedIn to an account with a password, and lets it go again', async () => {
    const tokens = await register();
    const browser = new Browser();
    const app = await toApp(await browser.go(await comeBack(browser, 'pia', { tokens })));
    assert.equal(app.get('linked'), 'linkedin');
    assert.equal(app.get('code'), null);
    assert.deepEqual((await me(tokens)).ways_in.toSorted(), ['linkedin', 'password']);
    assert.equal((await signIn('pia')).user.id, tokens.user.id);

    assert((await post('/auth/linkedin/unlink', tokens)).ok);
    assert.deepEqual((await me(tokens)).ways_in, ['password']);
    assert.notEqual((await signIn('pia')).user.id, tokens.user.id);
  });

  it('does not link a LinkedIn account that signs in to another account', async () => {
    const owner = await signIn('quin');
    const tokens = await register();
    const browser = new Browser();
    const app = await toApp(await browser.go(await comeBack(browser, 'quin', { tokens })));
    assert(app.get('error'));
    assert.equal(app.get('linked'), null);
    assert.deepEqual((await me(tokens)).ways_in, ['password']);
    assert.equal((await signIn('quin')).user.id, owner.user.id);
  });

  it('leaves no secret in a log', () => {
    const log = dchat.said() + misconfigured.said();
    for (const secret of secrets) assert(!log.includes(secret), 'a secret was logged');
    assert(secrets.size > 20);
  });
});

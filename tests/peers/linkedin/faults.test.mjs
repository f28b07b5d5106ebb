// Whatever the provider does, a sign-in ends in the app with a named error, in time, and leaves nothing behind.
//
//   DCHAT_BIN=target/debug/dchat node --test tests/peers/linkedin/faults.test.mjs
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Browser } from './browser.mjs';
import { freePort, startServer } from './server.mjs';
import { startUnreliableProvider } from './unreliable.mjs';

const TOKEN = '/oauth/v2/accessToken';
const USERINFO = '/v2/userinfo';
const KEYS = '/oauth/openid/jwks';
const NOT_BELIEVED = 'provider_refused';
const UNAVAILABLE = 'provider_unavailable';

const now = () => Math.floor(Date.now() / 1000);
const claims = (change) => ({ claims: change });
const forged = (how) => ({ token: ({ body }, op) => (body.id_token = op.forged[how](body.id_token)) });
const said = (statusCode, body) => ({ token: (response) => Object.assign(response, { statusCode, body }) });
const raw = (path, answer) => ({ raw: { [path]: answer } });
const html = (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sorry</h1>');
const json = (text) => (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(text);
const status = (code) => (_, response) => response.writeHead(code, { 'retry-after': '60' }).end();
const silent = () => {};
const drop = (request) => request.socket.destroy();
function huge(_, response) {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`{"access_token":"${'a'.repeat(10_000_000)}"}`);
}
function drip(_, response) {
  response.writeHead(200, { 'content-type': 'application/json' });
  const drops = setInterval(() => response.write(' '), 300);
  response.on('close', () => clearInterval(drops));
}

/** What goes wrong, and the error that the app is told. */
const FAULTS = {
  // What the id_token says.
  'another issuer': [claims((c) => (c.iss = 'https://evil.example')), NOT_BELIEVED],
  'no issuer': [claims((c) => delete c.iss), NOT_BELIEVED],
  'another audience': [claims((c) => (c.aud = 'another-app')), NOT_BELIEVED],
  'several audiences, authorized for another': [claims((c) => Object.assign(c, { aud: [c.aud, 'other'], azp: 'other' })), NOT_BELIEVED],
  'several audiences, authorized for nobody': [claims((c) => (c.aud = [c.aud, 'other'])), NOT_BELIEVED],
  'expired long ago': [claims((c) => (c.exp = now() - 3600)), NOT_BELIEVED],
  'no expiry': [claims((c) => delete c.exp), NOT_BELIEVED],
  'made in the future': [claims((c) => (c.iat = now() + 3600)), NOT_BELIEVED],
  'valid only later': [claims((c) => (c.nbf = now() + 3600)), NOT_BELIEVED],
  'no subject': [claims((c) => delete c.sub), NOT_BELIEVED],
  'a subject that is no text': [claims((c) => (c.sub = 7)), NOT_BELIEVED],
  // Who signed it.
  'not signed': [forged('unsigned'), NOT_BELIEVED],
  'not signed, in other letters': [forged('byTheWordNone'), NOT_BELIEVED],
  'signed with the public key as a shared secret': [forged('withThePublicKeyAsSecret'), NOT_BELIEVED],
  'signed by a stranger under the right key id': [forged('byAStranger'), NOT_BELIEVED],
  'changed after signing': [forged('changedAfterwards'), NOT_BELIEVED],
  'an unknown key': [{ header: (header) => (header.kid = 'unheard-of') }, NOT_BELIEVED],
  'no id_token': [{ token: ({ body }) => delete body.id_token }, NOT_BELIEVED],
  'an id_token that is none': [{ token: ({ body }) => (body.id_token = 'a.b.c') }, NOT_BELIEVED],
  // How the token endpoint answers.
  'the code is refused': [said(400, { error: 'invalid_grant', error_description: 'no' }), NOT_BELIEVED],
  'a refusal with a forged line of log': [said(400, { error: 'x\n2026-01-01T00:00:00Z ERROR forged: line' }), NOT_BELIEVED],
  'an error 500': [raw(TOKEN, status(500)), UNAVAILABLE],
  'an error 502, with a page': [raw(TOKEN, (_, response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502</h1>')), UNAVAILABLE],
  'an error 429': [raw(TOKEN, status(429)), UNAVAILABLE],
  'no answer in time': [raw(TOKEN, silent), UNAVAILABLE],
  'an answer that drips': [raw(TOKEN, drip), UNAVAILABLE],
  'a connection cut': [raw(TOKEN, drop), UNAVAILABLE],
  'half of an answer': [raw(TOKEN, json('{"access_token":"a","token_type":"Bea')), UNAVAILABLE],
  'a page instead of JSON': [raw(TOKEN, html), UNAVAILABLE],
  '10 MB': [raw(TOKEN, huge), UNAVAILABLE],
  'a redirect': [raw(TOKEN, (_, response) => response.writeHead(307, { location: '/elsewhere' }).end()), UNAVAILABLE],
  'no access token': [{ token: ({ body }) => delete body.access_token }, UNAVAILABLE],
  // How the others answer.
  'userinfo of somebody else': [{ userinfo: ({ body }) => (body.sub = 'somebody-else') }, NOT_BELIEVED],
  'userinfo of nobody': [{ userinfo: ({ body }) => (body.sub = '') }, NOT_BELIEVED],
  'userinfo says 401': [{ userinfo: (response) => (response.statusCode = 401) }, NOT_BELIEVED],
  'userinfo says 503': [{ userinfo: (response) => (response.statusCode = 503) }, UNAVAILABLE],
  'userinfo is silent': [raw(USERINFO, silent), UNAVAILABLE],
  'userinfo is a page': [raw(USERINFO, html), UNAVAILABLE],
  'userinfo of 10 MB': [raw(USERINFO, huge), UNAVAILABLE],
  'keys that are none, when an unknown one is asked for': [{ header: (header) => (header.kid = 'new'), ...raw(KEYS, html) }, UNAVAILABLE],
  'no keys, when an unknown one is asked for': [{ header: (header) => (header.kid = 'new'), ...raw(KEYS, json('{"keys":[]}')) }, NOT_BELIEVED],
};

/** The server answers by itself after this long, in milliseconds. */
const LIMIT = 25_000;

describe('sign in with a provider that fails', { timeout: 240_000 }, () => {
  let op, dchat, callback;
  const secrets = new Set(['dchat-test-secret']);

  before(async () => {
    op = await startUnreliableProvider();
    const port = await freePort();
    callback = `http://localhost:${port}/auth/linkedin/callback`;
    dchat = await startServer({ port, settings: { ...op.settings, LOG_LEVEL: 'info' } });
  });
  after(async () => {
    await dchat?.stop();
    await op?.close();
  });

  /** Signs in: where the browser ends, and how long the callback took. */
  async function signIn(sub, fault = {}) {
    const browser = new Browser();
    const { auth_url } = await (await browser.go(`${dchat.origin}/auth/linkedin/auth-url`)).json();
    op.sub = sub;
    const back = await browser.signIn(auth_url, callback, { as: sub });
    secrets.add(new URL(back).searchParams.get('code')).add(new URL(back).searchParams.get('state'));
    const token = (response) => {
      secrets.add(response.body.access_token).add(response.body.id_token);
      fault.token?.(response, op);
    };
    op.fault = { ...fault, token };
    const began = Date.now();
    const response = await browser.go(back);
    op.fault = {};
    assert.equal(response.status, 303, await response.text());
    const app = new URL(response.headers.get('location'), response.url);
    assert.equal(app.origin, dchat.origin);
    return { app: app.searchParams, took: Date.now() - began };
  }

  /** The account that a sign-in led to. */
  async function account({ app }) {
    assert.equal(app.get('error'), null);
    secrets.add(app.get('code'));
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code: app.get('code') }) };
    const tokens = await (await fetch(`${dchat.origin}/auth/token`, post)).json();
    secrets.add(tokens.access_token).add(tokens.refresh_token);
    return (await fetch(`${dchat.origin}/auth/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })).json();
  }

  it('lets people in while nothing fails', async () => {
    assert.equal((await account(await signIn('first'))).name, 'Robin Example');
  });

  for (const [number, [what, [fault, error]]] of Object.entries(FAULTS).entries()) {
    it(`${what}: ${error}`, async () => {
      const sub = `person-${number}`;
      const { app, took } = await signIn(sub, fault);
      assert.deepEqual([app.get('error'), app.get('code'), app.get('linked')], [error, null, null]);
      assert(app.get('error_description'), 'says what to do');
      assert(took < LIMIT, `took ${took} ms`);

      // The provider is well again: the person gets in, and is new.
      const asked = Date.now();
      const { created_at } = await account(await signIn(sub));
      assert(Date.parse(created_at) >= asked, 'the failed sign-in left an account behind');
    });
  }

  it('follows no redirect', () => assert.equal(op.seen['/elsewhere'], undefined));

  it('believes each of two keys, and one that came later', async () => {
    await op.mock.issuer.keys.generate('RS256', { kid: 'second' });
    const [one, other] = [await account(await signIn('rotated')), await account(await signIn('rotated'))];
    assert.equal(one.id, other.id);
  });

  it('says what happened in whole lines, without secrets', () => {
    // Text on a laptop, after the banner; functions write the same fields as JSON.
    const log = dchat.said().replace(/\x1b\[[0-9;]*m/g, '').split('Ctrl-C')[1].split('\n').slice(1);
    const lines = log.filter((line) => line.trim());
    assert(lines.length > Object.keys(FAULTS).length, 'every request is logged');
    for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z\s+(INFO|WARN|ERROR) /);
    assert(!lines.some((line) => /ERROR forged/.test(line.slice(0, 60))), 'a provider wrote a line of our log');
    secrets.delete(undefined);
    for (const secret of secrets) assert(!dchat.said().includes(secret), 'a secret was logged');
    assert(!/panick/.test(dchat.said()), 'a panic');
  });
});

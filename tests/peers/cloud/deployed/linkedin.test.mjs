// Signing in with LinkedIn at the deployed stack, whose parameters name a certified provider in LinkedIn's place.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Browser } from '../../linkedin/browser.mjs';
import { claimsOf, startProvider } from '../../linkedin/op.mjs';

const stack = JSON.parse(readFileSync(process.env.DCHAT_STACK, 'utf8'));
const redirectUri = stack.outputs.LinkedInRedirectUrl;

describe('sign in with LinkedIn, deployed', { timeout: 60_000 }, () => {
  let op;
  before(async () => (op = await startProvider({ redirectUri, port: new URL(stack.provider).port })));
  after(() => op?.close());

  async function answer(response, status = 200) {
    const text = await response.text();
    assert.equal(response.status, status, text);
    return JSON.parse(text);
  }

  /** Where the app is opened after a person went through the provider's pages, or cancelled. */
  async function toApp(how) {
    const browser = new Browser();
    const { auth_url } = await answer(await browser.go(`${stack.api}/auth/linkedin/auth-url`));
    assert.equal(new URL(auth_url).searchParams.get('redirect_uri'), redirectUri, 'the output is what has to be registered');
    const back = await browser.signIn(auth_url, redirectUri, how);
    // Only in AWS's names does the redirect lead to AWS.
    const response = await browser.go(back.replace(new URL(redirectUri).origin, stack.api));
    assert.equal(response.status, 303, await response.text());
    const app = new URL(response.headers.get('location'));
    assert.equal(app.origin, stack.origin);
    return app.searchParams;
  }

  async function signIn(as) {
    const code = (await toApp({ as })).get('code');
    const headers = { 'content-type': 'application/json' };
    return answer(await fetch(`${stack.api}/auth/token`, { method: 'POST', headers, body: JSON.stringify({ code }) }));
  }

  it('makes an account the first time, and finds it the second', async () => {
    const first = await signIn('ada');
    assert.equal(first.user.name, claimsOf('ada').name);
    assert.equal((await signIn('ada')).user.id, first.user.id);
    assert.notEqual((await signIn('bo')).user.id, first.user.id);
  });

  it('ends in the app with an error when consent is denied', async () => {
    const app = await toApp({ as: 'cy', cancel: true });
    assert.equal(app.get('error'), 'access_denied');
    assert.equal(app.get('code'), null);
  });
});

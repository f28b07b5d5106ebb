// A provider at LinkedIn's paths that fails on demand. It believes any code and any secret, so it proves nothing about
// the exchange itself: login.test.mjs does, against a provider that checks.
import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { OAuth2Server } from 'oauth2-mock-server';

const PATHS = {
  authorize: '/oauth/v2/authorization',
  token: '/oauth/v2/accessToken',
  userinfo: '/v2/userinfo',
  jwks: '/oauth/openid/jwks',
};
export const CLIENT_ID = 'dchat-test';

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decoded = (token, part) => JSON.parse(Buffer.from(token.split('.')[part], 'base64url'));

/** Signs the claims of a token again, with another header, by a function from text to bytes. */
function again(token, header, signature) {
  const text = `${encoded({ ...decoded(token, 0), ...header })}.${encoded(decoded(token, 1))}`;
  return `${text}.${Buffer.from(signature(text)).toString('base64url')}`;
}

/**
 * Starts the provider. `op.fault` is what goes wrong from now on, any of
 * - `claims(payload)` and `header(header)`: changed in place before an id_token is signed;
 * - `token(response)` and `userinfo(response)`: `{statusCode, body}`, changed in place before it is sent;
 * - `raw: {path: (request, response) => …}`: answers in the provider's place.
 * `op.sub` is who signs in. `op.seen` counts requests by path.
 */
export async function startUnreliableProvider() {
  const mock = new OAuth2Server(undefined, undefined, { endpoints: PATHS });
  await mock.issuer.keys.generate('RS256', { kid: 'first' });
  const op = { mock, fault: {}, sub: 'nobody', seen: {}, paths: PATHS };

  mock.service.on('beforeTokenSigning', ({ header, payload }) => {
    payload.sub = op.sub;
    if (payload.aud !== CLIENT_ID) return; // the access token
    op.fault.claims?.(payload);
    op.fault.header?.(header);
  });
  mock.service.on('beforeResponse', (response) => op.fault.token?.(response));
  mock.service.on('beforeUserinfo', (response) => {
    response.body = { sub: op.sub, name: 'Robin Example', email: `${op.sub}@linkedin.example`, email_verified: true };
    op.fault.userinfo?.(response);
  });

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://provider');
    op.seen[pathname] = (op.seen[pathname] ?? 0) + 1;
    const answer = op.fault.raw?.[pathname] ?? mock.service.requestHandler;
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  op.url = `http://127.0.0.1:${server.address().port}`;
  mock.issuer.url = op.url;
  op.settings = {
    LINKEDIN_CLIENT_ID: CLIENT_ID,
    LINKEDIN_CLIENT_SECRET: 'dchat-test-secret',
    LINKEDIN_ISSUERS: op.url,
    LINKEDIN_AUTH_URL: op.url + PATHS.authorize,
    LINKEDIN_TOKEN_URL: op.url + PATHS.token,
    LINKEDIN_USERINFO_URL: op.url + PATHS.userinfo,
    LINKEDIN_JWKS_URL: op.url + PATHS.jwks,
  };
  op.close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };

  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const publicKey = () => createPublicKey({ key: mock.issuer.keys.toJSON()[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  /** Ways to sign that a verifier must refuse. */
  op.forged = {
    unsigned: (token) => again(token, { alg: 'none' }, () => ''),
    byTheWordNone: (token) => again(token, { alg: 'nOnE' }, () => ''),
    withThePublicKeyAsSecret: (token) => again(token, { alg: 'HS256' }, (text) => createHmac('sha256', publicKey()).update(text).digest()),
    byAStranger: (token) => again(token, {}, (text) => sign('sha256', Buffer.from(text), stranger)),
    changedAfterwards: (token) => {
      const [header, payload, signature] = token.split('.');
      return `${header}.${encoded({ ...decoded(token, 1), sub: 'somebody-else' })}.${signature}`;
    },
  };
  return op;
}

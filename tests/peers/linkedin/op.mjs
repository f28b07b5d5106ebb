// LinkedIn's place is taken by a certified OpenID provider at LinkedIn's paths, with LinkedIn's habits:
// the client authenticates in the body, PKCE is not asked for, the profile is in the id_token and at userinfo.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Provider } from 'oidc-provider';

/** What the provider says of whoever signs in under this name, which is also the `sub`. */
export const claimsOf = (sub) => ({
  sub,
  name: `${sub[0].toUpperCase()}${sub.slice(1)} Example`,
  given_name: `${sub[0].toUpperCase()}${sub.slice(1)}`,
  family_name: 'Example',
  picture: `https://media.example/${sub}.png`,
  locale: { country: 'US', language: 'en' },
  email: `${sub}@linkedin.example`,
  email_verified: true,
});

/**
 * Starts the provider. `people` overrides claims by `sub` and may be changed while it runs.
 * Anybody signs in with any password; the page asks, then asks for consent, and can be cancelled.
 */
export async function startProvider({
  redirectUri,
  port = 0,
  clientId = 'dchat-test',
  clientSecret = 'dchat-test-secret',
  people = new Map(),
}) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(url, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri].flat(),
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    routes: {
      authorization: '/oauth/v2/authorization',
      token: '/oauth/v2/accessToken',
      userinfo: '/v2/userinfo',
      jwks: '/oauth/openid/jwks',
    },
    claims: {
      openid: ['sub'],
      profile: ['name', 'given_name', 'family_name', 'picture', 'locale'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    pkce: { required: () => false },
    features: { devInteractions: { enabled: true } },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ ...claimsOf(sub), ...people.get(sub) }) }),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomBytes(4).toString('hex'), use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 600, IdToken: 3600, Interaction: 600, Session: 600 },
  });
  server.on('request', provider.callback());

  return {
    url,
    people,
    /** How a server finds this provider in LinkedIn's place. */
    settings: {
      LINKEDIN_CLIENT_ID: clientId,
      LINKEDIN_CLIENT_SECRET: clientSecret,
      LINKEDIN_ISSUERS: url,
      LINKEDIN_AUTH_URL: `${url}/oauth/v2/authorization`,
      LINKEDIN_TOKEN_URL: `${url}/oauth/v2/accessToken`,
      LINKEDIN_USERINFO_URL: `${url}/v2/userinfo`,
      LINKEDIN_JWKS_URL: `${url}/oauth/openid/jwks`,
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

// Only documented paths answer, spelled as documented.
//
//   DCHAT_BIN=target/debug/dchat node --test tests/peers/fuzz/paths.test.mjs
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { freePort, startServer } from '../linkedin/server.mjs';

/** What scanners ask for, and what a careless router would give them. */
const CURIOUS = `
  /.git/config /.git/HEAD /.gitignore /.env /.env.local /.aws/credentials /.ssh/id_rsa /.DS_Store /.well-known/
  /.well-known/openid-configuration /Cargo.toml /Cargo.lock /template.yaml /samconfig.toml /.dchat/keys.json
  /admin /admin/login /wp-login.php /phpmyadmin /cgi-bin/test /server-status /actuator /actuator/env /manage
  /debug /debug/pprof /debug/vars /metrics /health /healthz /status /info /version /trace /logs /config /env /test
  /api /api/ /api/v1 /api/v2/webrtc/health /api/users /api/webrtc /api/webrtc/call /api/webrtc/calls /api/internal
  /auth /auth/ /auth/users /auth/admin /auth/token/ /auth/me/ /auth/linkedin /auth/linkedin/token /AUTH/ME /auth/Me
  /graphql /graphiql /swagger /swagger.json /swagger-ui /api-docs /openapi.yaml /v1/openapi.json /rpc /soap
  /@connections /@connections/ /prod/@connections/x /dev /prod /2015-03-31/functions/auth/invocations /runtime/invocation/next
  /local /local/ /local/people/ /local/people/nobody/enter /local/keys /local/tokens /local/users /local/db
  /console /console/ /console/.. /console/../Cargo.toml /console/%2e%2e/Cargo.toml /console/..%2fCargo.toml /console/....//Cargo.toml
  /client /client/ /client/../package.json /client/%2e%2e%2fREADME.md /client//etc/passwd /..%2f..%2fetc/passwd /../../etc/passwd
  //auth/me /./auth/me /auth/../auth/me /auth//me /auth/me.json /auth/me;x=1 /auth/me%00 /auth%2fme /auth/me%2f /x/auth/me
`
  .trim()
  .split(/\s+/);

describe('paths', { timeout: 60_000 }, () => {
  let dchat, port;

  before(async () => {
    port = await freePort();
    dchat = await startServer({ port, settings: {} });
  });
  after(() => dchat?.stop());

  /** A request with a path as it stands; `fetch` would tidy it up. */
  async function ask(method, path, headers = {}) {
    const asked = request({ host: '127.0.0.1', port, method, path, headers: { host: `localhost:${port}`, ...headers } }).end();
    const [response] = await once(asked, 'response');
    const body = (await response.toArray()).join('');
    return { status: response.statusCode, body };
  }

  it('answers at every documented one, with and without its version', async () => {
    const { paths } = JSON.parse((await ask('GET', '/openapi.json')).body);
    assert(Object.keys(paths).length > 20);
    for (const [path, operations] of Object.entries(paths)) {
      for (const method of Object.keys(operations)) {
        for (const spelled of new Set([path, path.replace(/^\/api\/(?!v1\/)/, '/api/v1/'), path.replace('/api/v1/', '/api/')])) {
          const { status, body } = await ask(method.toUpperCase(), spelled.replace('{id}', 'x'));
          assert(status !== 405 && !body.includes('route_unknown'), `${method} ${spelled}: ${status}`);
        }
      }
    }
  });

  for (const method of ['GET', 'POST', 'DELETE']) {
    it(`answers ${method} at no other`, async () => {
      for (const path of CURIOUS) {
        const { status, body } = await ask(method, path);
        assert([400, 404, 405].includes(status), `${path}: ${status} ${body.slice(0, 200)}`);
      }
    });
  }

  it('takes a push only for a connection that is open', async () => {
    // What API Gateway guards with signatures is guarded here by ids of 96 random bits.
    for (const method of ['POST', 'DELETE']) assert.equal((await ask(method, '/@connections/AAAAAAAAAAAAAAAA')).status, 410);
    assert.equal((await ask('GET', '/@connections/AAAAAAAAAAAAAAAA')).status, 405);
  });

  it('answers no other host by name, and no page of another site where no token is needed', async () => {
    for (const path of ['/', '/local/people', '/auth/me', '/@connections/x', '/socket', '/openapi.json']) {
      assert.equal((await ask('GET', path, { host: 'rebound.example' })).status, 421, path);
    }
    for (const [method, path] of [['GET', '/local/people'], ['POST', '/local/people/ada/enter'], ['GET', '/local/trace']]) {
      assert.equal((await ask(method, path, { origin: 'https://evil.example' })).status, 403, path);
    }
  });
});

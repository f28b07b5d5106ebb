// Thousands of requests made from the contract, against the whole server. Any answer that the contract does not know, and
// any of 5xx, is a failure.
//
//   DCHAT_BIN=target/debug/dchat SCHEMATHESIS=…/bin/schemathesis node --test tests/peers/fuzz/fuzz.test.mjs
//
// FUZZ_EXAMPLES (500) and FUZZ_SEED (1) change how many, and which. The server runs with --unlimited: all of these
// requests come from one address and one person, who would be told 429 from the twentieth on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, startServer } from '../linkedin/server.mjs';

const { SCHEMATHESIS, FUZZ_EXAMPLES = '500', FUZZ_SEED = '1' } = process.env;
const [ADA_ID, BO_ID, CHIDI_ID] = [1, 2, 3].map((n) => `usr_0000000000008000800000000000000${n}`);
/** Their success needs what nobody guesses: a password, a token, a code, a sign-in that was begun, a second way in, an id. */
const SECRETIVE = [
  ...['login', 'refresh', 'exchangeCode', 'linkedinCallback', 'linkedinUnlink', 'revokeSession', 'answer'],
  // Everybody's consent and the checksum of bytes; counters that can be true.
  ...['grantPart', 'completeRecording', 'reportQuality'],
];
const CONFIG = fileURLToPath(new URL('schemathesis.toml', import.meta.url));

describe('the API against requests that nobody thought of', { timeout: 840_000 }, () => {
  let dchat, folder, chidi;
  /** Where the fuzzer's part of the log begins. */
  let begin = 0;

  before(async () => {
    dchat = await startServer({ port: await freePort(), settings: { LOG_LEVEL: 'info' } });
    folder = await mkdtemp(join(tmpdir(), 'dchat-fuzz-'));
  });
  after(async () => {
    await dchat?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function post(path, token, body) {
    const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(dchat.origin + path, { method: 'POST', headers, body: body && JSON.stringify(body) });
    assert(response.ok, `${path}: ${response.status}`);
    return response.json();
  }

  async function enter(person) {
    const { url } = await post(`/local/people/${person}/enter`);
    const code = new URL(url, dchat.origin).searchParams.get('enter');
    return (await post('/auth/token', undefined, { code })).access_token;
  }

  /**
   * Calls of three, because two people have one at a time: one answers, on the device `tab-1` as the caller, and the third
   * rings, or in every other call has declined, so that nobody need be named. Their ids are a dictionary for the fuzzer, and
   * so are those of recordings that the caller asked for.
   */
  async function connectedCalls(name, count, caller, callee, calleeId, { recorded = 0 } = {}) {
    const device_id = 'tab-1';
    for (let i = 0; i < count; i += 1) {
      const { call_id } = await post('/api/webrtc/call/initiate', caller, { participants: [calleeId, CHIDI_ID], device_id });
      await post(`/api/webrtc/call/${call_id}/join`, callee, { device_id });
      if (i % 2 === 0) await post(`/api/webrtc/call/${call_id}/end`, chidi, { reason: 'declined' });
      await appendFile(join(folder, name), `"${call_id}"\n`);
      stays.push([call_id, caller], [call_id, callee]);
      if (i >= recorded) continue;
      const { recording_id } = await post(`/api/webrtc/call/${call_id}/recording`, caller, { device_id });
      await appendFile(join(folder, 'recordings.dict'), `"${recording_id}"\n`);
    }
  }

  /** Whoever says nothing is lost. The fuzzer ends calls and sends people away, so a refusal is fine. */
  const stays = [];
  const remain = () =>
    stays.map(([call_id, token]) => post(`/api/webrtc/call/${call_id}/heartbeat`, token, { generation: 1 }).catch(() => {}));

  it(`answers ${FUZZ_EXAMPLES} requests an operation as the contract says, seed ${FUZZ_SEED}`, async () => {
    const [ADA, bo, DARA] = [await enter('ada'), await enter('bo'), await enter('dara')];
    chidi = await enter('chidi');
    await connectedCalls('live.dict', 10, ADA, bo, BO_ID, { recorded: 4 });
    await connectedCalls('live.dict', 10, bo, ADA, ADA_ID);
    await connectedCalls('ending.dict', 30, ADA, bo, BO_ID);
    begin = dchat.said().length;
    await copyFile(CONFIG, join(folder, 'schemathesis.toml'));
    const args = [
      ...['run', `${dchat.origin}/openapi.json`],
      ...['--phases', 'examples,coverage,fuzzing,stateful', '--max-examples', FUZZ_EXAMPLES, '--seed', FUZZ_SEED],
      ...['--workers', '1', '--continue-on-failure', '--generation-database', 'none', '--warnings', 'off', '--no-color'],
    ];
    // One worker: with more, the same seed makes other requests.
    const options = { cwd: folder, env: { PATH: process.env.PATH, ADA, DARA }, timeout: 780_000, killSignal: 'SIGKILL' };
    const heartbeats = setInterval(remain, 15_000);
    const fuzzer = spawn(SCHEMATHESIS, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [fuzzer.stdout, fuzzer.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    const [code, signal] = await once(fuzzer, 'close');
    clearInterval(heartbeats);
    assert.equal(code, 0, `${said}\n${signal ?? ''}`);
    console.log(said.slice(said.indexOf('= SUMMARY =')));
  });

  /** The fuzzer's requests that the server answered, by its log: `{method, path, status}`. */
  function answers() {
    const line = /http\.method=(\w+) http\.path=(\S+) http\.status=(\d+)/;
    const found = dchat.said().slice(begin).replace(/\x1b\[[0-9;]*m/g, '').split('\n').map((text) => text.match(line));
    return found.filter(Boolean).map(([, method, path, status]) => ({ method, path, status: Number(status) }));
  }

  it('met no fault of the server on the way', () => {
    assert.deepEqual(answers().filter(({ status }) => status >= 500), []);
    assert.doesNotMatch(dchat.said(), /panicked| ERROR /);
  });

  it('succeeded at every operation where guessing can', { skip: FUZZ_EXAMPLES < 500 && 'too few requests' }, async () => {
    const { paths } = await (await fetch(`${dchat.origin}/openapi.json`)).json();
    const all = answers();
    const missed = {};
    for (const [path, operations] of Object.entries(paths)) {
      const form = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      for (const [method, { operationId }] of Object.entries(operations)) {
        const its = all.filter((answer) => answer.method === method.toUpperCase() && form.test(answer.path));
        const statuses = its.map(({ status }) => status);
        if (!SECRETIVE.includes(operationId) && !statuses.some((status) => status < 400)) missed[operationId] = counts(statuses);
      }
    }
    assert.deepEqual(missed, {});
  });
});

/** How often each value is there. */
function counts(values) {
  const found = {};
  for (const value of values) found[value] = (found[value] ?? 0) + 1;
  return found;
}

// 200 calls at the same time, each between two real WebRTC connections, through one server.
//
//   DCHAT_BIN=target/debug/dchat node --test tests/peers/load/load.test.mjs
//   LOAD_PER_SECOND=20 LOAD_P95=200 DCHAT_BIN=target/release/dchat node --test tests/peers/load/load.test.mjs
//
// The first asks for success and prints the times: they are of a debug build, beside 400 DTLS handshakes on the same cores.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { cleanup } from 'node-datachannel';
import { freePort, startServer } from '../linkedin/server.mjs';
import { Call } from './call.mjs';
import { Person } from './person.mjs';

const CALLS = 200;
const PER_SECOND = Number(process.env.LOAD_PER_SECOND ?? 5);
const MOST_MESSAGES = 2;
/** Of the calls of a run: of 200 none. */
const MAY_FAIL = 0.001;
/** Milliseconds, p95 of signalling; only who knows the machine and the build can promise it. */
const PROMISED = Number(process.env.LOAD_P95 ?? Infinity);

describe(`${CALLS} calls at the same time`, { timeout: 170_000 }, () => {
  let dchat, callers, callees;

  before(async () => {
    dchat = await startServer({ port: await freePort(), settings: {} });
    const crowd = await fetch(`${dchat.origin}/local/crowd?people=${2 * CALLS}`, { method: 'POST' });
    const people = (await crowd.json()).items.map((item) => new Person(dchat.origin, item));
    [callers, callees] = [people.slice(0, CALLS), people.slice(CALLS)];
    await inTurns(people, (person) => person.connect());
  });
  after(async () => {
    await Promise.all([...(callers ?? []), ...(callees ?? [])].map((person) => person.close()));
    await dchat?.stop();
    cleanup();
  });

  it(`stand when ${PER_SECOND} begin each second`, async () => {
    const calls = await hold((number) => number, 1_000 / PER_SECOND);
    const p95 = report(`${PER_SECOND} calls a second`, calls);
    assert(p95 <= PROMISED, `p95 of signalling is ${p95.toFixed(0)} ms`);
  });

  it('stand when all begin in the same moment', async () => {
    // Everybody calls somebody else than before: calling the same person again asks the store once more.
    report('all at once', await hold((number) => (number + 1) % CALLS, 0));
  });

  it('leave nothing behind', () => assert.doesNotMatch(dchat.said(), /panicked| ERROR /));

  /** Begins the calls, looks at them while all are held, and ends them. */
  async function hold(calleeOf, apart) {
    const calls = callers.map((caller, number) => new Call(number, caller, callees[calleeOf(number)]));
    try {
      succeed(calls, await Promise.allSettled(calls.map((call, number) => pause(apart * number).then(() => call.begin()))));
      await inTurns(calls, async ({ id, sides }) => {
        for (const { person } of sides) assert.deepEqual(await active(person), [[id, 'connected']]);
      });
      succeed(calls, await Promise.allSettled(calls.map((call) => call.hangUp())));
    } finally {
      for (const call of calls) call.close();
    }
    await inTurns([...callers, ...callees], async (person) => assert.deepEqual(await active(person), []));
    const most = Math.max(...calls.flatMap(({ sides }) => sides.map(({ messages }) => messages)));
    assert(most >= 1 && most <= MOST_MESSAGES, `${most} messages with candidates from one side`);
    return calls;
  }
});

async function active(person) {
  const { items } = await person.ask('GET', '/api/webrtc/calls/active');
  return items.map(({ call_id, state }) => [call_id, state]);
}

function succeed(calls, outcomes) {
  const failed = outcomes.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message);
  assert(failed.length <= MAY_FAIL * calls.length, `${failed.length} of ${calls.length} calls failed: ${[...new Set(failed)].join('; ')}`);
}

/** Twenty at a time, as many as a browser's people would never be. */
async function inTurns(all, work) {
  const left = all.values();
  await Promise.all(Array.from({ length: 20 }, async () => {
    for (const one of left) await work(one);
  }));
}

/** Prints how long it took, and returns the p95 of signalling. */
function report(what, calls) {
  const quantiles = (times) => {
    times.sort((one, other) => one - other);
    return [0.5, 0.95, 0.99].map((share) => times[Math.ceil(share * times.length) - 1]);
  };
  const signalled = quantiles(calls.map((call) => call.signalled));
  const talked = quantiles(calls.map((call) => call.talked));
  const text = (times) => times.map((time) => time.toFixed(0)).join(' / ');
  console.log(`${what}: p50 / p95 / p99 of signalling ${text(signalled)} ms, until a message went there and back ${text(talked)} ms`);
  return signalled[1];
}

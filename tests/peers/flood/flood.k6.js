// 100 calls at a human pace, in turns alone and beside somebody who floods. Run by flood.test.mjs, which judges.
import http from 'k6/http';
import { sleep } from 'k6';
import { scenario } from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/experimental/websockets';

const ORIGIN = __ENV.ORIGIN;
const PAIRS = 100;
/** Seconds: everybody calls, then it is quiet and flooded by turns, so that a busy moment of the machine hits both. */
const [WARM, TURN, END] = [20, 12, 68];
const { SDP } = __ENV;
const CANDIDATE = { candidate: 'candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host', sdpMid: '0', sdpMLineIndex: 0 };

const frameTime = new Trend('frame', true);
const requestTime = new Trend('request', true);
const closedAfter = new Trend('closed_after', true);
const [failed, faults, flooded, refused, paid, renewed] = ['failed', 'faults', 'flooded', 'refused', 'paid', 'renewed'].map((name) => new Counter(name));

export const options = {
  summaryTrendStats: ['med', 'p(95)', 'max', 'count'],
  // Thresholds bring the phases into the summary.
  thresholds: Object.fromEntries(
    ['frame', 'request'].flatMap((what) => ['quiet', 'flooded'].map((phase) => [`${what}{phase:${phase}}`, ['p(95)>=0']])),
  ),
  scenarios: {
    honest: { executor: 'per-vu-iterations', vus: PAIRS, iterations: 1, maxDuration: `${END + 15}s`, exec: 'pair' },
    frames: { executor: 'per-vu-iterations', vus: 1, iterations: 1, startTime: `${WARM}s`, maxDuration: `${END - WARM + 10}s`, exec: 'floodFrames' },
    requests: {
      executor: 'constant-arrival-rate',
      ...{ rate: 200, duration: `${END - WARM}s`, startTime: `${WARM}s`, preAllocatedVUs: 20, maxVUs: 40 },
      exec: 'floodRequests',
    },
  },
};

export function setup() {
  const { items } = http.post(`${ORIGIN}/local/crowd?people=${2 * PAIRS + 2}`).json();
  return { people: items, began: Date.now() };
}

const seconds = ({ began }) => (Date.now() - began) / 1000;
const phase = (data) => (seconds(data) < WARM ? 'warm' : Math.floor((seconds(data) - WARM) / TURN) % 2 ? 'flooded' : 'quiet');
const params = ({ access_token }) => ({ headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' } });

/** A request of an honest person: measured, and never refused. */
async function ask(data, person, method, path, body) {
  const response = await http.asyncRequest(method, ORIGIN + path, body && JSON.stringify(body), params(person));
  requestTime.add(response.timings.duration, { phase: phase(data) });
  if (response.status >= 300) failed.add(1, { why: `${path} ${response.status}` });
  return response.json();
}

/** Opens a socket; `send` measures until the reply. */
async function open(data, person) {
  const { url } = await ask(data, person, 'POST', '/auth/ws-ticket');
  const socket = new WebSocket(url);
  const waiting = {};
  let last = 0;
  const send = (action, content) => {
    waiting[(last += 1)] = Date.now();
    socket.send(JSON.stringify({ action, id: String(last), data: content }));
  };
  socket.addEventListener('message', ({ data: text }) => {
    const { event, id, data: reply } = JSON.parse(text);
    if (event === 'error' || reply?.call?.refused) failed.add(1, { why: text });
    if (reply?.call?.renewed) renewed.add(1);
    if (!(id in waiting)) return;
    frameTime.add(Date.now() - waiting[id], { phase: phase(data) });
    delete waiting[id];
  });
  await new Promise((done) => socket.addEventListener('open', done));
  return { send, close: () => socket.close() };
}

export async function pair(data) {
  const number = scenario.iterationInTest;
  const [ada, bo] = data.people.slice(2 * number, 2 * number + 2);
  sleep(number / 8);
  const [one, other] = [await open(data, ada), await open(data, bo)];
  const { call_id } = await ask(data, ada, 'POST', '/api/webrtc/call/initiate', { participants: [bo.user_id] });
  await ask(data, ada, 'POST', `/api/webrtc/call/${call_id}/offer`, { sdp: SDP });
  await ask(data, bo, 'POST', `/api/webrtc/call/${call_id}/answer`, { sdp: SDP.replaceAll('actpass', 'active') });

  const talk = setInterval(() => {
    for (const socket of [one, other]) {
      socket.send('ping', { call: { call_id, generation: 1 } });
      if (Math.random() < 0.2) socket.send('call.candidates', { call_id, candidates: [CANDIDATE] });
    }
    if (Math.random() < 0.5) ask(data, ada, 'GET', `/api/webrtc/call/${call_id}`);
    if (seconds(data) < END) return;
    clearInterval(talk);
    setTimeout(() => [one, other].map((socket) => socket.close()), 2_000);
  }, 5_000);
}

/** 2,000 frames a second on a socket, and on the next one a second after that one is closed. */
export function floodFrames(data) {
  const person = data.people[2 * PAIRS];
  function again() {
    if (seconds(data) > END) return;
    if (phase(data) !== 'flooded') return void setTimeout(again, 100);
    const ticket = http.post(`${ORIGIN}/auth/ws-ticket`, null, params(person));
    if (ticket.status !== 200) return void setTimeout(again, 1_000);
    const socket = new WebSocket(ticket.json('url'));
    let opened, flood;
    socket.addEventListener('open', () => {
      opened = Date.now();
      flood = setInterval(() => {
        for (let i = 0; i < 20; i += 1) socket.send('{"action":"ping","data":{}}');
        flooded.add(20);
        if (seconds(data) > END) socket.close();
      }, 10);
    });
    socket.addEventListener('close', () => {
      clearInterval(flood);
      closedAfter.add(Date.now() - opened);
      look(person);
      setTimeout(again, 1_000);
    });
  }
  again();
}

/** What the newest refusals cost at the store. */
function look(person) {
  const { items } = http.get(`${ORIGIN}/local/trace?after=0`).json();
  const mine = items.filter((item) => item.person === person.user_id && item.problem?.code === 'too_many_requests');
  refused.add(mine.length);
  paid.add(mine.filter((item) => item.store.requests > 0).length);
}

export function floodRequests(data) {
  if (phase(data) !== 'flooded') return;
  const login = { email: 'nobody@example.com', password: 'wrong horse' };
  const response =
    scenario.iterationInTest % 2
      ? http.post(`${ORIGIN}/auth/login`, JSON.stringify(login), { headers: { 'content-type': 'application/json' } })
      : http.post(`${ORIGIN}/auth/ws-ticket`, null, params(data.people[2 * PAIRS + 1]));
  flooded.add(1);
  if (response.status >= 500) faults.add(1);
}

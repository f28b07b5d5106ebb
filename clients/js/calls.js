import { Call } from "./call.js";
import { pause } from "./events.js";
import { IceServers } from "./ice.js";
import { capture, captureScreen, stop } from "./media.js";
import { isGone, isPending } from "./mesh.js";
import { asProblem, over, Problem, signedOut } from "./problem.js";
import { Sending } from "./sending.js";

const SIGNALS = new Set(["call.offer", "call.answer", "call.candidates", "call.media"]);
const NEWS = new Set(["call.invited", "call.changed", "call.ending", "call.ended"]);
/** A sign-out waits so long for a recording to be kept. */
const SAVE_WITHIN = 10_000;

/**
 * @typedef {import("./types.js").CallView} CallView
 *
 * @typedef {object} Context
 * @property {() => string} device
 * @property {RTCIceServer[] | undefined} iceServers
 * @property {boolean} relayOnly
 * @property {typeof globalThis.fetch} fetch
 * @property {import("./auth.js").Auth} auth
 * @property {() => import("./socket.js").Socket} socket
 * @property {(call: Call) => void} rings
 * @property {(notice: { event: string, call: CallView }) => void} notice
 * @property {import("./types.js").Log} log
 */

/** The calls of who is signed in. */
export class Calls {
  #context;
  #ice;
  /** @type {Map<string, Call>} */
  #live = new Map();
  /** Over on this device, with the stay: a late push must not make them ring again, a new invitation must. @type {Map<string, number>} */
  #over = new Map();
  /** Ended here while the server could not be told. @type {Map<string, object>} */
  #unsaid = new Map();
  /** Who is being called just now: their call of the same moment does not ring. @type {Set<string>} */
  #dialling = new Set();
  /** What would have rung. @type {Map<string, CallView>} */
  #unrung = new Map();

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    const { iceServers, auth, log } = context;
    this.#ice = new IceServers({ own: iceServers, send: auth.send, log });
  }

  /** The STUN and TURN servers that calls use. */
  iceServers() {
    return this.#ice.get();
  }

  /**
   * Calls somebody. Nobody's phone rings before the browser has given microphone and camera. When the other one calls at
   * the same moment, it is their call that is answered with them.
   * @param {{ to: string | string[], media?: import("./types.js").CallType, relayOnly?: boolean }} whom `relayOnly`: nobody learns anybody's address
   * @param {{ signal?: AbortSignal, idempotencyKey?: string }} [options]
   */
  async start({ to, media = "video", relayOnly = this.#context.relayOnly }, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
    const host = this.#host();
    const people = [to].flat();
    const [only] = people.length === 1 ? people : [];
    const screen = media === "screen_share" ? await captureScreen() : null;
    let local = null;
    if (only) this.#dialling.add(only);
    void this.#ice.get();
    try {
      local = await capture({ audio: true, video: media === "video" });
      const sending = new Sending(local, screen);
      try {
        const view = await host.send("POST", "/api/webrtc/call/initiate", {
          body: { type: media, participants: people, device_id: host.device, ...(relayOnly ? { relay_only: true } : {}) },
          headers: { "Idempotency-Key": idempotencyKey },
          repeatable: true,
          signal,
        });
        const call = this.#hold(new Call(host, view));
        call.begin(sending);
        return call;
      } catch (error) {
        const { supersededBy } = asProblem(error);
        if (!supersededBy) throw error;
        return await this.#answerInstead(supersededBy, sending);
      }
    } catch (error) {
      stop(local);
      stop(screen);
      throw error;
    } finally {
      this.#dialling.delete(only ?? "");
      for (const [id, view] of this.#unrung) {
        if (view.caller_id === only && this.#unrung.delete(id)) this.#see(view);
      }
    }
  }

  /** Takes up a call again: after a reload in mid-call, one that was left, or one that rang before this page was open. @param {string} id */
  async resume(id) {
    const known = this.#live.get(id);
    if (known) return known;
    const host = this.#host();
    const view = await this.get(id);
    const meanwhile = this.#live.get(id);
    if (meanwhile) return meanwhile;
    const call = this.#hold(new Call(host, view));
    const mine = view.participants.find(({ user_id }) => user_id === host.me);
    try {
      if (mine && !isPending(mine) && !view.end_time) await call.rejoin();
      else call.update(view);
    } catch (error) {
      call.forget("left");
      throw error;
    }
    if (call.isOver) throw over(call.reason);
    return call;
  }

  /** @param {string} id @returns {Promise<CallView>} */
  get(id) {
    return this.#context.auth.send("GET", `/api/webrtc/call/${encodeURIComponent(id)}`);
  }

  /** @returns {Promise<CallView[]>} */
  async active() {
    return (await this.#context.auth.send("GET", "/api/webrtc/calls/active")).items;
  }

  /**
   * Those that are over, newest first: all, or those that were missed, of a type, with somebody. A page of some can be short.
   * @param {{ limit?: number, cursor?: string | null, missed?: boolean, type?: import("./types.js").CallType, with?: string }} [page]
   * @returns {Promise<{ items: CallView[], next_cursor: string | null }>}
   */
  history({ limit = 20, ...which } = {}) {
    const asked = Object.entries({ limit, ...which }).filter(([, value]) => value);
    const query = new URLSearchParams(asked.map(([name, value]) => [name, String(value)]));
    return this.#context.auth.send("GET", `/api/webrtc/calls/history?${query}`);
  }

  /** How everybody in a call heard everybody else. @param {string} id */
  quality(id) {
    return this.#context.auth.send("GET", `/api/webrtc/call/${encodeURIComponent(id)}/quality`);
  }

  /** How calls sounded here: days, UTC, the last seven when nothing is said. @param {{ from?: string, to?: string }} [days] */
  qualitySummary(days = {}) {
    return this.#context.auth.send("GET", `/api/webrtc/quality/summary?${new URLSearchParams(days)}`);
  }

  /** Reads what pushes may have been missed. */
  async catchUp() {
    for (const [id, goodbye] of this.#unsaid) await this.#end(id, goodbye);
    for (const view of await this.active()) this.#see(view);
    await Promise.all([...this.#live.values()].map((call) => call.sync()));
  }

  /** @param {{ event: string, data: any, at: string }} frame @returns {boolean} whether it was about a call */
  take({ event, data, at }) {
    const how = { toldAt: Date.parse(at) };
    if (SIGNALS.has(event)) this.#live.get(data.call_id)?.signal(event, data, how.toldAt);
    else if (NEWS.has(event)) {
      if (event === "call.ending") this.#live.get(data.call.call_id)?.ending(data.call, how);
      else this.#see(data.call, how);
      this.#context.notice({ event, call: data.call });
    } else return false;
    return true;
  }

  /** Leaves every call, while there still is a token to say so, and for a while to keep what was recorded. */
  async leave() {
    const calls = [...this.#live.values()];
    await Promise.all(calls.map((call) => call.hangUp()));
    await Promise.race([Promise.all(calls.map((call) => call.saved)), pause(SAVE_WITHIN)]);
  }

  /** Whoever was signed in is not any more. */
  forget() {
    for (const call of this.#live.values()) call.forget("signed_out");
    for (const known of [this.#unsaid, this.#over, this.#unrung]) known.clear();
    this.#ice.forget();
  }

  /** Two people called each other at once: the first call stands. @param {string} id @param {Sending} sending */
  async #answerInstead(id, sending) {
    const call = this.#live.get(id) ?? this.#hold(new Call(this.#host(), await this.get(id)));
    this.#unrung.delete(id);
    try {
      await call.acceptWith(async () => sending);
    } finally {
      // Whoever was quicker to pick it up has a capture of their own.
      if (call.local !== sending.stream) sending.stop();
    }
    return call;
  }

  /** @param {CallView} view @param {import("./tape.js").Heard} [how] */
  #see(view, how) {
    const known = this.#live.get(view.call_id);
    if (known) return known.update(view, how);
    const host = this.#host();
    const mine = view.participants.find(({ user_id }) => user_id === host.me);
    const rings = mine && isPending(mine) && !view.end_time && mine.generation > (this.#over.get(view.call_id) ?? -1);
    if (!rings) return;
    if (view.participants.length === 2 && this.#dialling.has(view.caller_id)) return void this.#unrung.set(view.call_id, view);
    this.#context.rings(this.#hold(new Call(host, view)));
    host.request("call.ringing", { call_id: view.call_id }).catch((problem) => host.log("ringing not told", problem));
  }

  /** @param {Call} call */
  #hold(call) {
    this.#live.set(call.id, call);
    return call;
  }

  /** @param {string} id @param {object} goodbye why, and which stay: a repeat that comes late ends no newer one */
  async #end(id, goodbye) {
    this.#unsaid.set(id, goodbye);
    try {
      await this.#context.auth.send("POST", `/api/webrtc/call/${id}/end`, { body: goodbye, repeatable: true });
      this.#unsaid.delete(id);
    } catch (error) {
      const problem = asProblem(error);
      this.#context.log("ending not told", problem);
      if (!problem.unheard) this.#unsaid.delete(id);
    }
  }

  /** @returns {import("./call.js").Host} */
  #host() {
    const { auth, socket, device, relayOnly, fetch, log } = this.#context;
    const me = auth.session?.user.id;
    if (!me) throw signedOut();
    if (socket().state === "closed") {
      const detail = "a call needs the socket, and it is closed";
      throw new Problem({ code: "not_open", detail, remedy: "Call client.open() first." });
    }
    return {
      me,
      device: device(),
      relayOnly,
      ice: this.#ice,
      log,
      send: auth.send,
      fetch,
      request: (action, data) => socket().request(action, data),
      now: () => socket().now(),
      busy: (call) => [...this.#live.values()].some((other) => other !== call && other.local),
      finished: ({ id, participants }) => {
        this.#live.delete(id);
        const mine = participants.find(({ user_id }) => user_id === me);
        if (mine) this.#over.set(id, mine.generation - (isGone(mine) ? 1 : 0));
      },
      leave: (id, goodbye) => this.#end(id, goodbye),
    };
  }
}

import { Call, over } from "./call.js";
import { capture, captureScreen, stop } from "./media.js";
import { asProblem, Problem, signedOut } from "./problem.js";
import { Sending } from "./sending.js";

const SIGNALS = new Set(["call.offer", "call.answer", "call.candidates", "call.media"]);
const NEWS = new Set(["call.invited", "call.changed", "call.ended"]);

/**
 * @typedef {import("./types.js").CallView} CallView
 *
 * @typedef {object} Context
 * @property {() => string} device
 * @property {RTCIceServer[]} iceServers
 * @property {import("./auth.js").Auth} auth
 * @property {() => import("./socket.js").Socket} socket
 * @property {(call: Call) => void} rings
 * @property {(notice: { event: string, call: CallView }) => void} notice
 * @property {import("./types.js").Log} log
 */

/** The calls of who is signed in. */
export class Calls {
  #context;
  /** @type {Map<string, Call>} */
  #live = new Map();
  /** Over on this device: a late push must not make them ring again. @type {Set<string>} */
  #over = new Set();
  /** Ended here while the server could not be told. @type {Set<string>} */
  #unsaid = new Set();

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
  }

  /**
   * Calls somebody. Nobody's phone rings before the browser has given microphone and camera.
   * @param {{ to: string | string[], media?: import("./types.js").CallType }} whom
   * @param {{ signal?: AbortSignal, idempotencyKey?: string }} [options]
   */
  async start({ to, media = "video" }, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
    const host = this.#host();
    const screen = media === "screen_share" ? await captureScreen() : null;
    let local = null;
    try {
      local = await capture({ audio: true, video: media === "video" });
      const view = await host.send("POST", "/api/webrtc/call/initiate", {
        body: { type: media, participants: [to].flat(), device_id: host.device },
        headers: { "Idempotency-Key": idempotencyKey },
        repeatable: true,
        signal,
      });
      const call = this.#hold(new Call(host, view));
      call.begin(new Sending(local, screen));
      return call;
    } catch (error) {
      stop(local);
      stop(screen);
      throw error;
    }
  }

  /** Takes up a call again: after a reload in mid-call, or one that rang before this page was open. @param {string} id */
  async resume(id) {
    const known = this.#live.get(id);
    if (known) return known;
    const host = this.#host();
    const view = await this.get(id);
    const call = this.#hold(new Call(host, view));
    call.update(view);
    if (call.isOver) throw over(call);
    if (view.participants.some(({ user_id, standing }) => user_id === host.me && standing === "joined")) await call.rejoin();
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
   * Newest first.
   * @param {{ limit?: number, cursor?: string | null }} [page]
   * @returns {Promise<{ items: CallView[], next_cursor: string | null }>}
   */
  history({ limit = 20, cursor } = {}) {
    const query = new URLSearchParams({ limit: String(limit), ...(cursor ? { cursor } : {}) });
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
    for (const id of this.#unsaid) await this.#end(id);
    for (const view of await this.active()) this.#see(view);
    await Promise.all([...this.#live.values()].map((call) => call.sync()));
  }

  /** @param {{ event: string, data: any }} frame @returns {boolean} whether it was about a call */
  take({ event, data }) {
    if (SIGNALS.has(event)) this.#live.get(data.call_id)?.signal(event, data);
    else if (NEWS.has(event)) {
      this.#see(data.call);
      this.#context.notice({ event, call: data.call });
    } else return false;
    return true;
  }

  /** Leaves every call, while there still is a token to say so. */
  async leave() {
    await Promise.all([...this.#live.values()].map((call) => call.hangUp()));
  }

  /** Whoever was signed in is not any more. */
  forget() {
    for (const call of this.#live.values()) call.forget("signed_out");
    this.#unsaid.clear();
  }

  /** @param {CallView} view */
  #see(view) {
    const known = this.#live.get(view.call_id);
    if (known) return known.update(view);
    const host = this.#host();
    const mine = view.participants.find(({ user_id }) => user_id === host.me);
    const rings = view.state !== "disconnected" && view.state !== "failed" && ["invited", "ringing"].includes(mine?.standing ?? "");
    if (!rings || this.#over.has(view.call_id)) return;
    this.#context.rings(this.#hold(new Call(host, view)));
    host.request("call.ringing", { call_id: view.call_id }).catch((problem) => host.log("ringing not told", problem));
  }

  /** @param {Call} call */
  #hold(call) {
    this.#live.set(call.id, call);
    return call;
  }

  /** @param {string} id */
  async #end(id) {
    this.#unsaid.add(id);
    try {
      await this.#context.auth.send("POST", `/api/webrtc/call/${id}/end`, { repeatable: true });
      this.#unsaid.delete(id);
    } catch (error) {
      const problem = asProblem(error);
      this.#context.log("ending not told", problem);
      if (!problem.unheard) this.#unsaid.delete(id);
    }
  }

  /** @returns {import("./call.js").Host} */
  #host() {
    const { auth, socket, device, iceServers, log } = this.#context;
    const me = auth.session?.user.id;
    if (!me) throw signedOut();
    if (socket().state === "closed") {
      const detail = "a call needs the socket, and it is closed";
      throw new Problem({ code: "not_open", detail, remedy: "Call client.open() first." });
    }
    return {
      me,
      device: device(),
      iceServers,
      log,
      send: auth.send,
      request: (action, data) => socket().request(action, data),
      now: () => socket().now(),
      finished: ({ id }) => {
        this.#live.delete(id);
        this.#over.add(id);
      },
      leave: (id) => this.#end(id),
    };
  }
}

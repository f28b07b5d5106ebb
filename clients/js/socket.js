import { asProblem, Problem } from "./problem.js";
import { Wire } from "./wire.js";

const PING_EVERY = 4 * 60_000;
/** A fact that was being written while this socket opened was told to nobody; soon after, its number shows. */
const SETTLED = 5_000;
const BACKOFF = { first: 300, most: 30_000 };
const ROLLOVER_AGAIN = 30_000;
/** How long to stay away after the server has said why it closes: too many frames; too many newer connections. */
const PENALTY = { too_many_frames: 10_000, too_many_connections: 60_000 };

/**
 * @typedef {"closed" | "connecting" | "online" | "resuming" | "offline"} SocketState
 * @typedef {"asked" | "opened" | "resumed" | "dropped" | "silent" | "unreachable" | "refused" | "woken" | "retry" | "signed_out" | "session_ended"} SocketReason
 * @typedef {{ from: SocketState, to: SocketState, reason: SocketReason, doing: string }} SocketChange
 *
 * @typedef {{ promise: Promise<void>, resolve: () => void, reject: (problem: Problem) => void }} Deferred
 *
 * @typedef {object} Owner
 * @property {() => Promise<string>} ticket the address of the next connection
 * @property {(problem: Problem) => void} ended the session is over
 * @property {() => Promise<void>} catchUp reads the state again after a gap
 * @property {(frame: { event: string, data: any, at: string }) => void} push
 * @property {(change: SocketChange) => void} changed
 * @property {import("./types.js").Log} log
 */

/** The connection to the server: kept while somebody wants it, resumed after every gap. */
export class Socket {
  /** @type {SocketState} */
  state = "closed";
  #owner;
  #WebSocket;
  #cursors;
  #holders = 0;
  /** @type {Deferred | null} */
  #opened = null;
  /** @type {Wire | null} */
  #wire = null;
  #attempt = 0;
  /** A later connect or close makes what an earlier one still does void. */
  #turn = 0;
  #clock = 0;
  /** @type {Promise<void> | null} */
  #resuming = null;
  #behind = false;
  /** @type {Record<"retry" | "ping" | "settled" | "rollover", ReturnType<typeof setTimeout> | undefined>} */
  #timers = { retry: undefined, ping: undefined, settled: undefined, rollover: undefined };

  /**
   * @param {object} options
   * @param {typeof WebSocket} options.WebSocket
   * @param {{ get(): import("./types.js").Position | null, set(position: import("./types.js").Position): void }} options.cursor
   * @param {Owner} options.owner
   */
  constructor({ WebSocket, cursor, owner }) {
    this.#WebSocket = WebSocket;
    this.#cursors = cursor;
    this.#owner = owner;
  }

  /** The server's time, as far as it is known. */
  now() {
    return Date.now() + this.#clock;
  }

  /** Connects, and stays connected until as many `close()` came. @returns {Promise<void>} */
  open() {
    this.#holders += 1;
    if (!this.#opened) {
      this.#opened = withResolvers();
      this.#opened.promise.catch(() => {});
      for (const [target, event] of wakers()) target.addEventListener(event, this.#wake);
      void this.#connect("asked");
    }
    return this.#opened.promise;
  }

  /** The last one out closes; an `open()` in the same moment keeps the socket. */
  async close() {
    this.#holders = Math.max(0, this.#holders - 1);
    await new Promise((done) => setTimeout(done));
    if (this.#holders === 0) this.shut("asked");
  }

  /** @param {SocketReason} reason @param {Problem} [problem] */
  shut(reason, problem) {
    if (!this.#opened) return;
    this.#turn += 1;
    this.#attempt = this.#holders = 0;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    for (const [target, event] of wakers()) target.removeEventListener(event, this.#wake);
    this.#wire?.close();
    this.#wire = null;
    const detail = "the socket was closed before it was online";
    this.#opened.reject(problem ?? new Problem({ kind: "aborted", code: "aborted", detail }));
    this.#opened = null;
    this.#become("closed", reason, reason === "asked" ? "nothing" : "waiting for a sign-in and open()");
  }

  /**
   * @param {string} action
   * @param {object} data
   * @returns {Promise<any>}
   */
  async request(action, data) {
    const wire = this.#wire;
    try {
      if (wire) return await wire.request(action, data);
    } catch (problem) {
      // The machine slept longer than its lease: the socket seems open, and the server has forgotten it.
      if (wire === this.#wire && asProblem(problem).is("connection_unknown")) {
        wire?.close();
        this.#wait("dropped");
      }
      throw problem;
    }
    const detail = `${action} was not sent: the socket is ${this.state}`;
    const remedy = this.state === "closed" ? "Call client.open() first." : "Wait until the client is online again.";
    throw new Problem({ kind: "network", code: "socket_offline", detail, remedy, retry: "later" });
  }

  /** @param {SocketReason} reason */
  async #connect(reason) {
    const turn = ++this.#turn;
    clearTimeout(this.#timers.retry);
    this.#become("connecting", reason, "asking for a ticket, then opening a socket");
    let wire;
    try {
      wire = await this.#dial();
      if (turn !== this.#turn) return wire.close();
      this.#wire = wire;
      this.#become("resuming", "opened", "asking what was missed");
      await this.#catchUp();
      if (turn !== this.#turn) return;
      this.#attempt = 0;
      clearInterval(this.#timers.ping);
      this.#timers.ping = setInterval(() => this.#ping(), PING_EVERY);
      clearTimeout(this.#timers.settled);
      this.#timers.settled = setTimeout(() => this.#ping(), SETTLED);
      this.#become("online", "resumed", "listening, and a ping every 4 minutes");
      this.#opened?.resolve();
    } catch (error) {
      if (turn !== this.#turn) return;
      const problem = asProblem(error);
      wire?.close();
      if (problem.is("signed_out")) return this.shut("signed_out", problem);
      this.#owner.log("connecting failed", problem);
      this.#wait(problem.unheard ? "unreachable" : "refused", problem.retryAfterMs);
    }
  }

  async #dial() {
    let penalty = 0;
    /** @type {Wire} */
    const wire = new Wire(this.#WebSocket, await this.#owner.ticket(), {
      push: (frame) => {
        if (frame.event !== "connection.closing") return this.#take(frame);
        if (this.#wire !== wire) return;
        if (frame.data.reason === "session_ended") return this.#owner.ended(sessionEnded());
        penalty = PENALTY[/** @type {keyof typeof PENALTY} */ (frame.data.reason)] ?? 0;
      },
      ended: (reason) => {
        if (this.#wire === wire) this.#wait(penalty ? "refused" : /** @type {SocketReason} */ (reason), penalty);
      },
    });
    await wire.opened;
    return wire;
  }

  /** @param {SocketReason} reason @param {number} [atLeast] */
  #wait(reason, atLeast = 0) {
    this.#turn += 1;
    this.#wire = null;
    clearInterval(this.#timers.ping);
    clearTimeout(this.#timers.settled);
    clearTimeout(this.#timers.rollover);
    const most = Math.min(BACKOFF.most, BACKOFF.first * 2 ** this.#attempt++);
    const wait = atLeast + most * Math.random();
    this.#timers.retry = setTimeout(() => this.#connect("retry"), wait);
    this.#become("offline", reason, `waiting ${(wait / 1000).toFixed(1)} s, then attempt ${this.#attempt}`);
  }

  /** The machine or the network woke up: what is waiting tries now, what seems alive has to prove it. */
  #wake = () => {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.state === "offline") void this.#connect("woken");
    else if (this.state === "online") void this.#ping();
  };

  async #ping() {
    try {
      const reply = await this.request("ping", {});
      this.#note(reply);
      const { epoch, seq } = reply.heads.inbox;
      const mine = this.#cursors.get();
      if (!mine || mine.epoch !== epoch || mine.seq < seq) await this.#catchUp();
    } catch (problem) {
      this.#owner.log("ping failed", problem);
    }
  }

  /** @param {{ at: string, rollover_at: string }} reply */
  #note({ at, rollover_at }) {
    this.#clock = Date.parse(at) - Date.now();
    clearTimeout(this.#timers.rollover);
    this.#timers.rollover = setTimeout(() => this.#rollOver(), Math.max(0, Date.parse(rollover_at) - this.now()));
  }

  /** Asks what was missed until nothing is; gaps seen meanwhile ask once more. */
  #catchUp() {
    this.#behind = true;
    this.#resuming ??= this.#resume().finally(() => (this.#resuming = null));
    return this.#resuming;
  }

  async #resume() {
    while (this.#behind) {
      this.#behind = false;
      const wire = this.#wire;
      if (!wire) return;
      const from = this.#cursors.get();
      const reply = await wire.request("resume", { cursors: from ? { inbox: from } : {} });
      this.#note(reply);
      this.#owner.log("resumed", reply.channels);
      await this.#owner.catchUp();
      const now = this.#cursors.get();
      const ahead = now && now.epoch === reply.heads.inbox.epoch && now.seq > reply.heads.inbox.seq;
      if (!ahead) this.#cursors.set(reply.heads.inbox);
    }
  }

  /** A numbered push counts only when it is the next one. @param {any} frame */
  #take(frame) {
    if (frame.channel === "inbox") {
      const mine = this.#cursors.get();
      if (mine && frame.seq <= mine.seq) return this.#owner.log("repeated push", frame.event);
      if (!mine || frame.seq > mine.seq + 1) {
        this.#owner.log("gap", { mine: mine?.seq, theirs: frame.seq });
        return void this.#catchUp().catch((problem) => this.#owner.log("resume failed", problem));
      }
      this.#cursors.set({ epoch: mine.epoch, seq: frame.seq });
    }
    this.#owner.push(frame);
  }

  /** The next socket is open and has resumed before this one closes. */
  async #rollOver() {
    const turn = this.#turn;
    const old = this.#wire;
    let next;
    try {
      next = await this.#dial();
      if (turn !== this.#turn) return next.close();
      this.#wire = next;
      await this.#catchUp();
      old?.retire();
      this.#owner.log("rolled over");
    } catch (problem) {
      next?.close();
      if (turn !== this.#turn) return old?.close();
      this.#wire = old;
      this.#owner.log("rollover failed", problem);
      this.#timers.rollover = setTimeout(() => this.#rollOver(), ROLLOVER_AGAIN);
    }
  }

  /** @param {SocketState} to @param {SocketReason} reason @param {string} doing */
  #become(to, reason, doing) {
    const from = this.state;
    this.state = to;
    this.#owner.changed({ from, to, reason, doing });
  }
}

const sessionEnded = () =>
  new Problem({ code: "session_revoked", status: 401, detail: "this session was signed out", remedy: "Sign in again." });

/** @returns {[EventTarget, string][]} */
function wakers() {
  if (!("document" in globalThis)) return [];
  return [[window, "online"], [window, "pageshow"], [document, "visibilitychange"]];
}

/** @returns {Deferred} */
function withResolvers() {
  /** @type {any} */
  const own = {};
  own.promise = new Promise((resolve, reject) => Object.assign(own, { resolve, reject }));
  return own;
}

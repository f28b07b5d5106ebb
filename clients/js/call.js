import { Emitter } from "./events.js";
import { capture } from "./media.js";
import { isGone, isPending, Mesh, ORDER } from "./mesh.js";
import { asProblem, Problem } from "./problem.js";
import { Quality } from "./quality.js";
import { Sending } from "./sending.js";

/** Pushes can be lost: while a call is not as it should be, the server is asked again this often. */
const HEAL_EVERY = 5_000;
const AGAIN = { first: 1_000, most: 30_000 };

/**
 * @typedef {"starting" | "ringing" | "connected" | "reconnecting" | "ended" | "failed"} State
 * @typedef {import("./types.js").CallView} CallView
 *
 * @typedef {object} CallEvents
 * @property {{ from: State, to: State, reason: string | null }} state
 * @property {{ user_id: string, stream: MediaStream | null }} stream
 * @property {{ user_id: string, audio: boolean, video: boolean, screen: boolean }} media what somebody sends now
 * @property {import("./types.js").Participant[]} people
 * @property {import("./quality.js").Reading} quality how somebody is heard now
 *
 * @typedef {object} Host what a call needs of the client
 * @property {string} me
 * @property {string} device
 * @property {RTCIceServer[]} iceServers
 * @property {import("./types.js").Send} send
 * @property {(action: string, data: object) => Promise<any>} request
 * @property {() => number} now
 * @property {(call: Call) => void} finished
 * @property {(id: string) => Promise<void>} leave
 * @property {import("./types.js").Log} log
 */

/** One call, as this device takes part in it. */
export class Call {
  /** @type {State} */
  state = "ringing";
  /** @type {string | null} */
  reason = null;
  /** @type {Map<string, MediaStream>} */
  remote = new Map();
  /** What the others said that they send. @type {Map<string, { audio: boolean, video: boolean, screen: boolean }>} */
  media = new Map();

  /** How the others were heard last. @type {Map<string, import("./quality.js").Reading>} */
  quality = new Map();

  #host;
  #mesh;
  #quality;
  /** @type {Sending | null} */
  #sending = null;
  /** @type {Promise<void> | null} */
  #accepting = null;
  #wasConnected = false;
  #attempt = 0;
  /** @type {Emitter<CallEvents>} */
  #emitter = new Emitter();
  /** @type {Record<"ring" | "heal" | "again" | "tell", ReturnType<typeof setTimeout> | undefined>} */
  #timers = { ring: undefined, heal: undefined, again: undefined, tell: undefined };

  /** @param {Host} host @param {CallView} view */
  constructor(host, view) {
    this.#host = host;
    this.id = view.call_id;
    this.type = view.type;
    this.caller_id = view.caller_id;
    this.participants = view.participants;
    this.since = view.start_time;
    this.#mesh = this.#weave();
    this.#quality = this.#listen();
    this.#timers.ring = setTimeout(() => this.sync(), Math.max(0, Date.parse(view.ring_until) - host.now()) + 500);
    this.#timers.heal = setInterval(() => this.#isAmiss && this.sync(), HEAL_EVERY);
  }

  /** Somebody else began it. */
  get incoming() {
    return this.caller_id !== this.#host.me;
  }

  get isOver() {
    return this.state === "ended" || this.state === "failed";
  }

  get others() {
    return this.participants.filter(({ user_id }) => user_id !== this.#host.me);
  }

  /** @returns {MediaStream | null} */
  get local() {
    return this.#sending?.stream ?? null;
  }

  /** @returns {MediaStream | null} */
  get screen() {
    return this.#sending?.screen ?? null;
  }

  get muted() {
    return this.#sending?.muted ?? { audio: false, video: false };
  }

  /**
   * @template {keyof CallEvents} E
   * @param {E} event
   * @param {(value: CallEvents[E]) => void} fn
   */
  on(event, fn) {
    return this.#emitter.on(event, fn);
  }

  /** Picks up. It goes on ringing when the browser gives no microphone. */
  accept({ video = this.type === "video" } = {}) {
    this.#accepting ??= this.#accept(video).finally(() => (this.#accepting = null));
    return this.#accepting;
  }

  decline() {
    return this.hangUp();
  }

  /** Hangs up, declines or gives up, whichever fits. Over here at once, for the others when the server knows. */
  async hangUp() {
    if (this.isOver) return;
    if (this.#isAnswered) this.#finish("ended", "hung_up");
    else this.#finish("failed", this.incoming && !this.#sending ? "declined" : "cancelled");
    await this.#host.leave(this.id);
  }

  /** Unmuting the picture of a call without one turns the camera on. @param {"audio" | "video"} kind @param {boolean} on */
  mute(kind, on) {
    return this.#change((sending) => sending.mute(kind, on));
  }

  /** @param {boolean} on */
  shareScreen(on) {
    return this.#change((sending) => sending.share(on, () => void this.shareScreen(false)));
  }

  /** What the connection to each other person counts. */
  stats() {
    return this.#mesh.stats();
  }

  /** For the one who calls. @param {Sending} sending */
  begin(sending) {
    this.#join(sending);
    this.#mesh.meet();
  }

  /** For a page that was reloaded in mid-call. */
  async rejoin() {
    this.#join(new Sending(await capture({ audio: true, video: this.type === "video" }), null));
    await this.sync({ everybody: true });
  }

  /** Over on this device alone; nobody is told. @param {string} reason */
  forget(reason) {
    this.#finish("ended", reason);
  }

  /** Asks the server how the call stands and what waits for this side. */
  async sync({ everybody = false } = {}) {
    if (this.isOver) return;
    try {
      const view = await this.#host.send("GET", `/api/webrtc/call/${this.id}`);
      this.#look(view);
      if (this.isOver) return;
      const heard = this.#mesh.take(view.signals ?? { descriptions: [], candidates: [] });
      this.#mesh.meet(everybody);
      this.#settle();
      await heard;
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 404) this.#finish("ended", "gone");
      else this.#refused(problem);
    }
  }

  /** @param {string} event @param {any} data */
  signal(event, data) {
    if (this.isOver) return;
    if (event !== "call.media") return this.#mesh.signal(event, data);
    const { from, audio, video, screen } = data;
    this.media.set(from, { audio, video, screen });
    this.#emitter.emit("media", { user_id: from, audio, video, screen });
  }

  /** @param {CallView} view */
  update(view) {
    if (this.isOver) return;
    this.#look(view);
    this.#mesh.meet();
    this.#settle();
  }

  /** @param {CallView} view */
  #look(view) {
    this.since = view.start_time ?? this.since;
    this.participants = view.participants.map((person) => {
      const known = this.#person(person.user_id);
      return known && ORDER[known.standing] > ORDER[person.standing] ? known : person;
    });
    if (view.state === "disconnected") return this.#finish("ended", view.reason);
    if (view.state === "failed") return this.#finish("failed", view.reason);
    const me = this.#person(this.#host.me);
    if (me?.standing === "joined" && me.device_id !== this.#host.device) return this.#finish("ended", "answered_elsewhere");
    if (me && isGone(me)) return this.#finish("ended", me.standing);
    for (const { user_id } of this.others.filter(isGone)) this.#mesh.drop(user_id);
    this.#emitter.emit("people", this.participants);
  }

  #weave() {
    const call = this;
    return new Mesh(
      {
        id: call.id,
        remote: call.remote,
        get incoming() {
          return call.incoming;
        },
        get participants() {
          return call.participants;
        },
        get sending() {
          return call.#sending;
        },
        stream: (user_id, stream) => call.#emitter.emit("stream", { user_id, stream }),
        joined: () => call.#joined(),
        settle: () => call.#settle(),
        refused: (problem) => call.#refused(problem),
      },
      call.#host,
    );
  }

  #listen() {
    const { device, now, send, log } = this.#host;
    return new Quality({
      id: this.id,
      device,
      now,
      send,
      log,
      since: () => this.since,
      others: () => this.others,
      stats: () => this.stats(),
      heard: (reading) => {
        this.quality.set(reading.user_id, reading);
        this.#emitter.emit("quality", reading);
      },
    });
  }

  /** @param {boolean} video */
  async #accept(video) {
    if (this.isOver) throw over(this);
    if (this.#sending) return;
    this.#join(new Sending(await capture({ audio: true, video }), null));
    await this.sync();
    if (this.isOver) throw over(this);
  }

  /** @param {Sending} sending */
  #join(sending) {
    if (this.isOver) {
      sending.stop();
      throw over(this);
    }
    this.#sending = sending;
    this.#settle();
  }

  /** The server took a description of this device, so this device is in. */
  #joined() {
    const me = this.#person(this.#host.me);
    if (!me || !isPending(me)) return;
    Object.assign(me, { standing: "joined", device_id: this.#host.device });
    this.#mesh.meet();
  }

  /** @param {(sending: Sending) => Promise<void>} change */
  async #change(change) {
    const sending = this.#sending;
    if (!sending) return;
    const before = sending.picture;
    await change(sending);
    if (this.isOver) return sending.stop();
    if (sending.picture !== before) await this.#mesh.show(sending);
    this.#tell();
  }

  /** @param {string} user */
  #person(user) {
    return this.participants.find(({ user_id }) => user_id === user);
  }

  #tell() {
    const { device, request } = this.#host;
    const data = { call_id: this.id, audio: !this.muted.audio, video: !this.muted.video, screen: Boolean(this.screen), device_id: device };
    if (this.#person(this.#host.me)?.standing === "joined") request("call.media", data).catch((problem) => this.#untold(problem));
  }

  /** @param {unknown} error */
  #untold(error) {
    const { retryAfterMs } = asProblem(error);
    this.#host.log("media not told", error);
    clearTimeout(this.#timers.tell);
    if (retryAfterMs !== undefined) this.#timers.tell = setTimeout(() => this.#tell(), retryAfterMs);
  }

  /** @param {Problem} problem */
  #refused(problem) {
    this.#host.log(`call ${this.id}`, problem);
    if (problem.is("answered_elsewhere")) return this.#finish("ended", "answered_elsewhere");
    // Whatever it was, an offer that came first, a newer one, an end, a lost network: the call itself tells.
    const wait = problem.is("call_over") ? 0 : (problem.retryAfterMs ?? 0) + Math.min(AGAIN.most, AGAIN.first * 2 ** this.#attempt++);
    this.#timers.again ??= setTimeout(() => {
      this.#timers.again = undefined;
      void this.sync();
    }, wait);
  }

  get #isAnswered() {
    return this.#sending !== null && this.others.some(({ standing }) => standing === "joined");
  }

  get #isAmiss() {
    return this.state === "reconnecting" || this.state === "starting";
  }

  #settle() {
    if (this.isOver) return;
    const { paths } = this.#mesh;
    if (paths.includes("connected")) this.#become("connected");
    else if (!this.#isAnswered) this.#become("ringing");
    else if (this.#wasConnected) this.#become("reconnecting", "path_lost");
    else if (paths.includes("failed")) this.#become("reconnecting", "no_route");
    else this.#become("starting");
  }

  /** @param {State} to @param {string | null} [reason] */
  #become(to, reason = null) {
    const from = this.state;
    if (from === to && this.reason === reason) return;
    this.state = to;
    this.reason = reason;
    if (to === "connected") {
      this.#wasConnected = true;
      this.#attempt = 0;
      this.#quality.start();
      if (this.muted.audio || this.muted.video || this.screen) this.#tell();
    }
    this.#emitter.emit("state", { from, to, reason });
  }

  /** @param {"ended" | "failed"} state @param {string | null} reason */
  #finish(state, reason) {
    if (this.isOver) return;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#become(state, reason);
    this.#quality.stop();
    this.#mesh.close();
    this.#sending?.stop();
    this.#host.finished(this);
  }
}

/** @param {Call} call */
export const over = (call) =>
  call.reason === "answered_elsewhere"
    ? new Problem({ code: "answered_elsewhere", status: 409, detail: "the call was answered on another device" })
    : new Problem({ code: "call_over", status: 409, detail: "the call is over", remedy: "Start a new call." });

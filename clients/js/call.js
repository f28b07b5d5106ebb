import { Emitter } from "./events.js";
import { capture, captureScreen, stop } from "./media.js";
import { Peer } from "./peer.js";
import { asProblem, Problem } from "./problem.js";

/** Pushes can be lost: while a call is not as it should be, the server is asked again this often. */
const HEAL_EVERY = 5_000;
const AGAIN_AFTER = 1_000;

/** How far a standing has come. Views of a call may arrive late; nobody goes back. */
const ORDER = { invited: 0, ringing: 1, joined: 2, declined: 3, missed: 3, left: 3 };
/** @param {import("./types.js").Participant} person */
const isPending = ({ standing }) => ORDER[standing] < 2;
/** @param {import("./types.js").Participant} person */
const isGone = ({ standing }) => ORDER[standing] > 2;

/**
 * @typedef {"starting" | "ringing" | "connected" | "reconnecting" | "ended" | "failed"} State
 *
 * @typedef {object} CallEvents
 * @property {{ from: State, to: State, reason: string | null }} state
 * @property {{ user_id: string, stream: MediaStream | null }} stream
 * @property {{ user_id: string, audio: boolean, video: boolean, screen: boolean }} media what somebody sends now
 * @property {import("./types.js").Participant[]} people
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
  state = "starting";
  /** @type {string | null} */
  reason = null;
  /** @type {MediaStream | null} */
  local = null;
  /** @type {MediaStream | null} */
  screen = null;
  /** @type {Map<string, MediaStream>} */
  remote = new Map();
  muted = { audio: false, video: false };

  #host;
  /** @type {Map<string, Peer>} */
  #peers = new Map();
  #accepted = false;
  #wasConnected = false;
  /** @type {Emitter<CallEvents>} */
  #emitter = new Emitter();
  /** @type {Record<"ring" | "heal" | "again", ReturnType<typeof setTimeout> | undefined>} */
  #timers = { ring: undefined, heal: undefined, again: undefined };

  /** @param {Host} host @param {import("./types.js").CallView} view */
  constructor(host, view) {
    this.#host = host;
    this.id = view.call_id;
    this.type = view.type;
    this.caller_id = view.caller_id;
    this.participants = view.participants;
    this.since = view.start_time;
    this.#timers.ring = setTimeout(() => this.sync(), Math.max(0, Date.parse(view.ring_until) - host.now()) + 500);
    this.#timers.heal = setInterval(() => this.#isAmiss && this.sync(), HEAL_EVERY);
    this.#settle();
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

  /**
   * @template {keyof CallEvents} E
   * @param {E} event
   * @param {(value: CallEvents[E]) => void} fn
   */
  on(event, fn) {
    return this.#emitter.on(event, fn);
  }

  /** Picks up. It stays ringing when the browser gives no microphone. */
  async accept({ video = this.type === "video" } = {}) {
    if (this.isOver) throw over(this);
    if (this.#accepted) return;
    await this.#join(await capture({ audio: true, video }));
    await this.sync();
  }

  decline() {
    return this.hangUp();
  }

  /** Hangs up, declines or gives up, whichever fits. Over here at once, for the others when the server knows. */
  async hangUp() {
    if (this.isOver) return;
    if (this.#wasConnected) this.#finish("ended", "hung_up");
    else this.#finish("failed", this.incoming && !this.#accepted ? "declined" : "cancelled");
    await this.#host.leave(this.id);
  }

  /** Unmuting the picture of a call without one turns the camera on. @param {"audio" | "video"} kind @param {boolean} on */
  async mute(kind, on) {
    const tracks = () => this.local?.getTracks().filter((track) => track.kind === kind) ?? [];
    if (kind === "video" && !on && this.local && tracks().length === 0) {
      const [camera] = (await capture({ audio: false, video: true })).getVideoTracks();
      if (this.isOver) return camera.stop();
      this.local.addTrack(camera);
      if (!this.screen) await this.#show(camera);
    }
    for (const track of tracks()) track.enabled = !on;
    this.muted[kind] = on;
    this.#tell();
  }

  /** @param {boolean} on */
  async shareScreen(on) {
    if (on === Boolean(this.screen) || this.isOver) return;
    if (on) {
      const screen = await captureScreen();
      if (this.isOver) return stop(screen);
      this.screen = screen;
      screen.getVideoTracks()[0].onended = () => void this.shareScreen(false);
    } else {
      stop(this.screen);
      this.screen = null;
    }
    await this.#show(this.#picture?.[0] ?? null);
    this.#tell();
  }

  /** What each connection counts. @returns {Promise<Map<string, RTCStatsReport>>} */
  async stats() {
    const reports = new Map();
    for (const [user, peer] of this.#peers) {
      const report = await peer.stats();
      if (report) reports.set(user, report);
    }
    return reports;
  }

  /** Takes part with these tracks: the caller at the start, a callee who accepts, a page that was reloaded. @param {MediaStream} local */
  async #join(local) {
    if (this.isOver) {
      stop(local);
      throw over(this);
    }
    this.local = local;
    this.muted.video = local.getVideoTracks().length === 0;
    this.#accepted = true;
    this.#settle();
  }

  /** For the one who calls. @param {MediaStream} local @param {MediaStream | null} screen */
  async begin(local, screen) {
    this.screen = screen;
    await this.#join(local);
    this.#meet();
  }

  /** For a page that was reloaded in mid-call: everybody gets a new offer, but for whose own offer waits. */
  async rejoin() {
    await this.#join(await capture({ audio: true, video: this.type === "video" }));
    const offered = await this.sync();
    for (const person of this.others) {
      const expected = person.standing === "joined" || (isPending(person) && !this.incoming);
      if (expected && !offered.has(person.user_id)) await this.#peer(person.user_id).offer();
    }
  }

  /** Asks the server how the call stands and what waits for this side. @returns {Promise<Set<string>>} whose offer waited */
  async sync() {
    /** @type {Set<string>} */
    const offered = new Set();
    if (this.isOver) return offered;
    try {
      const view = await this.#host.send("GET", `/api/webrtc/call/${this.id}`);
      const { descriptions = [], candidates = [] } = view.signals ?? {};
      const heard = [];
      this.update(view);
      for (const batch of candidates) heard.push(this.#peer(batch.from).receiveCandidates(batch));
      if (this.#accepted && !this.isOver) {
        for (const description of descriptions) {
          if (description.kind === "offer") offered.add(description.from);
          heard.push(this.#peer(description.from).receive(description));
        }
        for (const peer of this.#peers.values()) heard.push(peer.heal());
      }
      await Promise.all(heard);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 404) this.#finish("ended", "gone");
      else this.#refused(problem);
    }
    return offered;
  }

  /** @param {string} event @param {any} data */
  signal(event, data) {
    if (this.isOver) return;
    if (event === "call.candidates") void this.#peer(data.from).receiveCandidates(data);
    else if (event === "call.media") this.#emitter.emit("media", { ...data, user_id: data.from });
    else if (this.#accepted) void this.#peer(data.from).receive({ ...data, kind: event === "call.offer" ? "offer" : "answer" });
  }

  /** @param {import("./types.js").CallView} view */
  update(view) {
    if (this.isOver) return;
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
    for (const { user_id } of this.others.filter(isGone)) this.#drop(user_id);
    this.#meet();
    this.#settle();
    this.#emitter.emit("people", this.participants);
  }

  /** Offers to everybody whose turn it is: of two people the one placed earlier offers; a caller does not wait for the other to join. */
  #meet() {
    if (this.#person(this.#host.me)?.standing !== "joined" || !this.local) return;
    for (const person of this.others) {
      const ready = person.standing === "joined" || (isPending(person) && !this.incoming);
      if (ready && !this.#isPolite(person.user_id) && !this.#peers.has(person.user_id)) void this.#peer(person.user_id).offer();
    }
  }

  /** @param {string} user */
  #person(user) {
    return this.participants.find(({ user_id }) => user_id === user);
  }

  /** @param {string} towards */
  #isPolite(towards) {
    const place = (/** @type {string} */ user) => this.participants.findIndex(({ user_id }) => user_id === user);
    return place(this.#host.me) > place(towards);
  }

  /** @param {string} user */
  #peer(user) {
    const known = this.#peers.get(user);
    if (known) return known;
    const { iceServers, log } = this.#host;
    const peer = new Peer({
      to: user,
      polite: this.#isPolite(user),
      room: {
        iceServers,
        log,
        tracks: () => this.#tracks(),
        describe: (kind, body) => this.#describe(kind, body),
        candidates: (body) => this.#candidates(body),
        changed: () => this.#settle(),
        refused: (problem) => this.#refused(problem),
        stream: (stream) => {
          this.remote.set(user, stream);
          this.#emitter.emit("stream", { user_id: user, stream });
        },
      },
    });
    this.#peers.set(user, peer);
    return peer;
  }

  /** @param {string} user */
  #drop(user) {
    this.#peers.get(user)?.close();
    this.#peers.delete(user);
    if (this.remote.delete(user)) this.#emitter.emit("stream", { user_id: user, stream: null });
  }

  /** What is seen of this side: the screen while it is shared, else the camera. @returns {[MediaStreamTrack, MediaStream] | undefined} */
  get #picture() {
    const stream = this.screen ?? this.local;
    const [track] = stream?.getVideoTracks() ?? [];
    return track && this.local ? [track, this.local] : undefined;
  }

  #tracks() {
    const sound = this.local?.getAudioTracks().map((track) => /** @type {[MediaStreamTrack, MediaStream]} */ ([track, this.local]));
    return [...(sound ?? []), ...(this.#picture ? [this.#picture] : [])];
  }

  /** @param {MediaStreamTrack | null} track */
  async #show(track) {
    const { local } = this;
    if (local) await Promise.all([...this.#peers.values()].map((peer) => peer.sendVideo(track, local)));
  }

  /** @param {"offer" | "answer"} kind @param {object} body */
  async #describe(kind, body) {
    const { device, send, me } = this.#host;
    const reply = await send("POST", `/api/webrtc/call/${this.id}/${kind}`, {
      body: { ...body, device_id: device },
      repeatable: kind === "answer",
    });
    const mine = this.#person(me);
    if (mine && isPending(mine)) {
      Object.assign(mine, { standing: "joined", device_id: device });
      this.#meet();
    }
    return reply;
  }

  /** @param {object} body */
  async #candidates(body) {
    const { device, request, send } = this.#host;
    const named = { ...body, device_id: device };
    try {
      await request("call.candidates", { ...named, call_id: this.id });
    } catch (error) {
      if (!asProblem(error).unheard) throw error;
      await send("POST", `/api/webrtc/call/${this.id}/ice-candidate`, { body: named, repeatable: true });
    }
  }

  #tell() {
    const { device, request, log } = this.#host;
    const data = { call_id: this.id, audio: !this.muted.audio, video: !this.muted.video, screen: Boolean(this.screen), device_id: device };
    if (this.#person(this.#host.me)?.standing === "joined") request("call.media", data).catch((problem) => log("media not told", problem));
  }

  /** @param {Problem} problem */
  #refused(problem) {
    this.#host.log(`call ${this.id}`, problem);
    if (problem.is("answered_elsewhere")) return this.#finish("ended", "answered_elsewhere");
    // Whatever else it was, an offer that came first, a newer one, an end, a lost network: the call itself tells.
    this.#timers.again ??= setTimeout(() => {
      this.#timers.again = undefined;
      void this.sync();
    }, problem.is("call_over") ? 0 : AGAIN_AFTER);
  }

  get #isAmiss() {
    return this.state === "reconnecting" || (this.state === "starting" && this.#accepted);
  }

  #settle() {
    if (this.isOver) return;
    const paths = [...this.#peers.values()].map((peer) => peer.state);
    const answered = this.#accepted && this.others.some(({ standing }) => standing === "joined");
    if (paths.includes("connected")) return this.#become("connected");
    if (!answered) return this.#become("ringing");
    const broken = this.#wasConnected || paths.includes("failed");
    this.#become(broken ? "reconnecting" : "starting", broken ? (this.#wasConnected ? "path_lost" : "no_route") : null);
  }

  /** @param {State} to @param {string | null} [reason] */
  #become(to, reason = null) {
    const from = this.state;
    if (from === to && this.reason === reason) return;
    this.state = to;
    this.reason = reason;
    if (to === "connected") {
      this.#wasConnected = true;
      if (this.muted.audio || this.muted.video || this.screen) this.#tell();
    }
    this.#emitter.emit("state", { from, to, reason });
  }

  /** @param {"ended" | "failed"} state @param {string | null} reason */
  #finish(state, reason) {
    if (this.isOver) return;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    for (const { user_id } of this.others) this.#drop(user_id);
    stop(this.local);
    stop(this.screen);
    this.#become(state, reason);
    this.#host.finished(this);
  }
}

/** @param {Call} call */
export const over = (call) =>
  call.reason === "answered_elsewhere"
    ? new Problem({ code: "answered_elsewhere", status: 409, detail: "the call was answered on another device" })
    : new Problem({ code: "call_over", status: 409, detail: "the call is over", remedy: "Start a new call." });

import { Emitter } from "./events.js";
import { Heartbeat } from "./heartbeat.js";
import { capture } from "./media.js";
import { isGone, isPending, Mesh } from "./mesh.js";
import { networkChanges } from "./network.js";
import { asProblem, Problem } from "./problem.js";
import { Quality } from "./quality.js";
import { Recording } from "./recording.js";
import { Roster } from "./roster.js";
import { Senders } from "./senders.js";
import { Sending } from "./sending.js";
import { isSame, Telling } from "./telling.js";

/** Pushes can be lost: while a call is not as it should be, the server is asked again this often. */
const HEAL_EVERY = 5_000;
/** What was heard of a call is believed for so long where a consent depends on it: one heartbeat, and a slow answer. */
const FRESH = 25_000;
const AGAIN = { first: 1_000, most: 30_000 };

/**
 * @typedef {"starting" | "ringing" | "connected" | "reconnecting" | "ended" | "failed"} State
 * @typedef {import("./types.js").CallView} CallView
 * @typedef {import("./types.js").Participant} Participant
 *
 * @typedef {object} CallEvents
 * @property {{ from: State, to: State, reason: string | null }} state
 * @property {{ user_id: string, stream: MediaStream | null }} stream
 * @property {{ user_id: string } & Required<import("./types.js").Media>} media what somebody sends now
 * @property {Participant[]} people
 * @property {import("./quality.js").Reading} quality how somebody is heard now
 * @property {import("./recording.js").RecordingChange} recording
 * @property {{ ends_at: string | null }} ending the plan ends the call in five minutes
 *
 * @typedef {object} Host what a call needs of the client
 * @property {string} me
 * @property {string} device
 * @property {boolean} relayOnly
 * @property {import("./ice.js").IceServers} ice
 * @property {import("./types.js").Send} send
 * @property {typeof globalThis.fetch} fetch
 * @property {(action: string, data: object) => Promise<any>} request
 * @property {() => number} now
 * @property {(call: Call) => boolean} busy whether this device is in another call
 * @property {(call: Call) => void} finished
 * @property {(id: string, goodbye: object) => Promise<void>} leave
 * @property {import("./types.js").Log} log
 */

/** One call, as this device takes part in it. */
export class Call extends Roster {
  /** @type {State} */
  state = "ringing";
  /** @type {string | null} */
  reason = null;
  /** @type {Map<string, MediaStream>} */
  remote = new Map();
  /** What the others send. */
  media = new Senders();

  /** How the others were heard last. @type {Map<string, import("./quality.js").Reading>} */
  quality = new Map();

  #host;
  #quality;
  /** @type {import("./types.js").MediaPath} */
  #path;
  #heartbeat;
  #telling;
  #recording;
  /** @type {Sending | null} */
  #sending = null;
  /** @type {Promise<void> | null} */
  #accepting = null;
  /** This device joined, and has not heard that it is out. */
  #isIn = false;
  #wasConnected = false;
  #attempt = 0;
  /** When the server was heard of this call last. */
  #heardAt = Date.now();
  #forgetNetwork;
  /** @type {Emitter<CallEvents>} */
  #emitter = new Emitter();
  /** @type {Record<"ring" | "heal" | "again", ReturnType<typeof setTimeout> | undefined>} */
  #timers = { ring: undefined, heal: undefined, again: undefined };

  /** @param {Host} host @param {CallView} view */
  constructor(host, view) {
    super(host.me, view);
    this.#host = host;
    this.#telling = new Telling(host, this.id, () => (this.#isIn && !this.isOver ? this.#sending?.media : undefined));
    this.#path = new Mesh(this.#owner(), host);
    this.#quality = this.#listen();
    this.#recording = new Recording(this.#room(), host);
    this.#heartbeat = new Heartbeat(host, {
      id: this.id,
      generation: () => (this.#isIn ? this.myself.generation : null),
      renewed: (stay, asked) => this.#renewed(stay, asked),
      refused: (problem) => this.#refused(problem),
    });
    this.#forgetNetwork = networkChanges(() => this.#path.restart());
    this.#awaitRing();
    this.#timers.heal = setInterval(() => this.#isAmiss && this.sync(), HEAL_EVERY);
  }

  get isOver() {
    return this.state === "ended" || this.state === "failed";
  }

  /** Somebody calls while this device is in another call. */
  get isWaiting() {
    return !this.isOver && !this.#sending && this.#host.busy(this);
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

  get held() {
    return this.#sending?.held ?? false;
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
    return this.acceptWith(async () => new Sending(await capture({ audio: true, video }), null));
  }

  /** Picks up with what is captured already. @param {() => Promise<Sending>} open */
  acceptWith(open) {
    this.#accepting ??= this.#accept(open).finally(() => (this.#accepting = null));
    return this.#accepting;
  }

  decline({ busy = false } = {}) {
    return this.hangUp({ busy });
  }

  /** Hangs up, declines or gives up, whichever fits. Over here at once, for the others when the server knows. */
  async hangUp({ busy = false } = {}) {
    if (this.isOver) return;
    const reason = isPending(this.myself) ? { reason: busy ? "busy" : "declined" } : {};
    // Whoever is just coming in does not know which stay it will be.
    const stay = this.#accepting ? {} : { generation: this.myself.generation };
    if (this.#isAnswered) this.#finish("ended", "hung_up");
    else this.#finish("failed", this.incoming && !this.#sending ? (busy ? "busy" : "declined") : "cancelled");
    await this.#host.leave(this.id, { ...reason, ...stay });
  }

  /** Unmuting the picture of a call without one turns the camera on. @param {"audio" | "video"} kind @param {boolean} on */
  mute(kind, on) {
    return this.#change((sending) => sending.mute(kind, on));
  }

  /** @param {boolean} on */
  shareScreen(on) {
    return this.#change((sending) => sending.share(on, () => void this.shareScreen(false)));
  }

  /** Neither sends nor plays. @param {boolean} on */
  hold(on) {
    return this.#change(async (sending) => {
      sending.hold(on);
      for (const stream of this.remote.values()) this.#play(stream);
    });
  }

  /** Asks more people in. @param {string | string[]} people */
  async invite(people, { idempotencyKey = crypto.randomUUID() } = {}) {
    const view = await this.#post("invite", { participants: [people].flat() }, { headers: { "Idempotency-Key": idempotencyKey }, repeatable: true });
    this.update(view);
  }

  /** Sends somebody away; only the host may. @param {string} user */
  async remove(user) {
    this.update(await this.#post("remove", { user_id: user, generation: this.person(user)?.generation }));
  }

  /**
   * Asks everybody to be recorded by this side; it begins when all have consented.
   * @param {{ type?: import("./recording.js").MediaType, idempotencyKey?: string }} [options]
   * @returns {Promise<string>} the recording's id
   */
  record(options) {
    return this.#recording.ask(options);
  }

  /** Consents to being recorded, refuses, or takes a consent back. @param {boolean} given */
  consent(given) {
    return this.#recording.consent(given);
  }

  /** For the recorder and the host. */
  stopRecording() {
    return this.#recording.stop();
  }

  /** Settles when what this side recorded is kept, or could not be. */
  get saved() {
    return this.#recording.saved;
  }

  /** What the connection to each other person counts. */
  stats() {
    return this.#path.stats();
  }

  /** For the one who calls. @param {Sending} sending */
  begin(sending) {
    this.#isIn = true;
    this.#join(sending);
    this.#path.meet();
  }

  /** For a page that was reloaded in mid-call, and for who left and wants back. */
  async rejoin() {
    this.#join(new Sending(await capture({ audio: true, video: this.type === "video" }), null));
    await this.sync();
  }

  /** Over on this device alone; nobody is told. @param {string} reason */
  forget(reason) {
    this.#finish("ended", reason);
  }

  /** Asks the server how the call stands and what waits for this side. */
  async sync() {
    if (this.isOver) return;
    try {
      const asked = Date.now();
      const view = await this.#host.send("GET", `/api/webrtc/call/${this.id}`);
      const signals = view.signals ?? { descriptions: [], candidates: [] };
      this.#look(view, { asked });
      await this.#enter(signals);
      if (this.isOver) return;
      if (this.#isIn && this.#wasConnected && !isSame(this.myself.media, this.#sending?.media)) void this.#telling.tell();
      const heard = this.#path.take(signals);
      this.#path.meet();
      this.#settle();
      await heard;
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 404) this.#finish("ended", "gone");
      else this.#refused(problem);
    }
  }

  /** @param {string} event @param {any} data @param {number} at when the server told it */
  signal(event, data, at) {
    if (this.isOver) return;
    if (event !== "call.media") return this.#path.signal(event, data);
    const person = this.person(data.from);
    if (person && this.media.pushed(person, data, at)) this.#shows(data.from);
  }

  /** @param {CallView} view @param {import("./tape.js").Heard} [how] */
  update(view, how) {
    if (this.isOver) return;
    this.#look(view, how);
    if (this.isOver) return;
    // Out, and still here: the call is asked how to come back.
    if (this.#sending && isGone(this.myself)) return void this.sync();
    this.#path.meet();
    this.#settle();
  }

  /** @param {CallView} view @param {import("./tape.js").Heard} how */
  ending(view, how) {
    this.update(view, how);
    if (!this.isOver) this.#emitter.emit("ending", { ends_at: this.endsAt });
  }

  /** @param {CallView} view @param {import("./tape.js").Heard} [how] */
  #look(view, how = {}) {
    const crowded = this.isCrowded;
    this.#heardAt = Date.now();
    if (!this.told(view)) return;
    this.#recording.heard(view, how);
    if (view.state === "disconnected") return this.#finish("ended", view.reason);
    if (view.state === "failed") return this.#finish("failed", view.reason);
    const { standing, device_id } = this.myself;
    if (standing === "joined" && device_id !== this.#host.device) return this.#finish("ended", "answered_elsewhere");
    if (isGone(this.myself)) {
      if (!this.#mayComeBack) return this.#finish("ended", standing);
      this.#isIn = false;
    }
    const at = how.toldAt ?? (how.asked ?? -Infinity) + this.#host.now() - Date.now();
    for (const person of this.others) {
      if (person.standing !== "joined") this.media.delete(person.user_id);
      else if (this.media.read(person, at)) this.#shows(person.user_id);
    }
    this.#awaitRing();
    this.#recording.changed();
    if (this.isCrowded && !crowded) this.#host.log("a mesh of more than four: each sends to all others, which few up-links carry");
    this.#emitter.emit("people", this.participants);
  }

  /** Asks when a ring has run out: everybody's who was asked has its own end. */
  #awaitRing() {
    clearTimeout(this.#timers.ring);
    const ends = this.participants.filter(isPending).map(({ ring_until }) => Date.parse(ring_until ?? ""));
    const next = Math.min(...ends.filter((end) => !Number.isNaN(end)));
    if (next < Infinity) this.#timers.ring = setTimeout(() => this.sync(), Math.max(0, next - this.#host.now()) + 500);
  }

  /** Whoever was lost comes back, and who asked to; who left or was removed does not by itself. */
  get #mayComeBack() {
    const { standing } = this.myself;
    if (!this.#sending || standing === "removed") return false;
    return !this.#isIn || this.#heartbeat.isLost(this.myself);
  }

  /** Joins where no answer does: in a group, where no offer waits, and to come back. @param {import("./types.js").Signals} signals */
  async #enter({ descriptions }) {
    if (this.isOver || !this.#sending || this.#isIn) return;
    const me = this.myself;
    if (isPending(me) && this.others.length === 1 && descriptions.some(({ type }) => type === "offer")) return;
    const generation = isPending(me) ? {} : { generation: me.generation };
    const view = await this.#post("join", { device_id: this.#host.device, ...generation }, { repeatable: true });
    // Hung up meanwhile: the goodbye could not name the stay that begins only now.
    if (this.isOver) return this.#host.leave(this.id, {});
    this.#isIn = true;
    this.#look(view);
  }

  #owner() {
    const call = this;
    return {
      id: call.id,
      remote: call.remote,
      get relayOnly() {
        return call.#host.relayOnly || call.relayOnly;
      },
      get incoming() {
        return call.incoming;
      },
      get participants() {
        return call.participants;
      },
      get sending() {
        return call.#sending;
      },
      stream: (/** @type {string} */ user_id, /** @type {MediaStream | null} */ stream) => {
        if (stream) call.#play(stream);
        call.#recording.changed();
        call.#emitter.emit("stream", { user_id, stream });
      },
      joined: () => call.#joined(),
      behind: () => void call.sync(),
      settle: () => call.#settle(),
      refused: (/** @type {Problem} */ problem) => call.#refused(problem),
    };
  }

  #room() {
    const call = this;
    return {
      id: call.id,
      me: call.#host.me,
      device: call.#host.device,
      type: call.type,
      remote: call.remote,
      get isOver() {
        return call.isOver;
      },
      get isFresh() {
        return Date.now() - call.#heardAt < FRESH;
      },
      get recording() {
        return call.recording;
      },
      get participants() {
        return call.participants;
      },
      get sending() {
        return call.#sending;
      },
      now: () => call.#host.now(),
      sync: () => call.sync(),
      update: (/** @type {CallView} */ view, /** @type {import("./tape.js").Heard | undefined} */ how) => call.update(view, how),
      told: (/** @type {import("./recording.js").RecordingChange} */ change) => call.#emitter.emit("recording", change),
    };
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

  /** @param {() => Promise<Sending>} open */
  async #accept(open) {
    if (this.isOver) throw over(this);
    if (this.#sending) return;
    this.#join(await open());
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
    this.#isIn = true;
    const me = this.myself;
    if (!isPending(me)) return;
    Object.assign(me, { standing: "joined", device_id: this.#host.device, generation: me.generation + 1, media: { audio: true, video: this.type === "video" } });
    this.#path.meet();
  }

  /** @param {(sending: Sending) => Promise<void>} change */
  async #change(change) {
    const sending = this.#sending;
    if (!sending) return;
    const before = sending.picture;
    await change(sending);
    if (this.isOver) return sending.stop();
    this.#recording.changed();
    if (sending.picture !== before) await this.#path.show(sending);
    void this.#telling.tell();
  }

  /** @param {MediaStream} stream */
  #play(stream) {
    for (const track of stream.getTracks()) track.enabled = !this.held;
  }

  /** @param {string} path @param {object} body @param {import("./types.js").RequestOptions} [options] */
  #post(path, body, options) {
    return this.#host.send("POST", `/api/webrtc/call/${this.id}/${path}`, { body, ...options });
  }

  /** @param {string} user_id */
  #shows(user_id) {
    const media = this.media.get(user_id);
    if (media) this.#emitter.emit("media", { user_id, ...media });
  }

  /** @param {import("./heartbeat.js").Stay} stay @param {number} asked */
  #renewed({ seq, ice }, asked) {
    this.#heardAt = Date.now();
    this.#recording.stood(seq, asked);
    this.#host.ice.take(ice);
    if (seq > this.seq) void this.sync();
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

  /** In a group one may be out of reach while the others are there. */
  get #isAmiss() {
    const away = this.others.some((person) => person.standing === "joined" && person.away);
    return (this.#isAnswered && !this.#path.whole) || (this.#isIn && away);
  }

  #settle() {
    if (this.isOver) return;
    const { paths } = this.#path;
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
      if (!isSame(this.myself.media, this.#sending?.media)) void this.#telling.tell();
    }
    this.#emitter.emit("state", { from, to, reason });
  }

  /** @param {"ended" | "failed"} state @param {string | null} reason */
  #finish(state, reason) {
    if (this.isOver) return;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#heartbeat.stop();
    this.#telling.stop();
    this.#forgetNetwork();
    this.#recording.close();
    this.#become(state, reason);
    this.#quality.stop();
    this.#path.close();
    this.#sending?.stop();
    this.#host.finished(this);
  }
}

/** @param {Call} call */
export const over = (call) =>
  call.reason === "answered_elsewhere"
    ? new Problem({ code: "answered_elsewhere", status: 409, detail: "the call was answered on another device" })
    : new Problem({ code: "call_over", status: 409, detail: "the call is over", remedy: "Start a new call." });

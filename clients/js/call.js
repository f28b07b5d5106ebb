import { capture } from "./media.js";
import { isPending } from "./mesh.js";
import { Part } from "./part.js";
import { over } from "./problem.js";
import { Quality } from "./quality.js";
import { Recording } from "./recording.js";
import { Sending } from "./sending.js";

/** What was heard of a call is believed for so long where a consent depends on it: one heartbeat, and a slow answer. */
const FRESH = 25_000;

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
 * @property {(call: import("./roster.js").Roster) => void} finished
 * @property {(id: string, goodbye: object) => Promise<void>} leave
 * @property {import("./types.js").Log} log
 */

/** One call, and what can be done in it. */
export class Call extends Part {
  /** How the others were heard last. @type {Map<string, import("./quality.js").Reading>} */
  quality = new Map();

  #recording;
  /** @type {Promise<void> | null} */
  #accepting = null;

  /** @param {Host} host @param {CallView} view */
  constructor(host, view) {
    super(host, view);
    const quality = this.#listen();
    const recording = (this.#recording = new Recording(this.#room(), host));
    this.within.on("view", ({ view, how }) => recording.heard(view, how));
    this.within.on("stood", ({ seq, at }) => recording.stood(seq, at));
    this.within.on("changed", () => recording.changed());
    this.on("state", ({ to }) => {
      if (to === "connected") quality.start();
      if (!this.isOver) return;
      recording.close();
      quality.stop();
    });
  }

  /** Somebody calls while this device is in another call. */
  get isWaiting() {
    return !this.isOver && !this.sending && this.host.busy(this);
  }

  /** @returns {MediaStream | null} */
  get local() {
    return this.sending?.stream ?? null;
  }

  /** @returns {MediaStream | null} */
  get screen() {
    return this.sending?.screen ?? null;
  }

  get muted() {
    return this.sending?.muted ?? { audio: false, video: false };
  }

  get held() {
    return this.sending?.held ?? false;
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
    if (this.isAnswered) this.finish("ended", "hung_up");
    else this.finish("failed", this.incoming && !this.sending ? (busy ? "busy" : "declined") : "cancelled");
    await this.host.leave(this.id, { ...reason, ...stay });
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
      for (const stream of this.remote.values()) this.play(stream);
    });
  }

  /** Asks more people in. @param {string | string[]} people */
  async invite(people, { idempotencyKey = crypto.randomUUID() } = {}) {
    const view = await this.post("invite", { participants: [people].flat() }, { headers: { "Idempotency-Key": idempotencyKey }, repeatable: true });
    this.update(view);
  }

  /** Sends somebody away; only the host may. @param {string} user */
  async remove(user) {
    this.update(await this.post("remove", { user_id: user, generation: this.person(user)?.generation }));
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
    return this.path.stats();
  }

  /** @param {() => Promise<Sending>} open */
  async #accept(open) {
    if (this.isOver) throw over(this.reason);
    if (this.sending) return;
    this.join(await open());
    await this.sync();
    if (this.isOver) throw over(this.reason);
  }

  /** @param {(sending: Sending) => Promise<void>} change */
  async #change(change) {
    const sending = this.sending;
    if (!sending) return;
    const before = sending.picture;
    await change(sending);
    if (this.isOver) return sending.stop();
    this.within.emit("changed", null);
    if (sending.picture !== before) await this.path.show(sending);
    void this.telling.tell();
  }

  #room() {
    const call = this;
    return {
      id: call.id,
      me: call.host.me,
      device: call.host.device,
      type: call.type,
      remote: call.remote,
      get seq() {
        return call.seq;
      },
      get isOver() {
        return call.isOver;
      },
      get isFresh() {
        return Date.now() - call.heardAt < FRESH;
      },
      get recording() {
        return call.recording;
      },
      get participants() {
        return call.participants;
      },
      get sending() {
        return call.sending;
      },
      now: () => call.host.now(),
      sync: () => call.sync(),
      update: (/** @type {CallView} */ view, /** @type {import("./tape.js").Heard | undefined} */ how) => call.update(view, how),
      told: (/** @type {import("./recording.js").RecordingChange} */ change) => call.emitter.emit("recording", change),
    };
  }

  #listen() {
    const { device, now, send, log } = this.host;
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
        this.emitter.emit("quality", reading);
      },
    });
  }
}

import { Emitter } from "./events.js";
import { Heartbeat } from "./heartbeat.js";
import { capture } from "./media.js";
import { isGone, isPending, Mesh } from "./mesh.js";
import { networkChanges } from "./network.js";
import { asProblem, over } from "./problem.js";
import { Roster } from "./roster.js";
import { Senders } from "./senders.js";
import { Sending } from "./sending.js";
import { isSame, Telling } from "./telling.js";
import { Watch } from "./watch.js";

/**
 * @typedef {import("./types.js").CallView} CallView
 * @typedef {import("./call.js").State} State
 * @typedef {import("./tape.js").Heard} Heard
 *
 * @typedef {object} Within what the rest of the call is told
 * @property {{ view: CallView, how: Heard }} view as the server tells it
 * @property {{ seq: number, at: number }} stood it was so at this time, by this machine's clock
 * @property {null} changed who is there, or who sends what
 */

/** This device's part in a call: it comes in, stays, is connected to the others and goes. */
export class Part extends Roster {
  /** @type {State} */
  state = "ringing";
  /** @type {string | null} */
  reason = null;
  /** @type {Map<string, MediaStream>} */
  remote = new Map();
  /** What the others send. */
  media = new Senders();

  /** @protected */ host;
  /** @protected @type {import("./types.js").MediaPath} */ path;
  /** @protected */ telling;
  /** @protected @type {Sending | null} */ sending = null;
  /** @protected @type {Emitter<import("./call.js").CallEvents>} */ emitter = new Emitter();
  /** @protected @type {Emitter<Within>} */ within = new Emitter();
  /** @protected When the server was heard of this call last. */ heardAt = Date.now();
  /** This device joined, and has not heard that it is out. */
  #isIn = false;
  #wasConnected = false;
  #warned = false;
  #heartbeat;
  #watch;
  #forgetNetwork;

  /** @param {import("./call.js").Host} host @param {CallView} view */
  constructor(host, view) {
    super(host.me, view);
    this.host = host;
    this.telling = new Telling(host, this.id, () => (this.#isIn && !this.isOver ? this.sending?.media : undefined));
    this.path = new Mesh(this, this.#owner(), host);
    this.#heartbeat = new Heartbeat(host, {
      id: this.id,
      generation: () => (this.#isIn ? this.myself.generation : null),
      renewed: (stay, asked) => this.#renewed(stay, asked),
      refused: (problem) => this.#refused(problem),
    });
    this.#forgetNetwork = networkChanges(() => this.path.restart());
    this.#watch = new Watch({ look: () => void this.sync(), isAmiss: () => this.#isAmiss, now: () => host.now() });
    this.#watch.rings(this.participants);
  }

  get isOver() {
    return this.state === "ended" || this.state === "failed";
  }

  /**
   * @template {keyof import("./call.js").CallEvents} E
   * @param {E} event
   * @param {(value: import("./call.js").CallEvents[E]) => void} fn
   */
  on(event, fn) {
    return this.emitter.on(event, fn);
  }

  /** For the one who calls. @param {Sending} sending */
  begin(sending) {
    this.#isIn = true;
    this.join(sending);
    this.path.meet();
  }

  /** For a page that was reloaded in mid-call, and for who left and wants back. */
  async rejoin() {
    this.join(new Sending(await capture({ audio: true, video: this.type === "video" }), null));
    await this.sync();
  }

  /** Over on this device alone; nobody is told. @param {string} reason */
  forget(reason) {
    this.finish("ended", reason);
  }

  /** Asks the server how the call stands and what waits for this side. */
  async sync() {
    if (this.isOver) return;
    try {
      const asked = Date.now();
      const view = await this.host.send("GET", `/api/webrtc/call/${this.id}`);
      const signals = view.signals ?? { descriptions: [], candidates: [] };
      this.#look(view, { asked });
      await this.#enter(signals);
      if (this.isOver) return;
      if (this.#isIn && this.#wasConnected && !isSame(this.myself.media, this.sending?.media)) void this.telling.tell();
      const heard = this.path.take(signals);
      this.path.meet();
      this.#settle();
      await heard;
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 404) this.finish("ended", "gone");
      else this.#refused(problem);
    }
  }

  /** @param {string} event @param {any} data @param {number} at when the server told it */
  signal(event, data, at) {
    if (this.isOver) return;
    if (event !== "call.media") return this.path.signal(event, data);
    const person = this.person(data.from);
    if (person && this.media.pushed(person, data, at)) this.#shows(data.from);
  }

  /** @param {CallView} view @param {Heard} [how] */
  update(view, how) {
    if (this.isOver) return;
    this.#look(view, how);
    if (this.isOver) return;
    // Out, and still here: the call is asked how to come back.
    if (this.sending && isGone(this.myself)) return void this.sync();
    this.path.meet();
    this.#settle();
  }

  /** @param {CallView} view @param {Heard} how */
  ending(view, how) {
    this.update(view, how);
    if (!this.isOver) this.emitter.emit("ending", { ends_at: this.endsAt });
  }

  /** @param {CallView} view @param {Heard} [how] */
  #look(view, how = {}) {
    this.heardAt = Date.now();
    if (!this.told(view)) return;
    this.within.emit("view", { view, how });
    if (view.state === "disconnected") return this.finish("ended", view.reason);
    if (view.state === "failed") return this.finish("failed", view.reason);
    const { standing, device_id } = this.myself;
    if (standing === "joined" && device_id !== this.host.device) return this.finish("ended", "answered_elsewhere");
    if (isGone(this.myself)) {
      if (!this.#mayComeBack) return this.finish("ended", standing);
      this.#isIn = false;
    }
    const at = how.toldAt ?? (how.asked ?? -Infinity) + this.host.now() - Date.now();
    for (const person of this.others) {
      if (person.standing !== "joined") this.media.delete(person.user_id);
      else if (this.media.read(person, at)) this.#shows(person.user_id);
    }
    this.#watch.rings(this.participants);
    this.within.emit("changed", null);
    if (this.isCrowded && !this.#warned) this.host.log("a mesh of more than four: each sends to all others, which few up-links carry");
    this.#warned = this.isCrowded;
    this.emitter.emit("people", this.participants);
  }

  /** Whoever was lost comes back, and who asked to; who left or was removed does not by itself. */
  get #mayComeBack() {
    const { standing } = this.myself;
    if (!this.sending || standing === "removed") return false;
    return !this.#isIn || this.#heartbeat.isLost(this.myself);
  }

  /** Joins where no answer does: in a group, where no offer waits, and to come back. @param {import("./types.js").Signals} signals */
  async #enter({ descriptions }) {
    if (this.isOver || !this.sending || this.#isIn) return;
    const me = this.myself;
    if (isPending(me) && this.others.length === 1 && descriptions.some(({ type }) => type === "offer")) return;
    const generation = isPending(me) ? {} : { generation: me.generation };
    const view = await this.post("join", { device_id: this.host.device, ...generation }, { repeatable: true });
    // Hung up meanwhile: the goodbye could not name the stay that begins only now.
    if (this.isOver) return this.host.leave(this.id, {});
    this.#isIn = true;
    this.#look(view);
  }

  #owner() {
    return {
      sending: () => this.sending,
      stream: (/** @type {string} */ user_id, /** @type {MediaStream | null} */ stream) => {
        if (stream) this.play(stream);
        this.within.emit("changed", null);
        this.emitter.emit("stream", { user_id, stream });
      },
      joined: () => this.#joined(),
      behind: () => void this.sync(),
      settle: () => this.#settle(),
      refused: (/** @type {import("./problem.js").Problem} */ problem) => this.#refused(problem),
    };
  }

  /** @protected @param {Sending} sending */
  join(sending) {
    if (this.isOver) {
      sending.stop();
      throw over(this.reason);
    }
    this.sending = sending;
    this.#settle();
  }

  /** The server took a description of this device, so this device is in. */
  #joined() {
    this.#isIn = true;
    if (this.joinedHere(this.host.device)) this.path.meet();
  }

  /** @protected @param {MediaStream} stream */
  play(stream) {
    for (const track of stream.getTracks()) track.enabled = !this.sending?.held;
  }

  /** @protected @param {string} path @param {object} body @param {import("./types.js").RequestOptions} [options] */
  post(path, body, options) {
    return this.host.send("POST", `/api/webrtc/call/${this.id}/${path}`, { body, ...options });
  }

  /** @param {string} user_id */
  #shows(user_id) {
    const media = this.media.get(user_id);
    if (media) this.emitter.emit("media", { user_id, ...media });
  }

  /** @param {import("./heartbeat.js").Stay} stay @param {number} asked */
  #renewed({ seq, ice }, asked) {
    this.heardAt = Date.now();
    this.within.emit("stood", { seq, at: asked });
    this.host.ice.take(ice);
    if (seq > this.seq) void this.sync();
  }

  /** @param {import("./problem.js").Problem} problem */
  #refused(problem) {
    this.host.log(`call ${this.id}`, problem);
    if (problem.is("answered_elsewhere")) return this.finish("ended", "answered_elsewhere");
    this.#watch.after(problem);
  }

  /** @protected */
  get isAnswered() {
    return this.sending !== null && this.others.some(({ standing }) => standing === "joined");
  }

  /** In a group one may be out of reach while the others are there. */
  get #isAmiss() {
    const away = this.others.some((person) => person.standing === "joined" && person.away);
    return (this.isAnswered && !this.path.whole) || (this.#isIn && away);
  }

  #settle() {
    if (this.isOver) return;
    const { paths } = this.path;
    if (paths.includes("connected")) this.#become("connected");
    else if (!this.isAnswered) this.#become("ringing");
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
      this.#watch.calm();
      if (!isSame(this.myself.media, this.sending?.media)) void this.telling.tell();
    }
    this.emitter.emit("state", { from, to, reason });
  }

  /** @protected @param {"ended" | "failed"} state @param {string | null} reason */
  finish(state, reason) {
    if (this.isOver) return;
    this.#watch.stop();
    this.#heartbeat.stop();
    this.telling.stop();
    this.#forgetNetwork();
    this.#become(state, reason);
    this.path.close();
    this.sending?.stop();
    this.host.finished(this);
  }
}

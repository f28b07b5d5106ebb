import { isGone, isPending } from "./mesh.js";

/** In a mesh of more each sends more than most up-links carry. */
const MESH_CARRIES = 4;

/**
 * @typedef {import("./types.js").CallView} CallView
 * @typedef {import("./types.js").Participant} Participant
 */

/** A call as the server told it last. */
export class Roster {
  #me;
  /** @type {CallView} */
  #view;

  /** @param {string} me @param {CallView} view */
  constructor(me, view) {
    this.#me = me;
    this.#view = view;
    this.id = view.call_id;
    this.type = view.type;
    this.caller_id = view.caller_id;
  }

  get participants() {
    return this.#view.participants;
  }

  get others() {
    return this.participants.filter(({ user_id }) => user_id !== this.#me);
  }

  /** @returns {Participant} */
  get myself() {
    return /** @type {Participant} */ (this.person(this.#me));
  }

  /** Of two views the greater is the newer. */
  get seq() {
    return this.#view.seq;
  }

  /** When the first answer came. */
  get since() {
    return this.#view.start_time;
  }

  /** The plan ends the call then. */
  get endsAt() {
    return this.#view.ends_at;
  }

  /** Who may remove others. */
  get host_id() {
    return this.#view.host_id;
  }

  get isHost() {
    return this.host_id === this.#me;
  }

  /** Who records, and how that stands. */
  get recording() {
    return this.#view.recording;
  }

  get relayOnly() {
    return this.#view.relay_only;
  }

  /** Somebody else began it. */
  get incoming() {
    return this.caller_id !== this.#me;
  }

  /** More people than a mesh carries well. */
  get isCrowded() {
    return this.participants.filter((person) => !isGone(person)).length > MESH_CARRIES;
  }

  /** @param {string} user */
  person(user) {
    return this.participants.find(({ user_id }) => user_id === user);
  }

  /** The server took this person in, and its view is on the way. @param {string} device @returns {boolean} whether that is news */
  joinedHere(device) {
    const me = this.myself;
    if (!isPending(me)) return false;
    Object.assign(me, { standing: "joined", device_id: device, generation: me.generation + 1, media: { audio: true, video: this.type === "video" } });
    return true;
  }

  /** Pushes of a call can overtake each other. @param {CallView} view @returns {boolean} whether it is not older than what is known */
  told(view) {
    if (view.seq < this.seq) return false;
    this.#view = { ...view, signals: undefined };
    return true;
  }
}

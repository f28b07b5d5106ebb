import { isUnbroken } from "./consents.js";
import { Problem } from "./problem.js";

/** A push is this long under way, at most; what is heard later was lost. */
const LATE = 3_000;

/**
 * @typedef {import("./types.js").CallView} CallView
 *
 * @typedef {object} Heard how a view of a call came
 * @property {number} [asked] it was asked for at this time, by this machine's clock
 * @property {number} [toldAt] it was told at this time, by the server's clock
 * @property {boolean} [own] this side has stopped the recording
 */

/**
 * What one side records. A slice is uploaded when the server was heard of after its end, and nobody had taken a consent back: the
 * push that would say so can be lost.
 */
export class Tape {
  /** The call said that it is there. */
  known = false;
  /** Why it ends where it does. @type {Problem | undefined} */
  problem;
  /** When it was asked for. */
  since = Date.now();
  /** @type {{ blob: Blob, end: number }[]} */
  #held = [];
  /** The newest view. @type {CallView | null} */
  #view = null;
  #now;

  /**
   * @param {string} id
   * @param {{ mix: import("./mix.js").Mix, recorder: MediaRecorder, upload: import("./upload.js").Upload, now: () => number }} parts `now` by the server's clock
   */
  constructor(id, { mix, recorder, upload, now }) {
    this.id = id;
    this.mix = mix;
    this.recorder = recorder;
    this.upload = upload;
    this.#now = now;
  }

  /** @param {Blob} blob a slice that ends now */
  add(blob) {
    if (!this.problem) this.#held.push({ blob, end: Date.now() });
  }

  /** @param {CallView} view @param {Heard} how */
  heard(view, { asked, toldAt, own }) {
    const before = this.#view;
    if (before && view.seq < before.seq) return;
    this.#view = view;
    const ran = before && this.#runs(before);
    if (ran && !isUnbroken(before, view, { toldAt, since: this.#now() - LATE, own })) this.cut();
    else if (!this.#runs(view)) this.#pass(Infinity);
    else if (asked !== undefined) this.#pass(asked);
  }

  /** At this time, by this machine's clock, the call stood as this number says. @param {number} seq @param {number} at */
  stood(seq, at) {
    if (this.#view && seq === this.#view.seq) this.#pass(at);
  }

  /** Nobody knows whether it might be kept: what was not uploaded is thrown away, and no more is recorded. */
  cut() {
    this.#held = [];
    const detail = "somebody may have taken their consent back unheard: the recording ends before that";
    this.problem ??= new Problem({ code: "consent_unheard", detail, remedy: "Record again, when everybody consents.", retry: "no" });
  }

  /** @param {CallView} view */
  #runs({ recording }) {
    return recording?.recording_id === this.id && recording.state === "running";
  }

  /** @param {number} until */
  #pass(until) {
    while (this.#held.length > 0 && this.#held[0].end <= until) this.upload.add(/** @type {any} */ (this.#held.shift()).blob);
  }
}

import { inFull, isSame } from "./telling.js";

/** A view and a push of the same moment can have overtaken each other. */
const MOMENT = 1_000;

/**
 * What the others send, by person. A push says it, and every view; a view that was read before the push does not undo it.
 * @extends {Map<string, Required<import("./types.js").Media>>}
 */
export class Senders extends Map {
  /** When the newest push came, by the server's clock, and in which stay. @type {Map<string, { at: number, generation: number }>} */
  #pushed = new Map();

  /** @param {import("./types.js").Participant} person @param {import("./types.js").Media} said @param {number} at @returns {boolean} whether that is news */
  pushed({ user_id, generation }, said, at) {
    this.#pushed.set(user_id, { at, generation });
    return this.#take(user_id, said);
  }

  /** @param {import("./types.js").Participant} person @param {number} at when it was read @returns {boolean} */
  read({ user_id, generation, media }, at) {
    const last = this.#pushed.get(user_id);
    if (last?.generation === generation && at < last.at + MOMENT) return false;
    return this.#take(user_id, media);
  }

  /** @param {string} user @param {import("./types.js").Media} said */
  #take(user, said) {
    if (isSame(said, this.get(user))) return false;
    this.set(user, inFull(said));
    return true;
  }
}

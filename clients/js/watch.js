import { isPending } from "./mesh.js";

/** Pushes can be lost: while a call is not as it should be, the server is asked again this often. */
const HEAL_EVERY = 5_000;
const AGAIN = { first: 1_000, most: 30_000 };

/** When a call is looked at again, though nothing was pushed. */
export class Watch {
  #look;
  #now;
  #heal;
  #attempt = 0;
  /** @type {Record<"ring" | "again", ReturnType<typeof setTimeout> | undefined>} */
  #timers = { ring: undefined, again: undefined };

  /** @param {{ look: () => void, isAmiss: () => boolean, now: () => number }} call `now` by the server's clock */
  constructor({ look, isAmiss, now }) {
    this.#look = look;
    this.#now = now;
    this.#heal = setInterval(() => isAmiss() && look(), HEAL_EVERY);
  }

  /** When a ring has run out: everybody's who was asked has its own end. @param {import("./types.js").Participant[]} participants */
  rings(participants) {
    clearTimeout(this.#timers.ring);
    const ends = participants.filter(isPending).map(({ ring_until }) => Date.parse(ring_until ?? ""));
    const next = Math.min(...ends.filter((end) => !Number.isNaN(end)));
    if (next < Infinity) this.#timers.ring = setTimeout(this.#look, Math.max(0, next - this.#now()) + 500);
  }

  /** Whatever was refused, an offer that came first, a newer one, an end, a lost network: the call itself tells. @param {import("./problem.js").Problem} problem */
  after(problem) {
    const wait = problem.is("call_over") ? 0 : (problem.retryAfterMs ?? 0) + Math.min(AGAIN.most, AGAIN.first * 2 ** this.#attempt++);
    this.#timers.again ??= setTimeout(() => {
      this.#timers.again = undefined;
      this.#look();
    }, wait);
  }

  /** All is well. */
  calm() {
    this.#attempt = 0;
  }

  stop() {
    clearInterval(this.#heal);
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
  }
}

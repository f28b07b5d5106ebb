import { asProblem } from "./problem.js";

const BATCH = 32;
/** Gathering takes no longer on most networks, so what is found goes in one message. */
const SOON = 500;
const AGAIN_AFTER = 1_000;

/** Sends the candidates of a connection in few messages. */
export class Trickle {
  /** The offer that they belong to, once the server has taken it: until then they wait. @type {string | null} */
  offerId = null;
  #send;
  #inTurn;
  /** @type {RTCIceCandidateInit[]} */
  #gathered = [];
  #sent = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {(batch: { offer_id: string, candidates: RTCIceCandidateInit[] }) => Promise<void>} send
   * @param {(step: () => Promise<void>) => unknown} inTurn not while a description is under way
   */
  constructor(send, inTurn) {
    this.#send = send;
    this.#inTurn = inTurn;
  }

  /** @param {RTCIceCandidate | null} candidate null says that there are no more */
  gather(candidate) {
    if (candidate?.candidate === "") return; // Firefox says it twice
    this.#gathered.push(candidate?.toJSON() ?? { candidate: "" });
    if (candidate) this.soon();
    else this.#inTurn(() => this.flush());
  }

  soon(after = SOON) {
    this.#timer ??= setTimeout(() => this.#inTurn(() => this.flush()), after);
  }

  /** Until now they went to whatever device was ringing; the one that answered may have none of them. */
  again() {
    this.#sent = 0;
  }

  async flush() {
    this.stop();
    // That there are no more is worth no message of its own.
    while (this.offerId && this.#gathered.slice(this.#sent).some(({ candidate }) => candidate)) {
      const candidates = this.#gathered.slice(this.#sent, this.#sent + BATCH);
      try {
        await this.#send({ offer_id: this.offerId, candidates });
      } catch (error) {
        const problem = asProblem(error);
        if (!problem.unheard && problem.retryAfterMs === undefined) throw problem;
        return this.soon(problem.retryAfterMs ?? AGAIN_AFTER);
      }
      this.#sent += candidates.length;
    }
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** How many offers, and candidates of each, are kept for later: as many as the server takes, and what nobody comes for is forgotten. */
const KEPT = { offers: 32, candidates: 128 };

/** Candidates that came before their description. */
export class Early {
  /** @type {Map<string, RTCIceCandidateInit[]>} */
  #byOffer = new Map();

  /** @param {string} offer @param {RTCIceCandidateInit[]} candidates */
  keep(offer, candidates) {
    const all = [...this.take(offer), ...candidates];
    this.#byOffer.set(offer, all.slice(0, KEPT.candidates));
    for (const [oldest] of this.#byOffer) if (this.#byOffer.size > KEPT.offers) this.#byOffer.delete(oldest);
  }

  /** @param {string} offer */
  take(offer) {
    const all = this.#byOffer.get(offer) ?? [];
    this.#byOffer.delete(offer);
    return all;
  }
}

import { asProblem } from "./problem.js";

/** @typedef {import("./types.js").Media} Media */

/** What is not said is not sent. @param {Media} said @returns {Required<Media>} */
export const inFull = ({ audio = false, video = false, screen = false, hold = false }) => ({ audio, video, screen, hold });

/** @param {Media} one @param {Media | undefined} other */
export const isSame = (one, other) => other !== undefined && JSON.stringify(inFull(one)) === JSON.stringify(inFull(other));

/** Tells the others what this side sends; the server keeps it for those who come later. One after the other, so the last word is the newest. */
export class Telling {
  #host;
  #id;
  #media;
  #busy = false;
  #changed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("./call.js").Host} host @param {string} id which call @param {() => Media | undefined} media what is sent now, if anything can be told */
  constructor(host, id, media) {
    this.#host = host;
    this.#id = id;
    this.#media = media;
  }

  async tell() {
    this.#changed = true;
    if (this.#busy) return;
    this.#busy = true;
    const { device, request, log } = this.#host;
    try {
      for (let media = this.#media(); this.#changed && media; media = this.#media()) {
        this.#changed = false;
        await request("call.media", { call_id: this.#id, ...inFull(media), device_id: device });
      }
    } catch (error) {
      const { retryAfterMs } = asProblem(error);
      log("media not told", error);
      this.stop();
      if (retryAfterMs !== undefined) this.#timer = setTimeout(() => this.tell(), retryAfterMs);
    } finally {
      this.#busy = false;
    }
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

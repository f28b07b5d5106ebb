import { pause } from "./events.js";
import { asProblem, Problem } from "./problem.js";

/** The least that a part may have which is not the last one, and the most that is sent at once. */
const PART = { least: 5 * 1024 * 1024, most: 16 * 1024 * 1024 };
/** More than this does not wait in memory. */
const ROOM = 64 * 1024 * 1024;
const AGAIN = { first: 500, most: 15_000, times: 10 };
/** On 1 Mbit/s the greatest part takes less. */
const PUT_WITHIN = 180_000;

/**
 * @typedef {object} Way
 * @property {import("./types.js").Send} send
 * @property {typeof globalThis.fetch} fetch
 * @property {import("./types.js").Log} log
 */

/** Sends a recording to the bucket while it is made: part by part, in order, one at a time. */
export class Upload {
  /** How many parts arrived. */
  parts = 0;

  #path;
  #way;
  #moved;
  /** @type {Blob[]} */
  #chunks = [];
  #waiting = 0;
  #last = false;
  /** @type {Promise<void> | null} */
  #running = null;
  /** @type {Problem | null} */
  #refused = null;
  #wake = new AbortController();

  /** @param {string} id @param {Way} way @param {() => void} moved there is more room, or no more is taken */
  constructor(id, way, moved) {
    this.#path = `/api/v1/recordings/${id}/parts`;
    this.#way = way;
    this.#moved = moved;
  }

  /** So much waits that no more should be recorded for now. */
  get isFull() {
    return this.#waiting >= ROOM;
  }

  /** Why no more is taken. */
  get refused() {
    return this.#refused;
  }

  /** @param {Blob} chunk */
  add(chunk) {
    if (this.#refused) return;
    this.#chunks.push(chunk);
    this.#waiting += chunk.size;
    this.#go();
  }

  /** A part that was refused for want of a consent may pass now. */
  wake() {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Sends what is left. Rejects if some of it could not be sent. */
  async finish() {
    this.#last = true;
    this.wake();
    this.#go();
    while (this.#running) await this.#running;
    if (this.#refused) throw this.#refused;
  }

  #go() {
    if (this.#running || !this.#isDue) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      this.#go();
    });
  }

  get #isDue() {
    return this.#waiting >= PART.least || (this.#last && this.#waiting > 0);
  }

  async #run() {
    try {
      while (this.#isDue) {
        const all = new Blob(this.#chunks);
        const part = all.slice(0, PART.most);
        this.#chunks = part.size < all.size ? [all.slice(part.size)] : [];
        await this.#put(this.parts + 1, part);
        this.parts += 1;
        this.#waiting -= part.size;
        this.#moved();
      }
    } catch (error) {
      this.#refused = asProblem(error);
      this.#chunks = [];
      this.#waiting = 0;
      this.#moved();
    }
  }

  /** @param {number} part @param {Blob} blob */
  async #put(part, blob) {
    const bytes = await blob.arrayBuffer();
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const body = { part, size: bytes.byteLength, checksum_sha256: btoa(String.fromCharCode(...sum)) };
    await patiently(async () => {
      const { url, headers } = await this.#grant(body);
      const answer = await this.#way.fetch(url, { method: "PUT", headers, body: bytes, credentials: "omit", signal: AbortSignal.timeout(PUT_WITHIN) }).catch((cause) => {
        throw new Problem({ kind: "network", code: "network", detail: "a part of the recording did not reach the bucket", remedy: "Check the network.", retry: "later", cause });
      });
      // An address that went stale is refused by the bucket: the next try asks for a new one.
      if (!answer.ok) throw new Problem({ code: "bucket_refused", status: answer.status, detail: `the bucket refused a part of the recording with status ${answer.status}`, retry: "later" });
    }, this.#way.log);
  }

  /** What was recorded before a pause is granted when it runs again, or when it is stopped; then it does not wait for ever. @param {object} body */
  async #grant(body) {
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#way.send("POST", this.#path, { body, repeatable: true });
      } catch (error) {
        if (!this.#last) tried = 0;
        if (!asProblem(error).is("consent_missing") || tried === AGAIN.times) throw error;
        await pause(AGAIN.most, this.#wake.signal);
      }
    }
  }
}

/**
 * Tries again what can be repeated and was not heard, or was told "later".
 * @template T
 * @param {() => Promise<T>} work
 * @param {import("./types.js").Log} log
 * @returns {Promise<T>}
 */
export async function patiently(work, log) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      const problem = asProblem(error);
      if (problem.retry === "no" || tried === AGAIN.times) throw problem;
      log("recording: again", problem);
      await pause(Math.max(problem.retryAfterMs ?? 0, Math.min(AGAIN.most, AGAIN.first * 2 ** tried)));
    }
  }
}

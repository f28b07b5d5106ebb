import { pause } from "./events.js";

/** Without them most connections come about; so nobody waits longer than this. */
const PATIENCE = 3_000;
const AGAIN_AFTER = 30_000;

/** The STUN and TURN servers, with a credential of one's own that ends. */
export class IceServers {
  #own;
  #send;
  #log;
  /** @type {RTCIceServer[]} */
  #servers = [];
  #freshUntil = 0;
  /** @type {Promise<void> | null} */
  #asking = null;

  /** @param {{ own: RTCIceServer[] | undefined, send: import("./types.js").Send, log: import("./types.js").Log }} options */
  constructor({ own, send, log }) {
    this.#own = own;
    this.#send = send;
    this.#log = log;
  }

  /** Asked for again when half of their time is over. @returns {Promise<RTCIceServer[]>} */
  async get() {
    if (this.#own) return this.#own;
    if (Date.now() >= this.#freshUntil) {
      this.#asking ??= this.#ask().finally(() => (this.#asking = null));
      await Promise.race([this.#asking, pause(PATIENCE)]);
    }
    return this.#servers;
  }

  /** @param {{ ice_servers: RTCIceServer[], ttl: number }} told */
  take({ ice_servers, ttl }) {
    this.#servers = ice_servers;
    this.#freshUntil = Date.now() + ttl * 500;
  }

  /** Whoever comes next gets a credential of their own. */
  forget() {
    this.#servers = [];
    this.#freshUntil = 0;
  }

  async #ask() {
    try {
      this.take(await this.#send("GET", "/api/webrtc/ice-servers"));
    } catch (error) {
      this.#freshUntil = Date.now() + AGAIN_AFTER;
      this.#log("no ICE servers", error);
    }
  }
}

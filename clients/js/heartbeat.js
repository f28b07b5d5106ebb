import { asProblem, Problem } from "./problem.js";

/** The lease is 45 s: one sign of life may be lost. */
const EVERY = 20_000;
const LEASE = 45_000;

/**
 * @typedef {object} Stay this person's part in a call, as the server renewed it
 * @property {number} generation
 * @property {string | null} lease_until
 * @property {string | null} ends_at
 * @property {number} seq
 * @property {{ ice_servers: RTCIceServer[], ttl: number }} ice
 *
 * @typedef {object} Beating
 * @property {string} id which call
 * @property {() => number | null} generation which stay; null while this device is in none
 * @property {(stay: Stay, asked: number) => void} renewed and when that was asked for, by this machine's clock
 * @property {(problem: Problem) => void} refused
 */

/** Says that this device is still in the call: over the socket, or when that is down over HTTP. */
export class Heartbeat {
  #host;
  #call;
  #timer;
  /** When the server believed last that this device is there. */
  #until = 0;

  /** @param {import("./call.js").Host} host @param {Beating} call */
  constructor(host, call) {
    this.#host = host;
    this.#call = call;
    this.#timer = setInterval(() => void this.beat(), EVERY);
  }

  async beat() {
    const generation = this.#call.generation();
    if (generation === null) return;
    const asked = Date.now();
    try {
      const { renewed, refused } = await this.#say({ call_id: this.#call.id, generation });
      if (this.#call.generation() !== generation) return;
      if (refused) this.#call.refused(Problem.of(refused));
      else {
        this.#until = Math.max(this.#until, Date.parse(renewed.lease_until ?? "") || 0);
        this.#call.renewed(renewed, asked);
      }
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 409 || problem.status === 404) this.#call.refused(problem);
      else this.#host.log("heartbeat not heard", problem);
    }
  }

  /** Whether somebody left because nothing was heard of them, and not because they said so before. @param {import("./types.js").Participant} person */
  isLost({ standing, joined_at, left_at }) {
    return standing === "left" && Date.parse(left_at ?? "") >= Math.max(this.#until, Date.parse(joined_at ?? "") + LEASE);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** @param {{ call_id: string, generation: number }} stay @returns {Promise<{ renewed: Stay, refused?: any }>} */
  async #say(stay) {
    try {
      return (await this.#host.request("ping", { call: stay })).call;
    } catch (error) {
      this.#host.log("heartbeat over HTTP", error);
      const { call_id, generation } = stay;
      return { renewed: await this.#host.send("POST", `/api/webrtc/call/${call_id}/heartbeat`, { body: { generation }, repeatable: true }) };
    }
  }
}

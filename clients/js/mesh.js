import { Peer } from "./peer.js";
import { asProblem } from "./problem.js";

/** @typedef {import("./types.js").Participant} Participant */

/** How far a standing has come. Views of a call may arrive late; nobody goes back. */
export const ORDER = { invited: 0, ringing: 1, joined: 2, declined: 3, missed: 3, left: 3 };
/** @param {Participant} person */
export const isPending = ({ standing }) => ORDER[standing] < ORDER.joined;
/** @param {Participant} person */
export const isGone = ({ standing }) => ORDER[standing] > ORDER.joined;

/**
 * @typedef {object} Owner the call, as the mesh sees it
 * @property {string} id
 * @property {boolean} incoming
 * @property {Participant[]} participants
 * @property {import("./sending.js").Sending | null} sending
 * @property {Map<string, MediaStream>} remote
 * @property {(user: string, stream: MediaStream | null) => void} stream
 * @property {() => void} joined
 * @property {() => void} settle
 * @property {(problem: import("./problem.js").Problem) => void} refused
 */

/** One connection to each other person of a call. */
export class Mesh {
  #call;
  #host;
  /** @type {Map<string, Peer>} */
  #peers = new Map();

  /** @param {Owner} call @param {import("./call.js").Host} host */
  constructor(call, host) {
    this.#call = call;
    this.#host = host;
  }

  /** @returns {RTCPeerConnectionState[]} */
  get paths() {
    return [...this.#peers.values()].map((peer) => peer.state);
  }

  /**
   * Offers to everybody whose turn it is: of two people the one placed earlier offers, and the caller
   * does not wait for the other to join. A page that was reloaded offers to `everybody`.
   */
  meet(everybody = false) {
    const { participants, incoming, sending } = this.#call;
    if (!sending || participants.find(({ user_id }) => user_id === this.#host.me)?.standing !== "joined") return;
    for (const person of participants) {
      const { user_id, standing } = person;
      const ready = user_id !== this.#host.me && (standing === "joined" || (isPending(person) && !incoming));
      if (!ready || (this.#isPolite(user_id) && !everybody)) continue;
      const peer = this.#peer(user_id);
      if (!peer.begun) void peer.offer();
    }
  }

  /** What waited at the server. @param {NonNullable<import("./types.js").CallView["signals"]>} signals */
  async take({ descriptions, candidates }) {
    const heard = candidates.map((batch) => this.#peer(batch.from).receiveCandidates(batch));
    if (this.#call.sending) {
      heard.push(...descriptions.map((description) => this.#peer(description.from).receive(description)));
      heard.push(...[...this.#peers.values()].map((peer) => peer.heal()));
    }
    await Promise.all(heard);
  }

  /** A device that did not join keeps candidates for later; the description is asked for when it joins. @param {string} event @param {any} data */
  signal(event, data) {
    if (event === "call.candidates") void this.#peer(data.from).receiveCandidates(data);
    else if (this.#call.sending) void this.#peer(data.from).receive(data);
  }

  /** @param {import("./sending.js").Sending} sending */
  async show({ picture, stream }) {
    await Promise.all([...this.#peers.values()].map((peer) => peer.sendVideo(picture, stream)));
  }

  /** @param {string} user */
  drop(user) {
    this.#peers.get(user)?.close();
    this.#peers.delete(user);
    if (this.#call.remote.delete(user)) this.#call.stream(user, null);
  }

  close() {
    for (const user of this.#peers.keys()) this.drop(user);
  }

  /** @returns {Promise<Map<string, RTCStatsReport>>} */
  async stats() {
    const reports = new Map();
    const reading = [...this.#peers].map(async ([user, peer]) => {
      const report = await peer.stats();
      if (report) reports.set(user, report);
    });
    await Promise.all(reading);
    return reports;
  }

  /** @param {string} towards */
  #isPolite(towards) {
    const place = (/** @type {string} */ user) => this.#call.participants.findIndex(({ user_id }) => user_id === user);
    return place(this.#host.me) > place(towards);
  }

  /** @param {string} user */
  #peer(user) {
    const known = this.#peers.get(user);
    if (known) return known;
    const { iceServers, log } = this.#host;
    const call = this.#call;
    const peer = new Peer({
      to: user,
      polite: this.#isPolite(user),
      room: {
        iceServers,
        log,
        sending: () => call.sending,
        describe: (kind, body, key) => this.#describe(kind, body, key),
        candidates: (body) => this.#candidates(body),
        changed: () => call.settle(),
        refused: (problem) => call.refused(problem),
        stream: (stream) => {
          call.remote.set(user, stream);
          call.stream(user, stream);
        },
      },
    });
    this.#peers.set(user, peer);
    return peer;
  }

  /** @param {"offer" | "answer"} kind @param {object} body @param {string} [key] */
  async #describe(kind, body, key) {
    const { device, send } = this.#host;
    const reply = await send("POST", `/api/webrtc/call/${this.#call.id}/${kind}`, {
      body: { ...body, device_id: device },
      headers: key ? { "Idempotency-Key": key } : {},
      repeatable: true,
    });
    this.#call.joined();
    return reply;
  }

  /** @param {object} body */
  async #candidates(body) {
    const { device, request, send } = this.#host;
    const named = { ...body, device_id: device };
    try {
      await request("call.candidates", { ...named, call_id: this.#call.id });
    } catch (error) {
      if (!asProblem(error).unheard) throw error;
      await send("POST", `/api/webrtc/call/${this.#call.id}/ice-candidate`, { body: named, repeatable: true });
    }
  }
}

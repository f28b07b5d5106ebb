import { Peer } from "./peer.js";
import { asProblem } from "./problem.js";
import { Early } from "./trickle.js";

/**
 * @typedef {import("./types.js").Participant} Participant
 * @typedef {import("./types.js").MediaPath} MediaPath
 */

/** Was asked, and has not answered. @param {Participant} person */
export const isPending = ({ standing }) => standing === "invited" || standing === "ringing";
/** Not in the call, and not asked. They may come back. @param {Participant} person */
export const isGone = (person) => person.standing !== "joined" && !isPending(person);

/**
 * @typedef {import("./roster.js").Roster & { remote: Map<string, MediaStream> }} Met the call, as the mesh sees it
 *
 * @typedef {object} Owner what the mesh asks of the call, and tells it
 * @property {() => import("./sending.js").Sending | null} sending
 * @property {(user: string, stream: MediaStream | null) => void} stream
 * @property {() => void} joined
 * @property {() => void} behind somebody came back, and this side has not heard of it
 * @property {() => void} settle
 * @property {(problem: import("./problem.js").Problem) => void} refused
 */

/**
 * One connection to each other person of a call.
 * @implements {MediaPath}
 */
export class Mesh {
  #call;
  #owner;
  #host;
  /** @type {Map<string, Peer>} */
  #peers = new Map();
  #early = new Early();

  /** @param {Met} call @param {Owner} owner @param {import("./call.js").Host} host */
  constructor(call, owner, host) {
    this.#call = call;
    this.#owner = owner;
    this.#host = host;
  }

  get paths() {
    return [...this.#peers.values()].map((peer) => peer.state);
  }

  get whole() {
    const joined = this.#others.filter(({ standing }) => standing === "joined");
    return joined.every(({ user_id }) => this.#peers.get(user_id)?.isWhole);
  }

  /** The caller does not wait for the others to join; everybody else begins when both are in. */
  meet() {
    const { incoming, participants } = this.#call;
    for (const person of this.#others) {
      const peer = this.#peers.get(person.user_id);
      if (peer && (isGone(person) || peer.epoch !== this.#epoch(person.user_id))) this.#drop(person.user_id);
    }
    if (!this.#owner.sending() || participants.find(({ user_id }) => user_id === this.#host.me)?.standing !== "joined") return;
    for (const person of this.#others) {
      if (person.standing === "joined" || (isPending(person) && !incoming)) this.#peer(person.user_id).begin();
    }
  }

  /** @param {import("./types.js").Signals} signals */
  async take({ descriptions, candidates }) {
    const heard = candidates.map((batch) => this.#peer(batch.from).receiveCandidates(batch));
    if (this.#owner.sending()) {
      heard.push(...descriptions.map((description) => this.#receive(description)));
      const there = new Set(this.#others.filter(({ standing }) => standing === "joined").map(({ user_id }) => user_id));
      heard.push(...[...this.#peers].map(([user, peer]) => peer.heal(there.has(user))));
    }
    await Promise.all(heard);
  }

  /** A device that did not join keeps candidates for later; the description is asked for when it joins. @param {string} event @param {any} data */
  signal(event, data) {
    if (event === "call.candidates") void this.#peer(data.from).receiveCandidates(data);
    else if (this.#owner.sending()) void this.#receive(data);
  }

  /** @param {import("./sending.js").Sending} sending */
  async show({ picture, stream }) {
    await Promise.all([...this.#peers.values()].map((peer) => peer.sendVideo(picture, stream)));
  }

  restart() {
    for (const peer of this.#peers.values()) peer.reroute();
  }

  close() {
    for (const user of this.#peers.keys()) this.#drop(user);
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

  get #others() {
    return this.#call.participants.filter(({ user_id }) => user_id !== this.#host.me);
  }

  /** @param {import("./types.js").Description} description */
  async #receive(description) {
    const { from, epoch } = description;
    const now = this.#epoch(from);
    if (epoch > now) this.#owner.behind();
    else if (epoch < now) this.#host.log("description of an earlier connection ignored", description.offer_id);
    else await this.#peer(from).receive(description);
  }

  /** @param {string} user */
  #drop(user) {
    this.#peers.get(user)?.close();
    this.#peers.delete(user);
    if (this.#call.remote.delete(user)) this.#owner.stream(user, null);
  }

  /** Of two people, the one who was asked later. @param {string} towards */
  #isPolite(towards) {
    const place = (/** @type {string} */ user) => this.#call.participants.findIndex(({ user_id }) => user_id === user);
    return place(this.#host.me) > place(towards);
  }

  /** How often one of the two came back: each time the connection is made anew. @param {string} user */
  #epoch(user) {
    const stays = (/** @type {string} */ who) => Math.floor((this.#call.participants.find(({ user_id }) => user_id === who)?.generation ?? 0) / 2);
    return stays(this.#host.me) + stays(user);
  }

  /** @param {string} user */
  #peer(user) {
    const known = this.#peers.get(user);
    if (known) return known;
    const { ice, log, relayOnly } = this.#host;
    const { sending, settle, refused, stream: told } = this.#owner;
    const peer = new Peer({
      to: user,
      polite: () => this.#isPolite(user),
      epoch: this.#epoch(user),
      early: this.#early,
      room: {
        iceServers: () => ice.get(),
        relayOnly: relayOnly || this.#call.relayOnly,
        log,
        sending,
        describe: (kind, body, key) => this.#describe(kind, body, key),
        candidates: (body) => this.#candidates(body),
        changed: settle,
        refused,
        stream: (stream) => {
          this.#call.remote.set(user, stream);
          told(user, stream);
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
    this.#owner.joined();
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

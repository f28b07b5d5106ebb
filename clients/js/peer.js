import { asProblem } from "./problem.js";

const BATCH = 32;
const FLUSH_AFTER = 200;
const AGAIN_AFTER = 1_000;

/**
 * @typedef {object} Room what a peer needs of its call
 * @property {RTCIceServer[]} iceServers
 * @property {() => import("./sending.js").Sending | null} sending
 * @property {(kind: "offer" | "answer", body: object, key?: string) => Promise<{ offer_id: string }>} describe
 * @property {(body: object) => Promise<void>} candidates
 * @property {(stream: MediaStream) => void} stream
 * @property {() => void} changed
 * @property {(problem: import("./problem.js").Problem) => void} refused
 * @property {import("./types.js").Log} log
 */

/**
 * The connection to one other person of a call: perfect negotiation (W3C WebRTC section 10.7), with
 * the server as arbiter. Everything runs one after the other in `#inTurn`, so that an answer is
 * never looked at before the reply to its own offer.
 */
export class Peer {
  /** An offer of either side was taken up. */
  begun = false;
  #room;
  #to;
  #polite;
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  #turn = Promise.resolve();
  #closed = false;
  #stream = new MediaStream();

  /** The offer that this side's candidates belong to, once the server has taken it. @type {string | null} */
  #offerId = null;
  /** Of the present offer, so that a repeat is known as one. */
  #offerKey = "";
  /** A repeat has the same body: the description grows while candidates are gathered. @type {{ to?: string, sdp?: string }} */
  #offered = {};
  /** The offer whose other half is the remote description. @type {string | null} */
  #applied = null;
  #appliedAt = 0;
  /** The offer that was applied and whose answer the server has not taken yet. @type {string | null} */
  #owed = null;

  /** @type {RTCIceCandidateInit[]} */
  #gathered = [];
  #sent = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #flushing;
  /** Candidates that came before their description. @type {Map<string, RTCIceCandidateInit[]>} */
  #early = new Map();

  /** @param {{ to: string, polite: boolean, room: Room }} options */
  constructor({ to, polite, room }) {
    this.#to = to;
    this.#polite = polite;
    this.#room = room;
  }

  get state() {
    return this.#pc?.connectionState ?? "new";
  }

  /** Connects anew and offers. */
  offer() {
    this.begun = true;
    return this.#inTurn(async () => void this.#fresh());
  }

  /** @param {import("./types.js").Description} description */
  receive(description) {
    this.begun ||= description.type === "offer";
    return this.#inTurn(() => (description.type === "offer" ? this.#takeOffer(description) : this.#takeAnswer(description)));
  }

  /** @param {import("./types.js").Candidates} batch */
  receiveCandidates({ offer_id, candidates }) {
    return this.#inTurn(async () => {
      if (offer_id && offer_id !== this.#applied) {
        this.#early.set(offer_id, [...(this.#early.get(offer_id) ?? []), ...candidates]);
      } else {
        await this.#add(candidates);
      }
    });
  }

  /** Tries again what did not get through: an answer, an offer, a path that broke. */
  heal() {
    return this.#inTurn(async () => {
      await this.#sendAnswer();
      if (this.#pc?.signalingState === "have-local-offer" && !this.#offerId) await this.#makeOffer(this.#pc);
      else if (this.state === "failed") this.#pc?.restartIce();
    });
  }

  /** Sends this picture instead of the present one. @param {MediaStreamTrack | null} track @param {MediaStream} stream */
  async sendVideo(track, stream) {
    const video = this.#pc?.getTransceivers().find(({ receiver, direction }) => receiver.track.kind === "video" && direction !== "stopped");
    if (!video) {
      if (track) this.#pc?.addTrack(track, stream);
      return;
    }
    await video.sender.replaceTrack(track);
    if (track && !video.direction.startsWith("send")) {
      video.sender.setStreams(stream);
      video.direction = "sendrecv";
    }
  }

  /** @returns {Promise<RTCStatsReport | undefined>} */
  async stats() {
    return this.#pc?.getStats();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#flushing);
    this.#pc?.close();
    this.#pc = null;
  }

  /** @param {() => Promise<void>} step */
  #inTurn(step) {
    this.#turn = this.#turn
      .then(() => (this.#closed ? undefined : step()))
      .catch((error) => (this.#closed ? undefined : this.#room.refused(asProblem(error))));
    return this.#turn;
  }

  #fresh() {
    this.#pc?.close();
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    this.#offerId = this.#applied = this.#owed = null;
    this.#gathered = [];
    this.#sent = 0;
    this.#stream = new MediaStream();
    const pc = (this.#pc = new RTCPeerConnection({ iceServers: this.#room.iceServers }));
    const ours = (/** @type {(event: any) => void} */ handle) => (/** @type {any} */ event) => {
      if (pc === this.#pc) handle(event);
    };
    pc.onnegotiationneeded = ours(() => this.#inTurn(() => this.#makeOffer(pc)));
    pc.onicecandidate = ours(({ candidate }) => this.#gather(candidate));
    pc.ontrack = ours(({ track }) => {
      this.#stream.addTrack(track);
      this.#room.stream(this.#stream);
    });
    pc.onconnectionstatechange = ours(() => {
      if (pc.connectionState === "failed") pc.restartIce();
      this.#room.changed();
    });
    const sending = this.#room.sending();
    for (const track of sending?.tracks ?? []) pc.addTrack(track, /** @type {any} */ (sending).stream);
    this.#room.changed();
    return pc;
  }

  /** @param {RTCPeerConnection} pc */
  async #makeOffer(pc) {
    const unheard = pc.signalingState === "have-local-offer" && !this.#offerId;
    if (pc !== this.#pc || (pc.signalingState !== "stable" && !unheard)) return;
    this.#offerId = null;
    if (!unheard) {
      await pc.setLocalDescription();
      this.#offerKey = crypto.randomUUID();
      this.#offered = { to: this.#to, sdp: pc.localDescription?.sdp };
    }
    const { offer_id } = await this.#room.describe("offer", this.#offered, this.#offerKey);
    if (pc !== this.#pc) return;
    this.#offerId = offer_id;
    await this.#flush();
  }

  /** @param {import("./types.js").Description} offer */
  async #takeOffer({ offer_id, sdp, at }) {
    if (offer_id === this.#applied) return this.#sendAnswer();
    if (Date.parse(at) < this.#appliedAt) return this.#room.log("old offer ignored", offer_id);
    if (this.#pc?.signalingState === "have-local-offer" && !this.#polite) return this.#room.log("their offer yields to ours", offer_id);
    let pc = this.#pc && !startedOver(this.#pc, sdp) ? this.#pc : this.#fresh();
    try {
      await pc.setRemoteDescription({ type: "offer", sdp });
    } catch (error) {
      this.#room.log("starting over: the offer does not fit", error);
      pc = this.#fresh();
      await pc.setRemoteDescription({ type: "offer", sdp });
    }
    this.#offerId = null;
    await this.#hasApplied(offer_id, at);
    await pc.setLocalDescription();
    this.#owed = offer_id;
    await this.#sendAnswer();
  }

  async #sendAnswer() {
    const pc = this.#pc;
    const offer_id = this.#owed;
    if (!offer_id) return;
    try {
      await this.#room.describe("answer", { to: this.#to, offer_id, sdp: pc?.localDescription?.sdp });
    } catch (error) {
      if (!asProblem(error).unheard) this.#owed = null;
      throw error;
    }
    if (pc !== this.#pc) return;
    this.#owed = null;
    this.#offerId = offer_id;
    await this.#flush();
  }

  /** @param {import("./types.js").Description} answer */
  async #takeAnswer({ offer_id, sdp, at }) {
    const pc = this.#pc;
    if (pc?.signalingState !== "have-local-offer" || offer_id !== this.#offerId) return this.#room.log("answer to nothing ignored", offer_id);
    if (startedOver(pc, sdp)) return void this.#fresh();
    const first = !pc.remoteDescription;
    await pc.setRemoteDescription({ type: "answer", sdp });
    await this.#hasApplied(offer_id, at);
    // Until now they went to whatever device was ringing; this one may have none of them.
    if (first) this.#sent = 0;
    await this.#flush();
  }

  /** @param {string} offer_id @param {string} at */
  async #hasApplied(offer_id, at) {
    this.#applied = offer_id;
    this.#appliedAt = Date.parse(at);
    const early = this.#early.get(offer_id) ?? [];
    this.#early.delete(offer_id);
    await this.#add(early);
  }

  /** @param {RTCIceCandidateInit[]} candidates */
  async #add(candidates) {
    for (const candidate of candidates) {
      try {
        await this.#pc?.addIceCandidate(candidate);
      } catch (error) {
        this.#room.log("candidate of another generation ignored", error);
      }
    }
  }

  /** @param {RTCIceCandidate | null} candidate */
  #gather(candidate) {
    if (candidate?.candidate === "") return; // Firefox says it twice
    this.#gathered.push(candidate?.toJSON() ?? { candidate: "" });
    this.#flushing ??= setTimeout(() => this.#inTurn(() => this.#flush()), FLUSH_AFTER);
  }

  async #flush() {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    while (this.#offerId && this.#sent < this.#gathered.length) {
      const candidates = this.#gathered.slice(this.#sent, this.#sent + BATCH);
      try {
        await this.#room.candidates({ to: this.#to, offer_id: this.#offerId, candidates });
      } catch (error) {
        const problem = asProblem(error);
        if (!problem.unheard && problem.retryAfterMs === undefined) throw problem;
        this.#flushing = setTimeout(() => this.#inTurn(() => this.#flush()), problem.retryAfterMs ?? AGAIN_AFTER);
        return;
      }
      this.#sent += candidates.length;
    }
  }
}

/**
 * Another DTLS certificate is another RTCPeerConnection: the other page was reloaded, and a connection cannot follow.
 * @param {RTCPeerConnection} pc
 * @param {string} sdp
 */
function startedOver(pc, sdp) {
  const fingerprint = (/** @type {string} */ text) => text.match(/^a=fingerprint:.*$/m)?.[0];
  return pc.remoteDescription !== null && fingerprint(pc.remoteDescription.sdp) !== fingerprint(sdp);
}

import { asProblem } from "./problem.js";
import { Trickle } from "./trickle.js";

/** A path that was disconnected often comes back by itself. */
const MEND_AFTER = 4_000;
/** The impolite side begins; the polite one when it has heard nothing for so long. */
const YIELD = 4_000;
/** An offer that has no answer after so long is made once more: its push, or the answer's, was lost. */
const UNANSWERED = 5_000;
/** A path that breaks again at once is mended less and less often. */
const LEAST_OFTEN = 60_000;

/**
 * @typedef {object} Room what a peer needs of its call
 * @property {() => Promise<RTCIceServer[]>} iceServers
 * @property {boolean} relayOnly
 * @property {() => import("./sending.js").Sending | null} sending
 * @property {(kind: "offer" | "answer", body: object, key?: string) => Promise<{ offer_id: string, generation: number }>} describe
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
  #begun = false;
  #room;
  #to;
  #polite;
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  #turn = Promise.resolve();
  #closed = false;
  #stream = new MediaStream();

  /** Of the present offer, so that a repeat is known as one. */
  #offerKey = "";
  /** A repeat has the same body: the description grows while candidates are gathered. @type {{ to?: string, epoch?: number, sdp?: string }} */
  #offered = {};
  /** The offer whose other half is the remote description. @type {string | null} */
  #applied = null;
  /** Of the newest offer of either side that was taken. */
  #generation = 0;
  /** When the present offer was taken, and how often it was. */
  #asked = { at: 0, times: 0 };
  /** How often a path was mended since there was one. */
  #mended = 0;
  /** The offer that was applied and whose answer the server has not taken yet. @type {{ offer_id: string, generation: number } | null} */
  #owed = null;

  #early;
  #trickle;
  /** @type {Record<"yield" | "mend", ReturnType<typeof setTimeout> | undefined>} */
  #timers = { yield: undefined, mend: undefined };

  /** @param {{ to: string, polite: () => boolean, epoch: number, early: import("./trickle.js").Early, room: Room }} options */
  constructor({ to, polite, epoch, early, room }) {
    this.#to = to;
    this.#polite = polite;
    this.epoch = epoch;
    this.#early = early;
    this.#room = room;
    this.#trickle = new Trickle((batch) => room.candidates({ to, ...batch }), (step) => this.#inTurn(step));
  }

  get state() {
    return this.#pc?.connectionState ?? "new";
  }

  /** Connected, and nothing is being negotiated. */
  get isWhole() {
    return this.state === "connected" && this.#pc?.signalingState === "stable";
  }

  /** The impolite side offers; the polite one waits for that, but not for ever. */
  begin() {
    if (this.#begun || this.#timers.yield) return;
    if (this.#polite()) this.#timers.yield = setTimeout(() => this.#begun || this.#offer(), YIELD);
    else this.#offer();
  }

  #offer() {
    this.#begun = true;
    void this.#inTurn(async () => void (this.#pc ?? (await this.#fresh())));
  }

  /** @param {import("./types.js").Description} description */
  receive(description) {
    this.#begun ||= description.type === "offer";
    return this.#inTurn(() => (description.type === "offer" ? this.#takeOffer(description) : this.#takeAnswer(description)));
  }

  /** @param {import("./types.js").Candidates} batch */
  receiveCandidates({ offer_id, candidates }) {
    return this.#inTurn(async () => {
      if (offer_id && offer_id !== this.#applied) this.#early.keep(offer_id, candidates);
      else await this.#add(candidates);
    });
  }

  /** Tries again what did not get through: an answer, an offer, a path that broke. @param {boolean} there whether the other one is in the call */
  heal(there) {
    return this.#inTurn(async () => {
      await this.#sendAnswer();
      if (this.#pc?.signalingState === "have-local-offer") await this.#offerAgain(this.#pc, there);
      else if (this.state === "failed") this.#mend();
    });
  }

  /** Looks for another path (an ICE restart), the polite side only if the other does not begin. */
  restart(after = 0) {
    this.#timers.mend ??= setTimeout(() => this.#inTurn(() => this.#restart()), after + (this.#polite() ? YIELD : 0));
  }

  /** The network is another one: a path that was not found before may be there. */
  reroute() {
    this.#calm();
    this.#mended = 0;
    this.restart();
  }

  /** Takes up newer ICE servers. */
  async configure() {
    const iceServers = await this.#room.iceServers();
    this.#pc?.setConfiguration({ ...this.#pc.getConfiguration(), iceServers });
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
    this.#trickle.stop();
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
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

  async #fresh() {
    const iceServers = await this.#room.iceServers();
    const pc = (this.#pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle", iceTransportPolicy: this.#room.relayOnly ? "relay" : "all" }));
    if (this.#closed) return pc.close(), pc;
    pc.onnegotiationneeded = () => this.#inTurn(() => this.#makeOffer(pc));
    pc.onicecandidate = ({ candidate }) => this.#closed || this.#trickle.gather(candidate);
    pc.ontrack = ({ track }) => {
      this.#stream.addTrack(track);
      this.#room.stream(this.#stream);
    };
    pc.onconnectionstatechange = () => {
      if (this.#closed) return;
      this.#calm();
      if (pc.connectionState === "connected") this.#mended = 0;
      if (pc.connectionState === "failed") this.#mend();
      if (pc.connectionState === "disconnected") this.restart(MEND_AFTER);
      this.#room.changed();
    };
    const sending = this.#room.sending();
    for (const track of sending?.tracks ?? []) pc.addTrack(track, /** @type {any} */ (sending).stream);
    this.#room.changed();
    return pc;
  }

  #mend() {
    if (this.#timers.mend) return;
    this.restart(this.#mended && Math.min(LEAST_OFTEN, 1_000 * 2 ** this.#mended));
    this.#mended += 1;
  }

  /** Nothing has to be mended, or somebody does it. */
  #calm() {
    clearTimeout(this.#timers.mend);
    this.#timers.mend = undefined;
  }

  async #restart() {
    this.#calm();
    await this.configure();
    if (this.#pc?.signalingState === "stable") this.#pc.restartIce();
  }

  /** The server pushes a newer offer anew, and whoever took the older one up takes the same one up again. @param {RTCPeerConnection} pc @param {boolean} there */
  async #offerAgain(pc, there) {
    const { at, times } = this.#asked;
    const isLost = there && Date.now() - at >= Math.min(LEAST_OFTEN, UNANSWERED * 2 ** (times - 1));
    if (this.#trickle.offerId && !isLost) return;
    if (this.#trickle.offerId) {
      this.#offerKey = crypto.randomUUID();
      this.#trickle.again();
      this.#trickle.offerId = null;
    }
    await this.#makeOffer(pc);
  }

  /** @param {RTCPeerConnection} pc */
  async #makeOffer(pc) {
    const unheard = pc.signalingState === "have-local-offer" && !this.#trickle.offerId;
    if (pc !== this.#pc || (pc.signalingState !== "stable" && !unheard)) return;
    this.#trickle.offerId = null;
    if (!unheard) {
      await pc.setLocalDescription();
      this.#offerKey = crypto.randomUUID();
      this.#asked.times = 0;
      this.#offered = { to: this.#to, epoch: this.epoch, sdp: pc.localDescription?.sdp };
    }
    const { offer_id, generation } = await this.#room.describe("offer", this.#offered, this.#offerKey);
    if (pc !== this.#pc) return;
    this.#trickle.offerId = offer_id;
    this.#generation = generation;
    this.#asked = { at: Date.now(), times: this.#asked.times + 1 };
    // Nobody waits for the ways to a phone that rings: they go together.
    if (pc.remoteDescription || pc.iceGatheringState === "complete") await this.#trickle.flush();
    else this.#trickle.soon();
  }

  /** @param {import("./types.js").Description} offer */
  async #takeOffer({ offer_id, generation, sdp }) {
    if (offer_id === this.#applied) return this.#sendAnswer();
    if (generation <= this.#generation) return this.#room.log("old offer ignored", offer_id);
    if (this.#pc?.signalingState === "have-local-offer" && !this.#polite()) return this.#room.log("their offer yields to ours", offer_id);
    if (this.#pc) await this.configure();
    const pc = this.#pc ?? (await this.#fresh());
    await pc.setRemoteDescription({ type: "offer", sdp });
    this.#calm();
    this.#trickle.offerId = null;
    await this.#hasApplied(offer_id, generation);
    await pc.setLocalDescription();
    this.#owed = { offer_id, generation };
    await this.#sendAnswer();
  }

  async #sendAnswer() {
    const pc = this.#pc;
    const owed = this.#owed;
    if (!owed) return;
    try {
      await this.#room.describe("answer", { to: this.#to, epoch: this.epoch, ...owed, sdp: pc?.localDescription?.sdp });
    } catch (error) {
      if (!asProblem(error).unheard) this.#owed = null;
      throw error;
    }
    if (pc !== this.#pc) return;
    this.#owed = null;
    this.#trickle.offerId = owed.offer_id;
    await this.#trickle.flush();
  }

  /** @param {import("./types.js").Description} answer */
  async #takeAnswer({ offer_id, generation, sdp }) {
    const pc = this.#pc;
    if (pc?.signalingState !== "have-local-offer" || offer_id !== this.#trickle.offerId) return this.#room.log("answer to nothing ignored", offer_id);
    const first = !pc.remoteDescription;
    await pc.setRemoteDescription({ type: "answer", sdp });
    await this.#hasApplied(offer_id, generation);
    if (first) this.#trickle.again();
    await this.#trickle.flush();
  }

  /** @param {string} offer_id @param {number} generation */
  async #hasApplied(offer_id, generation) {
    this.#applied = offer_id;
    this.#generation = generation;
    await this.#add(this.#early.take(offer_id));
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
}

import { asProblem } from "./problem.js";

/** What a connection counts is read this often; whoever reads later loses nothing, since counters go on. */
const EVERY = 10_000;
/** By then both sides know when the call began. */
const FIRST = 1_000;

/**
 * @typedef {"bad" | "poor" | "fair" | "good" | "excellent"} Level
 *
 * @typedef {object} Reading how somebody is heard and seen at the moment
 * @property {string} user_id
 * @property {number | null} mos 1 to 4.5; null when no sound arrived
 * @property {Level | null} level
 * @property {number | null} round_trip_ms
 * @property {number} lost percent of the packets
 * @property {number} jitter_ms
 *
 * @typedef {object} Source
 * @property {string} id the call's
 * @property {string} device
 * @property {() => string | null} since
 * @property {() => import("./types.js").Participant[]} others
 * @property {() => Promise<Map<string, RTCStatsReport>>} stats
 * @property {() => number} now by the server's clock
 * @property {import("./types.js").Send} send
 * @property {(reading: Reading) => void} heard
 * @property {import("./types.js").Log} log
 */

/** Tells the server what each connection of a call counts, and says what it makes of it. */
export class Quality {
  #source;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {Source} source */
  constructor(source) {
    this.#source = source;
  }

  /** From the first connection on; the first reading is what the later ones are counted from. */
  start() {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.tell(), EVERY);
    setTimeout(() => void this.tell(), FIRST);
  }

  /** Reads once more, and then no more. */
  stop() {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    void this.tell();
  }

  /** A report that is lost is made up for by the next one. */
  async tell() {
    const { id, device, since, others, stats, now, send, heard, log } = this.#source;
    try {
      const start = since();
      if (!start) return;
      const present = new Set(others().filter(({ standing }) => standing === "joined" || standing === "left").map(({ user_id }) => user_id));
      const counted = await stats();
      const at_ms = Math.max(0, Math.round(now() - Date.parse(start)));
      const peers = [...counted].filter(([user]) => present.has(user)).map(([user_id, report]) => ({ user_id, at_ms, ...count(report) }));
      if (peers.length === 0) return;
      const answer = await send("POST", `/api/webrtc/call/${id}/quality`, { body: { peers, device_id: device }, repeatable: true });
      for (const { user_id, now } of answer.peers) if (now) heard({ ...now, user_id });
    } catch (error) {
      log("quality not told", asProblem(error));
    }
  }
}

/** What a browser does not count is zero. @param {number | undefined} n */
const whole = (n) => (n && Number.isFinite(n) ? Math.max(0, Math.round(n)) : 0);

/**
 * What a connection counts, in the server's words.
 * @param {RTCStatsReport} report
 */
export function count(report) {
  /** @type {any[]} */
  const all = [...report.values()];
  const of = (/** @type {string} */ type) => all.filter((one) => one.type === type);
  const sum = (/** @type {any[]} */ list, /** @type {string} */ name) => list.reduce((total, one) => total + whole(one[name]), 0);
  const inbound = (/** @type {string} */ kind) => {
    const stream = of("inbound-rtp").find((one) => one.kind === kind);
    return stream && received(stream);
  };
  const outbound = of("outbound-rtp");
  const packets = sum(outbound, "packetsSent");
  const chosen = of("transport")[0]?.selectedCandidatePairId;
  const path = of("candidate-pair").find(({ id, nominated, state }) => (chosen ? id === chosen : nominated && state === "succeeded"));
  const reasons = outbound.map(({ qualityLimitationReason }) => qualityLimitationReason ?? "none");
  return {
    round_trip_ms: Math.ceil((path?.currentRoundTripTime ?? 0) * 1000),
    audio: inbound("audio"),
    video: inbound("video"),
    sent: {
      packets,
      lost: Math.min(packets, sum(of("remote-inbound-rtp"), "packetsLost")),
      available_kbps: whole((path?.availableOutgoingBitrate ?? 0) / 1000),
      limited: ["cpu", "bandwidth", "other"].find((reason) => reasons.includes(reason)) ?? "none",
    },
  };
}

/** Sound made up for silence is no loss. @param {any} stream */
function received(stream) {
  const samples = whole(stream.totalSamplesReceived);
  return {
    source: stream.ssrc,
    bytes: whole(stream.bytesReceived),
    packets: whole(stream.packetsReceived),
    lost: stream.packetsReceived ? whole(stream.packetsLost) : 0,
    jitter_ms: whole(stream.jitter * 1000),
    buffer_ms: whole(stream.jitterBufferDelay * 1000),
    emitted: whole(stream.jitterBufferEmittedCount),
    samples,
    concealed: Math.min(samples, whole(stream.concealedSamples - (stream.silentConcealedSamples ?? 0))),
    frames: whole(stream.framesDecoded),
    dropped: whole(stream.framesDropped),
    freezes: whole(stream.freezeCount),
  };
}

import { Mix } from "./mix.js";
import { asProblem, Problem } from "./problem.js";
import { Tape } from "./tape.js";
import { patiently, Upload } from "./upload.js";

/** What is recorded is handed over this often. */
const SLICE = 1_000;

/**
 * @typedef {"video/webm" | "audio/webm" | "video/mp4" | "audio/mp4"} MediaType
 *
 * @typedef {object} RecordingChange
 * @property {string} recording_id
 * @property {string} by
 * @property {string[]} missing who is in the call and has not consented
 * @property {"asking" | "running" | "paused" | "stopped" | "saving" | "kept" | "failed"} state the last three for the recorder alone
 * @property {import("./problem.js").Problem} [problem] why it failed, or what of it could not be kept
 *
 * @typedef {object} Room the call, as its recorder sees it
 * @property {string} id
 * @property {string} me
 * @property {string} device
 * @property {import("./types.js").CallType} type
 * @property {number} seq the newest that it has seen of the call
 * @property {boolean} isOver
 * @property {boolean} isFresh the server was heard a moment ago
 * @property {import("./types.js").CallView["recording"]} recording
 * @property {import("./types.js").Participant[]} participants
 * @property {Map<string, MediaStream>} remote
 * @property {import("./sending.js").Sending | null} sending
 * @property {() => number} now by the server's clock
 * @property {() => Promise<void>} sync
 * @property {(view: import("./types.js").CallView, how?: import("./tape.js").Heard) => void} update
 * @property {(change: RecordingChange) => void} told
 */

/** The recording of one call: this side's consent, and if it is this side that records, the tape. */
export class Recording {
  /** Settles when every tape of this side is kept, or could not be. @type {Promise<void>} */
  saved = Promise.resolve();

  #room;
  #way;
  /** @type {Tape | null} */
  #tape = null;
  /** @type {Promise<string> | null} */
  #asking = null;
  /** @type {RecordingChange | null} */
  #last = null;
  /** The tape that was ended here, before the call says so. @type {string | null} */
  #ended = null;
  /** This side takes its consent back, before the call says so. */
  #unwilling = false;
  /** What is to be said to the recording. @type {{ given: boolean, recording_id?: string, generation?: number } | null} */
  #wish = null;
  /** @type {Promise<void> | null} */
  #saying = null;

  /** @param {Room} room @param {import("./upload.js").Way} way */
  constructor(room, way) {
    this.#room = room;
    this.#way = way;
  }

  /**
   * Asks everybody; it begins when all have consented.
   * @param {{ type?: MediaType, idempotencyKey?: string }} [options]
   */
  ask(options) {
    this.#asking ??= this.#ask(options).finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** What was said last is what the server hears last, however slow what was said before. @param {boolean} given */
  consent(given) {
    this.#unwilling = !given;
    this.changed();
    const myself = this.#room.participants.find(({ user_id }) => user_id === this.#room.me);
    this.#wish = given ? { given, recording_id: this.#room.recording?.recording_id, generation: myself?.generation } : { given };
    this.#saying ??= this.#say().finally(() => (this.#saying = null));
    return this.#saying;
  }

  async #say() {
    while (this.#wish) {
      const body = this.#wish.given ? { ...this.#wish, seq: this.#room.seq } : this.#wish;
      this.#wish = null;
      try {
        const view = await this.#way.send("POST", `/api/webrtc/call/${this.#room.id}/recording/consent`, { body, repeatable: true });
        this.#room.update(view, { toldAt: this.#room.now() });
      } catch (error) {
        if (!this.#wish) throw error;
      }
    }
  }

  /** Stops it for everybody. What this side recorded is kept; `saved` tells when. */
  async stop() {
    const { recording } = this.#room;
    if (this.#tape) return this.end();
    if (!recording) return;
    await this.#post(recording.recording_id, "stop");
    await this.#room.sync();
  }

  /** @param {import("./types.js").CallView} view the newest @param {import("./tape.js").Heard} how */
  heard(view, how) {
    const tape = this.#tape;
    if (!tape) return;
    tape.heard(view, how);
    if (tape.problem) return this.end();
    // Stopped before this side had seen it: it will not be seen.
    if ((how.asked ?? 0) >= tape.since && view.recording?.recording_id !== tape.id) tape.known = true;
  }

  /** The call stood so at this time, by this machine's clock. @param {number} seq @param {number} at */
  stood(seq, at) {
    this.#tape?.stood(seq, at);
  }

  /** Whatever may have changed: who is there, who consented, who sends what. */
  changed() {
    const told = this.#room.recording;
    const recording = told?.recording_id === this.#ended ? null : told;
    const tape = this.#tape;
    if (tape && recording?.recording_id === tape.id) tape.known = true;
    else if (tape?.known) this.end();
    if (this.#tape) this.#follow(this.#tape);
    if (recording && this.#isOrphan) void this.#adopt(recording.recording_id);
    if (recording) this.#tell({ ...recording });
    else this.#over();
  }

  /** The call is over. */
  close() {
    this.end();
    this.#over();
  }

  /** Records no more, and keeps what there is. */
  end() {
    const tape = this.#tape;
    if (!tape) return;
    this.#tape = null;
    this.#ended = tape.id;
    const kept = this.#keep(tape);
    this.saved = this.saved.then(() => kept);
  }

  /** @param {{ type?: MediaType, idempotencyKey?: string }} [options] */
  async #ask({ type = supported(this.#room.type), idempotencyKey = crypto.randomUUID() } = {}) {
    if (this.#tape) return this.#tape.id;
    this.#unwilling = false;
    if (!globalThis.MediaRecorder?.isTypeSupported(type)) throw unsupported(type);
    const mix = new Mix(type.startsWith("video"));
    try {
      const recorder = mix.recorder(type);
      const { id: call, device } = this.#room;
      const { recording_id: id } = await this.#way.send("POST", `/api/webrtc/call/${call}/recording`, {
        body: { type, device_id: device },
        headers: { "Idempotency-Key": idempotencyKey },
        repeatable: true,
      });
      const upload = new Upload(id, this.#way, () => {
        if (upload.refused && this.#tape?.upload === upload) this.end();
        else this.changed();
      });
      const tape = (this.#tape = new Tape(id, { mix, recorder, upload, now: this.#room.now }));
      recorder.ondataavailable = ({ data }) => {
        if (data.size > 0) tape.add(data);
        this.changed();
      };
      if (this.#room.isOver) this.end();
      else await this.#room.sync();
      return id;
    } catch (error) {
      mix.close();
      throw error;
    }
  }

  /** This page was reloaded, or this person came back on another device: nobody records any more. */
  get #isOrphan() {
    const { recording, me, participants } = this.#room;
    const joined = participants.some(({ user_id, standing }) => user_id === me && standing === "joined");
    return recording?.by === me && joined && !this.#tape && !this.#asking;
  }

  /** Stops it, and keeps what had arrived. @param {string} id */
  async #adopt(id) {
    this.#ended = id;
    try {
      await this.#post(id, "stop");
      await this.#post(id, "complete");
    } catch (problem) {
      this.#way.log("recording: not kept", problem);
    }
    if (!this.#room.isOver) await this.#room.sync();
  }

  /** Everybody who is there, or is heard here before the server said so, has consented. */
  get #may() {
    const { recording, participants, remote, isFresh } = this.#room;
    const willing = new Set(participants.filter(({ standing, consent }) => standing === "joined" && consent).map(({ user_id }) => user_id));
    const present = [...participants.filter(({ standing }) => standing === "joined").map(({ user_id }) => user_id), ...remote.keys()];
    return isFresh && !this.#unwilling && recording?.recording_id === this.#tape?.id && recording?.state === "running" && present.every((user) => willing.has(user));
  }

  /** @param {Tape} tape */
  #follow({ mix, recorder, upload }) {
    if (!this.#may) return this.#halt();
    upload.wake();
    if (upload.isFull) return this.#halt();
    const { remote, sending } = this.#room;
    mix.take([...(sending?.tracks ?? []), ...[...remote.values()].flatMap((stream) => stream.getTracks())]);
    if (recorder.state === "inactive") recorder.start(SLICE);
    else if (recorder.state === "paused") recorder.resume();
  }

  #halt() {
    if (!this.#tape) return;
    const { mix, recorder } = this.#tape;
    if (recorder.state === "recording") recorder.pause();
    mix.take([]);
  }

  /** @param {Tape} tape */
  async #keep(tape) {
    const { id, mix, recorder, upload } = tape;
    /** @type {any} */
    const change = { recording_id: id, by: this.#room.me, missing: [] };
    await stopped(recorder);
    mix.close();
    this.#tell({ ...change, state: "saving" });
    try {
      // Leaving and the end of the call stop it as well, and then this says nothing new.
      await this.#post(id, "stop").catch((problem) => this.#way.log("recording: stop", problem));
      await this.#judge(tape);
      change.problem = tape.problem;
      const failed = await upload.finish().then(() => undefined, asProblem);
      change.problem ??= failed;
      if (upload.parts > 0) await this.#post(id, "complete");
      else await patiently(() => this.#way.send("DELETE", `/api/v1/recordings/${id}`, { repeatable: true }), this.#way.log);
      this.#tell({ ...change, state: upload.parts > 0 ? "kept" : failed ? "failed" : "stopped" });
    } catch (error) {
      this.#tell({ ...change, state: "failed", problem: asProblem(error) });
    }
  }

  /** What was recorded last may be kept if the call says so. @param {Tape} tape */
  async #judge(tape) {
    try {
      const asked = Date.now();
      const view = await patiently(() => this.#way.send("GET", `/api/webrtc/call/${this.#room.id}`), this.#way.log);
      tape.heard(view, { asked, own: true });
      if (!this.#room.isOver) this.#room.update(view, { asked });
    } catch (problem) {
      this.#way.log("recording: the call was not heard", problem);
      tape.cut();
    }
  }

  /** @param {string} id @param {"stop" | "complete"} what */
  #post(id, what) {
    return patiently(() => this.#way.send("POST", `/api/v1/recordings/${id}/${what}`, { repeatable: true }), this.#way.log);
  }

  #over() {
    const last = this.#last;
    if (last && ["asking", "running", "paused"].includes(last.state)) this.#tell({ ...last, state: "stopped", missing: [] });
  }

  /** @param {any} change */
  #tell(change) {
    if (JSON.stringify(change) === JSON.stringify(this.#last)) return;
    this.#last = change;
    this.#room.told(change);
  }
}

/** @param {MediaRecorder} recorder @returns {Promise<void>} once the last of it was handed over */
const stopped = (recorder) =>
  new Promise((resolve) => {
    if (recorder.state === "inactive") return resolve();
    recorder.addEventListener("stop", () => resolve(), { once: true });
    recorder.stop();
  });

/** @param {import("./types.js").CallType} call @returns {MediaType} */
function supported(call) {
  const kind = call === "audio" ? "audio" : "video";
  /** @type {MediaType[]} */
  const types = [`${kind}/webm`, `${kind}/mp4`];
  return types.find((type) => globalThis.MediaRecorder?.isTypeSupported(type)) ?? types[0];
}

/** @param {string} type */
const unsupported = (type) => new Problem({ code: "no_recorder", detail: `this browser cannot record ${type}`, remedy: "Record without a type, or in another browser." });

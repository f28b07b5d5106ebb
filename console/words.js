/**
 * @typedef {import("/client/types.js").CallView} CallView
 * @typedef {import("/client/types.js").Participant} Participant
 * @typedef {import("/client/call.js").Call} Call
 */

/** @param {string[]} names */
export const list = (names) => new Intl.ListFormat("en").format(names) || "nobody";

/** @param {string} name */
export const first = (name) => name.split(" ")[0];

/** @param {{ name: string }[]} people */
export const namesOf = (people) => list(people.map(({ name }) => name));

/** @type {Record<string, string>} */
export const TYPES = { audio: "Audio", video: "Video", screen_share: "Screen" };

/** @param {number} seconds */
export function length(seconds) {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const parts = [[hours, "h"], [minutes, "min"], [seconds % 60, "s"]];
  return parts.filter(([n]) => n).slice(0, 2).map(([n, unit]) => `${n} ${unit}`).join(" ") || "less than a second";
}

/** @param {number} seconds */
export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

/** @param {string} at */
export function when(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium" });
}

/** How a past call ended. @param {CallView} call @param {string} me */
export function result(call, me) {
  const mine = call.caller_id === me;
  const caller = call.participants.find(({ user_id }) => user_id === call.caller_id)?.name ?? "the caller";
  const others = call.participants.filter(({ user_id }) => user_id !== me);
  if (call.state === "disconnected") return `talked ${length(call.duration)}`;
  if (call.state !== "failed") return "under way";
  switch (call.reason) {
    case "busy":
      return mine ? `${namesOf(others.filter(({ standing }) => standing === "busy"))} was in another call` : "you were in another call";
    case "lost":
      return "the caller was lost";
    case "declined":
      return mine ? `declined by ${namesOf(others.filter(({ standing }) => standing === "declined"))}` : "declined";
    case "cancelled":
      return mine ? "given up" : `missed: ${caller} gave up`;
    case "no_answer":
      return mine ? "no answer" : "missed";
    case "unreachable":
      return mine ? "no window was open" : "missed while away";
    default:
      return call.reason ?? "failed";
  }
}

/** Where somebody stands. @type {Record<string, string>} */
const STANDINGS = {
  invited: "asked, no window is open",
  ringing: "ringing",
  declined: "declined",
  busy: "in another call",
  missed: "did not answer",
  left: "left",
  removed: "was removed",
};

/** How somebody takes part now. @param {Call} call @param {Participant} person */
export function part(call, { user_id, standing, away }) {
  if (standing !== "joined") return STANDINGS[standing];
  if (away) return "away, may come back";
  const sends = call.media.get(user_id);
  if (sends?.hold) return "has put the call on hold";
  if (!call.remote.has(user_id)) return "connecting";
  return sends?.screen ? "shows a screen" : sends?.audio === false ? "muted" : "talks";
}

const TIME = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
/** @param {string} at */
const time = (at) => new Date(at).toLocaleTimeString([], TIME);

/** When somebody took part in a past call. @param {Participant} person */
export function stay({ standing, joined_at, left_at, duration }) {
  if (!joined_at) return STANDINGS[standing] ?? standing;
  const all = length(duration);
  return `${time(joined_at)} to ${left_at ? time(left_at) : "now"}, in all ${all}`;
}

/** Who ended a past call, and why. @param {CallView} call @param {string} me */
export function ended({ reason, ended_by, participants }, me) {
  const who = ended_by === me ? "you" : participants.find(({ user_id }) => user_id === ended_by)?.name;
  /** @type {Record<string, string>} */
  const reasons = {
    hung_up: "hung up",
    lost: "somebody was lost and did not come back",
    time_limit: "the plan's time was over",
    declined: "declined",
    busy: "in another call",
    cancelled: "given up",
    no_answer: "nobody answered",
    unreachable: "no window was open",
  };
  const why = reasons[reason ?? ""] ?? reason ?? "under way";
  return who ? `${why} by ${who}`.replace("in another call by", "in another call:") : why;
}

/** What is worth knowing about the present call. @param {Call} call @param {number} now */
export function note(call, now) {
  const left = call.endsAt ? Math.ceil((Date.parse(call.endsAt) - now) / 1000) : Infinity;
  if (left <= 300) return left < 60 ? "The plan ends this call in less than a minute." : `The plan ends this call in ${Math.ceil(left / 60)} minutes.`;
  if (call.held) return "On hold: you neither send nor hear.";
  if (call.isCrowded) return "More than four people: everybody sends to everybody, which few connections carry. Cameras off helps.";
  return "";
}

/** What a call does now, in one sentence. @param {Call} call */
export function doing(call) {
  const names = namesOf(call.others);
  const away = call.others.filter((person) => person.standing === "joined" && person.away);
  if (!call.isOver && away.length > 0) return `${namesOf(away)} is away. Waiting half a minute for them to come back…`;
  switch (call.state) {
    case "ringing": {
      if (call.incoming) return `${call.person(call.caller_id)?.name ?? names} is calling.`;
      const rings = call.others.filter(({ standing }) => standing === "ringing");
      if (rings.length > 0) return `Ringing at ${namesOf(rings)}…`;
      return `Calling ${names}. No window of theirs is open yet; it rings as soon as one is.`;
    }
    case "starting":
      return "Answered. Connecting…";
    case "connected": {
      const joined = call.others.filter(({ standing }) => standing === "joined");
      const holding = joined.filter(({ user_id }) => call.media.get(user_id)?.hold);
      if (holding.length === joined.length && holding.length > 0) return `${namesOf(holding)} has put the call on hold`;
      return `In a call with ${namesOf(joined)}`;
    }
    case "reconnecting":
      return call.reason === "no_route"
        ? `No way through to ${names} yet. Trying again…`
        : `The connection to ${names} broke. They may be coming back; trying again…`;
    default:
      return ending(call, names);
  }
}

/** @param {Call} call @param {string} names */
function ending(call, names) {
  /** @type {Record<string, string>} */
  const reasons = {
    hung_up: `The call with ${names} is over.`,
    time_limit: "The call is over: the plan allows no longer one.",
    lost: `${names} was lost and did not come back.`,
    left: "You left.",
    signed_out: "The call is over here: you signed out.",
    gone: "The call is not there any more.",
    removed: "The host removed you from the call.",
    busy: call.incoming ? "You said that you are in a call." : `${names} is in another call.`,
    answered_elsewhere: "Answered in another window.",
    declined: call.incoming ? "You declined." : `${names} declined.`,
    cancelled: call.incoming ? `${names} gave up.` : "You gave up.",
    no_answer: call.incoming ? `You missed a call from ${names}.` : `No answer from ${names}.`,
    missed: `You missed a call from ${names}.`,
    unreachable: `No window of ${names} was open. Open one and call again.`,
  };
  return reasons[call.reason ?? ""] ?? `The call is over (${call.reason}).`;
}

/** What somebody who is in a call is asked, until they say yes or no. @param {Call} call */
export function recordingQuestion(call) {
  const { recording, myself } = call;
  if (!recording || call.isOver || myself.standing !== "joined" || myself.consent !== null) return "";
  if (myself.user_id === recording.by) return "You recorded this call. Go on?";
  return `${call.person(recording.by)?.name ?? "Somebody"} wants to record this call.`;
}

/** How a recording stands, for everybody. @param {Call} call */
export function recordingSign(call) {
  const { recording, myself } = call;
  if (!recording || call.isOver) return "";
  if (recording.state === "running") return `Recording${recording.by === myself.user_id ? "" : ` by ${call.person(recording.by)?.name}`}`;
  const missing = call.participants.filter(({ user_id }) => recording.missing.includes(user_id));
  const name = (/** @type {Participant} */ person) => (person === myself ? "you" : person.name);
  const refused = missing.filter(({ consent }) => consent === false);
  const why = refused.length > 0 ? `not allowed by ${list(refused.map(name))}` : `waiting for ${list(missing.map(name))}`;
  return `${recording.state === "paused" ? "Recording paused" : "Not recording yet"}: ${why}`;
}

/** What becomes of a recording of one's own. @type {Record<string, string>} */
export const SAVING = { saving: "Saving the recording…", kept: "The recording is kept: it is below the history.", stopped: "", failed: "The recording could not be kept." };

/** @param {number} bytes */
export const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

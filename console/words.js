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

/** What a call does now, in one sentence. @param {Call} call */
export function doing(call) {
  const names = namesOf(call.others);
  switch (call.state) {
    case "ringing": {
      if (call.incoming) return `${names} is calling.`;
      const rings = call.others.filter(({ standing }) => standing === "ringing");
      if (rings.length > 0) return `Ringing at ${namesOf(rings)}…`;
      return `Calling ${names}. No window of theirs is open yet; it rings as soon as one is.`;
    }
    case "starting":
      return "Answered. Connecting…";
    case "connected":
      return `In a call with ${namesOf(call.others.filter(({ standing }) => standing === "joined"))}`;
    case "reconnecting":
      return call.reason === "no_route"
        ? `No way through to ${names} yet. Trying again…`
        : `The connection to ${names} broke. Trying again…`;
    default:
      return ending(call, names);
  }
}

/** @param {Call} call @param {string} names */
function ending(call, names) {
  /** @type {Record<string, string>} */
  const reasons = {
    hung_up: `The call with ${names} is over.`,
    expired: "The call was ended after twelve hours.",
    answered_elsewhere: "Answered in another window.",
    declined: call.incoming ? "You declined." : `${names} declined.`,
    cancelled: call.incoming ? `${names} gave up.` : "You gave up.",
    no_answer: call.incoming ? `You missed a call from ${names}.` : `No answer from ${names}.`,
    missed: `You missed a call from ${names}.`,
    unreachable: `No window of ${names} was open. Open one and call again.`,
  };
  return reasons[call.reason ?? ""] ?? `The call is over (${call.reason}).`;
}

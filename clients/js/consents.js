/**
 * @typedef {import("./types.js").CallView} CallView
 * @typedef {import("./types.js").Participant} Participant
 */

/**
 * How many facts at least brought somebody from one standing to another: one can end a stay and begin the next.
 * @param {Participant | undefined} then @param {Participant} now
 */
function moved(then, now) {
  if (!then) return now.standing === "invited" ? 1 : 2;
  return Math.max(Math.ceil((now.generation - then.generation) / 2), Number(now.standing !== then.standing));
}

/** How many facts at least two views of a call show between them. @param {CallView} before @param {CallView} after */
function shown(before, after) {
  if (after.end_time) return 2 + Number(after.ended_by !== null || after.reason === "lost");
  let facts = Number(!after.recording);
  for (const now of after.participants) {
    const then = of(before, now.user_id);
    facts += moved(then, now);
    facts += Number(now.consent === true && !(then?.consent && then.generation === now.generation));
  }
  return facts;
}

/** @param {CallView} view @param {string} user */
const of = (view, user) => view.participants.find(({ user_id }) => user_id === user);

/** Whoever was joined is, and was all the time. @param {CallView} before @param {CallView} after */
const haveStayed = (before, after) =>
  before.participants.every(({ user_id, generation, standing }) => standing !== "joined" || of(after, user_id)?.generation === generation);

/**
 * Whether nobody can have taken a consent back between two views, in the older of which a recording ran, or not before a moment ago.
 * A push can be lost: who took it back and gave it again, or took it back and left, would not show, if the facts that do not show were
 * not counted.
 * @param {CallView} before
 * @param {CallView} after
 * @param {{ toldAt?: number, since: number, own?: boolean }} when the newer one was told, if by a push, and what counts as a moment ago, by
 *   the server's clock; `own`: this side has stopped the recording
 */
export function isUnbroken(before, after, { toldAt = -Infinity, since, own = false }) {
  const justTold = toldAt >= since;
  const most = haveStayed(before, after) ? 1 : 0;
  const hidden = after.seq - before.seq - shown(before, after);
  if (before.recording?.recording_id !== after.recording?.recording_id) return hidden <= 0 && (own || justTold || after.end_time !== null);
  if (after.recording?.state === "running") return hidden <= most;
  const unwilling = after.participants.filter(({ standing, consent }) => standing === "joined" && !consent);
  const came = unwilling.filter(({ user_id, generation }) => of(before, user_id)?.generation !== generation);
  if (came.length === unwilling.length) return hidden <= most && came.every(({ joined_at }) => Date.parse(joined_at ?? "") >= since);
  return after.seq === before.seq + 1 && justTold;
}

/**
 * @typedef {import("./types.js").CallView} CallView
 * @typedef {import("./types.js").Participant} Participant
 */

/** @param {Participant | undefined} person how many facts it took to stand there */
const steps = (person) => (person ? ({ invited: 1, ringing: 2 }[/** @type {string} */ (person.standing)] ?? 3) : 0);

/** How many facts two views of a call show between them. @param {CallView} before @param {CallView} after */
function shown(before, after) {
  if (after.end_time) return 2 + Number(after.ended_by !== null || after.reason === "lost");
  let facts = Number(!after.recording);
  for (const now of after.participants) {
    const then = of(before, now.user_id);
    facts += Math.max(now.generation - (then?.generation ?? 0), steps(now) - steps(then));
    facts += Number(now.consent === true && then?.consent !== true);
  }
  return facts;
}

/** @param {CallView} view @param {string} user */
const of = (view, user) => view.participants.find(({ user_id }) => user_id === user);

/**
 * Whether nobody can have taken a consent back between two views, in the older of which a recording ran, or not before a moment ago.
 * A push can be lost: who took it back and gave it again would not show, if the facts that do not show were not counted.
 * @param {CallView} before
 * @param {CallView} after
 * @param {{ toldAt?: number, since: number }} when the newer one was told, if by a push, and what counts as a moment ago: by the server's clock
 */
export function isUnbroken(before, after, { toldAt = -Infinity, since }) {
  const hidden = after.seq - before.seq - shown(before, after);
  if (before.recording?.recording_id !== after.recording?.recording_id) return hidden <= 0;
  if (after.recording?.state === "running") return hidden < 2;
  const unwilling = after.participants.filter(({ standing, consent }) => standing === "joined" && !consent);
  const came = unwilling.filter(({ user_id, generation }) => of(before, user_id)?.generation !== generation);
  if (came.length === unwilling.length) return hidden < 2 && came.every(({ joined_at }) => Date.parse(joined_at ?? "") >= since);
  return after.seq === before.seq + 1 && toldAt >= since;
}

import { $, busy, h, more, renew, write } from "./dom.js";
import { ended, namesOf, result, stay, TYPES, when } from "./words.js";

/**
 * Past calls, newest first.
 * @param {import("/client/client.js").Client} client
 * @param {import("./welcome.js").DemoPerson[]} demo
 */
export function pastCalls(client, demo) {
  const me = client.session?.user.id ?? "";
  const older = $("history-more");
  const missed = /** @type {HTMLInputElement} */ ($("only-missed"));
  const [type, whom] = ["of-type", "with-whom"].map((id) => /** @type {HTMLSelectElement} */ ($(id)));
  missed.checked = false;
  type.value = whom.value = "";
  whom.replaceChildren(whom.options[0], ...demo.filter(({ user_id }) => user_id !== me).map(({ user_id, name }) => h("option", { value: user_id }, `With ${name}`)));
  /** @type {string | null} */
  let cursor = null;
  let filtered = 0;

  const read = async (/** @type {string | null} */ from, anew = false) => {
    const which = { missed: missed.checked, type: /** @type {any} */ (type.value), with: whom.value };
    const mine = anew ? ++filtered : filtered;
    const page = await client.calls.history({ limit: 10, cursor: from, ...which });
    if (mine !== filtered) return;
    const list = $("history-list");
    if (anew) list.replaceChildren();
    const how = { id: (/** @type {import("/client/types.js").CallView} */ call) => call.call_id, row: (/** @type {import("/client/types.js").CallView} */ call) => row(call, me), isAll: !page.next_cursor };
    if (from) more(list, page.items.map(how.row));
    if (from || !renew(list, page.items, how)) cursor = page.next_cursor;
    older.hidden = !cursor;
    const some = which.missed || which.type || which.with;
    const none = some ? "No such calls." : "No calls yet. Each one is kept here: who, how it ended, how long.";
    write("no-history", list.childElementCount === 0 ? none : "");
    if (anew && some && list.childElementCount > 0) write("history-news", `${list.childElementCount}${cursor ? " or more" : ""} such calls`);
  };
  older.onclick = () => busy(older, () => read(cursor));

  const refresh = () => void read(null).catch(() => {});
  missed.onchange = type.onchange = whom.onchange = () => {
    write("history-news", "");
    void read(null, true).catch(() => {});
  };
  $("history-list").replaceChildren();
  const unsubscribe = [
    client.on("notice", ({ event }) => event === "call.ended" && refresh()),
    client.on("state", ({ to }) => to === "online" && refresh()),
  ];
  return () => unsubscribe.forEach((stop) => stop());
}

/** @param {import("/client/types.js").CallView} call @param {string} me */
function row(call, me) {
  const outgoing = call.caller_id === me;
  const who = namesOf(call.participants.filter(({ user_id }) => user_id !== me));
  return h(
    "li",
    { class: "past", "data-id": call.call_id, "data-call-id": call.call_id, "data-result": call.reason ?? call.state, "data-duration": String(call.duration) },
    h("strong", {}, h("span", { "aria-hidden": "true" }, outgoing ? "↗ " : "↙ "), h("span", { class: "visually-hidden" }, outgoing ? "to " : "from "), who),
    h("span", { class: "result" }, `${TYPES[call.type]}, ${result(call, me)}`),
    h("time", { datetime: call.created_at }, when(call.created_at)),
    details(call, me, who),
  );
}

/** @param {import("/client/types.js").CallView} call @param {string} me @param {string} who */
function details(call, me, who) {
  const people = call.participants.map((person) => {
    const marks = [person.user_id === me ? "you" : person.name, person.user_id === call.caller_id ? " (caller)" : ""];
    return h("div", {}, h("dt", {}, marks.join("")), h("dd", {}, stay(person)));
  });
  return h(
    "details",
    {},
    h("summary", {}, "Details", h("span", { class: "visually-hidden" }, ` of the call with ${who}, ${when(call.created_at)}`)),
    h("dl", {}, ...people, h("div", {}, h("dt", {}, "End"), h("dd", {}, ended(call, me)))),
  );
}

import { $, busy, h } from "./dom.js";
import { namesOf, result, TYPES, when } from "./words.js";

/**
 * Past calls, newest first.
 * @param {import("/client/client.js").Client} client
 */
export function pastCalls(client) {
  const me = client.session?.user.id ?? "";
  const more = $("history-more");
  /** @type {string | null} */
  let cursor = null;

  const read = async (/** @type {string | null} */ from) => {
    const page = await client.calls.history({ limit: 10, cursor: from });
    const rows = page.items.map((call) => row(call, me));
    if (from) $("history-list").append(...rows);
    else $("history-list").replaceChildren(...rows);
    cursor = page.next_cursor;
    more.hidden = !cursor;
    $("no-history").hidden = $("history-list").childElementCount > 0;
  };
  more.onclick = () => busy(more, () => read(cursor));

  const refresh = () => void read(null).catch(() => {});
  const unsubscribe = [
    client.on("notice", ({ event, call }) => {
      const known = document.querySelector(`[data-call-id="${call.call_id}"]`);
      if (event === "call.ended" || !known) refresh();
    }),
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
    { class: "past", "data-call-id": call.call_id, "data-result": call.reason ?? call.state, "data-duration": String(call.duration) },
    h("strong", {}, h("span", { "aria-hidden": "true" }, outgoing ? "↗ " : "↙ "), h("span", { class: "visually-hidden" }, outgoing ? "to " : "from "), who),
    h("span", { class: "result" }, `${TYPES[call.type]}, ${result(call, me)}`),
    h("time", { datetime: call.created_at }, when(call.created_at)),
  );
}

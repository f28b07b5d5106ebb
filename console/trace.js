import { clientCall, curl } from "./code.js";
import { h } from "./dom.js";
import { copyButton, local, Missing, unavailable } from "./inside.js";
import { first } from "./words.js";

/**
 * @typedef {object} Item
 * @property {number} n
 * @property {string} at
 * @property {"request" | "frame"} kind
 * @property {string} [id]
 * @property {string} [method]
 * @property {string} [path]
 * @property {number} [status]
 * @property {"in" | "out" | "push"} [direction]
 * @property {string} [connection]
 * @property {string} [name]
 * @property {any} [frame]
 * @property {any} [body]
 * @property {number | null} ms
 * @property {string | null} person
 * @property {{ requests: number, read_units: number, write_units: number } | null} store
 * @property {any} problem
 * @property {Item} [asked] the frame that this one answers
 * @property {boolean} [answered]
 *
 * @typedef {{ head: number, items: Item[] }} Page
 */

const MOST = 100;
const AGAIN = 2_000;
/** What every window says all the time. */
const ROUTINE = new Set(["ping", "presence.get"]);
/** @param {Item} item */
const isRoutine = (item) => !item.problem && (ROUTINE.has(what(item)) || (item.method === "POST" && what(item).endsWith("/quality")));

/** The requests and frames of this server, as they come. @type {import("./inside.js").Pane} */
export function pane({ client, demo }, panel) {
  const me = client.session?.user.id;
  const names = new Map(demo.map(({ user_id, name }) => [user_id, first(name)]));
  const who = (/** @type {string | null} */ person) => (person === null ? "nobody" : person === me ? "you" : (names.get(person) ?? `${person.slice(0, 8)}…`));
  const list = h("ol", { class: "events", "aria-label": "Newest first" });
  const none = h("p", { class: "hint" }, "Nothing yet. Press something: every request and frame shows here, with what it cost.");
  /** @type {Item[]} */
  const items = [];
  const [mine, routine] = [box("Only mine"), box("Pings and presence too")];
  const wanted = (/** @type {Item} */ item) => (!mine.input.checked || item.person === me) && (routine.input.checked || !isRoutine(item)) && !item.answered;
  const trim = () => {
    while (list.childElementCount > MOST) list.lastElementChild?.remove();
    none.hidden = list.childElementCount > 0;
  };
  const draw = () => {
    list.replaceChildren(...items.filter(wanted).slice(-MOST).reverse().map((item) => row(item, who)));
    trim();
  };
  mine.input.onchange = routine.input.onchange = draw;
  panel.replaceChildren(h("div", { class: "row" }, mine.label, routine.label), none, list);

  /** @type {Map<string, Item>} */
  const open = new Map();
  return follow(
    (fresh) => {
      for (const item of fresh) {
        const key = `${item.connection} ${item.frame?.id}`;
        const asked = item.direction === "out" ? open.get(key) : undefined;
        if (item.direction === "in") open.set(key, item);
        if (!asked) continue;
        open.delete(key);
        item.asked = asked;
        asked.answered = true;
        list.querySelector(`[data-n="${asked.n}"]`)?.closest("li")?.remove();
      }
      items.push(...fresh);
      items.splice(0, items.length - 500);
      list.prepend(...fresh.filter(wanted).reverse().map((item) => row(item, who)));
      trim();
    },
    (error) => unavailable(error, panel),
  );
}

/**
 * Of all windows of this browser one asks and tells the others: a browser opens few connections to one server.
 * @param {(items: Item[]) => void} heard
 * @param {(error: unknown) => void} failed
 */
function follow(heard, failed) {
  const over = new AbortController();
  const { signal } = over;
  const channel = new BroadcastChannel("dchat:trace");
  let head = 0;
  /** @returns {Promise<Page>} */
  const ask = async () => take(await local("GET", `/local/trace?after=${head}`, signal));
  const take = (/** @type {Page} */ page) => {
    if (page.head < head) head = 0; // the server was started anew and counts anew
    const fresh = page.items.filter(({ n }) => n > head);
    if (fresh.length > 0 && !signal.aborted) {
      head = fresh[fresh.length - 1].n;
      heard(structuredClone(fresh));
    }
    return page;
  };
  channel.onmessage = ({ data: page }) => {
    const behind = page.head >= head && page.items[0]?.n > head + 1;
    if (behind) void ask().catch(() => {});
    else take(page);
  };
  const lead = async () => {
    while (!signal.aborted) {
      try {
        const page = await ask();
        if (!signal.aborted) channel.postMessage(page);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Missing) return failed(error);
        await new Promise((done) => setTimeout(done, AGAIN));
      }
    }
  };
  if (navigator.locks) {
    void ask().catch(() => {});
    navigator.locks.request("dchat:trace", { signal }, lead).catch(() => {});
  } else void lead();
  return () => {
    over.abort();
    channel.close();
  };
}

/** @param {string} words */
function box(words) {
  const input = h("input", { type: "checkbox" });
  return { input, label: h("label", { class: "check" }, input, words) };
}

/** @param {Item} item @param {(person: string | null) => string} who */
function row(item, who) {
  const { store, ms, problem, person } = item;
  const cost = [item.direction === "push" ? `to ${who(person)}` : who(person)];
  if (ms !== null && ms !== undefined) cost.push(`${ms} ms`);
  if (store) cost.push(price(store));
  const bad = Boolean(problem) || (item.status ?? 0) >= 400;
  /** @type {(HTMLElement | string)[]} */
  const line = [h("span", { class: "cost" }, cost.join(" · "))];
  if (problem) line.push(" ", h("span", { class: "told" }, `${problem.code}: ${problem.remedy}`));
  const details = h(
    "details",
    { "data-bad": bad, "data-n": String(item.n), "data-kind": item.kind, "data-what": what(item) },
    h("summary", {}, h("span", { class: "verb" }, item.method ?? (item.asked ? "frame" : item.direction) ?? ""), " ", h("code", {}, what(item).replace(ID, "$1_$2…$3")), " ", h("span", { class: "status" }, String(item.status ?? "")), " ", ...line),
  );
  // Few rows are ever opened.
  details.onclick = details.ontoggle = () => void (details.childElementCount === 1 && details.append(more(item)));
  return h("li", {}, details);
}

/** @param {NonNullable<Item["store"]>} store */
function price({ requests, read_units, write_units }) {
  if (requests === 0) return "store not asked";
  const units = [read_units && `${read_units} read`, write_units && `${write_units} write`].filter(Boolean).join(" + ");
  return `${requests} store ${requests === 1 ? "request" : "requests"}${units && `, ${units} units`}`;
}

const ID = /\b([a-z]{3,4})_([0-9a-f]{4})[0-9a-f]{24}([0-9a-f]{4})\b/g;
/** @param {Item} item */
const what = ({ path, name, asked }) => path ?? asked?.name ?? name ?? "";

/** @param {Item} item */
function more(item) {
  const { problem, body, frame, asked } = item;
  /** @type {HTMLElement[]} */
  const parts = [h("p", {}, [new Date(item.at).toLocaleTimeString(), item.id].filter(Boolean).join(" · "))];
  if (problem) {
    parts.push(h("p", {}, h("strong", {}, problem.title ?? problem.code), `: ${problem.detail}. ${problem.remedy} `, h("a", { href: problem.docs ?? "/docs/problems" }, "More")));
    for (const { pointer, detail } of problem.errors ?? []) parts.push(h("p", {}, h("code", {}, pointer), ` ${detail}`));
  }
  for (const sent of [body, asked?.frame, frame]) if (sent) parts.push(h("pre", {}, h("code", {}, JSON.stringify(sent, null, 2))));
  const buttons = [];
  if (item.kind === "request") buttons.push(copyButton("Copy as curl", () => curl(item, location.origin)));
  const call = clientCall(asked ?? item);
  if (call) buttons.push(copyButton("Copy as client call", () => call));
  if (buttons.length > 0) parts.push(h("div", { class: "row" }, ...buttons));
  return h("div", { class: "detail" }, ...parts);
}

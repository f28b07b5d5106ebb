import { $, busy, h, trouble } from "./dom.js";

/**
 * @typedef {object} Context
 * @property {import("/client/client.js").Client} client
 * @property {import("./welcome.js").DemoPerson[]} demo
 *
 * @typedef {(context: Context, pane: HTMLElement) => (() => void) | void} Pane fills the pane; returns what empties it
 */

/** @type {Record<string, () => Promise<{ pane: Pane }>>} */
const PANES = {
  "tab-trace": () => import("./trace.js"),
  "tab-outbox": () => import("./outbox.js"),
  "tab-socket": () => import("./faults.js"),
  "tab-limits": () => import("./limits.js"),
  "tab-diagnosis": () => import("./diagnosis.js"),
};

/** The server has no such endpoint. */
export class Missing extends Error {}

/**
 * What only a local server has.
 * @param {string} method
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function local(method, path, signal) {
  const answer = await fetch(path, { method, signal });
  const body = await answer.json().catch(() => null);
  if (answer.status === 404) throw new Missing();
  if (!answer.ok) throw body ?? { detail: `${path} answered with status ${answer.status}` };
  return body;
}

/** @param {unknown} error @param {HTMLElement} pane */
export function unavailable(error, pane) {
  const words = error instanceof Missing ? "This server does not offer that: it is not a local one, or it is older than this page." : "The server does not answer. Start it again, then choose this tab again.";
  pane.replaceChildren(h("p", { class: "hint" }, words));
}

/** @param {string} word @param {() => string | Promise<string>} text @param {string} [about] what a screen reader hears besides */
export function copyButton(word, text, about = "") {
  const label = h("span", {}, word);
  const button = h("button", { type: "button", click: () => busy(button, copy) }, label, h("span", { class: "visually-hidden" }, about));
  const copy = async () => {
    await navigator.clipboard.writeText(await text());
    label.textContent = "Copied";
    setTimeout(() => (label.textContent = word), 2_000);
  };
  return button;
}

/**
 * The tabs beside the calls.
 * @param {import("/client/client.js").Client} client
 * @param {import("./welcome.js").DemoPerson[]} demo
 */
export function inside(client, demo) {
  const tabs = /** @type {HTMLElement[]} */ ([...$("tabs").children]);
  const pane = $("pane");
  let turn = 0;
  /** @type {(() => void) | void} */
  let stop;

  const leave = () => {
    turn += 1;
    stop?.();
    stop = undefined;
    pane.replaceChildren();
  };
  const choose = async (/** @type {HTMLElement} */ chosen) => {
    leave();
    const mine = turn;
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
    }
    pane.setAttribute("aria-labelledby", chosen.id);
    try {
      const { pane: fill } = await PANES[chosen.id]();
      if (mine === turn) stop = fill({ client, demo }, pane);
    } catch (error) {
      if (mine === turn) unavailable(error, pane);
    }
  };
  for (const tab of tabs) tab.onclick = () => void choose(tab);
  $("tabs").onkeydown = (event) => {
    const at = tabs.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[to % tabs.length];
    next.focus();
    void choose(next);
  };
  reset(client);
  // Wanted most when the server that it comes from is gone.
  setTimeout(() => void PANES["tab-diagnosis"]().catch(() => {}), 3_000);
  void choose(tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? tabs[0]);
  return leave;
}

/** @param {import("/client/client.js").Client} client */
function reset(client) {
  const ask = /** @type {HTMLDialogElement} */ ($("reset-ask"));
  $("reset").onclick = () => ask.showModal();
  $("reset-no").onclick = () => ask.close();
  $("reset-yes").onclick = () =>
    busy($("reset-yes"), async () => {
      try {
        await local("POST", "/local/reset");
      } catch (error) {
        throw error instanceof Missing ? { detail: "this server has nothing to reset", remedy: "Only a local server with demo people has." } : error;
      } finally {
        ask.close();
      }
      await client.auth.signOut();
      trouble({ detail: "The demo world is as on the first start", remedy: "Come in as somebody." });
    });
}

import { h } from "./dom.js";
import { copyButton, local, unavailable } from "./inside.js";
import { when } from "./words.js";

const EVERY = 3_000;

/** What would have been sent to people. @type {import("./inside.js").Pane} */
export function pane(_, panel) {
  const list = h("ul", { class: "lines boxed", "aria-label": "Newest first" });
  const none = h("p", { class: "hint", hidden: true }, "Nothing yet. Sign-in links of demo people land here: press “Open as” or “Enter as”.");
  panel.replaceChildren(h("p", { class: "hint" }, "Nothing leaves this machine: what would be sent to people is kept here."), none, list);
  let seen = "";
  const look = async () => {
    if (document.hidden) return;
    try {
      const { items } = await local("GET", "/local/outbox");
      const now = JSON.stringify(items);
      none.hidden = items.length > 0;
      if (now !== seen) list.replaceChildren(...newest(items).map(message));
      seen = now;
    } catch (error) {
      clearInterval(timer);
      unavailable(error, panel);
    }
  };
  const timer = setInterval(look, EVERY);
  void look();
  return () => clearInterval(timer);
}

/** @typedef {{ at: string, to: string, kind: string, text: string, url: string | null, code: string | null }} Message */

/** @param {Message[]} items */
const newest = (items) => [...items].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));

/** @param {Message} message */
function message({ at, to, text, url, code }) {
  const buttons = [];
  if (url) {
    buttons.push(h("a", { class: "button", href: url, target: "_blank", rel: "noopener" }, "Open", h("span", { class: "visually-hidden" }, ` link to ${to} in a new window`)));
    buttons.push(copyButton("Copy link", () => new URL(url, location.href).href, ` to ${to}`));
  }
  if (code) buttons.push(copyButton("Copy code", () => code, ` to ${to}`));
  return h("li", {}, h("p", {}, h("strong", {}, to), h("span", { class: "hint" }, ` · ${when(at)}`)), h("p", {}, text), h("div", { class: "row" }, ...buttons));
}

import { h } from "./dom.js";
import { local, unavailable } from "./inside.js";

/**
 * @typedef {{ name: string, burst: number, refill_ms: number, per: string, when_down: string }} Rate
 */

/** The server's limits, and what is left of them. @type {import("./inside.js").Pane} */
export function pane({ client }, panel) {
  void show().catch((error) => unavailable(error, panel));

  async function show() {
    const { rates, sizes } = await local("GET", "/api/v1/limits");
    panel.replaceChildren(
      h("h3", {}, "How often"),
      h("p", { class: "hint" }, "Above a limit the answer is 429 and says when to come back; the client waits by itself where a repeat is harmless."),
      h("ul", { class: "lines boxed" }, ...rates.map(rate)),
      h("h3", {}, "How much"),
      h("ul", { class: "lines boxed" }, ...Object.entries(sizes).map(([name, value]) => h("li", {}, h("strong", {}, name.replace(/_bytes$/, "").replaceAll("_", " ")), size(name, Number(value))))),
    );
  }

  /** @param {Rate} rate */
  function rate({ name, burst, refill_ms, per, when_down }) {
    const seen = client.limits.get(name);
    const left = seen && seen.at + seen.windowMs > Date.now() ? ` ${seen.remaining} left as of the last answer.` : "";
    return h(
      "li",
      { "data-limit": name },
      h("strong", {}, name.replaceAll("_", " ")),
      h("span", {}, `${burst} at once, then one every ${time(refill_ms)}, per ${per.replaceAll("_", " ")}.${left}`),
      h("span", { class: "hint" }, `When the counter cannot be read: ${when_down === "closed" ? "refused" : "let through"}.`),
    );
  }
}

/** @param {number} ms */
function time(ms) {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1_000} s` : `${+(ms / 60_000).toFixed(1)} min`;
}

/** @param {string} name @param {number} value */
const size = (name, value) => (name.endsWith("_bytes") && value >= 1024 ? `${value / 1024} KB` : String(value));

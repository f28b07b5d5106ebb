import "/client/diagnose.js"; // now, while the server is there
import { busy, h } from "./dom.js";
import { copyButton } from "./inside.js";

/** What keeps calls from working here, and what to do. @type {import("./inside.js").Pane} */
export function pane({ client }, panel) {
  const list = h("ul", { class: "lines boxed findings", "aria-label": "Findings" });
  const said = h("p", { role: "status", class: "hint" });
  const copy = copyButton("Copy for an issue", () => client.diagnose({ format: "text" }));
  copy.hidden = true;
  const run = h("button", { type: "button", class: "primary", click: () => busy(run, look) }, "Diagnose");
  const look = async () => {
    said.textContent = "Looking…";
    const findings = await client.diagnose();
    const count = (/** @type {string} */ wanted) => findings.filter(({ result }) => result === wanted).length;
    said.textContent = count("ok") === findings.length ? `All ${findings.length} are ok.` : `${count("fail")} failed, ${count("warn")} to look at, ${count("ok")} ok.`;
    list.replaceChildren(...findings.map(finding));
    copy.hidden = false;
  };
  panel.replaceChildren(
    h("p", { class: "hint" }, "Looks at the API, the clock, the session, the socket, microphone and camera, and the ways through the network. It opens the camera for a moment."),
    h("div", { class: "row" }, run, copy),
    said,
    list,
  );
}

/** @param {import("/client/diagnose.js").Finding} finding */
function finding({ check, result, cause, remedy, took_ms }) {
  return h(
    "li",
    { class: "finding", "data-check": check, "data-result": result },
    h("span", { class: "result" }, result),
    h("strong", {}, check),
    h("span", { class: "hint" }, `${took_ms} ms`),
    ...(cause ? [h("p", {}, cause)] : []),
    ...(remedy ? [h("p", { class: "remedy" }, h("strong", {}, "Do: "), remedy)] : []),
  );
}

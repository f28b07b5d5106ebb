import { busy, h } from "./dom.js";
import { local, Missing } from "./inside.js";
import { first } from "./words.js";

/** @type {[fault: string, word: string, does: string, expected: string][]} */
const FAULTS = [
  ["drop", "Drop", "Cuts the socket without a goodbye (1006), as a lost network does.", "The window notices at once, connects anew within a second or two and reads what it missed."],
  ["gone", "Gone", "The server forgets the connection (410) while the window believes that it is open.", "Nothing shows until the next ping, at most 4 minutes, in a call 20 seconds; then it connects anew. Press Ping to see it now."],
  ["rollover", "Roll over", "Cuts the socket as API Gateway does after two hours (1001).", "The window connects anew at once and misses nothing."],
  ["idle", "Idle", "Cuts the socket as API Gateway does after ten silent minutes (1001).", "The window connects anew at once and misses nothing."],
];
const KEPT = 12;

/** Breaks sockets on purpose. A call goes on meanwhile: sound and picture do not pass the server. @type {import("./inside.js").Pane} */
export function pane({ client, demo }, panel) {
  const me = client.session?.user.id ?? "";
  const others = demo.filter(({ user_id }) => user_id !== me);
  const whose = h("select", { id: "whose" }, h("option", { value: me }, "Yours"), ...others.map(({ user_id, name }) => h("option", { value: user_id }, `${first(name)}’s`)));
  const said = h("p", { role: "status" });
  const log = h("ol", { class: "lines hint", "aria-label": "What this window’s socket did" });
  let struckAt = 0;

  const strike = (/** @type {HTMLElement} */ button, /** @type {string} */ fault, /** @type {string} */ expected) =>
    busy(button, async () => {
      const name = whose.selectedOptions[0].textContent;
      struckAt = whose.value === me ? Date.now() : 0;
      try {
        const { sockets } = await local("POST", `/local/sockets/${fault}?person=${encodeURIComponent(whose.value)}`);
        said.textContent = sockets > 0 ? `Done to ${sockets} ${sockets > 1 ? "sockets" : "socket"}. Expected: ${expected}` : `${name} socket is not open: nothing was done.`;
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        said.textContent = "This server does not break sockets on request: it is not a local one, or it is older than this page.";
      }
    });
  const ping = h("button", { type: "button", click: () => busy(ping, asked) }, "Ping");
  const asked = async () => {
    try {
      const began = performance.now();
      await client.request("ping");
      said.textContent = `Answered after ${(performance.now() - began).toFixed(1)} ms.`;
    } catch (/** @type {any} */ problem) {
      said.textContent = problem.is?.("connection_unknown") ? "The server does not know this connection: the window connects anew." : `${problem.detail}. ${problem.remedy ?? ""}`;
    }
  };

  panel.replaceChildren(
    h("p", { class: "hint" }, "Break a socket and see it heal. A call goes on meanwhile: sound and picture do not pass the server."),
    h("p", { class: "field" }, h("label", { for: "whose" }, "Whose socket"), whose),
    said,
    h(
      "ul",
      { class: "lines faults" },
      ...FAULTS.map(([fault, word, does, expected]) => {
        const button = h("button", { type: "button", "data-fault": fault, "aria-describedby": `does-${fault}`, click: () => strike(button, fault, expected) }, word);
        return h("li", {}, button, h("span", { class: "hint", id: `does-${fault}` }, `${does} Expected: ${expected}`));
      }),
      h("li", {}, ping, h("span", { class: "hint" }, "Asks the server whether it knows this connection.")),
    ),
    log,
  );
  return client.on("state", ({ to, reason, doing }) => {
    log.prepend(h("li", {}, `${new Date().toLocaleTimeString()} ${to}: ${reason.replaceAll("_", " ")}, ${doing}`));
    while (log.childElementCount > KEPT) log.lastElementChild?.remove();
    if (to !== "online" || !struckAt) return;
    said.textContent = `Online again after ${((Date.now() - struckAt) / 1000).toFixed(1)} s.`;
    struckAt = 0;
  });
}

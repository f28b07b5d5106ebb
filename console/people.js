import { $, avatar, busy, h } from "./dom.js";
import { first } from "./words.js";

const EVERY = 5_000;

/**
 * The people to call, and who of them is online.
 * @param {import("/client/client.js").Client} client
 * @param {import("./welcome.js").DemoPerson[]} demo
 * @param {(to: string[], media: "audio" | "video") => Promise<void>} call
 * @param {(whom: string[]) => Promise<void>} invite
 */
export function people(client, demo, call, invite) {
  const me = client.session?.user.id ?? "";
  const others = demo.filter(({ user_id }) => user_id !== me);
  $("people-list").replaceChildren(...others.map((person) => row(person, call, invite)));
  $("people-list").hidden = others.length === 0;
  const [other] = others;
  $("no-call-hint").textContent = other
    ? `To call: open a second window as ${first(other.name)}, then press Call here.`
    : "To call somebody: ask for their id, and call it.";
  $("example-id").textContent = `"${other?.user_id ?? "usr_…"}"`;

  $("my-id").textContent = me;
  const copy = $("copy-id");
  copy.onclick = () =>
    busy(copy, async () => {
      await navigator.clipboard.writeText(me);
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 2_000);
    });

  const form = /** @type {HTMLFormElement} */ ($("by-id"));
  form.onsubmit = (event) => {
    event.preventDefault();
    const ids = $("ids");
    const to = /** @type {HTMLInputElement} */ (ids).value.split(/[\s,]+/).filter(Boolean);
    const what = /** @type {any} */ (event.submitter)?.value;
    if (to.length === 0) return ids.focus();
    void busy(form, () => (what === "invite" ? invite(to) : call(to, what === "audio" ? "audio" : "video")));
  };

  const look = async () => {
    if (client.state !== "online" || document.hidden || others.length === 0) return;
    const presence = await client.people.presence(others.map(({ user_id }) => user_id)).catch(() => []);
    for (const { user_id, online } of presence) show(user_id, online);
  };
  const timer = setInterval(look, EVERY);
  const unsubscribe = client.on("state", ({ to }) => to === "online" && look());
  return () => {
    clearInterval(timer);
    unsubscribe();
  };
}

/** While a call goes on no other can begin, and others can be asked into it. @param {boolean} can */
export function canCall(can) {
  for (const button of $("people").querySelectorAll("[data-call]")) /** @type {HTMLElement} */ (button).hidden = !can;
  for (const button of $("people").querySelectorAll("[data-invite]")) /** @type {HTMLElement} */ (button).hidden = can;
}

/**
 * @param {import("./welcome.js").DemoPerson} person
 * @param {(to: string[], media: "audio" | "video") => Promise<void>} call
 * @param {(whom: string[]) => Promise<void>} invite
 */
function row({ user_id, handle, name }, call, invite) {
  const dial = (/** @type {"audio" | "video"} */ media) => (/** @type {any} */ { currentTarget }) =>
    busy(currentTarget, () => call([user_id], media));
  return h(
    "li",
    { class: "person", "data-person": handle, "data-user": user_id },
    avatar(name),
    h("strong", {}, name),
    h("span", { class: "presence" }, h("span", { class: "dot" }), h("span", { class: "presence-words" }, "…")),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", "data-call": "video", "aria-label": `Call ${name}`, click: dial("video") }, "Call"),
      h("button", { type: "button", "data-call": "audio", "aria-label": `Audio call to ${name}`, click: dial("audio") }, "Audio"),
      h("button", { type: "button", "data-invite": true, hidden: true, "aria-label": `Invite ${name}`, click: ({ currentTarget }) => busy(currentTarget, () => invite([user_id])) }, "Invite"),
      h(
        "a",
        { class: "button", href: `/?as=${handle}`, target: "_blank", rel: "noopener", "data-open": handle },
        `Open as ${first(name)}`,
        h("span", { class: "visually-hidden" }, " in a new window"),
      ),
    ),
  );
}

/** @param {string} user @param {boolean} online */
function show(user, online) {
  const line = document.querySelector(`[data-user="${user}"] .presence`);
  line?.setAttribute("data-online", String(online));
  const words = line?.querySelector(".presence-words");
  if (words) words.textContent = online ? "online" : "offline";
}

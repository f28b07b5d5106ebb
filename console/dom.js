/**
 * An element of the page that the markup promises.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export const $ = (id) => /** @type {T} */ (document.getElementById(id));

/** @typedef {Record<string, string | boolean | ((event: any) => void)>} Properties */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Properties} properties attributes; a function listens
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** @param {string} name */
export function avatar(name) {
  const initials = name.split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
  return h("span", { class: "avatar", "aria-hidden": "true" }, initials.toUpperCase());
}

/** Says what went wrong and what to do. @param {any} problem */
export function trouble(problem) {
  $("trouble-detail").textContent = sentence(problem.detail ?? String(problem));
  const seconds = problem.status === 429 && problem.retryAfterMs && Math.ceil(problem.retryAfterMs / 1000);
  $("trouble-remedy").textContent = seconds ? `Try again in ${seconds} s.` : (problem.remedy ?? "");
  const docs = $("trouble-docs");
  docs.hidden = !problem.docs;
  if (problem.docs) docs.setAttribute("href", problem.docs);
  $("trouble").hidden = false;
}

export function noTrouble() {
  $("trouble").hidden = true;
}

/** Runs what a button asks for, once at a time. @param {HTMLElement} button @param {() => unknown} work */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  noTrouble();
  try {
    await work();
  } catch (problem) {
    trouble(problem);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** @param {string} text */
const sentence = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

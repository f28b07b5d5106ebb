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

/** Says something; what is announced is not said twice. @param {string} id @param {string} words */
export function write(id, words) {
  if ($(id).textContent !== words) $(id).textContent = words;
}

/**
 * Brings the top of a list up to date: what is there stays as it is, with its focus, and goes on playing.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items newest first
 * @param {{ id: (item: T) => string, row: (item: T) => HTMLElement, isAll: boolean }} how `isAll`: there is nothing below them
 * @returns {boolean} whether rows are left below
 */
export function renew(list, items, { id, row, isAll }) {
  const known = new Map(rowsOf(list).map((one) => [one.dataset.id, one]));
  let next = /** @type {HTMLElement | null} */ (list.firstElementChild);
  const drop = (/** @type {HTMLElement | undefined} */ until) => {
    while (next && next !== until) {
      const gone = next;
      next = /** @type {HTMLElement | null} */ (gone.nextElementSibling);
      gone.remove();
    }
  };
  // What is between them and the old rows is not known.
  if (!isAll && !items.some((item) => known.has(id(item)))) drop(undefined);
  for (const item of items) {
    const there = known.get(id(item));
    if (there) {
      drop(there);
      next = /** @type {HTMLElement | null} */ (there.nextElementSibling);
    } else list.insertBefore(row(item), next);
  }
  if (isAll) drop(undefined);
  return next !== null;
}

/** Adds what is older, and hands the focus to the first of it. @param {HTMLElement} list @param {HTMLElement[]} rows */
export function more(list, rows) {
  const known = new Set(rowsOf(list).map(({ dataset }) => dataset.id));
  const fresh = rows.filter(({ dataset }) => !known.has(dataset.id));
  list.append(...fresh);
  /** @type {HTMLElement | null | undefined} */ (fresh[0]?.querySelector("button, summary"))?.focus();
}

/** @param {HTMLElement} list */
const rowsOf = (list) => /** @type {HTMLElement[]} */ ([...list.children]);

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

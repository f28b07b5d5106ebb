/**
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Store
 */

/** @returns {Store} */
export function memory() {
  /** @type {Map<string, string>} */
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/**
 * A browser store, or memory where there is none or the browser forbids it.
 * @param {"localStorage" | "sessionStorage"} name
 * @returns {Store}
 */
export function browserStore(name) {
  try {
    return globalThis[name] ?? memory();
  } catch {
    return memory();
  }
}

const KEY = "dchat:device";

/**
 * This tab's name. It survives a reload, so that a reloaded page is the same party of its call.
 * @param {Store} tab
 */
export function deviceOf(tab) {
  const known = tab.getItem(KEY);
  if (known && /^[A-Za-z0-9_-]{1,64}$/.test(known)) return known;
  const fresh = `tab-${crypto.randomUUID()}`;
  tab.setItem(KEY, fresh);
  return fresh;
}

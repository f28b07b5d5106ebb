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

const KEY = "dchat:device";
/** A page that is being reloaded lets go of its name within this time. */
const LET_GO = 1_000;

/** Names that this page holds. @type {Set<string>} */
const held = new Set();

/** This tab's name. It survives a reload, so that a reloaded page is the same party of its call. */
export class Device {
  #tab;
  /** @type {Promise<void> | null} */
  #claiming = null;

  /** @param {import("./storage.js").Store} tab @param {string} [given] a name that the app vouches for */
  constructor(tab, given) {
    this.#tab = tab;
    const known = tab.getItem(KEY);
    this.name = given ?? (known && /^[A-Za-z0-9_-]{1,64}$/.test(known) ? known : this.#fresh());
    if (given) this.#claiming = Promise.resolve();
  }

  /** Holds the name while the page lives. Browsers copy the storage of a duplicated tab: the copy takes a new name. */
  claim() {
    this.#claiming ??= this.#claim();
    return this.#claiming;
  }

  async #claim() {
    if (!globalThis.navigator?.locks || held.has(this.name)) return;
    if (!(await hold(this.name))) {
      this.name = this.#fresh();
      await hold(this.name);
    }
    held.add(this.name);
  }

  #fresh() {
    const name = `tab-${crypto.randomUUID()}`;
    this.#tab.setItem(KEY, name);
    return name;
  }
}

/** @param {string} name @returns {Promise<boolean>} */
function hold(name) {
  return new Promise((resolve) => {
    const forever = () => new Promise(() => resolve(true));
    navigator.locks.request(`dchat:device:${name}`, { signal: AbortSignal.timeout(LET_GO) }, forever).catch(() => resolve(false));
  });
}

import { pause } from "./events.js";
import { Problem, signedOut } from "./problem.js";

/**
 * What is kept between pages. `refresh_key` is sent with every use of `refresh_token`, so that the
 * server can tell this client's repeat after a lost answer from a thief.
 *
 * @typedef {object} Held
 * @property {string} access_token
 * @property {number} expires_at
 * @property {string} refresh_token
 * @property {string} refresh_key
 * @property {string} session_id
 * @property {import("./types.js").User} user
 */

/** Refresh when the access token has less than this left. */
const AHEAD = 60_000;
const SPREAD = 200;

/** Where a tab keeps the secret of the sign-in that it began. */
const VERIFIER = "dchat:verifier";

/** @param {Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (c) => ({ "+": "-", "/": "_" })[c] ?? "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
/** @param {string} text */
const hash = async (text) => base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));

/** Sign-in, tokens, and requests that carry them. */
export class Auth {
  #send;
  #store;
  #tab;
  #key;
  #url;
  #leaving;
  #changed;
  /** @type {Promise<Held> | null} */
  #refreshing = null;

  /**
   * @param {object} options
   * @param {import("./types.js").Send} options.send
   * @param {import("./storage.js").Store} options.store
   * @param {import("./storage.js").Store} options.tab
   * @param {string} options.url
   * @param {() => Promise<void>} options.leaving ends what goes on in the person's name
   * @param {(session: import("./types.js").Session | null) => void} options.changed
   */
  constructor({ send, store, tab, url, leaving, changed }) {
    this.#send = send;
    this.#store = store;
    this.#tab = tab;
    this.#url = url;
    this.#key = `dchat:session:${url}`;
    this.#leaving = leaving;
    this.#changed = changed;
  }

  /** Who is signed in, in this tab or another one that shares the storage. */
  get session() {
    const held = this.#held();
    return held && { id: held.session_id, user: held.user };
  }

  /** @param {string} email @param {string} password */
  async withPassword(email, password) {
    return this.#begin(await this.#send("POST", "/auth/login", { body: { email, password } }));
  }

  /** @param {{ email: string, password: string, name: string }} account */
  async register({ email, password, name }) {
    return this.#begin(await this.#send("POST", "/auth/register", { body: { email, password, name } }));
  }

  /** Leaves the page for LinkedIn; the answer comes back to `returnTo` as `?code=` or `?error=`. */
  async withLinkedIn(returnTo = location.pathname) {
    const verifier = random();
    this.#tab.setItem(VERIFIER, verifier);
    const query = new URLSearchParams({ redirect: "true", return_to: returnTo, code_challenge: await hash(verifier) });
    location.assign(`${this.#url}/auth/linkedin/auth-url?${query}`);
  }

  /**
   * Exchanges the `code` that came back in the address, if this tab began the sign-in: a code from elsewhere
   * would sign somebody in as somebody else.
   * @param {string} code
   */
  async withCode(code) {
    const code_verifier = this.#tab.getItem(VERIFIER);
    this.#tab.removeItem(VERIFIER);
    if (!code_verifier) throw new Problem({ code: "sign_in_foreign", detail: "this tab did not begin that sign-in", remedy: "Sign in again, in this tab." });
    return this.#begin(await this.#send("POST", "/auth/token", { body: { code, code_verifier } }));
  }

  /** Exchanges the code of a link that a local server printed. @param {string} code */
  async enter(code) {
    return this.#begin(await this.#send("POST", "/auth/token", { body: { code } }));
  }

  /** Leaves the page to link a LinkedIn account to this one; the API must be on the page's own site. */
  async linkLinkedIn(returnTo = location.pathname) {
    const query = new URLSearchParams({ return_to: returnTo });
    const { auth_url } = await this.send("GET", `/auth/linkedin/auth-url?${query}`, { credentials: "include" });
    location.assign(auth_url);
  }

  /** This device forgets at once; that the server could not be told is no reason to stay. */
  async signOut() {
    const held = this.#held();
    if (!held) return;
    try {
      await this.#leaving();
      await this.send("POST", "/auth/logout", { repeatable: true });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
    } finally {
      if (this.#held()?.session_id === held.session_id) this.#forget();
    }
  }

  /** @returns {Promise<import("./types.js").User>} */
  me() {
    return this.send("GET", "/auth/me");
  }

  /** @returns {Promise<{ items: { id: string, label: string, created_at: string, used_at: string, current: boolean }[], next_cursor: string | null }>} */
  sessions() {
    return this.send("GET", "/auth/sessions");
  }

  /** @param {string} id */
  endSession(id) {
    return this.send("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
  }

  /**
   * A request in the name of who is signed in. An expired token is refreshed once and the request repeated once.
   * @type {import("./types.js").Send}
   */
  send = async (method, path, options = {}) => {
    const token = await this.#token();
    const as = (/** @type {string} */ bearer) =>
      this.#send(method, path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${bearer}` } });
    try {
      return await as(token);
    } catch (problem) {
      if (!(problem instanceof Problem && problem.is("token_expired"))) throw problem;
      return as((await this.#refresh(token)).access_token);
    }
  };

  async #token() {
    const held = this.#held();
    if (!held) throw signedOut();
    if (held.expires_at - Date.now() > AHEAD) return held.access_token;
    try {
      return (await this.#refresh(held.access_token)).access_token;
    } catch (problem) {
      if (problem instanceof Problem && !this.#isOver(problem) && Date.now() < held.expires_at) return held.access_token;
      throw problem;
    }
  }

  /** @param {string} old */
  #refresh(old) {
    this.#refreshing ??= this.#alone(() => this.#rotate(old)).finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /**
   * One tab at a time, where the browser can.
   * @param {() => Promise<Held>} work
   * @returns {Promise<Held>}
   */
  #alone(work) {
    if (!globalThis.navigator?.locks) return work();
    const held = () => this.#held()?.refresh_token;
    return new Promise((resolve, reject) => {
      void navigator.locks.request(`dchat:refresh:${this.#held()?.session_id}`, async () => {
        const before = held();
        await work().then(resolve, reject);
        // What is stored reaches the other tabs a moment later than the lock would.
        if (held() !== before) await pause(SPREAD);
      });
    });
  }

  /** @param {string} old */
  async #rotate(old) {
    const held = this.#held();
    if (!held) throw signedOut();
    if (held.access_token !== old) return held; // another tab was faster
    const mine = () => this.#held()?.refresh_token === held.refresh_token;
    try {
      const tokens = await this.#send("POST", "/auth/refresh", {
        body: { refresh_token: held.refresh_token },
        headers: { "Idempotency-Key": held.refresh_key },
        repeatable: true,
      });
      return mine() ? this.#hold(tokens) : (this.#held() ?? Promise.reject(signedOut()));
    } catch (problem) {
      if (problem instanceof Problem && this.#isOver(problem) && mine()) this.#forget();
      throw problem;
    }
  }

  /** @param {Problem} problem */
  #isOver(problem) {
    return problem.status === 401 && /^(refresh|session)_/.test(problem.code);
  }

  /** @param {import("./types.js").Tokens} tokens */
  #begin(tokens) {
    this.#hold(tokens);
    const session = { id: tokens.session_id, user: tokens.user };
    this.#changed(session);
    return session;
  }

  /** @param {import("./types.js").Tokens} tokens */
  #hold({ access_token, expires_in, refresh_token, session_id, user }) {
    /** @type {Held} */
    const held = {
      access_token,
      expires_at: Date.now() + expires_in * 1000,
      refresh_token,
      refresh_key: crypto.randomUUID(),
      session_id,
      user,
    };
    this.#store.setItem(this.#key, JSON.stringify(held));
    return held;
  }

  /** @returns {Held | null} */
  #held() {
    const text = this.#store.getItem(this.#key);
    return text ? JSON.parse(text) : null;
  }

  #forget() {
    this.#store.removeItem(this.#key);
    this.#changed(null);
  }

  /**
   * Another tab signed in or out.
   * @param {StorageEvent} event
   */
  heard = (event) => {
    if (event.key !== this.#key && event.key !== null) return;
    const before = event.oldValue ? JSON.parse(event.oldValue).session_id : null;
    if (before !== (this.session?.id ?? null)) this.#changed(this.session);
  };
}

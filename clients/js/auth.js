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

/** A person does not wait for a refresh alone: everything else does, so it waits longer than other requests. */
const REFRESH_PATIENCE = 30_000;

/** Where a tab keeps the secret of the sign-in that it began. */
const VERIFIER = "dchat:verifier";

/** @param {Uint8Array} bytes */
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (c) => ({ "+": "-", "/": "_" })[c] ?? "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
/** @param {string} text */
const hash = async (text) => base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));

/**
 * @typedef {object} SignedOut
 * @property {"asked" | "elsewhere" | "session_ended"} reason
 *   `elsewhere` is another tab of this device; `session_ended` is the server's word, and `problem` says which
 * @property {Problem | null} problem
 */

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
  /** The person signs out: that it is over already is no news. */
  #asked = false;
  /** Requests that make something and whose outcome nobody heard. The next try of the same is the same one. @type {Map<string, string>} */
  #unheard = new Map();

  /**
   * @param {object} options
   * @param {import("./types.js").Send} options.send
   * @param {import("./storage.js").Store} options.store
   * @param {import("./storage.js").Store} options.tab
   * @param {string} options.url
   * @param {() => Promise<void>} options.leaving ends what goes on in the person's name
   * @param {(session: import("./types.js").Session | null, why?: SignedOut) => void} options.changed
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
    const device = await this.#device(email);
    const device_token = this.#store.getItem(device) ?? undefined;
    return this.#begin(await this.#once("/auth/login", { email, password, device_token }), device);
  }

  /** @param {{ email: string, password: string, name: string }} account */
  async register({ email, password, name }) {
    return this.#begin(await this.#once("/auth/register", { email, password, name }), await this.#device(email));
  }

  /** Where this device keeps what tells it from a stranger who guesses at an address; it outlives the sign-out. @param {string} email */
  async #device(email) {
    return `dchat:device-token:${this.#url}:${await hash(email.trim().toLowerCase())}`;
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
    return this.#begin(await this.#once("/auth/token", { code, code_verifier }));
  }

  /** Exchanges the code of a link that a local server printed. @param {string} code */
  async enter(code) {
    return this.#begin(await this.#once("/auth/token", { code }));
  }

  /**
   * Makes something once: a repeat carries the same key.
   * @param {string} path
   * @param {object} body
   * @returns {Promise<import("./types.js").Tokens>}
   */
  async #once(path, body) {
    const intent = `${path} ${JSON.stringify(body)}`;
    const key = this.#unheard.get(intent) ?? crypto.randomUUID();
    this.#unheard.set(intent, key);
    try {
      const tokens = await this.#send("POST", path, { body, headers: { "Idempotency-Key": key }, repeatable: true });
      this.#unheard.delete(intent);
      return tokens;
    } catch (problem) {
      if (!(problem instanceof Problem && problem.unheard)) this.#unheard.delete(intent);
      throw problem;
    }
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
    this.#asked = true;
    try {
      await this.#leaving();
      await this.send("POST", "/auth/logout", { repeatable: true });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
    } finally {
      this.#asked = false;
      if (this.#held()?.session_id === held.session_id) this.#forget({ reason: "asked", problem: null });
    }
  }

  /** The server said that this session is over. @param {Problem} problem @param {string} [session] the one that it meant */
  ended(problem, session = this.session?.id) {
    if (session && this.session?.id === session && !this.#asked) this.#forget({ reason: "session_ended", problem });
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
   * A request in the name of who is signed in. A token that the server does not take is refreshed once and the request
   * repeated once; a session that the server ended is over here too.
   * @type {import("./types.js").Send}
   */
  send = async (method, path, options = {}) => {
    const token = await this.#token();
    const session = this.session?.id;
    const as = (/** @type {string} */ bearer) =>
      this.#send(method, path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${bearer}` } });
    try {
      return await as(token);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (this.#isOver(problem)) this.ended(problem, session);
      if (!problem.is("token_expired") && !problem.is("token_invalid")) throw problem;
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
        patienceMs: REFRESH_PATIENCE,
      });
      return mine() ? this.#hold(tokens) : (this.#held() ?? Promise.reject(signedOut()));
    } catch (problem) {
      if (problem instanceof Problem && this.#isOver(problem) && mine()) this.ended(problem);
      throw problem;
    }
  }

  /** @param {Problem} problem */
  #isOver(problem) {
    return problem.status === 401 && /^(refresh|session|account)_/.test(problem.code);
  }

  /** @param {import("./types.js").Tokens} tokens @param {string} [device] where its device token belongs */
  #begin(tokens, device) {
    this.#hold(tokens);
    if (device && tokens.device_token) this.#store.setItem(device, tokens.device_token);
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

  /** @param {SignedOut} why */
  #forget(why) {
    this.#store.removeItem(this.#key);
    this.#changed(null, why);
  }

  /**
   * Another tab signed in or out.
   * @param {StorageEvent} event
   */
  heard = (event) => {
    if (event.key !== this.#key && event.key !== null) return;
    const before = event.oldValue ? JSON.parse(event.oldValue).session_id : null;
    if (before !== (this.session?.id ?? null)) this.#changed(this.session, { reason: "elsewhere", problem: null });
  };
}

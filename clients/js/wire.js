import { Problem } from "./problem.js";

/** An answer takes no longer on a live socket; silence for this long means that it is dead. */
const PATIENCE = 10_000;

/** @param {string} code @param {string} detail */
const broken = (code, detail) =>
  new Problem({ kind: "network", code, detail, remedy: "Wait until the client is online again.", retry: "later" });

/** One WebSocket: requests by id, pushes, and one ending. */
export class Wire {
  #ws;
  #ended;
  #over = false;
  #count = 0;
  #heardAt = 0;
  #retired = false;
  /** @type {Map<string, { resolve: (data: any) => void, reject: (problem: Problem) => void }>} */
  #waiting = new Map();

  /**
   * @param {typeof WebSocket} WebSocket
   * @param {string} url
   * @param {{ push: (frame: any) => void, ended: (reason: string, code?: number) => void }} owner
   */
  constructor(WebSocket, url, { push, ended }) {
    this.#ended = ended;
    this.#ws = new WebSocket(url);
    this.opened = new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#end("unreachable"), PATIENCE);
      this.#ws.onopen = () => resolve(clearTimeout(late));
      this.#ws.onclose = ({ code }) => {
        clearTimeout(late);
        this.#end("dropped", code);
        reject(broken("socket_refused", `the socket did not open (${code})`));
      };
    });
    this.opened.catch(() => {});
    this.#ws.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      const frame = JSON.parse(data);
      if (frame.event === "reply") this.#settle(frame.id)?.resolve(frame.data);
      else if (frame.event === "error") this.#settle(frame.id)?.reject(Problem.of(frame.problem));
      else push(frame);
    };
  }

  /**
   * @param {string} action
   * @param {object} data
   * @returns {Promise<any>}
   */
  request(action, data) {
    if (this.#ws.readyState !== 1) return Promise.reject(broken("socket_offline", `${action} was not sent: the socket is closed`));
    const id = String(++this.#count);
    const sentAt = Date.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(broken("socket_silent", `${action} had no reply within ${PATIENCE / 1000} s`));
        if (this.#heardAt < sentAt) this.#end("silent");
      }, PATIENCE);
      const done = (/** @type {(value: any) => void} */ settle) => (/** @type {any} */ value) => {
        clearTimeout(timer);
        settle(value);
      };
      this.#waiting.set(id, { resolve: done(resolve), reject: done(reject) });
      this.#ws.send(JSON.stringify({ action, id, data }));
    });
  }

  /** Ends without telling the owner, who asked for it. */
  close() {
    this.#ended = () => {};
    this.#end("closed");
  }

  /** Ends as soon as nothing is waited for. */
  retire() {
    this.#ended = () => {};
    this.#retired = true;
    if (this.#waiting.size === 0) this.#end("closed");
  }

  /** @param {string} id */
  #settle(id) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#retired && this.#waiting.size === 0) this.#end("closed");
    return waiting;
  }

  /** @param {string} reason @param {number} [code] what the other side closed with */
  #end(reason, code) {
    if (this.#over) return;
    this.#over = true;
    // A dead socket may take minutes to say that it closed: it is not waited for.
    this.#ws.close();
    for (const { reject } of this.#waiting.values()) reject(broken("socket_lost", "the socket closed before the reply came"));
    this.#waiting.clear();
    this.#ended(reason, code);
  }
}

// Somebody who is signed in and has a socket open, as any client of the contract is.
import { EventEmitter, once } from 'node:events';
import WebSocket from 'ws';

/** Emits `push` for each frame that answers nothing. */
export class Person extends EventEmitter {
  #origin;
  #token;
  #socket;
  #asked = 0;
  #waiting = new Map();

  constructor(origin, { user_id, access_token }) {
    super();
    this.id = user_id;
    this.#origin = origin;
    this.#token = access_token;
  }

  async connect() {
    const { url } = await this.ask('POST', '/auth/ws-ticket');
    this.#socket = new WebSocket(url, { perMessageDeflate: false });
    this.#socket.on('message', (text) => this.#hear(JSON.parse(text)));
    await once(this.#socket, 'open');
  }

  async close() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  /** A request over HTTP; its problem is thrown. */
  async ask(method, path, body) {
    const headers = { authorization: `Bearer ${this.#token}`, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(this.#origin + path, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path.replace(/call_\w+/, '…')}: ${response.status} ${answer.code}`);
    return answer;
  }

  /** A frame over the socket, until its reply; its problem is thrown. */
  request(action, data) {
    const id = String((this.#asked += 1));
    this.#socket.send(JSON.stringify({ action, id, data }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { action, resolve, reject }));
  }

  #hear({ event, id, data, problem }) {
    const { action, resolve, reject } = this.#waiting.get(id) ?? {};
    this.#waiting.delete(id);
    if (event === 'reply') resolve(data);
    else if (event !== 'error') this.emit('push', event, data);
    else if (reject) reject(new Error(`${action}: ${problem.code}`));
    else throw new Error(`an error that answers nothing: ${problem.code}`);
  }
}

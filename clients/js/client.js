import { Auth } from "./auth.js";
import { Calls } from "./calls.js";
import { Device } from "./device.js";
import { Emitter } from "./events.js";
import { createSend } from "./http.js";
import { recordings } from "./recordings.js";
import { Socket } from "./socket.js";
import { browserStore, memory } from "./storage.js";

export { Call } from "./call.js";
export { Problem } from "./problem.js";

const PRESENCE_AT_ONCE = 20;

/**
 * @typedef {import("./diagnose.js").Finding} Finding
 *
 * @typedef {object} Events
 * @property {import("./socket.js").SocketChange} state
 * @property {import("./call.js").Call} call somebody rings
 * @property {{ event: string, call: import("./types.js").CallView }} notice a call changed, on whatever device
 * @property {{ recording_id: string, call_id: string, recorded_by: string, bytes: number }} kept a recording that one was there for can be watched
 * @property {import("./types.js").Session | null} session
 * @property {import("./auth.js").SignedOut} signed_out why nobody is signed in any more
 * @property {import("./types.js").LogLine} log
 *
 * @typedef {object} Options
 * @property {string} [url] the server, without a slash at the end
 * @property {import("./storage.js").Store | "memory"} [storage] where tokens are kept; localStorage unless told
 * @property {typeof globalThis.fetch} [fetch]
 * @property {typeof globalThis.WebSocket} [WebSocket]
 * @property {string} [device] this tab's name; one that survives a reload unless told
 * @property {RTCIceServer[]} [iceServers] instead of those that the server names
 * @property {boolean} [relayOnly] only relayed ways, in calls of one's own for everybody: nobody learns anybody's address
 */

/**
 * A client of one server. Nothing is sent before something is asked of it.
 * @param {Options} [options]
 */
export function createClient({
  url = globalThis.location?.origin,
  storage = browserStore("localStorage"),
  fetch = (...request) => globalThis.fetch(...request),
  WebSocket = globalThis.WebSocket,
  device,
  iceServers,
  relayOnly = false,
} = {}) {
  const tab = storage === "memory" ? memory() : browserStore("sessionStorage");
  const own = new Device(tab, device);
  /** @type {Emitter<Events>} */
  const events = new Emitter();
  /** @type {import("./types.js").Log} */
  const log = (what, detail) => events.emit("log", { what, detail });

  /** @type {Map<string, import("./types.js").Limit>} */
  const limits = new Map();
  const auth = new Auth({
    url,
    send: createSend({ url, fetch, limits, log }),
    store: storage === "memory" ? memory() : storage,
    tab,
    leaving: () => calls.leave(),
    changed: (session, why) => {
      calls.forget();
      socket.shut(why?.reason === "session_ended" ? "session_ended" : "signed_out", why?.problem ?? undefined);
      events.emit("session", session);
      if (!session && why) events.emit("signed_out", why);
    },
  });

  /** @type {Calls} */
  const calls = new Calls({
    device: () => own.name,
    iceServers,
    relayOnly,
    fetch,
    auth,
    socket: () => socket,
    rings: (call) => events.emit("call", call),
    notice: (notice) => events.emit("notice", notice),
    log,
  });

  const cursorKey = () => `dchat:inbox:${auth.session?.user.id}`;
  /** @type {Socket} */
  const socket = new Socket({
    WebSocket,
    cursor: {
      get: () => JSON.parse(tab.getItem(cursorKey()) ?? "null"),
      set: (position) => tab.setItem(cursorKey(), JSON.stringify(position)),
    },
    owner: {
      ticket: async () => {
        await own.claim();
        return (await auth.send("POST", "/auth/ws-ticket", { repeatable: true })).url;
      },
      ended: (problem) => auth.ended(problem),
      catchUp: () => calls.catchUp(),
      push: (frame) => {
        if (frame.event === "recording.kept") events.emit("kept", frame.data);
        else if (!calls.take(frame)) log(`unknown event ${frame.event}`, frame.data);
      },
      changed: (change) => {
        if (change.to === "closed") globalThis.removeEventListener?.("storage", auth.heard);
        events.emit("state", change);
      },
      log,
    },
  });

  return {
    url,
    auth,
    calls,
    recordings: recordings(auth.send),
    get device() {
      return own.name;
    },
    get state() {
      return socket.state;
    },
    get session() {
      return auth.session;
    },
    /** What is left of the server's rate limits, by name, as its answers said. */
    limits: /** @type {ReadonlyMap<string, import("./types.js").Limit>} */ (limits),
    /** Connects and stays connected. Each `open()` is undone by one `close()`. */
    open() {
      globalThis.addEventListener?.("storage", auth.heard);
      return socket.open();
    },
    close: () => socket.close(),
    on: events.on.bind(events),
    /** One action of the socket; see the realtime contract. @param {string} action @param {object} [data] */
    request: (action, data = {}) => socket.request(action, data),
    /**
     * Looks for what keeps sign-in, socket and calls from working, and says what to do. It never throws.
     * @template {"list" | "text"} [F="list"]
     * @param {{ format?: F, ask?: boolean }} [options] `text` is for an issue; without `ask` no camera and no microphone is opened
     * @returns {Promise<F extends "text" ? string : Finding[]>}
     */
    async diagnose(options) {
      try {
        const { diagnose } = await import("./diagnose.js");
        return /** @type {any} */ (await diagnose({ url, fetch, WebSocket, iceServers: auth.session ? await calls.iceServers() : (iceServers ?? []), auth }, options));
      } catch (error) {
        // It is loaded from the server, which may be what is gone.
        const cause = "the client's own file diagnose.js could not be loaded";
        const remedy = "Start the server that this page came from (cargo run), then reload the page.";
        const text = `client  fail  ${cause}. ${remedy}`;
        return /** @type {any} */ (options?.format === "text" ? text : [{ check: "client", result: "fail", cause, remedy, took_ms: 0 }]);
      }
    },
    people: {
      /** Who is online. @param {string[]} ids @returns {Promise<{ user_id: string, online: boolean }[]>} */
      async presence(ids) {
        const people = [];
        for (let from = 0; from < ids.length; from += PRESENCE_AT_ONCE) {
          const reply = await socket.request("presence.get", { people: ids.slice(from, from + PRESENCE_AT_ONCE) });
          people.push(...reply.people);
        }
        return people;
      },
    },
  };
}

/** @typedef {ReturnType<typeof createClient>} Client */

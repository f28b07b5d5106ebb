import { pause } from "./events.js";
import { asProblem } from "./problem.js";

/**
 * @typedef {"ok" | "warn" | "fail"} Result
 *
 * @typedef {object} Finding
 * @property {string} check what was looked at
 * @property {Result} result
 * @property {string} [cause] what was seen
 * @property {string} [remedy] what to do
 * @property {number} took_ms
 *
 * @typedef {Omit<Finding, "check" | "took_ms">} Seen
 *
 * @typedef {object} Subject the client that is looked at
 * @property {string} url
 * @property {typeof globalThis.fetch} fetch
 * @property {typeof globalThis.WebSocket} WebSocket
 * @property {RTCIceServer[]} iceServers
 * @property {import("./auth.js").Auth} auth
 */

const HEALTH = "/api/webrtc/health";
const PATIENCE = { request: 8_000, socket: 8_000, device: 20_000, gather: 5_000, path: 8_000 };
const SKEW = { warn: 30_000, fail: 600_000 };
const SIGN_IN = "Sign in first, then diagnose again.";
const API_FIRST = "Solve what `api` says first.";

/** @param {string} [cause] @returns {Seen} */
const ok = (cause) => ({ result: "ok", cause });
/** @param {string} cause @param {string} remedy @returns {Seen} */
const warn = (cause, remedy) => ({ result: "warn", cause, remedy });
/** @param {string} cause @param {string} remedy @returns {Seen} */
const fail = (cause, remedy) => ({ result: "fail", cause, remedy });

/**
 * @param {Subject} subject
 * @param {{ format?: "list" | "text", ask?: boolean }} [options]
 * @returns {Promise<Finding[] | string>}
 */
export async function diagnose(subject, { format = "list", ask = true } = {}) {
  /** @type {Finding[]} */
  const findings = [];
  const check = async (/** @type {string} */ name, /** @type {() => Seen | Promise<Seen>} */ look) => {
    const began = performance.now();
    /** @type {Seen} */
    let seen;
    try {
      seen = await look();
    } catch (error) {
      seen = fail(String(error), "Report this together with the browser's name and version.");
    }
    const { result, cause, remedy } = seen;
    findings.push({ check: name, result, ...(cause && { cause }), ...(remedy && { remedy }), took_ms: Math.round(performance.now() - began) });
    return result !== "fail";
  };

  const heard = { at: NaN, skew: NaN };
  const reached = await check("api", () => api(subject, heard));
  await check("clock", () => clock(reached, heard.skew));
  const alive = await check("session", () => session(subject, reached));
  await check("socket", () => socket(subject, reached && alive));
  if ("document" in globalThis) {
    await check("secure context", secure);
    await check("microphone", () => device("microphone", ask));
    await check("camera", () => device("camera", ask));
    await check("ice", () => gather(subject.iceServers));
    await check("peer connection", loopback);
  }
  return format === "text" ? table(findings, subject) : findings;
}

/**
 * @param {Subject} subject
 * @param {{ at: number, skew: number }} heard
 * @returns {Promise<Seen>}
 */
async function api({ url, fetch }, heard) {
  let answer;
  const asked = Date.now();
  const policy = watchPolicy();
  try {
    answer = await fetch(url + HEALTH, { signal: AbortSignal.timeout(PATIENCE.request), cache: "no-store" });
    const { service, timestamp } = await answer.json();
    heard.at = Date.now();
    heard.skew = (asked + heard.at) / 2 - Date.parse(timestamp);
    if (answer.ok && service) return ok();
  } catch (error) {
    if (await policy.forbade()) return forbidden("the API", url);
    if (!answer) return unreached(url, fetch, error);
  } finally {
    policy.end();
  }
  return fail(`something that is not Dchat answered with status ${answer.status}`, "Check the url given to createClient: it is the API's origin, without a path.");
}

/**
 * Browsers do not say why a request failed: it is asked in other ways until only one reason is left.
 * @param {string} url
 * @param {typeof globalThis.fetch} fetch
 * @param {any} error
 * @returns {Promise<Seen>}
 */
async function unreached(url, fetch, error) {
  const page = globalThis.location;
  if (globalThis.navigator?.onLine === false) return fail("this device is offline", "Connect it to a network.");
  if (page?.protocol === "https:" && url.startsWith("http:") && !/^http:\/\/(localhost|127\.|\[::1\])/.test(url)) {
    return fail("a page over https may not ask an API over plain http", "Serve the API over https, or the page from localhost.");
  }
  const lan = /** @type {any} */ ({ name: "local-network-access" });
  if (page && !/^(localhost|127\.|\[::1\])/.test(page.hostname) && (await navigator.permissions?.query(lan).then(({ state }) => state === "denied", () => false))) {
    return fail("the browser does not let this page reach the local network", "Allow this page the local network in the address bar, or open it from the server's own machine.");
  }
  if (error?.name === "TimeoutError") return fail(`no answer within ${PATIENCE.request / 1000} s`, "Check the server's log; a firewall may also swallow what is sent.");
  if (page && page.origin !== new URL(url, page.href).origin) {
    const there = await fetch(url + HEALTH, { mode: "no-cors", signal: AbortSignal.timeout(PATIENCE.request) }).catch(() => null);
    if (there) {
      return fail(
        `the server answers, but it does not allow this page's origin ${page.origin} (CORS)`,
        `Add ${page.origin} to the stack's AllowedOrigins; a local server allows every port of localhost.`,
      );
    }
  }
  const code = error?.cause?.code;
  if (code === "ENOTFOUND") return fail("the server's name is not known (ENOTFOUND)", "Check the url given to createClient.");
  if (/CERT|SSL|TLS/.test(code ?? "")) return fail(`the server's certificate was not taken (${code})`, "Check the certificate's name and date, and whether a proxy replaces it.");
  return fail(
    code ? `nothing answers at the API's address (${code})` : "nothing answers at the API's address, or something on the way blocks it",
    "Start the server (cargo run), or correct the url given to createClient; then look at proxies, blockers and the page's Content-Security-Policy.",
  );
}

/** @param {string} what @param {string} url @returns {Seen} */
const forbidden = (what, url) =>
  fail(`this page's own Content-Security-Policy forbids ${what}`, `Add ${new URL(url, globalThis.location?.href).origin} to connect-src.`);

/** Whether the page's policy stops a request; the request itself fails without a reason. */
function watchPolicy() {
  let seen = false;
  const note = (/** @type {SecurityPolicyViolationEvent} */ { effectiveDirective }) => void (seen ||= effectiveDirective.startsWith("connect"));
  globalThis.document?.addEventListener("securitypolicyviolation", note);
  return {
    async forbade() {
      await pause(0); // it is told after the failure
      return seen;
    },
    end: () => globalThis.document?.removeEventListener("securitypolicyviolation", note),
  };
}

/** @param {boolean} reached @param {number} skew @returns {Seen} */
function clock(reached, skew) {
  if (!reached || Number.isNaN(skew)) return warn("not compared: the server said no time", API_FIRST);
  const away = Math.abs(skew);
  const words = `this device is ${(away / 1000).toFixed(0)} s ${skew > 0 ? "ahead of" : "behind"} the server`;
  const remedy = "Let the operating system set the time from the network.";
  if (away > SKEW.fail) return fail(words, remedy);
  return away > SKEW.warn ? warn(words, remedy) : ok();
}

/** @param {Subject} subject @param {boolean} reached @returns {Promise<Seen>} */
async function session({ auth }, reached) {
  if (!auth.session) return warn("nobody is signed in", SIGN_IN);
  if (!reached) return warn("not asked: the API was not reached", API_FIRST);
  try {
    await auth.send("GET", "/auth/me");
    const { items, next_cursor } = await auth.sessions();
    if (next_cursor || items.some(({ current }) => current)) return ok();
    return fail("this session was ended elsewhere; its last token still lives for some minutes", "Sign in again.");
  } catch (error) {
    const problem = asProblem(error);
    return fail(`${problem.code}: ${problem.detail}`, auth.session ? (problem.remedy ?? "Try again in a moment.") : "Sign in again.");
  }
}

/** @param {Subject} subject @param {boolean} ready @returns {Promise<Seen>} */
async function socket({ auth, WebSocket, url }, ready) {
  if (!WebSocket) return warn("not tried: this runtime has no WebSocket", "Give createClient a WebSocket, or use Node 22 and later.");
  if (!ready) return warn("not tried: the API or the session fails", "Solve what `api` and `session` say first.");
  if (!auth.session) return warn("not tried: nobody is signed in", SIGN_IN);
  let address;
  try {
    address = (await auth.send("POST", "/auth/ws-ticket", { repeatable: true })).url;
  } catch (error) {
    const problem = asProblem(error);
    return fail(`no ticket for a socket: ${problem.code}: ${problem.detail}`, problem.remedy ?? "Try again in a moment.");
  }
  const policy = watchPolicy();
  try {
    const tried = await dial(WebSocket, address);
    if (tried.result === "answered") return ok();
    if (tried.result === "forbidden" || (await policy.forbade())) return forbidden("the socket", address);
    if (tried.result === "mute") {
      return fail("the socket opened, and a ping had no answer", "A proxy lets the connection through but not its frames: let it pass WebSocket traffic, or go around it.");
    }
    if (tried.result === "silent") {
      return fail(`the socket neither opened nor failed within ${PATIENCE.socket / 1000} s`, "A firewall or a proxy swallows it: allow wss on port 443.");
    }
    return refused(url, address, tried.code);
  } finally {
    policy.end();
  }
}

/**
 * @param {typeof globalThis.WebSocket} WebSocket
 * @param {string} address
 * @returns {Promise<{ result: "answered" | "mute" | "silent" | "refused" | "forbidden", code?: number }>}
 */
function dial(WebSocket, address) {
  return new Promise((resolve) => {
    /** @type {WebSocket} */
    let ws;
    let opened = false;
    const done = (/** @type {any} */ outcome) => {
      clearTimeout(late);
      resolve(outcome);
      ws?.close();
    };
    const late = setTimeout(() => done({ result: opened ? "mute" : "silent" }), PATIENCE.socket);
    try {
      ws = new WebSocket(address);
    } catch {
      return done({ result: "forbidden" });
    }
    ws.onopen = () => {
      opened = true;
      ws.send(JSON.stringify({ action: "ping", id: "diagnose", data: {} }));
    };
    ws.onmessage = ({ data }) => String(data).includes('"diagnose"') && done({ result: "answered" });
    ws.onclose = ({ code }) => done({ result: opened ? "mute" : "refused", code });
  });
}

/** @param {string} url @param {string} address @param {number} [code] @returns {Promise<Seen>} */
async function refused(url, address, code) {
  const { host, protocol } = new URL(address);
  const there = await globalThis.fetch(`${protocol === "wss:" ? "https" : "http"}://${host}/`, { mode: "no-cors", signal: AbortSignal.timeout(PATIENCE.request) }).catch(() => null);
  if (!there) return fail(`nothing answers at the socket's address (${code})`, "Check the stack's SocketUrl; a firewall or a blocker may stop it.");
  const page = globalThis.location?.origin;
  if (page && new URL(url, page).origin !== page) {
    return fail(
      `the socket's server answers, but it refused to open (${code}): most likely this page's origin ${page} is not allowed`,
      `Add ${page} to the stack's AllowedOrigins. If it is there, a proxy does not let WebSockets through.`,
    );
  }
  return fail(`the socket's server answers, but it refused to open (${code})`, "A proxy in front does not let WebSockets through: let it forward the headers Upgrade and Connection.");
}

/** @returns {Seen} */
function secure() {
  if (globalThis.isSecureContext) return ok();
  return fail("browsers give the camera and the microphone to secure pages only", "Serve the page over https, or open it at localhost.");
}

const KINDS = /** @type {const} */ ({
  microphone: { kind: "audioinput", wanted: { audio: true }, missing: fail, without: "Plug one in: a call needs one." },
  camera: { kind: "videoinput", wanted: { video: true }, missing: warn, without: "Plug one in, or call with audio only." },
});

/** @param {"microphone" | "camera"} name @param {boolean} ask @returns {Promise<Seen>} */
async function device(name, ask) {
  const { kind, wanted, missing, without } = KINDS[name];
  const media = globalThis.navigator?.mediaDevices;
  if (!media) return fail(`the browser hides the ${name} from this page`, "Serve the page over https, or open it at localhost.");
  if (/** @type {any} */ (document).featurePolicy?.allowsFeature(name) === false) {
    return fail(`the page around this one does not lend it the ${name}`, `Add allow="${name}" to the iframe, or correct the header Permissions-Policy.`);
  }
  const permission = await navigator.permissions?.query({ name: /** @type {any} */ (name) }).then(({ state }) => state, () => null);
  if (permission === "denied") {
    return fail(`the browser does not let this page use the ${name}`, `Allow the ${name} in the address bar, then reload the page.`);
  }
  if (!(await media.enumerateDevices()).some((found) => found.kind === kind)) return missing(`no ${name} was found`, without);
  if (!ask) return permission === "granted" ? ok("there and allowed; not opened") : warn(`there, but the ${name} was not asked for yet`, "The first call asks: say yes.");
  try {
    const stream = await within(PATIENCE.device, media.getUserMedia(wanted));
    if (!stream) return warn("the browser's question was not answered", `Say yes when it asks for the ${name}.`);
    for (const track of stream.getTracks()) track.stop();
    return ok();
  } catch (error) {
    return unopened(name, missing, without, error);
  }
}

/**
 * @param {string} name
 * @param {typeof fail} missing
 * @param {string} without
 * @param {any} error
 * @returns {Seen}
 */
function unopened(name, missing, without, error) {
  if (error.name === "NotAllowedError" && /system/i.test(error.message)) {
    return fail(`the operating system does not let the browser use the ${name}`, `Allow the browser the ${name} in the system's privacy settings, then restart the browser.`);
  }
  if (error.name === "NotAllowedError" || error.name === "SecurityError") {
    return fail(`the browser does not let this page use the ${name}`, `Allow the ${name} in the address bar, then reload the page.`);
  }
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return missing(`no ${name} was found`, without);
  if (error.name === "NotReadableError" || error.name === "AbortError") {
    return fail(`another program holds the ${name}, or its driver fails`, "Close the other program, or plug the device in again.");
  }
  return fail(`the ${name} did not open: ${error.name}`, "Try another browser, and report this.");
}

/** @param {RTCIceServer[]} iceServers @returns {Promise<Seen>} */
async function gather(iceServers) {
  if (!("RTCPeerConnection" in globalThis)) return fail("this browser has no WebRTC, or an extension switched it off", "Switch it on, or use another browser.");
  const urls = iceServers.flatMap((server) => server.urls);
  const wants = { srflx: urls.some((url) => url.startsWith("stun")), relay: urls.some((url) => url.startsWith("turn")) };
  const pc = new RTCPeerConnection({ iceServers });
  const types = new Set();
  /** @type {Set<string>} */
  const errors = new Set();
  try {
    const all = new Promise((resolve) => {
      pc.onicecandidate = ({ candidate }) => (candidate ? types.add(candidate.type) : resolve(true));
      pc.onicecandidateerror = ({ errorCode, errorText }) => void errors.add(`${errorCode} ${errorText}`.trim());
    });
    pc.createDataChannel("diagnose");
    await pc.setLocalDescription();
    const complete = await within(PATIENCE.gather, all);
    const found = `${["host", "srflx", "relay"].filter((type) => types.has(type)).join(", ") || "no"} candidates`;
    const why = errors.size > 0 ? ` (${[...errors].join("; ")})` : "";
    if (types.size === 0) return fail(`no candidates at all${why}`, "A policy or an extension forbids WebRTC, or there is no network: look at both.");
    if (wants.relay && !types.has("relay")) {
      return fail(`${found}; no relay${why}`, "Check the TURN server's address, its user name and its credential (401), and that its port is reachable (701).");
    }
    if (wants.srflx && !types.has("srflx")) return warn(`${found}; STUN did not answer${why}`, "Allow UDP to the STUN server, or give iceServers a TURN server over TCP.");
    if (!complete) return warn(`${found}, and gathering took longer than ${PATIENCE.gather / 1000} s`, "Remove iceServers that do not answer.");
    return ok(urls.length > 0 ? found : `${found}; without iceServers that is enough on one network only`);
  } finally {
    pc.close();
  }
}

/** @returns {Promise<Seen>} */
async function loopback() {
  if (!("RTCPeerConnection" in globalThis)) return fail("this browser has no WebRTC", "Use another browser.");
  const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
  try {
    near.onicecandidate = ({ candidate }) => void (candidate && far.addIceCandidate(candidate).catch(() => {}));
    far.onicecandidate = ({ candidate }) => void (candidate && near.addIceCandidate(candidate).catch(() => {}));
    const channel = near.createDataChannel("diagnose");
    const echoed = new Promise((resolve) => {
      far.ondatachannel = ({ channel: there }) => (there.onmessage = ({ data }) => there.send(data));
      channel.onopen = () => channel.send("hello");
      channel.onmessage = ({ data }) => resolve(data === "hello");
    });
    await near.setLocalDescription();
    await far.setRemoteDescription(/** @type {RTCSessionDescription} */ (near.localDescription));
    await far.setLocalDescription();
    await near.setRemoteDescription(/** @type {RTCSessionDescription} */ (far.localDescription));
    if (await within(PATIENCE.path, echoed)) return ok();
    return fail(
      `two connections in this page did not reach each other (${near.iceConnectionState})`,
      "A firewall on this device blocks UDP, or names ending in .local are not resolved: allow the browser both, or allow the microphone first.",
    );
  } finally {
    near.close();
    far.close();
  }
}

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} work
 * @returns {Promise<T | null>}
 */
function within(ms, work) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, null);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** @param {Finding[]} findings @param {Subject} subject */
function table(findings, subject) {
  const rows = findings.map(({ check, result, took_ms, cause, remedy }) => [check, result, `${took_ms} ms`, [cause, remedy].filter(Boolean).join(". ")]);
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i].length)));
  const lines = rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd());
  const agent = globalThis.navigator?.userAgent ?? "";
  return redact([`dchat diagnose, ${new Date().toISOString()}`, agent, "", ...lines].filter((line, i) => line || i === 2).join("\n"), subject);
}

/** An issue is public: no tokens and no addresses of networks, servers or people. @param {string} text @param {Subject} subject */
function redact(text, { url }) {
  const here = globalThis.location?.origin;
  let safe = text;
  for (const [name, value] of [["<api>", url], ["<page>", here]]) if (value) safe = safe.replaceAll(value, /** @type {string} */ (name));
  return safe
    .replace(/\b[a-z]+:\/\/[^\s,;)]+/gi, "<address>")
    .replace(/\beyJ[\w.-]+/g, "<token>")
    .replace(/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, "<e-mail>")
    .replace(/\b(?!(?:\d+\.){3}0\b)\d{1,3}(\.\d{1,3}){3}\b/g, "<address>")
    .replace(/(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}(?![\w:])/gi, "<address>")
    .replace(/\b[\w-]+\.local\b/g, "<address>");
}

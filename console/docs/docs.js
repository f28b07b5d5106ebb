/** @typedef {any} Schema a JSON Schema (2020-12) of one of the two contracts */

const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const KEYS = "dchat:session:";
const DEEPEST = 6;

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | ((event: any) => void)>} properties
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Text with `code` in it. @param {string} text */
const prose = (text) => text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));

// Who asks

/** @type {string | null} */
let pasted = null;

/** The console's windows keep their session here; the one that opened this page may have a fresher one. */
function held() {
  for (const place of [() => window.opener?.sessionStorage, () => sessionStorage, () => localStorage]) {
    try {
      const store = place();
      const text = store?.getItem(KEYS + location.origin);
      if (text) return JSON.parse(text);
    } catch {
      // A page of elsewhere opened this one, or the browser keeps nothing.
    }
  }
  return null;
}

/** A browser copies the storage of the window that opened this one; a copy would renew the token a second time. */
function dropCopy() {
  const key = KEYS + location.origin;
  try {
    if (window.opener?.sessionStorage.getItem(key)) sessionStorage.removeItem(key);
  } catch {
    // The opener is of elsewhere: what is here is this window's own.
  }
}

/** @returns {Promise<string | null>} */
async function token() {
  if (pasted) return pasted;
  // Only the console renews its token: two that do would look like a thief and the robbed.
  if (held()?.expires_at < Date.now() + 5_000) await window.opener?.client?.auth?.me?.().catch(() => {});
  return held()?.access_token ?? null;
}

function who() {
  const session = held();
  const claims = pasted && read(pasted);
  if (claims) $("who").textContent = `Asking as ${claims.name ?? claims.sub}, until ${new Date(claims.exp * 1000).toLocaleTimeString()}`;
  else if (session) $("who").textContent = `Asking as ${session.user.name}`;
  else $("who").textContent = "Not signed in";
  $("token-hint").textContent = session
    ? "The console in this browser is signed in: its token is used. Paste another one to ask as somebody else."
    : "Paste an access token, for instance of the curl line that the server printed. It stays in this window.";
}

/** @param {string} jwt */
function read(jwt) {
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(jwt.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0))));
  } catch {
    return { sub: "whoever the token names", exp: NaN };
  }
}

$("token-form").onsubmit = (event) => {
  event.preventDefault();
  pasted = /** @type {HTMLInputElement} */ ($("token")).value.trim().replace(/^Bearer\s+/i, "") || null;
  who();
};

async function demo() {
  if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) return;
  const { items = [] } = await fetch("/local/people").then((answer) => answer.json(), () => ({}));
  for (const { handle, name } of items) {
    const enter = async () => {
      const { url } = await (await fetch(`/local/people/${handle}/enter`, { method: "POST" })).json();
      const code = new URL(url, location.href).searchParams.get("enter");
      const answer = await fetch("/auth/token", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }) });
      pasted = (await answer.json()).access_token ?? null;
      who();
    };
    $("demo").append(h("button", { type: "button", click: enter }, `Ask as ${name.split(" ")[0]}`));
  }
  $("demo").hidden = items.length === 0;
}

// Schemas

/** @param {any} root @param {Schema} schema @returns {Schema} */
function resolve(root, schema) {
  let found = schema;
  let description = schema?.description;
  for (let i = 0; i < DEEPEST && found; i += 1) {
    const some = (found.oneOf ?? found.anyOf)?.filter((/** @type {Schema} */ one) => one.type !== "null");
    if (found.$ref) found = found.$ref.slice(2).split("/").reduce((/** @type {any} */ at, /** @type {string} */ key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], root);
    else if (some?.length === 1) found = some[0];
    else break;
    description ??= found?.description;
  }
  return { ...found, description };
}

/** @param {Schema} schema */
function kind(schema) {
  const types = [schema.type ?? (schema.properties ? "object" : schema.enum ? "string" : "")].flat().filter((type) => type && type !== "null");
  const words = [types.join(" or ") || "anything"];
  if (schema.const !== undefined) return `always "${schema.const}"`;
  if (schema.format) words.push(schema.format);
  if (schema.enum?.length <= 12) words.push(schema.enum.map((/** @type {any} */ one) => `"${one}"`).join(", "));
  else if (schema.enum) words.push(`one of ${schema.enum.length} words`);
  const between = (/** @type {any} */ least, /** @type {any} */ most, /** @type {string} */ unit) => {
    if (least !== undefined && most !== undefined) words.push(`${least} to ${most}${unit}`);
    else if (most !== undefined) words.push(`at most ${most}${unit}`);
    else if (least !== undefined) words.push(`at least ${least}${unit}`);
  };
  between(schema.minLength, schema.maxLength, " characters");
  between(schema.minimum, schema.maximum, "");
  between(schema.minItems, schema.maxItems, " items");
  if (schema.pattern) words.push(`matches ${schema.pattern}`);
  if (schema.default !== undefined) words.push(`${JSON.stringify(schema.default)} when not said`);
  return words.join(", ");
}

/** @param {any} root @param {Schema} schema @param {boolean} asked of the caller, who has to know what is required @param {number} [depth] @returns {Node[]} */
function fields(root, schema, asked, depth = 0) {
  const whole = resolve(root, schema);
  const inner = whole.type === "array" || [whole.type].flat().includes("array") ? resolve(root, whole.items ?? {}) : whole;
  const several = (whole.anyOf ?? whole.oneOf ?? []).filter((/** @type {Schema} */ one) => one.type !== "null");
  if (several.length > 1) return several.flatMap((/** @type {Schema} */ one) => fields(root, one, asked, depth));
  if (!inner.properties || depth > 3) return depth === 0 ? [h("p", { class: "hint" }, kind(whole))] : [];
  const rows = Object.entries(inner.properties).map(([name, property]) => {
    const one = resolve(root, property);
    const need = asked && inner.required?.includes(name) ? [" ", h("span", { class: "need" }, "required")] : [];
    return h(
      "li",
      {},
      h("code", {}, h("strong", {}, name)),
      ...need,
      " ",
      h("span", { class: "hint" }, ...prose(one.description ?? ""), " ", h("span", { class: "mono" }, kind(one))),
      ...fields(root, property, asked, depth + 1),
    );
  });
  return rows.length > 0 ? [h("ul", { class: "fields" }, ...rows)] : [];
}

/** @type {Record<string, string>} */
const SAMPLES = {
  email: "ada@example.com", password: "correct horse", name: "Ada", participants: "usr_00000000000080008000000000000002", people: "usr_00000000000080008000000000000002",
  "date-time": "2026-11-20T06:12:09.120Z", sdp: "v=0\r\n…", candidate: "candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host",
};

/** @param {any} root @param {Schema} schema @param {string} [name] @param {number} [depth] @param {boolean} [all] also what is not required @returns {any} */
function example(root, schema, name = "", depth = 0, all = true) {
  const one = resolve(root, schema);
  if (one.const !== undefined) return one.const;
  if (one.examples?.length) return one.examples[0];
  if (one.example !== undefined) return one.example;
  if (one.enum) return one.enum[0];
  const several = one.anyOf ?? one.oneOf;
  if (several?.length > 1) return example(root, several[0], name, depth, all);
  const [type] = [one.type ?? (one.properties ? "object" : "string")].flat();
  if (type === "object") {
    if (depth > DEEPEST) return {};
    const wanted = Object.entries(one.properties ?? {}).filter(([key]) => all || one.required?.includes(key));
    return Object.fromEntries(wanted.map(([key, property]) => [key, example(root, property, key, depth + 1, all)]));
  }
  if (type === "array") return [example(root, one.items ?? {}, name, depth + 1, all)];
  if (type === "integer" || type === "number") return one.minimum ?? 0;
  if (type === "boolean") return true;
  if (type === "null") return null;
  const prefix = one.pattern?.match(/^\^([a-z]+_)/)?.[1];
  return SAMPLES[name] ?? SAMPLES[one.format] ?? (prefix ? `${prefix}${"0".repeat(32)}` : "…");
}

/** @param {any} value */
const pretty = (value) => JSON.stringify(value, null, 2);

/** @param {string} title @param {Node[]} parts */
const part = (title, ...parts) => (parts.length > 0 ? [h("h3", {}, title), ...parts] : []);

// Operations over HTTP

/** @type {{ element: HTMLDetailsElement, link: HTMLElement, text: string }[]} */
const all = [];

/** @param {string} id @param {string} verb @param {string} path @param {string} line @param {string} text @param {() => Node[]} fill */
function operation(id, verb, path, line, text, fill) {
  const details = h("details", { class: "op", id }, h("summary", {}, h("span", { class: "verb", "data-verb": verb }, verb), h("code", { class: "path" }, path), h("span", {}, ...prose(line))));
  details.ontoggle = () => details.childElementCount === 1 && details.append(h("div", { class: "inner" }, ...fill()));
  const link = h("li", {}, h("a", { href: `#${id}` }, h("span", { class: "verb", "data-verb": verb }, verb), " ", path));
  all.push({ element: details, link, text: `${verb} ${path} ${line} ${text}`.toLowerCase() });
  return details;
}

/** @param {string} title @param {string} id @param {HTMLDetailsElement[]} members @param {Node[]} before */
function group(title, id, members, ...before) {
  $("operations").append(h("section", { class: "group", "aria-labelledby": id }, h("h2", { id }, title), ...before, ...members));
  const links = all.filter(({ element }) => members.includes(element)).map(({ link }) => link);
  $("toc").append(h("section", {}, h("h2", {}, title), h("ul", {}, ...links)));
}

/** @type {Record<string, string>} */
const TAGS = { auth: "Sign-in", linkedin: "LinkedIn", calls: "Calls", contract: "The API itself", more: "More" };

/** @param {any} contract */
function http(contract) {
  /** @type {Map<string, HTMLDetailsElement[]>} */
  const groups = new Map();
  for (const [path, methods] of Object.entries(contract.paths)) {
    for (const [method, told] of Object.entries(/** @type {any} */ (methods))) {
      const verb = method.toUpperCase();
      const [line, ...rest] = (told.summary ?? told.operationId).split(/(?<=\.)\s/);
      const about = [...rest, told.description ?? ""].join(" ").trim();
      const body = told.requestBody?.content?.["application/json"]?.schema;
      const names = body ? Object.keys(resolve(contract, body).properties ?? {}).join(" ") : "";
      const element = operation(told.operationId, verb, path, line, `${told.operationId} ${about} ${names}`, () => [
        ...(about ? [h("p", {}, ...prose(about))] : []),
        h("p", { class: "hint" }, open(told) ? "Needs no token." : "Needs an access token."),
        ...part("Parameters", ...parameters(contract, told)),
        ...(body ? part("Body", ...fields(contract, body, true), h("pre", {}, pretty(example(contract, body)))) : []),
        tryHttp(contract, verb, path, told, body),
        ...answers(contract, told),
      ]);
      for (const tag of told.tags ?? ["more"]) groups.set(tag, [...(groups.get(tag) ?? []), element]);
    }
  }
  for (const [tag, members] of groups) group(TAGS[tag] ?? tag, `group-${tag}`, members);
}

/** @param {any} told */
const open = (told) => !told.security || told.security.some((/** @type {any} */ one) => Object.keys(one).length === 0);

/** @param {any} contract @param {any} told @returns {Node[]} */
function parameters(contract, told) {
  if (!told.parameters?.length) return [];
  const rows = told.parameters.map((/** @type {any} */ one) =>
    h("li", {}, h("code", {}, h("strong", {}, one.name)), one.required ? " " : "", one.required ? h("span", { class: "need" }, "required") : "", " ", h("span", { class: "hint" }, `${one.in}. ${one.description ?? ""} `, h("span", { class: "mono" }, kind(resolve(contract, one.schema))))),
  );
  return [h("ul", { class: "fields" }, ...rows)];
}

/** @param {any} contract @param {any} told @returns {Node[]} */
function answers(contract, told) {
  return Object.entries(told.responses).flatMap(([status, given]) => {
    const answer = /** @type {any} */ (given);
    const schema = Object.values(answer.content ?? {})[0]?.schema;
    if (status === "default") {
      return part("Problems", h("p", {}, `${answer.description}. One object for all of them, with `, h("code", {}, "code"), ", ", h("code", {}, "detail"), " and ", h("code", {}, "remedy"), ". ", h("a", { href: "/docs/problems" }, "Every code")));
    }
    const headers = Object.keys(answer.headers ?? {});
    return part(
      `Answer ${status}`,
      h("p", { class: "hint" }, answer.description + (headers.length > 0 ? `, with ${headers.join(", ")}` : "")),
      ...(schema ? [...fields(contract, schema, false), h("pre", {}, pretty(example(contract, schema)))] : []),
    );
  });
}

/** @param {string} label @param {HTMLElement} control @param {string} id */
function field(label, control, id) {
  control.id = id;
  return h("p", { class: "field" }, h("label", { for: id }, label), control);
}

/** @param {any} contract @param {string} verb @param {string} path @param {any} told @param {Schema} body */
function tryHttp(contract, verb, path, told, body) {
  const id = `try-${told.operationId}`;
  const inputs = (told.parameters ?? []).map((/** @type {any} */ one) => ({ ...one, input: h("input", { autocomplete: "off", spellcheck: "false" }) }));
  for (const { name, input } of inputs) if (name === "Idempotency-Key") input.value = crypto.randomUUID?.() ?? "";
  const text = h("textarea", { rows: "6", spellcheck: "false" });
  if (body) text.value = pretty(example(contract, body, "", 0, false));
  const answer = h("div", { class: "answer", role: "status" });
  const send = async () => {
    let at = path;
    const query = new URLSearchParams();
    /** @type {Record<string, string>} */
    const headers = {};
    for (const { in: where, name, input } of inputs) {
      if (where === "path") at = at.replace(`{${name}}`, encodeURIComponent(input.value));
      else if (input.value && where === "query") query.set(name, input.value);
      else if (input.value) headers[name] = input.value;
    }
    const bearer = open(told) ? null : await token();
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    if (body) headers["Content-Type"] = "application/json";
    const began = performance.now();
    try {
      const got = await fetch(at + (query.size ? `?${query}` : ""), { method: verb, headers, body: body ? text.value : undefined, redirect: "manual" });
      const raw = await got.text();
      const ms = performance.now() - began;
      show(answer, got, ms, raw);
    } catch (error) {
      answer.dataset.ok = "false";
      answer.replaceChildren(h("p", { class: "status" }, "No answer"), h("p", {}, `${error}. Check that the server runs.`));
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void send();
  };
  return h(
    "form",
    { class: "try", "aria-label": `Try ${told.operationId}`, submit },
    h("h3", {}, "Try it"),
    ...inputs.map((/** @type {any} */ { name, input, in: where }) => field(`${name} (${where})`, input, `${id}-${name}`)),
    ...(body ? [field("Body", text, `${id}-body`)] : []),
    h("button", { class: "primary" }, "Send"),
    answer,
  );
}

const TOLD = ["ratelimit", "ratelimit-policy", "retry-after", "location", "idempotency-replayed", "x-request-id"];

/** @param {HTMLElement} into @param {Response} got @param {number} ms @param {string} raw */
function show(into, got, ms, raw) {
  let told = raw;
  try {
    told = pretty(JSON.parse(raw));
  } catch {
    // Not every answer is JSON.
  }
  const redirected = got.type === "opaqueredirect";
  const headers = TOLD.filter((name) => got.headers.has(name)).map((name) => `${name}: ${got.headers.get(name)}`);
  into.dataset.ok = String(got.ok || redirected);
  into.replaceChildren(
    h("p", {}, h("span", { class: "status" }, redirected ? "A redirect, not followed" : `${got.status} ${got.statusText}`), ` · ${ms.toFixed(0)} ms`),
    ...(headers.length > 0 ? [h("pre", {}, headers.join("\n"))] : []),
    ...(told ? [h("pre", {}, told)] : []),
  );
}

// The socket

/** @param {any} contract */
function socket(contract) {
  const messages = contract.channels.socket.messages;
  const named = (/** @type {string} */ way) => {
    const operation = /** @type {any} */ (Object.values(contract.operations)).find((/** @type {any} */ one) => one.action === way);
    return operation.messages.map((/** @type {any} */ { $ref }) => messages[$ref.split("/").pop().replaceAll("~1", "/")]);
  };
  const element = (/** @type {any} */ message, /** @type {string} */ verb) => {
    const { properties } = message.payload;
    const about = message.summary ?? message.description ?? resolve(contract, properties.data ?? {}).description ?? "";
    const names = Object.keys(resolve(contract, properties.data ?? {}).properties ?? {}).join(" ");
    return operation(`${verb}-${message.name}`, verb, message.name, about, names, () => [
      ...part("Data", ...fields(contract, properties.data ?? message.payload, verb === "send")),
      ...part("Frame", h("pre", {}, pretty(example(contract, message.payload)))),
    ]);
  };
  const actions = named("send");
  const intro = h("p", { class: "hint" }, "One WebSocket per device. The ticket of POST /auth/ws-ticket opens it; frames are JSON text.");
  group("Socket: actions", "group-actions", actions.map((/** @type {any} */ message) => element(message, "send")), intro, trySocket(contract, actions));
  group("Socket: what comes", "group-pushes", named("receive").map((/** @type {any} */ message) => element(message, "push")));
}

/** @param {any} contract @param {any[]} actions */
function trySocket(contract, actions) {
  /** @type {WebSocket | null} */
  let ws = null;
  let count = 0;
  const state = h("p", { role: "status", class: "hint" }, "Not connected.");
  const frames = h("ul", { class: "frames", "aria-label": "Frames, newest first" });
  const text = h("textarea", { rows: "6", spellcheck: "false" });
  const choose = h("select", {}, ...actions.map(({ name }) => h("option", {}, name)));
  const fill = () => {
    const message = actions.find(({ name }) => name === choose.value);
    text.value = pretty({ ...example(contract, message.payload), id: String(++count) });
  };
  choose.onchange = fill;
  fill();
  const note = (/** @type {string} */ way, /** @type {string} */ frame) => {
    let told = frame;
    try {
      told = pretty(JSON.parse(frame));
    } catch {
      // What was typed need not be JSON.
    }
    frames.prepend(h("li", {}, h("span", { class: "verb" }, way), h("pre", {}, told)));
    if (frames.childElementCount > 50) frames.lastElementChild?.remove();
  };
  const connect = async () => {
    state.textContent = "Asking for a ticket…";
    const bearer = await token();
    const answer = await fetch("/auth/ws-ticket", { method: "POST", headers: bearer ? { Authorization: `Bearer ${bearer}` } : {} });
    const told = await answer.json();
    if (!answer.ok) return void (state.textContent = `No ticket: ${told.detail}. ${told.remedy}`);
    ws = new WebSocket(told.url);
    ws.onopen = () => void ((state.textContent = "Connected."), (button.textContent = "Disconnect"));
    ws.onmessage = ({ data }) => note("in", data);
    ws.onclose = ({ code, reason }) => {
      state.textContent = `Closed with ${code}${reason ? `: ${reason}` : ""}.`;
      button.textContent = "Connect";
      ws = null;
    };
  };
  const button = h("button", { type: "button", click: () => (ws ? ws.close() : connect().catch((error) => (state.textContent = `${error}. Check that the server runs.`))) }, "Connect");
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (ws?.readyState !== 1) return void (state.textContent = "Connect first, then send.");
    ws.send(text.value);
    note("out", text.value);
    text.value = text.value.replace(/"id": "\d+"/, () => `"id": "${++count}"`);
  };
  return h(
    "form",
    { class: "try", id: "try-socket", "aria-label": "Try the socket", submit },
    h("h3", {}, "Send a frame"),
    h("div", { class: "row" }, button, state),
    field("Action", choose, "try-socket-action"),
    field("Frame", text, "try-socket-frame"),
    h("button", { class: "primary" }, "Send frame"),
    frames,
  );
}

// Finding one's way

$("search").oninput = () => {
  const words = /** @type {HTMLInputElement} */ ($("search")).value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { element, link, text } of all) {
    const hit = words.every((word) => text.includes(word));
    element.hidden = link.hidden = !hit;
    if (hit) count += 1;
  }
  for (const section of document.querySelectorAll(".group, #toc section")) {
    /** @type {HTMLElement} */ (section).hidden = words.length > 0 && !section.querySelector(".op:not([hidden]), li:not([hidden]) > a");
  }
  $("found").textContent = words.length > 0 ? `${count} found` : "";
};

function jump() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  target.querySelector("summary")?.focus({ preventScroll: true });
  target.scrollIntoView();
}
addEventListener("hashchange", jump);
addEventListener("focus", who);

dropCopy();
who();
void demo();
try {
  const [openapi, asyncapi] = await Promise.all(["/openapi.json", "/asyncapi.json"].map(async (path) => (await fetch(path)).json()));
  http(openapi);
  socket(asyncapi);
  $("loading").remove();
  jump();
} catch (error) {
  $("loading").textContent = `The contracts could not be read: ${error}. Reload the page when the server runs.`;
}

export {};

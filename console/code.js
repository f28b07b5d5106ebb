/** @typedef {import("./trace.js").Item} Item */

const OPEN = /^\/auth\/(login|register|token|refresh)$|^\/api\/(v1\/)?webrtc\/health$|^\/\.well-known/;
const KEYED = /^\/auth\/(login|register|token|refresh)$|\/call\/(initiate|[^/]+\/(offer|invite|recording))$/;

/** @param {unknown} text one word of a shell */
const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

/** A request as a line for a shell. @param {Item} item @param {string} origin */
export function curl({ method = "GET", path = "/", body, person }, origin) {
  const parts = [`curl ${quote(origin + path)}`];
  if (method !== (body ? "POST" : "GET")) parts[0] = `curl -X ${method} ${quote(origin + path)}`;
  if (person !== null || !OPEN.test(path)) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (method === "POST" && KEYED.test(path)) parts.push('-H "Idempotency-Key: $(uuidgen)"');
  if (body) parts.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(body))}`);
  return parts.join(" \\\n  ");
}

/** @param {unknown} value */
const js = (value) => JSON.stringify(value);

/** @type {[string, RegExp, (item: any, ...parts: string[]) => string][]} */
const CALLS = [
  ["POST", /^\/auth\/login$/, ({ body }) => `client.auth.withPassword(${js(body?.email ?? "…")}, "…")`],
  ["POST", /^\/auth\/register$/, ({ body }) => `client.auth.register(${js({ email: "…", password: "…", name: "…", ...body })})`],
  ["POST", /^\/auth\/logout$/, () => "client.auth.signOut()"],
  ["POST", /^\/auth\/ws-ticket$/, () => "client.open()"],
  ["GET", /^\/auth\/me$/, () => "client.auth.me()"],
  ["GET", /^\/auth\/sessions$/, () => "client.auth.sessions()"],
  ["DELETE", /^\/auth\/sessions\/([^/]+)$/, (_, id) => `client.auth.endSession(${js(id)})`],
  ["POST", /\/webrtc\/call\/initiate$/, ({ body }) => `client.calls.start(${js({ to: body?.participants ?? ["usr_…"], media: body?.type ?? "audio" })})`],
  ["POST", /\/webrtc\/call\/([^/]+)\/invite$/, ({ body }, id) => `(await client.calls.resume(${js(id)})).invite(${js(body?.participants ?? ["usr_…"])})`],
  ["POST", /\/webrtc\/call\/([^/]+)\/remove$/, ({ body }, id) => `(await client.calls.resume(${js(id)})).remove(${js(body?.user_id ?? "usr_…")})`],
  ["POST", /\/webrtc\/call\/([^/]+)\/join$/, (_, id) => `client.calls.resume(${js(id)})`],
  ["POST", /\/webrtc\/call\/([^/]+)\/end$/, (_, id) => `(await client.calls.resume(${js(id)})).hangUp()`],
  ["GET", /\/webrtc\/ice-servers$/, () => "client.calls.iceServers()"],
  ["GET", /\/webrtc\/call\/([^/]+)$/, (_, id) => `client.calls.get(${js(id)})`],
  ["GET", /\/webrtc\/calls\/active$/, () => "client.calls.active()"],
  ["GET", /\/webrtc\/calls\/history$/, () => "client.calls.history({ limit: 20 })"],
];

/** The same with the client, or nothing where the client does it by itself. @param {Item} item @returns {string | null} */
export function clientCall(item) {
  if (item.kind === "frame") return item.direction === "in" ? `await client.request(${js(item.name)}, ${js(item.frame?.data ?? {})})` : null;
  const { method = "GET", path = "/", body } = item;
  for (const [verb, shape, write] of CALLS) {
    const parts = verb === method && path.match(shape);
    if (parts) return `await ${write(item, ...parts.slice(1))}`;
  }
  if (/^\/auth\/(token|refresh)$/.test(path)) return null;
  return `await client.auth.send(${js(method)}, ${js(path)}${body ? `, { body: ${js(body)} }` : ""})`;
}

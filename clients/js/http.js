import { pause } from "./events.js";
import { Problem } from "./problem.js";

/**
 * Requests to one server, without a token.
 * @param {{ url: string, fetch: typeof fetch, log: import("./types.js").Log }} options
 * @returns {import("./types.js").Send}
 */
export function createSend({ url, fetch, log }) {
  return async function send(method, path, options = {}) {
    const { repeatable = method === "GET" } = options;
    try {
      return await once(method, path, options);
    } catch (problem) {
      const again = problem instanceof Problem && (problem.kind === "network" || problem.retry === "same");
      if (!repeatable || !again) throw problem;
      log(`${method} ${path} again`, problem);
      await pause(200 + 300 * Math.random());
      return once(method, path, options);
    }
  };

  /**
   * @param {string} method
   * @param {string} path
   * @param {import("./types.js").RequestOptions} options
   */
  async function once(method, path, { body, headers, signal, credentials, timeoutMs = 15_000 }) {
    const timeout = AbortSignal.timeout(timeoutMs);
    let answer, text;
    try {
      answer = await fetch(url + path, {
        method,
        headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      text = await answer.text();
    } catch (cause) {
      throw unheard(`${method} ${path}`, { signal, timeout, timeoutMs, cause });
    }
    const json = parse(text);
    if (answer.ok) return json;
    throw Problem.of(json, { status: answer.status, retryAfter: answer.headers.get("Retry-After") });
  }
}

/** @param {string} text */
function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} request
 * @param {{ signal?: AbortSignal, timeout: AbortSignal, timeoutMs: number, cause: unknown }} why
 */
function unheard(request, { signal, timeout, timeoutMs, cause }) {
  if (signal?.aborted) {
    return new Problem({ kind: "aborted", code: "aborted", detail: `${request} was called off`, cause });
  }
  if (timeout.aborted) {
    const detail = `${request} had no answer within ${timeoutMs / 1000} s`;
    return new Problem({ kind: "timeout", code: "timeout", detail, remedy: "Try again.", retry: "later", cause });
  }
  const remedy = "Check the network, and that the server runs and allows this page's origin; then try again.";
  return new Problem({ kind: "network", code: "network", detail: `${request} did not reach the server`, remedy, retry: "later", cause });
}

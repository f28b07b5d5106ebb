import { pause } from "./events.js";
import { Problem } from "./problem.js";

/** A request that a person waits for says "too many" rather than hang. */
const PATIENCE = 5_000;
/** However short the waits are that the server asks for. */
const MOST_WAITS = 3;

/**
 * Requests to one server, without a token.
 * @param {{ url: string, fetch: typeof fetch, limits: Map<string, import("./types.js").Limit>, log: import("./types.js").Log }} options
 * @returns {import("./types.js").Send}
 */
export function createSend({ url, fetch, limits, log }) {
  return async function send(method, path, options = {}) {
    const { repeatable = method === "GET", patienceMs = PATIENCE, signal } = options;
    let [waits, patience, lost] = [0, patienceMs, false];
    for (;;) {
      try {
        return await once(method, path, options);
      } catch (problem) {
        if (!repeatable || !(problem instanceof Problem)) throw problem;
        let wait;
        if (problem.retry === "later" && problem.retryAfterMs !== undefined) {
          // Everybody was told the same second: those who wait spread out behind it.
          wait = problem.retryAfterMs + Math.random() * Math.max(300, problem.retryAfterMs / 4);
          patience -= wait;
          if (++waits > MOST_WAITS || patience < 0) throw problem;
        } else if (!lost && (problem.kind === "network" || problem.retry === "same")) {
          lost = true;
          wait = 200 + 300 * Math.random();
        } else throw problem;
        log(`${method} ${path} again in ${Math.round(wait)} ms`, problem);
        await pause(wait, signal);
        if (signal?.aborted) throw aborted(`${method} ${path}`, problem);
      }
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
    note(answer.headers);
    const json = parse(text);
    if (answer.ok) return json;
    throw Problem.of(json, { status: answer.status, retryAfter: answer.headers.get("Retry-After") });
  }

  /** `RateLimit-Policy: "login";q=5;w=100` and `RateLimit: "login";r=4;t=0`. @param {Headers} headers */
  function note(headers) {
    const policies = new Map(members(headers.get("RateLimit-Policy")));
    for (const [name, { r = 0, t = 0 }] of members(headers.get("RateLimit"))) {
      const { q = 0, w = 0 } = policies.get(name) ?? {};
      limits.set(name, { name, quota: q, windowMs: w * 1000, remaining: r, resetMs: t * 1000, at: Date.now() });
    }
  }
}

/**
 * The members of a list of strings with numbers as parameters (RFC 9651).
 * @param {string | null} text
 * @returns {[string, Record<string, number>][]}
 */
function members(text) {
  return [...(text ?? "").matchAll(/"([^"]*)"((?:\s*;\s*[a-z]+=\d+)*)/g)].map(([, name, rest]) => [
    name,
    Object.fromEntries([...rest.matchAll(/([a-z]+)=(\d+)/g)].map(([, key, value]) => [key, Number(value)])),
  ]);
}

/** @param {string} text */
function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** @param {string} request @param {unknown} cause */
const aborted = (request, cause) => new Problem({ kind: "aborted", code: "aborted", detail: `${request} was called off`, cause });

/**
 * @param {string} request
 * @param {{ signal?: AbortSignal, timeout: AbortSignal, timeoutMs: number, cause: unknown }} why
 */
function unheard(request, { signal, timeout, timeoutMs, cause }) {
  if (signal?.aborted) return aborted(request, cause);
  if (timeout.aborted) {
    const detail = `${request} had no answer within ${timeoutMs / 1000} s`;
    return new Problem({ kind: "timeout", code: "timeout", detail, remedy: "Try again.", retry: "later", cause });
  }
  const remedy = "Check the network, and that the server runs and allows this page's origin; then try again. client.diagnose() finds out more.";
  return new Problem({ kind: "network", code: "network", detail: `${request} did not reach the server`, remedy, retry: "later", cause });
}

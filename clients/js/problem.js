/**
 * @typedef {object} ProblemInit
 * @property {"problem" | "network" | "timeout" | "aborted"} [kind]
 * @property {string} code
 * @property {string} detail
 * @property {string} [remedy]
 * @property {number} [status]
 * @property {string} [docs]
 * @property {"no" | "same" | "later"} [retry]
 * @property {string} [requestId]
 * @property {{ pointer: string, detail: string }[]} [fields]
 * @property {number} [retryAfterMs]
 * @property {string} [supersededBy]
 * @property {unknown} [cause]
 */

/** Why something did not happen and what to do about it. Everything this client rejects with is one. */
export class Problem extends Error {
  /** @param {ProblemInit} init */
  constructor(init) {
    super(init.detail, { cause: init.cause });
    this.name = "Problem";
    this.kind = init.kind ?? "problem";
    this.code = init.code;
    this.detail = init.detail;
    this.remedy = init.remedy;
    this.status = init.status;
    this.docs = init.docs;
    this.retry = init.retry ?? "no";
    this.requestId = init.requestId;
    this.fields = init.fields ?? [];
    this.retryAfterMs = init.retryAfterMs;
    /** The call that two people have already. */
    this.supersededBy = init.supersededBy;
  }

  /** @param {string} code */
  is(code) {
    return this.code === code;
  }

  /** The other side could not be reached: whether it acted is not known. */
  get unheard() {
    return this.kind === "network" || this.kind === "timeout";
  }

  /**
   * The problem object of an answer or a socket frame.
   * @param {any} body
   * @param {{ status?: number, retryAfter?: string | null }} [from]
   */
  static of(body, { status = body?.status, retryAfter } = {}) {
    const told = body && typeof body.code === "string" ? body : {};
    const seconds = Number(retryAfter ?? told.retry_after ?? NaN);
    const busy = status === 429 || (status ?? 0) >= 500;
    return new Problem({
      code: told.code ?? `http_${status}`,
      detail: told.detail ?? told.title ?? body?.message ?? `the server answered with status ${status}`,
      remedy: told.remedy ?? (busy ? "Try again in a moment." : undefined),
      status,
      docs: told.docs,
      retry: told.retry ?? (busy ? "later" : "no"),
      requestId: told.instance,
      fields: told.errors,
      supersededBy: told.superseded_by,
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    });
  }
}

/** Nobody is signed in, or no longer. */
export const signedOut = (detail = "nobody is signed in") =>
  new Problem({ code: "signed_out", detail, remedy: "Sign in first: client.auth.withPassword(email, password)." });

/**
 * @param {unknown} error
 * @returns {Problem}
 */
export const asProblem = (error) =>
  error instanceof Problem
    ? error
    : new Problem({ code: "client", detail: String(error), remedy: "Report this with the client's log.", cause: error });

/** A call that is over for this device. @param {string | null} reason */
export const over = (reason) =>
  reason === "answered_elsewhere"
    ? new Problem({ code: "answered_elsewhere", status: 409, detail: "the call was answered on another device" })
    : new Problem({ code: "call_over", status: 409, detail: "the call is over", remedy: "Start a new call." });

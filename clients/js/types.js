/**
 * The wire's shapes, as the contracts name them.
 *
 * @typedef {object} User
 * @property {string} id
 * @property {string} name
 * @property {string | null} [email]
 * @property {boolean} [email_verified]
 * @property {string | null} [picture]
 * @property {string[]} [ways_in]
 *
 * @typedef {object} Tokens
 * @property {string} access_token
 * @property {number} expires_in
 * @property {string} refresh_token
 * @property {string} session_id
 * @property {User} user
 * @property {string} [device_token] for the next login of this address on this device
 *
 * @typedef {object} Session
 * @property {string} id
 * @property {User} user
 *
 * @typedef {"invited" | "ringing" | "joined" | "declined" | "missed" | "left"} Standing
 * @typedef {"audio" | "video" | "screen_share"} CallType
 *
 * @typedef {object} Participant
 * @property {string} user_id
 * @property {string} name
 * @property {Standing} standing
 * @property {string | null} device_id
 *
 * @typedef {object} Description
 * @property {string} offer_id
 * @property {"offer" | "answer"} type
 * @property {string} from
 * @property {string} to
 * @property {string} device_id
 * @property {string} sdp
 * @property {string} at
 *
 * @typedef {object} Candidates
 * @property {string} from
 * @property {string | null} [offer_id]
 * @property {RTCIceCandidateInit[]} candidates
 *
 * @typedef {object} CallView
 * @property {string} call_id
 * @property {CallType} type
 * @property {"initiated" | "ringing" | "connected" | "disconnected" | "failed"} state
 * @property {string | null} reason
 * @property {string} caller_id
 * @property {Participant[]} participants
 * @property {string} created_at
 * @property {string} ring_until
 * @property {string | null} start_time
 * @property {string | null} end_time
 * @property {number} duration
 * @property {string | null} ended_by
 * @property {{ descriptions: Description[], candidates: Candidates[] }} [signals]
 *
 * @typedef {object} Position
 * @property {string} epoch
 * @property {number} seq
 *
 * @typedef {object} LogLine
 * @property {string} what
 * @property {unknown} [detail]
 *
 * @typedef {(what: string, detail?: unknown) => void} Log
 *
 * @typedef {object} RequestOptions
 * @property {unknown} [body]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {RequestCredentials} [credentials] "include" where the answer sets a cookie
 * @property {number} [timeoutMs]
 * @property {boolean} [repeatable] the server recognises a repeat, so one may follow a lost answer
 * @property {number} [patienceMs] how long a repeatable request may wait in all when the server says "later"
 *
 * @typedef {object} Limit how much of a rate limit is left, as the server last said
 * @property {string} name
 * @property {number} quota so many at once
 * @property {number} windowMs until all of them are there again
 * @property {number} remaining
 * @property {number} resetMs until there is more than `remaining`
 * @property {number} at when the server said so, as `Date.now()`
 *
 * @typedef {(method: string, path: string, options?: RequestOptions) => Promise<any>} Send
 */

export {};

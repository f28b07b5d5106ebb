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
 * @typedef {"invited" | "ringing" | "joined" | "declined" | "busy" | "missed" | "left" | "removed"} Standing
 * @typedef {"audio" | "video" | "screen_share"} CallType
 *
 * @typedef {object} Media what a device sends; what is not said is not sent
 * @property {boolean} [audio]
 * @property {boolean} [video]
 * @property {boolean} [screen]
 * @property {boolean} [hold] nothing is sent or played
 *
 * @typedef {object} Participant
 * @property {string} user_id
 * @property {string} name
 * @property {Standing} standing
 * @property {string | null} device_id
 * @property {number} generation counts comings and goings; odd while they are in
 * @property {boolean} away joined, and without a sign of life: may come back for half a minute
 * @property {string | null} ring_until
 * @property {string | null} joined_at
 * @property {string | null} left_at
 * @property {number} duration seconds of all their stays
 * @property {Media} media
 * @property {boolean | null} consent
 *
 * @typedef {object} Description
 * @property {string} offer_id
 * @property {"offer" | "answer"} type
 * @property {number} epoch counts the connections that the two made anew
 * @property {number} generation counts their offers; an answer has its offer's
 * @property {string} from
 * @property {string} to
 * @property {string} device_id
 * @property {string} sdp
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
 * @property {number} seq of two views the greater is the newer
 * @property {string} caller_id
 * @property {string | null} host_id who may remove others
 * @property {Participant[]} participants
 * @property {string} created_at
 * @property {string} ring_until
 * @property {string | null} ends_at the plan ends it then
 * @property {string | null} start_time
 * @property {string | null} end_time
 * @property {number} duration
 * @property {string | null} ended_by
 * @property {boolean} relay_only
 * @property {"mesh"} media_path
 * @property {{ recording_id: string, by: string, device_id: string, state: "asking" | "running" | "paused", missing: string[] } | null} recording
 * @property {Signals} [signals]
 *
 * @typedef {object} RecordingItem
 * @property {string} recording_id
 * @property {string} call_id
 * @property {string} recorded_by
 * @property {string[]} people who was there while it ran
 * @property {"open" | "closing" | "kept" | "deleting" | "abandoned"} state
 * @property {import("./recording.js").MediaType} type
 * @property {number} bytes
 * @property {string} created_at
 * @property {{ url: string, expires_at: string } | null} [link] where the file is; whoever has it can use it
 *
 * @typedef {{ descriptions: Description[], candidates: Candidates[] }} Signals what waited at the server
 *
 * @typedef {object} MediaPath how sound and pictures travel between the people of a call; the mesh is the one there is
 * @property {RTCPeerConnectionState[]} paths
 * @property {boolean} whole everybody who joined is reached, and nothing waits for an answer
 * @property {() => void} meet makes the paths what the roster says: for who came, came back or went
 * @property {(signals: Signals) => Promise<void>} take what waited at the server, and tries again what did not get through
 * @property {(event: string, data: any) => void} signal
 * @property {(sending: import("./sending.js").Sending) => Promise<void>} show another picture
 * @property {() => void} restart the network is another one
 * @property {() => Promise<Map<string, RTCStatsReport>>} stats by person
 * @property {() => void} close
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

//! Every size, count and lifetime of the product, one line each.

use jiff::SignedDuration;

const fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

// Identity.

/// Lifetime of an access token.
pub const ACCESS_TOKEN: SignedDuration = seconds(10 * 60);
/// A session nobody refreshes for this long is over.
pub const SESSION_IDLE: SignedDuration = seconds(60 * 24 * 3600);
/// Within this time an already rotated refresh token is answered with its successor, whoever asks.
pub const REFRESH_GRACE: SignedDuration = seconds(10);
/// Rotations remembered, to tell a repeat from a thief.
pub const REFRESH_MEMORY: usize = 8;
/// Lifetime of a sign-in that went to a provider and has not come back.
pub const SIGN_IN: SignedDuration = seconds(10 * 60);
/// Lifetime of the one-time code that the callback hands to the app.
pub const LOGIN_CODE: SignedDuration = seconds(60);
/// Characters of a password, both included (NIST SP 800-63B asks for 8 at least and 64 at least as a maximum).
pub const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;
/// Characters of a person's name.
pub const NAME: usize = 100;
/// Characters of an e-mail address (RFC 5321 section 4.5.3.1.3, less the brackets).
pub const EMAIL: usize = 254;
/// Sessions shown to a person.
pub const SESSIONS_LISTED: i32 = 100;

// Sockets.

/// Lifetime of a socket ticket.
pub const TICKET: SignedDuration = seconds(30);
/// API Gateway cuts a socket after two hours.
pub const SOCKET_LIFE: SignedDuration = seconds(2 * 3600);
/// API Gateway cuts a socket that says nothing for ten minutes.
pub const SOCKET_IDLE: SignedDuration = seconds(10 * 60);
/// A lease lasts half a minute longer.
pub const SOCKET_LEASE: SignedDuration = seconds(10 * 60 + 30);
/// A client is told to open its next socket between these two ages of the current one.
pub const ROLLOVER: (SignedDuration, SignedDuration) = (seconds(105 * 60), seconds(115 * 60));
/// Bytes of one frame from a client.
pub const FRAME: usize = 32 * 1024;
/// People asked for in one `presence.get`.
pub const PRESENCE_PEOPLE: usize = 20;
/// Facts an inbox can replay after a gap.
pub const INBOX_MEMORY: usize = 8;
/// Connections of one person that a push goes to; older ones beyond it get nothing.
pub const CONNECTIONS: usize = 10;
/// Posts to connections under way at once.
pub const POSTS_AT_ONCE: usize = 32;

// Calls.

/// People in one call, the caller counted.
pub const CALL_PEOPLE: usize = 8;
/// How long a call rings by the server's clock (Matrix MSC2746 recommends 90 s at least).
pub const RING: SignedDuration = seconds(90);
/// A call that nobody ended is over after this long.
pub const CALL_LONGEST: SignedDuration = seconds(12 * 3600);
/// Bytes of one session description.
pub const SDP: usize = 64 * 1024;
/// Bytes of one ICE candidate line.
pub const CANDIDATE: usize = 1024;
/// Candidates in one batch.
pub const CANDIDATE_BATCH: usize = 32;
/// Candidates kept for one side that is not connected; later ones are refused.
pub const CANDIDATES_KEPT: usize = 128;
/// Calls on one page of a history.
pub const PAGE: std::ops::RangeInclusive<u32> = 1..=100;
/// Calls on a page when nobody says how many.
pub const PAGE_DEFAULT: u32 = 20;
/// How deep `offset` reaches; a cursor reaches everywhere.
pub const OFFSET: u32 = 500;

// HTTP.

/// Bytes of one request body.
pub const BODY: usize = 128 * 1024;
/// Time for one request, below API Gateway's own 29 s.
pub const REQUEST: SignedDuration = seconds(25);

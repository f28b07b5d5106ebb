//! A socket as a lease: believed while it is renewed, never because nobody said goodbye.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{SessionId, TicketId, UserId};
use crate::limit;

/// API Gateway's name for one socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub String);

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One open socket of one person. The ticket that opened it is its generation: it is used once, so
/// forgetting a lease by its ticket never forgets the socket that came after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The ticket that opened the socket.
    pub ticket: TicketId,
    /// Where to post.
    pub connection: ConnectionId,
    /// Whose socket it is.
    pub user: UserId,
    /// The session that asked for the ticket.
    pub session: SessionId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Nobody pinged until then: it is gone.
    pub expires_at: Timestamp,
}

impl Lease {
    /// A socket that opens now.
    pub fn open(ticket: TicketId, connection: ConnectionId, user: UserId, session: SessionId, now: Timestamp) -> Self {
        Self { ticket, connection, user, session, opened_at: now, expires_at: now + limit::SOCKET_LEASE }
    }

    /// The same socket after a sign of life. API Gateway's two hours end it all the same.
    #[must_use]
    pub fn renew(self, now: Timestamp) -> Self {
        let expires_at = (now + limit::SOCKET_LEASE).min(self.opened_at + limit::SOCKET_LIFE).max(self.expires_at);
        Self { expires_at, ..self }
    }

    /// Whether it is still believed.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// When the client should have its next socket open: spread over ten minutes by the ticket's
    /// bytes, so that sockets opened together do not come back together.
    pub fn rollover_at(&self) -> Timestamp {
        let (from, to) = limit::ROLLOVER;
        let spread = to.as_secs() - from.as_secs();
        let chance = self.ticket.to_string().bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % spread);
        self.opened_at + from + SignedDuration::from_secs(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(ticket: u8) -> Lease {
        let bytes = [ticket; 16];
        let connection = ConnectionId("c".into());
        Lease::open(
            TicketId::derived(bytes),
            connection,
            UserId::derived(bytes),
            SessionId::derived(bytes),
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn a_lease_lives_by_renewal_and_ends_with_the_socket() {
        let mut lease = lease(1);
        let mut now = Timestamp::UNIX_EPOCH;
        while now.duration_since(lease.opened_at) < limit::SOCKET_LIFE {
            assert!(lease.is_live(now));
            lease = lease.renew(now);
            now += SignedDuration::from_mins(9);
        }
        assert!(!lease.is_live(Timestamp::UNIX_EPOCH + limit::SOCKET_LIFE));
        let silent = self::lease(1);
        assert!(!silent.is_live(silent.opened_at + limit::SOCKET_LEASE));
    }

    #[test]
    fn rollovers_are_spread_and_before_the_cut() {
        let times: std::collections::BTreeSet<_> = (0..50).map(|n| lease(n).rollover_at()).collect();
        assert!(times.len() > 40);
        for at in times {
            let age = at.duration_since(Timestamp::UNIX_EPOCH);
            assert!(age >= limit::ROLLOVER.0 && age < limit::ROLLOVER.1, "{age:?}");
        }
    }
}

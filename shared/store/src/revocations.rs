//! Sessions that were ended early, where every group can see them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::{SessionId, UserId};
use domain::limit;
use jiff::Timestamp;
use socket::sessions::{Asked, Sessions};

use crate::db::{Db, key_of, ttl};
use crate::error::StoreError;
use crate::keys::Key;
use crate::write::{Expect, Write};

/// Sessions that a process remembers; beyond it all are forgotten, and asked for again.
const REMEMBERED: usize = 10_000;

/// The ended sessions, and those that a process has looked up within [`limit::REVOCATION`].
#[derive(Clone, Debug)]
pub struct Revocations {
    db: Db,
    seen: Arc<Mutex<HashMap<SessionId, Seen>>>,
}

#[derive(Clone, Copy, Debug)]
enum Seen {
    AliveAt(Timestamp),
    Ended,
}

impl Revocations {
    /// The ended sessions of this store.
    pub fn new(db: Db) -> Self {
        Self { db, seen: Arc::default() }
    }

    async fn ask(&self, user: UserId, session: SessionId, fresh: bool, now: Timestamp) -> Result<bool, StoreError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&session).copied();
        match seen {
            Some(Seen::Ended) => return Ok(true),
            Some(Seen::AliveAt(at)) if !fresh && now.duration_since(at) < limit::REVOCATION => return Ok(false),
            _ => {}
        }
        let ended = self.db.get(&Key::Ended(user, session), fresh).await?.is_some();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(session, if ended { Seen::Ended } else { Seen::AliveAt(now) });
        Ok(ended)
    }
}

impl Sessions for Revocations {
    fn is_ended(&self, user: UserId, session: SessionId, fresh: bool, now: Timestamp) -> Asked<'_> {
        Box::pin(async move { Ok(self.ask(user, session, fresh, now).await?) })
    }
}

/// The write that ends a session for everybody who does not read the accounts. It outlives every token and socket
/// that the session has given out.
pub(crate) fn ended_put(user: UserId, session: SessionId, now: Timestamp) -> Write {
    let key = Key::Ended(user, session);
    let mut item = key_of(&key);
    let (name, value) = ttl(now + limit::SOCKET_LIFE + limit::ACCESS_TOKEN);
    item.insert(name.into(), value);
    Write::Put { table: key.table(), item, expect: Expect::Whatever }
}

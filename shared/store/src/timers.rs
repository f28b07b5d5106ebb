//! When the clock must look at a call that nobody asks about.
//!
//! A timer is an item and no more: made once, found by its day, taken away when it was seen to. A late or lost one
//! changes nothing that anybody reads, since whoever reads a call settles it first.

use domain::id::CallId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::db::{Ask, Db, Range, key_of, read_item, ttl};
use crate::error::StoreError;
use crate::keys::{Key, millis};
use crate::write::{Expect, Write, put};

/// How far back it is looked for timers that nobody saw to, and how long they are kept.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// `DynamoDB` takes so many writes in one batch.
const BATCH: usize = 25;

/// A timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// The instant.
    pub at: Timestamp,
    /// The call.
    pub call: CallId,
}

/// A page of timers.
#[derive(Clone, Debug)]
pub struct Due {
    /// The timers.
    pub timers: Vec<Timer>,
    /// Where the next page begins, when there may be one.
    pub next: Option<String>,
}

/// The timers.
#[derive(Clone, Debug)]
pub struct Timers {
    db: Db,
}

impl Timers {
    /// The timers of this store.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Makes a timer. Made twice it is the same one.
    pub async fn arm(&self, timer: Timer) -> Result<(), StoreError> {
        let key = Key::Timer(timer.at, timer.call);
        self.db.write(put(&key, &timer, Expect::Whatever, &[ttl(timer.at + MEMORY)])?).await
    }

    /// An instant of each day that can have timers left, the oldest first.
    pub fn days(now: Timestamp) -> [Timestamp; 2] {
        [now - MEMORY, now]
    }

    /// A page of the timers of a day whose time has come, the oldest first.
    pub async fn due(
        &self,
        day: Timestamp,
        now: Timestamp,
        after: Option<String>,
        most: usize,
    ) -> Result<Due, StoreError> {
        let key = Key::Timer(day, CallId::derived([0; 16]));
        let range = Range::Between("0".into(), format!("{}~", millis(now)));
        let page = self.db.query(Ask { range, limit: i32::try_from(most).ok(), after, ..Ask::all_of(&key) }).await?;
        let timers = page.items.into_iter().map(read_item).collect::<Result<_, _>>()?;
        Ok(Due { timers, next: page.next })
    }

    /// Takes timers away. Taken away twice they are gone once.
    pub async fn disarm(&self, timers: &[Timer]) -> Result<(), StoreError> {
        for timers in timers.chunks(BATCH) {
            let keys = timers.iter().map(|timer| Key::Timer(timer.at, timer.call));
            let delete =
                |key: Key<'_>| Write::Delete { table: key.table(), key: key_of(&key), expect: Expect::Whatever };
            self.db.write_all(keys.map(delete).collect()).await?;
        }
        Ok(())
    }
}

//! How calls sounded: everybody's account of each call, and everybody's days.
//!
//! A day is the sum of what its calls' accounts say is in it. An account that has more to say is written together with
//! its day, each on the condition of its version: the day loses the account's earlier part and gains the newer one, so
//! it is exact however late an account comes and however often it is written.

use domain::id::{CallId, UserId};
use domain::limit;
use domain::quality::tally::Tally;
use domain::quality::track::Heard;
use jiff::Timestamp;

use crate::Versioned;
use crate::db::{Ask, Db, Range, read_item, ttl, version, versioned};
use crate::error::StoreError;
use crate::keys::Key;
use crate::write::{Expect, Write, put};

/// The accounts and the days.
#[derive(Clone, Debug)]
pub struct Quality {
    db: Db,
}

impl Quality {
    /// The quality of this store's calls.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// One person's account of a call.
    pub async fn of(&self, call: CallId, by: UserId) -> Result<Option<Versioned<Heard>>, StoreError> {
        self.db.get(&Key::Quality(call, by), true).await?.map(versioned).transpose()
    }

    /// Everybody's account of a call, in one request.
    pub async fn of_everybody(&self, call: CallId) -> Result<Vec<Versioned<Heard>>, StoreError> {
        let all = Ask::all_of(&Key::Quality(call, UserId::derived([0; 16])));
        self.db.query_all(Ask { consistent: true, ..all }).await?.into_iter().map(versioned).collect()
    }

    /// Saves an account in place of the one that was read.
    pub async fn save(&self, call: CallId, heard: &Heard, read: u64, now: Timestamp) -> Result<(), StoreError> {
        self.db.write(account_put(call, heard, read, now)?).await
    }

    /// Saves an account, and with it the day that the call began on: all of the account, which is `total`, is in the
    /// day afterwards.
    pub async fn fold(
        &self,
        call: (CallId, Timestamp),
        heard: Heard,
        read: u64,
        total: Tally,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (call, since) = call;
        let key = Key::QualityDay(heard.by, since);
        let day = self.db.get(&key, true).await?.map(versioned::<Tally>).transpose()?;
        let (day, day_read) = day.map_or((Tally::default(), 0), |day| (day.value, day.version));
        let day = day.without(&heard.folded).and(&total);
        let extra = [version(day_read + 1), ttl(since + limit::QUALITY_DAYS_KEPT)];
        let day = put(&key, &day, Expect::Version(day_read), &extra)?;
        let heard = Heard { folded: total, ..heard };
        self.db.transact(vec![account_put(call, &heard, read, now)?, day]).await
    }

    /// A person's days from one to another, both included.
    pub async fn days(&self, user: UserId, from: Timestamp, to: Timestamp) -> Result<Vec<Tally>, StoreError> {
        let (first, last) = (Key::QualityDay(user, from), Key::QualityDay(user, to));
        let range = Range::Between(first.sk(), last.sk());
        self.db.query_all(Ask { range, ..Ask::all_of(&first) }).await?.into_iter().map(read_item).collect()
    }
}

fn account_put(call: CallId, heard: &Heard, read: u64, now: Timestamp) -> Result<Write, StoreError> {
    let extra = [version(read + 1), ttl(now + limit::QUALITY_KEPT)];
    put(&Key::Quality(call, heard.by), heard, Expect::Version(read), &extra)
}

//! First answers to requests that may come twice.

use domain::once::Kept;
use jiff::Timestamp;

use crate::db::{Db, read_item, ttl, until};
use crate::error::StoreError;
use crate::keys::{Key, Table};
use crate::write::{Expect, Write, put};

/// The answers that one group keeps beside its own items, so that one transaction has both.
#[derive(Clone, Debug)]
pub struct Answers {
    db: Db,
    table: Table,
}

impl Answers {
    /// The answers in this table.
    pub fn new(db: Db, table: Table) -> Self {
        Self { db, table }
    }

    /// The answer of this scope, while it is kept.
    pub async fn find(&self, scope: &str, now: Timestamp) -> Result<Option<Kept>, StoreError> {
        let kept = self.db.get(&Key::Answer(self.table, scope), true).await?;
        let kept: Option<Kept> = kept.map(read_item).transpose()?;
        Ok(kept.filter(|kept| now < kept.expires_at))
    }
}

/// The write that keeps an answer, for the transaction of its effect. Stale: there is one already.
pub(crate) fn answer_put(table: Table, kept: &Kept, now: Timestamp) -> Result<Write, StoreError> {
    let extra = [until(kept.expires_at), ttl(kept.expires_at)];
    put(&Key::Answer(table, &kept.scope), kept, Expect::OverBy(now), &extra)
}

//! Calls, their signals, and everybody's history.

use domain::call::{Call, CallEvent};
use domain::id::{CallId, UserId};
use domain::limit;
use domain::negotiation::{Description, Waiting};
use domain::once::Kept;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connections::{Card, card_put};
use crate::db::{Ask, Db, Range, item_of, read_item, sort_key, ttl, version, versioned};
use crate::error::StoreError;
use crate::keys::{HISTORY, Key, Table, history_from};
use crate::write::{Expect, Write, put};
use crate::{Versioned, db};

/// A call with the last thing that happened to it: the fact rides in the item that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CallItem {
    #[serde(flatten)]
    pub(crate) call: Call,
    pub(crate) event: CallEvent,
}

/// A call and everything signalled in it.
#[derive(Clone, Debug)]
pub struct Signalled {
    /// The call.
    pub call: Versioned<Call>,
    descriptions: Vec<Versioned<Description>>,
    waiting: Vec<Versioned<Waiting>>,
}

impl Signalled {
    /// The newest description between two people.
    pub fn description(&self, one: UserId, other: UserId) -> Option<&Versioned<Description>> {
        self.descriptions.iter().find(|d| {
            let (from, to) = (d.value.from, d.value.to);
            (from, to) == (one, other) || (from, to) == (other, one)
        })
    }

    /// The newest description from each peer of this person.
    pub fn descriptions_for(&self, user: UserId) -> impl Iterator<Item = &Description> {
        self.descriptions.iter().map(|d| &d.value).filter(move |d| d.to == user)
    }

    /// Candidates that wait for this person.
    pub fn waiting_for(&self, user: UserId) -> impl Iterator<Item = &Versioned<Waiting>> {
        self.waiting.iter().filter(move |w| w.value.to == user)
    }
}

/// Where a page of a history begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The newest call.
    Newest,
    /// After the call with this place.
    After(String),
}

/// A page of a history, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// The calls, as they were when the row was last written.
    pub calls: Vec<Call>,
    /// The place of the last one, when there may be more.
    pub next: Option<String>,
}

/// The calls.
#[derive(Clone, Debug)]
pub struct Calls {
    db: Db,
}

impl Calls {
    /// The calls of this store.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Begins a call: the call, a row in everybody's history, and the invitation in each callee's inbox, in one
    /// transaction.
    pub async fn begin(
        &self,
        call: &Call,
        event: CallEvent,
        callees: &[Versioned<Card>],
        kept: Option<&Kept>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![call_put(call, event, 0)?];
        writes.extend(history_rows(call)?);
        for card in callees {
            writes.push(card_put(card)?);
        }
        self.db.transact_once(Table::Calls, writes, kept.map(|kept| (kept, call.created_at))).await
    }

    /// A call. A `fresh` read costs double; the other kind may be a moment old, but never misses a call.
    pub async fn find(&self, id: CallId, fresh: bool) -> Result<Option<Versioned<Call>>, StoreError> {
        let key = Key::Call(id);
        let mut item = self.db.get(&key, fresh).await?;
        if item.is_none() && !fresh {
            item = self.db.get(&key, true).await?;
        }
        item.map(versioned).transpose()
    }

    /// A call with its signals, in one request. `fresh` as for [`Self::find`].
    pub async fn signalled(&self, id: CallId, fresh: bool) -> Result<Option<Signalled>, StoreError> {
        let all = Ask::all_of(&Key::Call(id));
        let mut items = self.db.query_all(Ask { consistent: fresh, ..all.clone() }).await?;
        if items.is_empty() && !fresh {
            items = self.db.query_all(Ask { consistent: true, ..all }).await?;
        }
        let (mut call, mut descriptions, mut waiting) = (None, Vec::new(), Vec::new());
        for item in items {
            match sort_key(&item).split('#').next() {
                Some("call") => call = Some(versioned::<CallItem>(item)?),
                Some("description") => descriptions.push(versioned(item)?),
                Some("waiting") => waiting.push(versioned(item)?),
                other => return Err(StoreError::Broken(format!("an item {other:?} in a call").into())),
            }
        }
        Ok(call.map(|Versioned { value, version }| Signalled {
            call: Versioned { value: value.call, version },
            descriptions,
            waiting,
        }))
    }

    /// Saves a call that moved. The histories are written when it is over, and only then.
    pub async fn save(&self, call: &Call, event: CallEvent, read: u64) -> Result<(), StoreError> {
        let moved = call_put(call, event, read)?;
        if !call.is_over() {
            return self.db.write(moved).await;
        }
        let mut writes = vec![moved];
        writes.extend(history_rows(call)?);
        self.db.transact(writes).await
    }

    /// Keeps a description in place of the one that was read.
    pub async fn describe(
        &self,
        call: CallId,
        description: &Description,
        read: Option<u64>,
        kept: Option<&Kept>,
    ) -> Result<(), StoreError> {
        let description_put = description_put(call, description, read)?;
        match kept {
            None => self.db.write(description_put).await,
            Some(kept) => {
                self.db.transact_once(Table::Calls, vec![description_put], Some((kept, description.at))).await
            }
        }
    }

    /// Keeps the answer and the call that it moved, both or neither.
    pub async fn answer(
        &self,
        signalled: &Signalled,
        answer: &Description,
        read: u64,
        call: &Call,
        event: CallEvent,
    ) -> Result<(), StoreError> {
        let moved = call_put(call, event, signalled.call.version)?;
        self.db.transact(vec![description_put(call.id, answer, Some(read))?, moved]).await
    }

    /// Candidates that wait for one person from another.
    pub async fn waiting(
        &self,
        call: CallId,
        to: UserId,
        from: UserId,
    ) -> Result<Option<Versioned<Waiting>>, StoreError> {
        self.db.get(&Key::Waiting(call, to, from), true).await?.map(versioned).transpose()
    }

    /// Keeps candidates until the person they are for reads them.
    pub async fn keep_waiting(&self, call: &Call, waiting: &Waiting, read: u64) -> Result<(), StoreError> {
        let key = Key::Waiting(call.id, waiting.to, waiting.from);
        let extra = [version(read + 1), ttl(call.created_at + limit::CALL_LONGEST)];
        self.db.write(put(&key, waiting, Expect::Version(read), &extra)?).await
    }

    /// One page of a person's history.
    pub async fn history(&self, user: UserId, from: From, limit: u32) -> Result<Page, StoreError> {
        let after = match from {
            From::Newest => None,
            From::After(place) => Some(place),
        };
        let page = self.query_history(user, Range::Prefix(HISTORY.into()), after, limit).await?;
        let calls = page.items.into_iter().map(read_item).collect::<Result<_, _>>()?;
        Ok(Page { calls, next: page.next })
    }

    /// The person's calls that began so lately that they can still be live, newest first.
    pub async fn recent(&self, user: UserId, now: Timestamp) -> Result<Vec<Call>, StoreError> {
        let since = history_from(now - limit::CALL_LONGEST - limit::RING);
        let range = Range::Between(since, format!("{HISTORY}~"));
        let page = self.query_history(user, range, None, *limit::PAGE.end()).await?;
        page.items.into_iter().map(read_item).collect()
    }

    async fn query_history(
        &self,
        user: UserId,
        range: Range,
        after: Option<String>,
        limit: u32,
    ) -> Result<db::Page, StoreError> {
        let epoch = Key::History(user, Timestamp::UNIX_EPOCH, CallId::derived([0; 16]));
        let limit = i32::try_from(limit).ok();
        self.db.query(Ask { range, newest_first: true, limit, after, ..Ask::all_of(&epoch) }).await
    }

    /// Calls by their ids, in no order.
    pub async fn find_many(&self, ids: &[CallId]) -> Result<Vec<Versioned<Call>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Key<'_>> = ids.iter().map(|id| Key::Call(*id)).collect();
        self.db.get_many(&keys).await?.into_iter().map(versioned).collect()
    }
}

pub(crate) fn call_put(call: &Call, event: CallEvent, read: u64) -> Result<Write, StoreError> {
    let item = CallItem { call: call.clone(), event };
    put(&Key::Call(call.id), &item, Expect::Version(read), &[version(read + 1)])
}

fn description_put(call: CallId, description: &Description, read: Option<u64>) -> Result<Write, StoreError> {
    let read = read.unwrap_or(0);
    let key = Key::Description(call, description.from, description.to);
    let expiry = ttl(description.at + limit::CALL_LONGEST);
    put(&key, description, Expect::Version(read), &[version(read + 1), expiry])
}

fn history_rows(call: &Call) -> Result<Vec<Write>, StoreError> {
    let row = |user| {
        let key = Key::History(user, call.created_at, call.id);
        Ok(Write::Put { table: key.table(), item: item_of(&key, call, &[])?, expect: Expect::Whatever })
    };
    call.people.iter().map(|person| row(person.user)).collect()
}

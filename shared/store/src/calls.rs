//! Calls, their signals, and everybody's history.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::call::{Call, CallEvent};
use domain::history::Filter;
use domain::id::{CallId, UserId};
use domain::limit;
use domain::negotiation::{Description, Waiting};
use domain::once::Kept;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Versioned;
use crate::connections::{Card, card_put};
use crate::db::{Ask, Db, Item, Range, item_of, read_item, sort_key, ttl, version, versioned};
use crate::error::StoreError;
use crate::keys::{HISTORY, Key, LIVE, Line, Table, UNTIL, WAITING};
use crate::write::{Expect, Write, put};

/// A call with what this write made happen to it: the facts ride in the item that changed. The last of them has the
/// call's `seq`; a write without any is a sign of life, or what somebody shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CallItem {
    #[serde(flatten)]
    pub(crate) call: Call,
    pub(crate) facts: Vec<CallEvent>,
}

/// A call and everything signalled in it.
#[derive(Clone, Debug)]
pub struct Signalled {
    /// The call.
    pub call: Versioned<Call>,
    descriptions: Vec<Versioned<Description>>,
    waiting: Vec<Versioned<Waiting>>,
}

/// Items of a call of two: itself, what the two have agreed on, candidates for each.
const ITEMS_OF_TWO: i32 = 4;

impl Signalled {
    /// Out of items of one call; nothing without the call itself.
    fn sorted(items: Vec<Item>) -> Result<Option<Self>, StoreError> {
        let (mut call, mut descriptions, mut waiting) = (None, Vec::new(), Vec::new());
        for item in items {
            match sort_key(&item).split('#').next() {
                Some("call") => call = Some(versioned::<CallItem>(item)?),
                Some("description") => descriptions.push(versioned(item)?),
                Some("waiting") => waiting.push(versioned(item)?),
                other => return Err(StoreError::Broken(format!("an item {other:?} in a call").into())),
            }
        }
        Ok(call.map(|Versioned { value, version }| Self {
            call: Versioned { value: value.call, version },
            descriptions,
            waiting,
        }))
    }

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

/// A call that may be live.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Live {
    call: CallId,
    gone_by: Timestamp,
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

    /// Begins a call: the call, a line to it for everybody in it, and the invitation in each callee's inbox, in one
    /// transaction.
    ///
    /// Two people have one call at a time, and the write of their line decides which: it is `Stale` when there is one
    /// that may be live. Then [`Self::pair`] tells which, and who has seen that it is over `replaces` it.
    pub async fn begin(
        &self,
        call: &Call,
        facts: &[CallEvent],
        callees: &[Versioned<Card>],
        replaces: Option<CallId>,
        kept: Option<&Kept>,
    ) -> Result<(), StoreError> {
        let expect = || replaces.map_or(Expect::OverBy(call.created_at), Expect::Names);
        let mut writes = vec![call_put(call, facts, 0)?];
        match &call.people[..] {
            [one, other] => {
                writes.push(line(call, one.user, Line::With(other.user), expect())?);
                writes.push(line(call, other.user, Line::With(one.user), expect())?);
            }
            people => {
                for person in people {
                    writes.push(line(call, person.user, Line::In(call.id), Expect::Whatever)?);
                }
            }
        }
        for card in callees {
            writes.push(card_put(card)?);
        }
        self.db.transact_once(Table::Calls, writes, kept.map(|kept| (kept, call.created_at))).await
    }

    /// The newest call of two people alone, live or not.
    pub async fn pair(&self, one: UserId, other: UserId) -> Result<Option<CallId>, StoreError> {
        let item = self.db.get(&Key::Live(one, Line::With(other)), true).await?;
        item.map(|item| read_item::<Live>(item).map(|live| live.call)).transpose()
    }

    /// Saves a call that more people were asked into: a line to it for each of them and the invitation in their inbox. If
    /// nobody is new, only the answer is kept.
    pub async fn invite(
        &self,
        call: &Call,
        facts: &[CallEvent],
        read: u64,
        asked: &[Versioned<Card>],
        kept: Option<(&Kept, Timestamp)>,
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        if !asked.is_empty() {
            writes.push(call_put(call, facts, read)?);
        }
        for card in asked {
            writes.push(line(call, card.value.user, Line::In(call.id), Expect::Whatever)?);
            writes.push(card_put(card)?);
        }
        if writes.is_empty() && kept.is_none() {
            return Ok(());
        }
        self.db.transact_once(Table::Calls, writes, kept).await
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

    /// A call with what is signalled in it, in one request: between these two, or else everything. `fresh` as for
    /// [`Self::find`].
    pub async fn signalled(
        &self,
        id: CallId,
        between: Option<(UserId, UserId)>,
        fresh: bool,
    ) -> Result<Option<Signalled>, StoreError> {
        let read = async |consistent| match between {
            Some((one, other)) => {
                self.db.get_many(&[Key::Call(id), Key::Description(id, one, other)], consistent).await
            }
            None => self.db.query_all(Ask { consistent, ..Ask::all_of(&Key::Call(id)) }).await,
        };
        match Signalled::sorted(read(fresh).await?)? {
            None if !fresh => Signalled::sorted(read(true).await?),
            known => Ok(known),
        }
    }

    /// A call with what waits for one of its people. That of two is one request; in a group, where everybody has
    /// signalled with everybody, only what is theirs is read, in two more.
    pub async fn signalled_for(&self, id: CallId, user: UserId) -> Result<Option<Signalled>, StoreError> {
        let all = Ask { consistent: true, ..Ask::all_of(&Key::Call(id)) };
        let page = self.db.query(Ask { limit: Some(ITEMS_OF_TWO + 1), ..all.clone() }).await?;
        let known = Signalled::sorted(page.items)?;
        if page.next.is_none() {
            return Ok(known);
        }
        let Some(mut known) = known else { return Ok(None) };
        let peers = known.call.value.present().filter(|peer| *peer != user);
        let keys: Vec<Key<'_>> = peers.map(|peer| Key::Description(id, user, peer)).collect();
        let for_user = Range::Prefix(format!("{WAITING}{user}#"));
        let descriptions = if keys.is_empty() { Vec::new() } else { self.db.get_many(&keys, true).await? };
        let waiting = self.db.query_all(Ask { range: for_user, ..all }).await?;
        known.descriptions = descriptions.into_iter().map(versioned).collect::<Result<_, _>>()?;
        known.waiting = waiting.into_iter().map(versioned).collect::<Result<_, _>>()?;
        Ok(Some(known))
    }

    /// Saves a call that moved. The histories are written when it is over, and only then.
    pub async fn save(&self, call: &Call, facts: &[CallEvent], read: u64) -> Result<(), StoreError> {
        let moved = call_put(call, facts, read)?;
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
        facts: &[CallEvent],
    ) -> Result<(), StoreError> {
        let moved = call_put(call, facts, signalled.call.version)?;
        self.db.transact(vec![description_put(call.id, answer, Some(read))?, moved]).await
    }

    /// Candidates that wait for one person from another, and the newest description between the two.
    pub async fn waiting(
        &self,
        call: CallId,
        to: UserId,
        from: UserId,
    ) -> Result<(Option<Versioned<Waiting>>, Option<Description>), StoreError> {
        let keys = [Key::Waiting(call, to, from), Key::Description(call, to, from)];
        let (mut waiting, mut description) = (None, None);
        for item in self.db.get_many(&keys, true).await? {
            if sort_key(&item).starts_with(WAITING) {
                waiting = Some(versioned(item)?);
            } else {
                description = Some(read_item(item)?);
            }
        }
        Ok((waiting, description))
    }

    /// Keeps candidates until the person they are for reads them.
    pub async fn keep_waiting(&self, call: &Call, waiting: &Waiting, read: u64) -> Result<(), StoreError> {
        let key = Key::Waiting(call.id, waiting.to, waiting.from);
        let extra = [version(read + 1), ttl(call.created_at + limit::CALL_LONGEST)];
        self.db.write(put(&key, waiting, Expect::Version(read), &extra)?).await
    }

    /// One page of a person's history: calls that are over. Whoever looks for some looks at [`limit::HISTORY_LOOK`] at
    /// most, so a page may be short and still have a next one.
    pub async fn history(&self, user: UserId, from: From, limit: u32, filter: Filter) -> Result<Page, StoreError> {
        let after = match from {
            From::Newest => None,
            From::After(place) => Some(place),
        };
        let look = if filter == Filter::default() { limit } else { limit::HISTORY_LOOK };
        let any = Key::History(user, Timestamp::UNIX_EPOCH, CallId::derived([0; 16]));
        let (range, look) = (Range::Prefix(HISTORY.into()), i32::try_from(look).ok());
        let page = self.db.query(Ask { range, newest_first: true, limit: look, after, ..Ask::all_of(&any) }).await?;
        let mut calls = page.items.into_iter().map(read_item).collect::<Result<Vec<Call>, _>>()?;
        calls.retain(|call| filter.takes(call, user));
        let more = calls.len() > limit as usize;
        calls.truncate(limit as usize);
        let last = calls.last().filter(|_| more).map(|call| Key::History(user, call.created_at, call.id).sk());
        Ok(Page { calls, next: last.or(page.next) })
    }

    /// The person's calls that may be live, newest first, but those that are `known`; settle them. Lines to calls that are
    /// surely over are read until they are cleaned up, within two days.
    pub async fn live(&self, user: UserId, known: &[Call], now: Timestamp) -> Result<Vec<Versioned<Call>>, StoreError> {
        let any = Key::Live(user, Line::With(user));
        let lines = self.db.query_all(Ask { range: Range::Prefix(LIVE.into()), ..Ask::all_of(&any) }).await?;
        let lines = lines.into_iter().map(read_item::<Live>).collect::<Result<Vec<_>, _>>()?;
        let is_known = |id| known.iter().any(|call| call.id == id);
        let open = lines.iter().filter(|line| now < line.gone_by && !is_known(line.call));
        let mut ids: Vec<CallId> = open.map(|line| line.call).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.reverse();
        ids.truncate(*limit::PAGE.end() as usize);
        let mut calls = self.find_many(&ids).await?;
        calls.sort_by_key(|call| std::cmp::Reverse(call.value.id));
        Ok(calls)
    }

    /// Calls by their ids, in no order.
    pub async fn find_many(&self, ids: &[CallId]) -> Result<Vec<Versioned<Call>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Key<'_>> = ids.iter().map(|id| Key::Call(*id)).collect();
        self.db.get_many(&keys, false).await?.into_iter().map(versioned).collect()
    }
}

/// The way from a person to a call, for as long as it can be live.
fn line(call: &Call, user: UserId, line: Line, expect: Expect) -> Result<Write, StoreError> {
    let gone_by = call.gone_by();
    let until = (UNTIL, AttributeValue::N(gone_by.as_millisecond().to_string()));
    put(&Key::Live(user, line), &Live { call: call.id, gone_by }, expect, &[until, ttl(gone_by)])
}

pub(crate) fn call_put(call: &Call, facts: &[CallEvent], read: u64) -> Result<Write, StoreError> {
    let item = CallItem { call: call.clone(), facts: facts.to_vec() };
    put(&Key::Call(call.id), &item, Expect::Version(read), &[version(read + 1)])
}

fn description_put(call: CallId, description: &Description, read: Option<u64>) -> Result<Write, StoreError> {
    let read = read.unwrap_or(0);
    let key = Key::Description(call, description.from, description.to);
    let expiry = ttl(description.at + limit::CALL_LONGEST);
    put(&key, description, Expect::Version(read), &[version(read + 1), expiry])
}

fn history_rows(call: &Call) -> Result<Vec<Write>, StoreError> {
    let shown = Call { stopped: Vec::new(), in_vain: None, ..call.clone() };
    let row = |user| {
        let key = Key::History(user, call.created_at, call.id);
        Ok(Write::Put { table: key.table(), item: item_of(&key, &shown, &[])?, expect: Expect::Whatever })
    };
    call.people.iter().map(|person| row(person.user)).collect()
}

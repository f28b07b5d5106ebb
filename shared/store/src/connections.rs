//! Who is connected, and what each person must not miss.

use domain::id::{SessionId, UserId};
use domain::inbox::Inbox;
use domain::lease::{ConnectionId, Lease};
use domain::limit;
use domain::text::Name;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use socket::problem::causes;
use socket::view::{Closing, ClosingView};
use socket::{Courier, Push, ServerFrame, Undelivered};

use crate::Versioned;
use crate::db::{Ask, Db, item_of, key_of, read_item, sort_key, ttl, version, versioned};
use crate::error::StoreError;
use crate::keys::{ENDED, Key};
use crate::write::{Expect, Write, put};

const READS_AT_ONCE: usize = 8;

/// A lease that can be renewed.
const OPEN: u64 = 1;
/// A tombstone: a ping that was under way when the connection closed does not bring it back.
const CLOSED: u64 = 2;

/// A person as others need them: a name, and an inbox to write to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub name: Name,
    /// Their numbered facts.
    pub inbox: Inbox,
}

/// A person's card and connections, read in one request.
#[derive(Clone, Debug)]
pub struct Room {
    /// No card, no such person.
    pub card: Option<Versioned<Card>>,
    /// Live connections, newest first.
    pub leases: Vec<Lease>,
    /// Sessions that were ended early.
    pub ended: Vec<SessionId>,
}

/// The connections.
#[derive(Clone, Debug)]
pub struct Connections {
    db: Db,
}

impl Connections {
    /// The connections of this store.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Opens a connection. `Stale`: its ticket was used before.
    ///
    /// The lease's key is its ticket, so the write that opens the connection is the one that uses the
    /// ticket up. Two plain writes, not a transaction of twice the price: a death in between leaves a
    /// lease without a connection, which the first push removes.
    ///
    /// The room is read after the lease was written, and a session is ended before its connections are looked for: so
    /// at least one of the two sees the other. `None`: the ticket's session was ended, and the connection is forgotten.
    pub async fn open(&self, lease: &Lease) -> Result<Option<Room>, StoreError> {
        self.db.write(lease_put(lease, Expect::Absent, OPEN)?).await?;
        let expiry = ttl(lease.opened_at + limit::SOCKET_LIFE);
        self.db.write(put(&Key::Connection(&lease.connection), lease, Expect::Whatever, &[expiry])?).await?;
        let room = self.read_room(lease.user, true, lease.opened_at).await?;
        if room.ended.contains(&lease.session) {
            self.forget(lease, lease.opened_at).await?;
            return Ok(None);
        }
        Ok(Some(room))
    }

    /// Tells a connection why, closes it and forgets it. What fails is logged: the lease ends by itself.
    pub async fn shut(&self, courier: &dyn Courier, lease: &Lease, reason: Closing, now: Timestamp) {
        let goodbye = ServerFrame::push(Push::ConnectionClosing(ClosingView { reason }), now);
        let told = courier.post(&lease.connection, &goodbye.to_text()).await;
        if !matches!(told, Err(Undelivered::Gone))
            && let Err(Undelivered::Failed(cause)) = courier.close(&lease.connection).await
        {
            tracing::warn!(error = causes(&*cause), "a connection was not closed");
        }
        if let Err(error) = self.forget(lease, now).await {
            tracing::warn!(error = causes(&error), "a closed connection was not forgotten");
        }
    }

    /// Closes every connection of a session.
    pub async fn shut_session(
        &self,
        courier: &dyn Courier,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let leases = self.read_room(user, true, now).await?.leases;
        let of_session = leases.iter().filter(|lease| lease.session == session);
        let shut: Vec<_> = of_session.map(|lease| self.shut(courier, lease, Closing::SessionEnded, now)).collect();
        stream::iter(shut).buffer_unordered(limit::POSTS_AT_ONCE).collect::<Vec<_>>().await;
        Ok(())
    }

    /// Who speaks on a connection, as it was opened. `None`: it was closed, never opened, or is too old.
    pub async fn speaker(&self, connection: &ConnectionId, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        // The first frame can outrun the copies of what `$connect` wrote, so a miss is read again, consistently.
        for fresh in [false, true] {
            if let Some(item) = self.db.get(&Key::Connection(connection), fresh).await? {
                let opened: Lease = read_item(item)?;
                return Ok(Some(opened).filter(|opened| now < opened.opened_at + limit::SOCKET_LIFE));
            }
        }
        Ok(None)
    }

    /// The person's card and this connection's lease. `None`: the lease has ended. A `fresh` read costs double and
    /// misses nothing that was committed.
    pub async fn lease(
        &self,
        opened: &Lease,
        fresh: bool,
        now: Timestamp,
    ) -> Result<Option<(Lease, Room)>, StoreError> {
        for fresh in [fresh, true] {
            let room = self.read_room(opened.user, fresh, now).await?;
            if let Some(lease) = room.leases.iter().find(|lease| lease.ticket == opened.ticket).cloned() {
                return Ok(Some((lease, room)));
            }
        }
        Ok(None)
    }

    /// Renews a lease that is still open.
    pub async fn renew(&self, lease: &Lease) -> Result<(), StoreError> {
        self.db.write(lease_put(lease, Expect::Version(OPEN), OPEN)?).await
    }

    /// Closes a connection.
    pub async fn close(&self, connection: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        match self.db.get(&Key::Connection(connection), false).await? {
            Some(item) => self.forget(&read_item(item)?, now).await,
            None => Ok(()),
        }
    }

    /// Removes a lease. While its ticket could still be used, it stays as a tombstone that refuses the ticket.
    async fn forget(&self, lease: &Lease, now: Timestamp) -> Result<(), StoreError> {
        let (connection, key) = (Key::Connection(&lease.connection), Key::Lease(lease.user, lease.ticket));
        let of_lease = if now < lease.opened_at + limit::TICKET {
            lease_put(&Lease { expires_at: now, ..lease.clone() }, Expect::Whatever, CLOSED)?
        } else {
            Write::Delete { table: key.table(), key: key_of(&key), expect: Expect::Whatever }
        };
        let of_connection =
            Write::Delete { table: connection.table(), key: key_of(&connection), expect: Expect::Whatever };
        self.db.write_all(vec![of_connection, of_lease]).await
    }

    /// A person's card and the connections that a push goes to. `fresh` as for [`Self::lease`].
    pub async fn room(&self, user: UserId, fresh: bool, now: Timestamp) -> Result<Room, StoreError> {
        let mut room = self.read_room(user, fresh, now).await?;
        room.leases.truncate(limit::CONNECTIONS);
        Ok(room)
    }

    async fn read_room(&self, user: UserId, fresh: bool, now: Timestamp) -> Result<Room, StoreError> {
        let items = self.db.query_all(Ask { consistent: fresh, ..Ask::all_of(&Key::Card(user)) }).await?;
        let mut room = Room { card: None, leases: Vec::new(), ended: Vec::new() };
        for item in items {
            if sort_key(&item) == Key::Card(user).sk() {
                room.card = Some(versioned(item)?);
            } else if let Some(session) = sort_key(&item).strip_prefix(ENDED) {
                room.ended.extend(session.parse::<SessionId>());
            } else {
                room.leases.push(read_item::<Lease>(item)?);
            }
        }
        room.leases.retain(|lease| lease.is_live(now));
        room.leases.sort_by_key(|lease| std::cmp::Reverse(lease.opened_at));
        Ok(room)
    }

    /// People's rooms, in the order asked for.
    pub async fn rooms(&self, people: &[UserId], fresh: bool, now: Timestamp) -> Result<Vec<Room>, StoreError> {
        let reads: Vec<_> = people.iter().map(|user| self.room(*user, fresh, now)).collect();
        stream::iter(reads).buffered(READS_AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
    }

    /// Posts a frame once to every live connection of these people, and forgets those that are gone.
    /// How many took it. Nothing depends on a push: what fails is logged and found again by reading.
    pub async fn tell(&self, courier: &dyn Courier, people: &[UserId], frame: &ServerFrame, now: Timestamp) -> usize {
        match self.rooms(people, false, now).await {
            Ok(rooms) => {
                let leases = rooms.into_iter().flat_map(|room| room.leases).collect::<Vec<_>>();
                self.post(courier, &leases, frame, now).await
            }
            Err(error) => {
                tracing::warn!(error = causes(&error), "nobody was told: the connections could not be read");
                0
            }
        }
    }

    /// Posts a frame once to each of these connections, and forgets those that are gone. How many took it.
    pub async fn post(&self, courier: &dyn Courier, leases: &[Lease], frame: &ServerFrame, now: Timestamp) -> usize {
        let text = frame.to_text();
        let posts: Vec<_> = leases.iter().map(|lease| self.post_one(courier, lease, &text, now)).collect();
        let took = stream::iter(posts).buffer_unordered(limit::POSTS_AT_ONCE).collect::<Vec<_>>().await;
        took.into_iter().filter(|took| *took).count()
    }

    async fn post_one(&self, courier: &dyn Courier, lease: &Lease, text: &str, now: Timestamp) -> bool {
        match courier.post(&lease.connection, text).await {
            Ok(()) => return true,
            Err(Undelivered::Gone) => {
                if let Err(error) = self.forget(lease, now).await {
                    tracing::warn!(error = causes(&error), "a gone connection was not forgotten");
                }
            }
            Err(Undelivered::Failed(cause)) => {
                tracing::warn!(error = causes(&*cause), "a push failed");
            }
        }
        false
    }
}

fn lease_put(lease: &Lease, expect: Expect, state: u64) -> Result<Write, StoreError> {
    let key = Key::Lease(lease.user, lease.ticket);
    // Not cleaned up while its ticket could still be used.
    let cleanup = ttl(lease.expires_at.max(lease.opened_at + limit::TICKET));
    Ok(Write::Put { table: key.table(), item: item_of(&key, lease, &[cleanup, version(state)])?, expect })
}

/// The write that leaves a new inbox on a card; part of the transaction that makes the fact.
pub(crate) fn card_put(card: &Versioned<Card>) -> Result<Write, StoreError> {
    let key = Key::Card(card.value.user);
    put(&key, &card.value, Expect::Version(card.version), &[version(card.version + 1)])
}

//! Recordings, who may see them, and how much room they take.
//!
//! What is in the bucket follows what is written here: an item says that an object is coming before it can be there, and
//! that it goes before it is gone.

use domain::call::{Call, CallEvent};
use domain::id::{RecordingId, UserId};
use domain::once::Kept;
use domain::recording::{Recording, Stage};
use domain::storage::Storage;
use jiff::Timestamp;

use crate::Versioned;
use crate::calls::call_put;
use crate::db::{Ask, Db, Range, key_of, sort_key, ttl, version, versioned};
use crate::error::StoreError;
use crate::keys::{Key, RECORDED, Table};
use crate::write::{Expect, Write, put};

/// A page of somebody's recordings.
#[derive(Clone, Debug)]
pub struct Page {
    /// The recordings, newest first.
    pub recordings: Vec<Recording>,
    /// The place of the last one, when there may be more.
    pub next: Option<String>,
}

/// The recordings.
#[derive(Clone, Debug)]
pub struct Recordings {
    db: Db,
}

impl Recordings {
    /// The recordings of this store.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// A recording, as it is at this moment.
    pub async fn find(&self, id: RecordingId) -> Result<Option<Versioned<Recording>>, StoreError> {
        self.db.get(&Key::Recording(id), true).await?.map(versioned).transpose()
    }

    /// What somebody's recordings take.
    pub async fn storage(&self, user: UserId) -> Result<Versioned<Storage>, StoreError> {
        let item = self.db.get(&Key::Storage(user), true).await?;
        item.map_or(Ok(Versioned { value: Storage::default(), version: 0 }), versioned)
    }

    /// The call that is to be recorded, its recording, and the answer to whoever asked for it, or none of them.
    pub async fn begin(
        &self,
        call: (&Call, &[CallEvent], u64),
        recording: &Recording,
        kept: Option<&Kept>,
    ) -> Result<(), StoreError> {
        let writes = vec![call_put(call.0, call.1, call.2)?, recording_put(recording, 0)?];
        self.db.transact_once(Table::Calls, writes, kept.map(|kept| (kept, recording.began_at))).await
    }

    /// A call that moved, and its recording that knows so.
    pub async fn follow(
        &self,
        call: (&Call, &[CallEvent], u64),
        recording: &Versioned<Recording>,
    ) -> Result<(), StoreError> {
        self.db
            .transact(vec![call_put(call.0, call.1, call.2)?, recording_put(&recording.value, recording.version)?])
            .await
    }

    /// Saves a recording.
    pub async fn save(&self, recording: &Recording, read: u64) -> Result<(), StoreError> {
        self.db.write(recording_put(recording, read)?).await
    }

    /// Saves a recording with the room that it takes.
    pub async fn grow(&self, recording: &Versioned<Recording>, storage: &Versioned<Storage>) -> Result<(), StoreError> {
        let owner = recording.value.owner;
        let writes = vec![
            recording_put(&recording.value, recording.version)?,
            storage_put(owner, &storage.value, storage.version)?,
        ];
        self.db.transact(writes).await
    }

    /// Saves a recording that is complete: it counts, and is in the list of everybody who may see it.
    pub async fn close(
        &self,
        recording: &Versioned<Recording>,
        storage: &Versioned<Storage>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![
            recording_put(&recording.value, recording.version)?,
            storage_put(recording.value.owner, &storage.value, storage.version)?,
        ];
        for key in rows(&recording.value) {
            writes.push(Write::Put { table: key.table(), item: key_of(&key), expect: Expect::Whatever });
        }
        self.db.transact(writes).await
    }

    /// Saves a recording that is gone, gives its room back, and takes it off the lists of `before`'s people.
    pub async fn forget(
        &self,
        before: &Recording,
        recording: &Versioned<Recording>,
        storage: &Versioned<Storage>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![
            recording_put(&recording.value, recording.version)?,
            storage_put(recording.value.owner, &storage.value, storage.version)?,
        ];
        for key in rows(before) {
            writes.push(Write::Delete { table: key.table(), key: key_of(&key), expect: Expect::Whatever });
        }
        self.db.transact(writes).await
    }

    /// One page of the recordings that somebody may see.
    pub async fn page(&self, user: UserId, after: Option<String>, limit: u32) -> Result<Page, StoreError> {
        let any = Key::Recorded(user, Timestamp::UNIX_EPOCH, RecordingId::derived([0; 16]));
        let range = Range::Prefix(RECORDED.into());
        let ask = Ask { range, newest_first: true, limit: i32::try_from(limit).ok(), after, ..Ask::all_of(&any) };
        let page = self.db.query(ask).await?;
        let ids = page.items.iter().map(|item| sort_key(item).rsplit('#').next().unwrap_or_default().parse());
        let ids = ids.collect::<Result<Vec<RecordingId>, _>>().map_err(|error| StoreError::Broken(error.into()))?;
        let mut recordings = Vec::new();
        if !ids.is_empty() {
            let keys: Vec<Key<'_>> = ids.iter().map(|id| Key::Recording(*id)).collect();
            for item in self.db.get_many(&keys, false).await? {
                recordings.push(versioned::<Recording>(item)?.value);
            }
        }
        recordings.retain(|recording| recording.shown_to(user).is_ok());
        recordings.sort_by_key(|recording| std::cmp::Reverse((recording.began_at, recording.id)));
        Ok(Page { recordings, next: page.next })
    }
}

fn recording_put(recording: &Recording, read: u64) -> Result<Write, StoreError> {
    let mut extra = vec![version(read + 1)];
    extra.extend(recording.forgotten_at().map(ttl));
    put(&Key::Recording(recording.id), recording, Expect::Version(read), &extra)
}

fn storage_put(user: UserId, storage: &Storage, read: u64) -> Result<Write, StoreError> {
    put(&Key::Storage(user), storage, Expect::Version(read), &[version(read + 1)])
}

/// The lists that a complete recording is in.
fn rows(recording: &Recording) -> Vec<Key<'static>> {
    let complete = matches!(recording.stage, Stage::Closing | Stage::Kept { .. } | Stage::Deleting { counted: true });
    let people = recording.people.iter().filter(|_| complete);
    people.map(|user| Key::Recorded(*user, recording.began_at, recording.id)).collect()
}

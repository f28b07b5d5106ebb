//! What Dchat remembers. The only crate that names DynamoDB.
//!
//! **Adding an item.** 1. A key in [`keys`]: partition, sort key, table; nothing else formats a key.
//! 2. A method on the repository of its entity, in the words of the domain. 3. Every write is
//! conditional on what was read, or on the item not being there; losing is [`StoreError::Stale`].
//! 4. A line in `docs/tables.md` with its requests and units, and a test that counts them.
//!
//! Expiry is a comparison with the clock. The attribute `ttl` only cleans up, days later.

pub mod accounts;
pub mod answers;
pub mod calls;
pub mod connections;
pub mod db;
pub mod error;
pub mod keys;
pub mod limits;
pub mod meter;
pub mod quality;
pub mod recordings;
pub mod revocations;
pub mod schema;
pub mod stream;
pub mod switchboard;
pub mod timers;
mod write;

pub use accounts::Accounts;
pub use answers::Answers;
pub use calls::Calls;
pub use connections::Connections;
pub use db::Db;
pub use error::StoreError;
pub use limits::Limits;
pub use meter::{Meter, Spent};
pub use quality::Quality;
pub use recordings::Recordings;
pub use revocations::Revocations;
pub use switchboard::Switchboard;
pub use timers::Timers;

/// An entity and the version that a save must still find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The entity.
    pub value: T,
    /// How often it was written before.
    pub version: u64,
}

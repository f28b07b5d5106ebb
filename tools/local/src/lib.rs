//! All of Dchat in one process: every function's routes on one port, the WebSocket API and `@connections` beside
//! them, an embedded DynamoDB and S3, a stand-in for LinkedIn, demo people and the console page.
//!
//! It contains no behaviour of its own: it builds the same requests and occasions as Lambda does, and the functions
//! reach the store and the connections through the same clients.

#![expect(
    clippy::disallowed_methods,
    reason = "a laptop has no Lambda sandbox that freezes: here tasks may be spawned"
)]

pub mod banner;
pub mod bucket;
mod changes;
pub mod contract;
pub mod engine;
pub mod keys;
pub mod outbox;
pub mod pages;
pub mod people;
pub mod port;
pub mod provider;
pub mod reset;
pub mod shared;
pub mod sockets;
pub mod stack;
mod time;
pub mod trace;

pub use stack::{Options, Stack};

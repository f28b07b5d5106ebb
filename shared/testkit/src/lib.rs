//! A whole Dchat in a test: real routes, a real engine, a clock that stands still and ids that count.
//!
//! Only tests and `bench` depend on this crate. What is faked is the outside world alone: the courier keeps frames instead of
//! posting them.

#![expect(clippy::disallowed_methods, reason = "tests may spawn and read the environment")]
#![expect(clippy::missing_panics_doc, reason = "a test panics when its world breaks")]

pub mod bootstrap;
pub mod browser;
pub mod clock;
pub mod courier;
pub mod deployment;
pub mod dice;
pub mod faults;
pub mod interleave;
pub mod person;
pub mod reply;
pub mod runtime_api;
pub mod snapshot;
pub mod storm;
pub mod template;
pub mod world;

pub use clock::{Counted, FixedClock};
pub use courier::{Fate, Mailbox};
pub use dice::Dice;
pub use faults::{Fault, Faults};
pub use interleave::{Gate, Orders, Turn};
pub use person::{Person, Socket};
pub use reply::Reply;
pub use snapshot::Snapshot;
pub use world::World;

/// A session description that passes for one.
pub fn sdp(name: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns={name}\r\nt=0 0\r\n")
}

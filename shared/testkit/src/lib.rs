//! A whole Dchat in a test: real routes, a real engine, a clock that stands still and ids that count.
//!
//! Only tests and `bench` depend on this crate. What is faked is the outside world alone: the courier keeps frames
//! instead of posting them. [`Anywhere`] is such a world or a deployed stack, for the tests that are true of both.

#![expect(clippy::disallowed_methods, reason = "tests may spawn and read the environment")]
#![expect(clippy::missing_panics_doc, reason = "a test panics when its world breaks")]

pub mod anywhere;
pub mod bootstrap;
pub mod browser;
pub mod bucket;
pub mod clock;
pub mod courier;
pub mod deployed;
pub mod deployment;
pub mod dice;
pub mod faults;
pub mod interleave;
pub mod log;
pub mod person;
pub mod place;
pub mod recorder;
pub mod reply;
pub mod runtime_api;
pub mod snapshot;
pub mod storm;
pub mod template;
pub mod wire;
pub mod world;

pub use anywhere::Anywhere;
pub use bucket::Bucket;
pub use clock::{Counted, FixedClock};
pub use courier::{Fate, Mailbox};
pub use dice::Dice;
pub use faults::{Fault, Faults};
pub use interleave::{Gate, Orders, Turn};
pub use log::Log;
pub use person::{Person, Socket};
pub use place::Place;
pub use reply::Reply;
pub use snapshot::Snapshot;
pub use world::World;

/// A session description that passes for one.
pub fn sdp(name: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns={name}\r\nt=0 0\r\n")
}

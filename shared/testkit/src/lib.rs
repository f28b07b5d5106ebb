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

/// A session description of one medium, good as an offer and as an answer.
pub fn sdp(name: &str) -> String {
    let fingerprint = ["AB"; 32].join(":");
    let lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        &format!("s={name}"),
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=ice-ufrag:made",
        "a=ice-pwd:madeupmadeupmadeupmade",
        &format!("a=fingerprint:sha-256 {fingerprint}"),
        "a=setup:active",
        "",
    ];
    lines.join("\r\n")
}

/// A candidate line with this number.
pub fn candidate(number: usize) -> String {
    format!("candidate:{number} 1 udp 2113937151 host.local 50000 typ host")
}

/// What a device counts about a peer after so many times ten seconds of good sound and picture, of which so many percent
/// are lost. Constructed, not recorded.
pub fn report(about: domain::id::UserId, tens: u32, percent: u32) -> serde_json::Value {
    let n = u64::from(tens);
    let (lost, sound) = (n * 5 * u64::from(percent), n * 480_000);
    serde_json::json!({
        "user_id": about.to_string(), "at_ms": tens * 10_000, "round_trip_ms": 40,
        "audio": { "source": 1, "bytes": n * 50_000, "packets": 1 + n * 500 - lost, "lost": lost, "jitter_ms": 4, "buffer_ms": sound * 30, "emitted": sound, "samples": sound, "concealed": 0 },
        "video": { "source": 2, "bytes": n * 1_000_000, "packets": n * 900, "lost": 0, "frames": n * 300, "dropped": 0, "freezes": 0 },
        "sent": { "packets": n * 1_400, "lost": 0, "available_kbps": 2_500, "limited": "none" },
    })
}

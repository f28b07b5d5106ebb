//! Time that stands still and chance that counts.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::clock::{Clock, Entropy};
use jiff::{SignedDuration, Timestamp};

/// A clock that moves when told to. It begins at noon UTC on a day that is far from today's: the engine deletes by the
/// real clock what has expired, and nothing of ours may have.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl Default for FixedClock {
    fn default() -> Self {
        Self(Mutex::new("2036-11-20T12:00:00Z".parse().expect("a timestamp")))
    }
}

impl FixedClock {
    /// Moves it.
    pub fn advance(&self, by: SignedDuration) {
        *self.0.lock().expect("no test panics while it holds the clock") += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("no test panics while it holds the clock")
    }
}

/// Chance that counts: every call gives other bytes, and every run the same.
#[derive(Debug, Default)]
pub struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        bytes.fill(0);
        for (byte, digit) in bytes.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte = digit;
        }
    }
}

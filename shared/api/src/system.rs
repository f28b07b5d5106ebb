//! The system's own clock and randomness: the only place that asks for either.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use domain::clock::{Clock, Entropy, to_the_millisecond};
use jiff::Timestamp;

/// The wall clock, to the millisecond.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock in State")]
    fn now(&self) -> Timestamp {
        to_the_millisecond(Timestamp::now())
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom::new().fill(bytes).expect("the operating system has randomness");
    }
}

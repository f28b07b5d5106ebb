//! Time and chance as arguments: the only two things a rule may not make for itself.

use jiff::Timestamp;

/// Tells the time. The system's clock lives in `api`, a fixed one in `testkit`.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current instant, UTC.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes, good enough for keys and tokens.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Fills the whole buffer.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// `N` fresh bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// Timestamps on the wire and in the store: RFC 3339, UTC with `Z`, milliseconds and no more.
pub fn to_the_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).expect("a timestamp's own milliseconds are in range")
}

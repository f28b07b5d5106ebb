//! Rates as buckets: a [`Rate`]'s burst at once, then one more every refill.
//!
//! A bucket is one instant, the time at which it will be full again (the generic cell rate algorithm): nothing ticks,
//! and taking from it is one comparison and one write.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::limit::Rate;

/// What is left of a rate after one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Of which rate.
    pub rate: Rate,
    /// How often more, at once.
    pub left: u32,
    /// How long until the bucket is full again.
    pub full_in: SignedDuration,
}

/// The bucket is empty. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit {} is reached; one more is possible in {} s", .quota.rate.as_str(), seconds_up(*.wait).max(1))]
pub struct TooMany {
    /// Nothing is left.
    pub quota: Quota,
    /// How long until one more is possible.
    pub wait: SignedDuration,
}

impl TooMany {
    /// Whole seconds until one more is possible, at least one.
    pub fn wait_seconds(&self) -> i64 {
        seconds_up(self.wait).max(1)
    }
}

/// A duration in whole seconds, rounded up.
pub fn seconds_up(duration: SignedDuration) -> i64 {
    duration.as_secs() + i64::from(duration.subsec_nanos() > 0)
}

impl Rate {
    /// How long an empty bucket takes until it is full.
    pub fn window(self) -> SignedDuration {
        self.refill() * i32::try_from(self.burst()).unwrap_or(i32::MAX)
    }

    /// Takes one from the bucket that would have been full at `full_at`: when it will be full now, and what is left.
    pub fn take(self, full_at: Option<Timestamp>, now: Timestamp) -> Result<(Timestamp, Quota), TooMany> {
        // A clock that went back must not lock anybody out for longer than an empty bucket would.
        let full_at = full_at.unwrap_or(now).clamp(now, now + self.window());
        let (next, most) = (full_at + self.refill(), now + self.window());
        let quota = |full_at: Timestamp| {
            let missing = full_at.duration_since(now);
            let left = (self.window() - missing).as_millis() / self.refill().as_millis();
            Quota { rate: self, left: u32::try_from(left).unwrap_or(0), full_in: missing }
        };
        if next <= most {
            Ok((next, quota(next)))
        } else {
            Err(TooMany { quota: quota(full_at), wait: next.duration_since(most) })
        }
    }

    /// A full bucket.
    pub fn full(self) -> Quota {
        Quota { rate: self, left: self.burst(), full_in: SignedDuration::ZERO }
    }
}

/// The network that an address belongs to: /24, or /56 as one household gets it. Who has one address has the others.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_per_refill() {
        for rate in Rate::ALL {
            let mut now = Timestamp::UNIX_EPOCH;
            let mut bucket = None;
            for left in (0..rate.burst()).rev() {
                let (full_at, quota) = rate.take(bucket, now).expect("within the burst");
                assert_eq!(quota.left, left, "{rate:?}");
                bucket = Some(full_at);
            }
            for _ in 0..3 {
                let refused = rate.take(bucket, now).expect_err("the burst is over");
                assert_eq!((refused.quota.left, refused.wait), (0, rate.refill()), "{rate:?}");
                now += refused.wait - SignedDuration::from_millis(1);
                assert_eq!(rate.take(bucket, now).expect_err("too early").wait_seconds(), 1);
                now += SignedDuration::from_millis(1);
                bucket = Some(rate.take(bucket, now).expect("one is back").0);
            }
            now += rate.window();
            assert_eq!(rate.take(bucket, now).expect("full again").1.left, rate.burst() - 1);
        }
    }

    #[test]
    fn a_clock_that_went_back_locks_nobody_out_for_longer_than_a_window() {
        let now = Timestamp::UNIX_EPOCH;
        let refused = Rate::Login.take(Some(now + SignedDuration::from_hours(9)), now).expect_err("empty");
        assert_eq!(refused.wait, Rate::Login.refill());
    }

    #[test]
    fn a_household_is_one_network() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("192.0.2.7"), of("192.0.2.200"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.3.7"));
        assert_eq!(of("2001:db8:1:ab01::1"), of("2001:db8:1:abff:9::1"));
        assert_ne!(of("2001:db8:1:ab01::1"), of("2001:db8:1:ac01::1"));
    }
}

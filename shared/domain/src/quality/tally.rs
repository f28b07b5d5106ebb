//! Seconds by how they sounded: small, exact to add and to take back, and enough for a median and a worst.

use serde::{Deserialize, Serialize};

use crate::quality::point::Point;
use crate::quality::{Level, Verdict};

/// MOS by tenths, from 1.0 to 4.5.
const TENTHS: usize = 36;

/// What a person heard in calls: one call, a day of them, or a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Calls.
    pub calls: u32,
    /// Seconds of the call that were measured.
    pub seconds: u32,
    /// Milliseconds by tenths of MOS, rounded, from 1.0; shorter while the later ones are zero.
    pub mos: Vec<u64>,
    /// Milliseconds by level, the worst first.
    pub levels: [u64; 5],
    /// Directions of calls by verdict.
    pub verdicts: [u32; 5],
}

impl Tally {
    /// With this stretch.
    pub fn hear(&mut self, point: &Point) {
        let span = u64::from(point.span_ms);
        if point.mos > 0 {
            let tenth = (point.mos.clamp(100, 450) as usize - 95) / 10;
            if self.mos.len() <= tenth {
                self.mos.resize(tenth + 1, 0);
            }
            self.mos[tenth] += span;
        }
        if let Some(level) = point.level() {
            self.levels[level.place()] += span;
        }
    }

    /// One more direction that was judged.
    pub fn judge(&mut self, verdict: Verdict) {
        self.verdicts[verdict.place()] += 1;
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// This one without that part of it.
    #[must_use]
    pub fn without(self, part: &Self) -> Self {
        self.with(part, u64::saturating_sub)
    }

    fn with(self, other: &Self, merge: fn(u64, u64) -> u64) -> Self {
        let small = |a: u32, b: u32| u32::try_from(merge(a.into(), b.into())).unwrap_or(u32::MAX);
        let at = |mos: &[u64], i: usize| mos.get(i).copied().unwrap_or(0);
        let tenths = self.mos.len().max(other.mos.len()).min(TENTHS);
        let mut mos: Vec<u64> = (0..tenths).map(|i| merge(at(&self.mos, i), at(&other.mos, i))).collect();
        while mos.last() == Some(&0) {
            mos.pop();
        }
        Self {
            calls: small(self.calls, other.calls),
            seconds: small(self.seconds, other.seconds),
            mos,
            levels: std::array::from_fn(|i| merge(self.levels[i], other.levels[i])),
            verdicts: std::array::from_fn(|i| small(self.verdicts[i], other.verdicts[i])),
        }
    }

    /// Tenths of MOS that half of the time was at least as bad as.
    pub fn median(&self) -> Option<u32> {
        let half = self.mos.iter().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        let place = self.mos.iter().position(|span| {
            seen += span;
            seen >= half && seen > 0
        });
        place.and_then(tenths)
    }

    /// Tenths of MOS of the worst stretch.
    pub fn worst(&self) -> Option<u32> {
        self.mos.iter().position(|span| *span > 0).and_then(tenths)
    }

    /// The level that half of the time was at least as bad as.
    pub fn level(&self) -> Option<Level> {
        let half = self.levels.iter().sum::<u64>().div_ceil(2);
        let mut seen = 0;
        Level::ALL.into_iter().find(|level| {
            seen += self.levels[level.place()];
            seen >= half && seen > 0
        })
    }
}

fn tenths(place: usize) -> Option<u32> {
    u32::try_from(place).ok().map(|place| place + 10)
}

//! How a call sounds and looks to the people in it, from what both sides count.
//!
//! A [`report::Report`] is what one device counts about one peer: what arrives from the peer, and what the peer's RTCP
//! says of what it sends. Counters are cumulative, as `getStats` has them: a lost report loses nothing and a repeated
//! one adds nothing, which deltas made by the sender cannot promise. A [`track::Heard`] is one person's account of a
//! call; [`verdict`] reads the accounts of everybody.

pub mod admission;
pub mod emodel;
pub mod point;
pub mod report;
pub mod tally;
pub mod track;
pub mod verdict;

use serde::{Deserialize, Serialize};

use crate::limit;

/// How good it is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nobody understands each other.
    Bad,
    /// Nearly everybody is annoyed.
    Poor,
    /// Some are annoyed.
    Fair,
    /// Few notice.
    Good,
    /// As good as it gets.
    Excellent,
}

impl Level {
    /// Every level, the worst first.
    pub const ALL: [Self; 5] = [Self::Bad, Self::Poor, Self::Fair, Self::Good, Self::Excellent];

    /// Of sound, by hundredths of MOS.
    pub fn of_mos(hundredths: u32) -> Self {
        let missed = limit::QUALITY_MOS.iter().filter(|least| hundredths < **least).count();
        Self::ALL[4 - missed]
    }

    /// Of a picture: the worst of what freezes a minute, dropped frames (thousandths) and the bitrate allow. The
    /// bitrate counts only for a picture that moves, 10 frames a second or more: a still screen needs next to nothing.
    pub fn of_picture(freezes: u64, dropped: u32, kbps: u64, fps: u64) -> Self {
        let over = |n: u64, most: [u64; 4]| most.iter().filter(|most| n > **most).count();
        let frozen = over(freezes, limit::QUALITY_FREEZES);
        let dropping = over(dropped.into(), limit::QUALITY_DROPPED.map(u64::from));
        let starved = limit::QUALITY_PICTURE.iter().filter(|least| fps >= 10 && kbps < **least).count();
        Self::ALL[4 - frozen.max(dropping).max(starved)]
    }

    /// Its place, 0 for the worst.
    pub fn place(self) -> usize {
        self as usize
    }
}

/// Where the fault lies that somebody hears another person badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There is none.
    None,
    /// On the speaker's way up.
    Uplink,
    /// On the way between, or it cannot be told.
    Network,
    /// On the listener's way down.
    Downlink,
    /// In a device that is too slow.
    Device,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] = [Self::None, Self::Uplink, Self::Network, Self::Downlink, Self::Device];

    /// Its place in [`Self::ALL`].
    pub fn place(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests;

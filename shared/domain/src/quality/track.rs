//! One person's account of a call: a short line of stretches per peer, and what has been added to the day of it.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::limit;
use crate::quality::point::Point;
use crate::quality::report::{Absurd, Report};
use crate::quality::tally::Tally;

/// How one person heard one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The newest report: what the next one is counted from. It names the peer.
    pub last: Report,
    /// Oldest first.
    pub points: Vec<Point>,
    /// Milliseconds by quality, exact however the points are merged.
    pub tally: Tally,
    /// Milliseconds that the points cover.
    pub covered_ms: u64,
}

/// One person's account of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Whose.
    pub by: UserId,
    /// One per peer.
    pub tracks: Vec<Track>,
    /// What of it is in the person's day.
    pub folded: Tally,
}

impl Heard {
    /// Nothing yet.
    pub fn nothing(by: UserId) -> Self {
        Self { by, tracks: Vec::new(), folded: Tally::default() }
    }

    /// How this peer was heard.
    pub fn track(&self, about: UserId) -> Option<&Track> {
        self.tracks.iter().find(|track| track.last.user_id == about)
    }

    /// With these reports; those that are no later than what is known change nothing. All or none are taken: which
    /// were new, or why one cannot be true.
    pub fn take(mut self, reports: &[Report]) -> Result<(Self, usize), Absurd> {
        let mut taken = 0;
        for report in reports {
            report.check()?;
            let known = self.tracks.iter_mut().find(|track| track.last.user_id == report.user_id);
            let Some(track) = known else {
                self.tracks.push(Track { last: *report, points: vec![], tally: Tally::default(), covered_ms: 0 });
                taken += 1;
                continue;
            };
            if report.at_ms.saturating_sub(track.last.at_ms) < *limit::QUALITY_INTERVAL.start() {
                continue;
            }
            if let Some(point) = Point::between(&track.last, report)? {
                track.points.push(point);
                track.tally.hear(&point);
                track.covered_ms += u64::from(point.span_ms);
            }
            track.last = *report;
            taken += 1;
        }
        let most = limit::QUALITY_POINTS / self.tracks.len().max(1);
        for track in &mut self.tracks {
            track.shorten(most);
        }
        Ok((self, taken))
    }

    /// All of it, for the day; the verdicts are the caller's to add.
    pub fn tally(&self) -> Tally {
        let covered = self.tracks.iter().map(|track| track.covered_ms).max().unwrap_or(0);
        let all = self.tracks.iter().fold(Tally::default(), |sum, track| sum.and(&track.tally));
        Tally { calls: 1, seconds: u32::try_from(covered / 1_000).unwrap_or(u32::MAX), ..all }
    }

    /// Whether enough was heard that is not in the day yet.
    pub fn is_due(&self) -> bool {
        self.tally().seconds.saturating_sub(self.folded.seconds) >= limit::QUALITY_FOLD
    }
}

impl Track {
    /// Merges neighbours, the shortest two first and of those the oldest, until no more than so many are left: what is
    /// old gets coarser, and a track never grows beyond.
    fn shorten(&mut self, most: usize) {
        while self.points.len() > most.max(1) {
            let span = |i: &usize| self.points[*i].span_ms.saturating_add(self.points[i + 1].span_ms);
            let Some(place) = (0..self.points.len() - 1).min_by_key(span) else { return };
            let later = self.points.remove(place + 1);
            self.points[place] = self.points[place].and(later);
        }
    }

    /// The stretch at this time.
    pub fn at(&self, ms: u32) -> Option<&Point> {
        self.points.iter().find(|point| ms <= point.at_ms && ms > point.at_ms.saturating_sub(point.span_ms))
    }
}

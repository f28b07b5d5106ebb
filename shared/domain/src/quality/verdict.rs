//! Whose fault it is, from the accounts of everybody in the call.
//!
//! Of each stretch in which a listener heard a speaker, the first rule that fits:
//!
//! | | the listener says of the speaker | and | verdict |
//! |---|---|---|---|
//! | 1 | good or excellent | | none |
//! | 2 | under 1 % lost, and 5 % of the frames dropped | | device |
//! | 3 | under 1 % lost, under 30 ms of jitter, and 5 % of the sound made up | | device |
//! | 4 | under 1 % lost | the speaker sends less for want of processor | device |
//! | 5 | anything else | the speaker sounds well to somebody else, and nobody to the listener | downlink |
//! | 6 | | the speaker sounds well to nobody, of two or more, and somebody else does to the listener | uplink |
//! | 7 | | no third person; the speaker has under 200 kbit/s, sends less for it, and hears the listener well | uplink |
//! | 8 | | | network |
//!
//! Between two people alone a narrow way down looks like a bad way between, so it is `network`, and never a guess. In
//! rule 7 the way back is open, and most access is narrower up than down.
//!
//! A direction's verdict is that of most of its impaired time; none when that is under 5 % of it.

use crate::id::UserId;
use crate::quality::Verdict;
use crate::quality::point::Point;
use crate::quality::report::Limited;
use crate::quality::track::{Heard, Track};

/// Thousandths of the packets, below which a loss explains nothing.
const LOSSLESS: u32 = 10;
/// Thousandths of the frames or samples, from which a device is too slow.
const TOO_SLOW: u32 = 50;
/// Milliseconds of jitter, from which sound is made up for lateness.
const JITTERY: u32 = 30;
/// Kilobits a second that are too few. Every sender is held back at first, while its estimate grows from 300.
const NARROW: std::ops::RangeInclusive<u32> = 1..=200;
/// The part of the time, one in so many, that must be impaired.
const NOTEWORTHY: u64 = 20;

/// Others at the same time: how many sounded well, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Well.
    pub well: usize,
    /// Badly.
    pub badly: usize,
}

/// Everything that is known of one stretch.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// How the listener heard the speaker.
    pub heard: &'a Point,
    /// The speaker's own account, of the listener, at that time.
    pub spoken: Option<&'a Point>,
    /// How the speaker sounded to others.
    pub speaker: Others,
    /// How others sounded to the listener.
    pub listener: Others,
}

impl Moment<'_> {
    /// The first rule that fits.
    pub fn verdict(&self) -> Verdict {
        let Self { heard, spoken, speaker, listener } = *self;
        let held = spoken.map_or(Limited::None, |spoken| spoken.limited);
        let narrow = held == Limited::Bandwidth && spoken.is_some_and(|spoken| NARROW.contains(&spoken.available_kbps));
        let hears_well = spoken.is_some_and(|spoken| spoken.level().is_some() && !spoken.is_impaired());
        let alone = speaker == Others::default() && listener == Others::default();
        match () {
            () if !heard.is_impaired() => Verdict::None,
            () if heard.lost < LOSSLESS && heard.dropped >= TOO_SLOW => Verdict::Device,
            () if heard.lost < LOSSLESS && heard.jitter_ms < JITTERY && heard.concealed >= TOO_SLOW => Verdict::Device,
            () if heard.lost < LOSSLESS && held == Limited::Cpu => Verdict::Device,
            () if speaker.well > 0 && listener.well == 0 => Verdict::Downlink,
            () if speaker.well == 0 && speaker.badly > 0 && listener.well > 0 => Verdict::Uplink,
            () if alone && narrow && hears_well => Verdict::Uplink,
            () => Verdict::Network,
        }
    }
}

/// Why this person heard that one badly, if so, in the whole call.
pub fn of_direction(everybody: &[Heard], listener: UserId, speaker: UserId) -> Verdict {
    let account = |who: UserId| everybody.iter().find(|heard| heard.by == who);
    let Some(track) = account(listener).and_then(|heard| heard.track(speaker)) else { return Verdict::None };
    let mut time = [0_u64; 5];
    for heard in &track.points {
        let middle = heard.at_ms.saturating_sub(heard.span_ms / 2);
        let count = |tracks: &mut dyn Iterator<Item = &Track>| {
            let points = tracks.filter_map(|track| track.at(middle)).filter(|point| point.level().is_some());
            points.fold(Others::default(), |sum, point| {
                let impaired = usize::from(point.is_impaired());
                Others { well: sum.well + 1 - impaired, badly: sum.badly + impaired }
            })
        };
        let mut of_speaker = everybody.iter().filter(|h| h.by != listener).filter_map(|h| h.track(speaker));
        let mut to_listener =
            account(listener).into_iter().flat_map(|h| &h.tracks).filter(|t| t.last.user_id != speaker);
        let moment = Moment {
            heard,
            spoken: account(speaker).and_then(|h| h.track(listener)).and_then(|track| track.at(middle)),
            speaker: count(&mut of_speaker),
            listener: count(&mut to_listener),
        };
        time[moment.verdict().place()] += u64::from(heard.span_ms);
    }
    let impaired: u64 = time[1..].iter().sum();
    if impaired * NOTEWORTHY <= time.iter().sum() {
        return Verdict::None;
    }
    Verdict::ALL.into_iter().skip(1).max_by_key(|verdict| time[verdict.place()]).unwrap_or(Verdict::None)
}

/// The verdicts on everybody whom this person heard.
pub fn on_everybody(everybody: &[Heard], listener: UserId) -> impl Iterator<Item = Verdict> {
    let tracks = everybody.iter().filter(move |heard| heard.by == listener).flat_map(|heard| &heard.tracks);
    let measured = tracks.filter(|track| !track.points.is_empty());
    measured.map(move |track| of_direction(everybody, listener, track.last.user_id))
}

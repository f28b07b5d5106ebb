//! A stretch of a call as one person heard another.

use serde::{Deserialize, Serialize};

use crate::limit;
use crate::quality::Level;
use crate::quality::emodel::{OPUS, mos, rating};
use crate::quality::report::{Absurd, Limited, Received, Report};

/// A stretch. Kept as twelve small numbers, so that many fit into an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "[u32; 12]", from = "[u32; 12]")]
pub struct Point {
    /// Its end, milliseconds since the call's start.
    pub at_ms: u32,
    /// How long it is.
    pub span_ms: u32,
    /// Hundredths of MOS; 0 when no sound arrived.
    pub mos: u32,
    /// Milliseconds of a round trip.
    pub round_trip_ms: u32,
    /// Thousandths of the packets from the peer that were lost.
    pub lost: u32,
    /// Milliseconds.
    pub jitter_ms: u32,
    /// Thousandths of the samples that were made up.
    pub concealed: u32,
    /// Thousandths of the frames that were dropped.
    pub dropped: u32,
    /// Level of the picture, 1 (bad) to 5; 0 when none arrived.
    pub picture: u32,
    /// What held the sending to the peer back.
    pub limited: Limited,
    /// Thousandths of the packets to the peer that it says were lost.
    pub sent_lost: u32,
    /// Kilobits a second that could go to the peer; 0 when it is not known.
    pub available_kbps: u32,
}

const LIMITED: [Limited; 4] = [Limited::None, Limited::Other, Limited::Bandwidth, Limited::Cpu];

impl From<Point> for [u32; 12] {
    fn from(p: Point) -> Self {
        let (limited, kbps) = (p.limited as u32, p.available_kbps);
        let head = [p.at_ms, p.span_ms, p.mos, p.round_trip_ms, p.lost, p.jitter_ms];
        let tail = [p.concealed, p.dropped, p.picture, limited, p.sent_lost, kbps];
        std::array::from_fn(|i| if i < 6 { head[i] } else { tail[i - 6] })
    }
}

impl From<[u32; 12]> for Point {
    fn from(n: [u32; 12]) -> Self {
        let [at_ms, span_ms, mos, round_trip_ms, lost, jitter_ms, concealed, dropped, picture, held, sent_lost, kbps] =
            n;
        let limited = LIMITED.get(held as usize).copied().unwrap_or_default();
        Self {
            at_ms,
            span_ms,
            mos,
            round_trip_ms,
            lost,
            jitter_ms,
            concealed,
            dropped,
            picture,
            limited,
            sent_lost,
            available_kbps: kbps,
        }
    }
}

/// Thousandths, at most a thousand.
fn share(part: u64, whole: u64) -> u32 {
    u32::try_from(part.min(whole).saturating_mul(1_000).checked_div(whole).unwrap_or(0)).unwrap_or(1_000)
}

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Point {
    /// What lies between two reports. `None` when nothing can be said of it: the earlier one is too old, or whatever
    /// arrives counts anew.
    pub fn between(before: &Report, now: &Report) -> Result<Option<Self>, Absurd> {
        let span_ms = now.at_ms.saturating_sub(before.at_ms);
        if !limit::QUALITY_INTERVAL.contains(&span_ms) {
            return Ok(None);
        }
        let since = |now: Option<Received>, before: Option<Received>| now.zip(before).and_then(|(n, b)| n.since(&b));
        let (audio, video) = (since(now.audio, before.audio), since(now.video, before.video));
        let streams = [audio, video];
        for stream in streams.iter().flatten() {
            if stream.bytes.saturating_mul(8_000) / u64::from(span_ms) > limit::QUALITY_BITRATE {
                return Err(Absurd::Bitrate);
            }
        }
        if streams == [None, None] {
            return Ok(None);
        }
        let sum = |of: fn(&Received) -> u64| streams.iter().flatten().map(of).fold(0, u64::saturating_add);
        let lost = share(sum(|s| s.lost), sum(|s| s.packets.saturating_add(s.lost)));
        let sent = now.sent.unwrap_or_default();
        let sent_before = before.sent.unwrap_or_default();
        let sent_lost = sent.lost.saturating_sub(sent_before.lost);
        Ok(Some(Self {
            at_ms: now.at_ms,
            span_ms,
            mos: audio.map_or(0, |audio| sound(&audio, now.round_trip_ms)),
            round_trip_ms: now.round_trip_ms,
            lost,
            jitter_ms: audio.or(video).map_or(0, |stream| stream.jitter_ms),
            concealed: audio.map_or(0, |audio| share(audio.concealed, audio.samples)),
            dropped: video.map_or(0, |video| share(video.dropped, video.frames + video.dropped)),
            picture: video.map_or(0, |video| picture(&video, span_ms)),
            limited: sent.limited,
            sent_lost: share(sent_lost, sent.packets.saturating_sub(sent_before.packets)),
            available_kbps: small(sent.available_kbps),
        }))
    }

    /// How good it is: the worse of sound and picture. `None` when neither arrived.
    pub fn level(&self) -> Option<Level> {
        let sound = (self.mos > 0).then(|| Level::of_mos(self.mos));
        let picture = (self.picture as usize).checked_sub(1).and_then(|place| Level::ALL.get(place).copied());
        sound.into_iter().chain(picture).min()
    }

    /// Fair or worse: somebody noticed.
    pub fn is_impaired(&self) -> bool {
        self.level().is_some_and(|level| level < Level::Good)
    }

    /// Both as one: means by time, the worst picture, the strongest limit. Sound that arrived in one of them only
    /// counts alone.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let (one, two) = (u64::from(self.span_ms), u64::from(later.span_ms));
        let mean = |a: u32, b: u32| small((u64::from(a) * one + u64::from(b) * two) / (one + two).max(1));
        let known = |a: u32, b: u32| if a == 0 || b == 0 { a.max(b) } else { mean(a, b) };
        Self {
            at_ms: later.at_ms,
            span_ms: self.span_ms.saturating_add(later.span_ms),
            mos: known(self.mos, later.mos),
            round_trip_ms: known(self.round_trip_ms, later.round_trip_ms),
            lost: mean(self.lost, later.lost),
            jitter_ms: mean(self.jitter_ms, later.jitter_ms),
            concealed: mean(self.concealed, later.concealed),
            dropped: mean(self.dropped, later.dropped),
            picture: if self.picture.min(later.picture) == 0 {
                self.picture.max(later.picture)
            } else {
                self.picture.min(later.picture)
            },
            limited: self.limited.max(later.limited),
            sent_lost: mean(self.sent_lost, later.sent_lost),
            available_kbps: known(self.available_kbps, later.available_kbps),
        }
    }
}

/// Hundredths of MOS: half a round trip and the jitter buffer (or twice the jitter) are the delay; 0 when nothing came.
fn sound(audio: &Received, round_trip_ms: u32) -> u32 {
    let expected = audio.packets.saturating_add(audio.lost);
    if expected == 0 {
        return 0;
    }
    let buffer = audio.buffer_ms.checked_div(audio.emitted).map_or(audio.jitter_ms * 2, small);
    let one_way = f64::from(round_trip_ms) / 2.0 + f64::from(buffer);
    let percent = f64::from(share(audio.lost, expected)) / 10.0;
    let hundredths = (mos(rating(OPUS, one_way, percent)) * 100.0).round();
    // From 100 to 441.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "MOS is from 1 to 4.5")]
    let hundredths = hundredths as u32;
    hundredths
}

/// 1 (bad) to 5; 0 when nothing came.
fn picture(video: &Received, span_ms: u32) -> u32 {
    if video.packets == 0 && video.frames == 0 {
        return 0;
    }
    let a_minute = |n: u64| n.saturating_mul(60_000) / u64::from(span_ms);
    let (kbps, fps) = (video.bytes.saturating_mul(8) / u64::from(span_ms), video.frames * 1_000 / u64::from(span_ms));
    let dropped = share(video.dropped, video.frames + video.dropped);
    let level = Level::of_picture(a_minute(video.freezes), dropped, kbps, fps);
    small(level.place() as u64) + 1
}

//! What a device counts about one peer, and what cannot be true of it.
//!
//! Everything is a whole number, so there is no NaN, no infinity and nothing negative to refuse.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::limit;

/// JavaScript counts exactly up to here.
const COUNTABLE: u64 = (1 << 53) - 1;

/// What arrives of one stream, cumulative since the source began (`inbound-rtp` of the W3C's `getStats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// Its SSRC: another source counts from zero.
    #[schema(minimum = 0)]
    pub source: u32,
    /// Bytes received.
    #[schema(minimum = 0)]
    pub bytes: u64,
    /// Packets received.
    #[schema(minimum = 0)]
    pub packets: u64,
    /// Packets lost; what the browser counts below zero is zero. May fall when a late one arrives.
    #[schema(minimum = 0)]
    pub lost: u64,
    /// Jitter now, milliseconds.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub jitter_ms: u32,
    /// `jitterBufferDelay` in milliseconds: the sum over everything emitted.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub buffer_ms: u64,
    /// `jitterBufferEmittedCount`.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub emitted: u64,
    /// Sound: samples played.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub samples: u64,
    /// Sound: samples made up for missing ones.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub concealed: u64,
    /// Picture: frames decoded.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub frames: u64,
    /// Picture: frames dropped before or after decoding.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub dropped: u64,
    /// Picture: freezes.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub freezes: u64,
}

/// What holds a sender back (`qualityLimitationReason`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// Nothing.
    #[default]
    None,
    /// Something else.
    Other,
    /// Its estimate of the bandwidth.
    Bandwidth,
    /// Its processor.
    Cpu,
}

/// What is sent to the peer, and what the peer's RTCP says of it (`outbound-rtp`, `remote-inbound-rtp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Packets sent.
    #[schema(minimum = 0)]
    pub packets: u64,
    /// Packets that the peer says were lost.
    #[schema(minimum = 0)]
    pub lost: u64,
    /// The available outgoing bitrate, kilobits a second.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub available_kbps: u64,
    /// What holds it back.
    #[serde(default)]
    pub limited: Limited,
}

/// What one device counts about one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// About whom.
    pub user_id: UserId,
    /// Milliseconds since the call's start, when it was counted: also the report's number, larger each time.
    #[schema(minimum = 0)]
    pub at_ms: u32,
    /// The round trip now, milliseconds; 0 when it is not known.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub round_trip_ms: u32,
    /// Sound from the peer.
    #[serde(default)]
    pub audio: Option<Received>,
    /// Picture from the peer.
    #[serde(default)]
    pub video: Option<Received>,
    /// What goes to the peer.
    #[serde(default)]
    pub sent: Option<Sent>,
}

/// Why a report cannot be true. Nothing is taken of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absurd {
    /// More than JavaScript can count.
    #[error("a counter is above 2^53 - 1")]
    Uncountable,
    /// Beyond [`limit::QUALITY_DELAY`].
    #[error("a round trip or a jitter is above {most} ms", most = limit::QUALITY_DELAY)]
    Delay,
    /// RFC 3550 counts losses from the first packet that arrived.
    #[error("packets were lost before any arrived")]
    LostBeforeAny,
    /// RTCP said more than there is.
    #[error("more packets were lost than sent")]
    LostMoreThanSent,
    /// Made up more than was played.
    #[error("more samples were concealed than played")]
    Concealed,
    /// Beyond [`limit::QUALITY_BITRATE`].
    #[error("a stream has more than 1 Gbit/s")]
    Bitrate,
}

impl Received {
    fn check(&self) -> Result<(), Absurd> {
        let Self { bytes, packets, lost, buffer_ms, emitted, samples, concealed, frames, dropped, freezes, .. } = *self;
        let counters = [bytes, packets, lost, buffer_ms, emitted, samples, concealed, frames, dropped, freezes];
        if counters.iter().any(|n| *n > COUNTABLE) {
            return Err(Absurd::Uncountable);
        }
        match () {
            () if self.jitter_ms > limit::QUALITY_DELAY => Err(Absurd::Delay),
            () if packets == 0 && lost > 0 => Err(Absurd::LostBeforeAny),
            () if concealed > samples => Err(Absurd::Concealed),
            () => Ok(()),
        }
    }

    /// What came since; `None` when it counts anew: another source, or a counter that went back. Losses may go back.
    pub fn since(&self, before: &Self) -> Option<Self> {
        let less = |now: u64, then: u64| now.checked_sub(then);
        if self.source != before.source {
            return None;
        }
        Some(Self {
            bytes: less(self.bytes, before.bytes)?,
            packets: less(self.packets, before.packets)?,
            lost: self.lost.saturating_sub(before.lost),
            buffer_ms: less(self.buffer_ms, before.buffer_ms)?,
            emitted: less(self.emitted, before.emitted)?,
            samples: less(self.samples, before.samples)?,
            concealed: self.concealed.saturating_sub(before.concealed),
            frames: less(self.frames, before.frames)?,
            dropped: less(self.dropped, before.dropped)?,
            freezes: less(self.freezes, before.freezes)?,
            ..*self
        })
    }
}

impl Report {
    /// Refuses what cannot be true of it alone.
    pub fn check(&self) -> Result<(), Absurd> {
        for received in [self.audio, self.video].iter().flatten() {
            received.check()?;
        }
        if self.round_trip_ms > limit::QUALITY_DELAY {
            return Err(Absurd::Delay);
        }
        match self.sent {
            Some(sent) if sent.packets.max(sent.available_kbps) > COUNTABLE => Err(Absurd::Uncountable),
            Some(sent) if sent.lost > sent.packets => Err(Absurd::LostMoreThanSent),
            Some(sent) if sent.available_kbps > limit::QUALITY_BITRATE / 1_000 => Err(Absurd::Bitrate),
            _ => Ok(()),
        }
    }
}

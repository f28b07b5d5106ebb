//! What the endpoints of quality share: saving an account, and how quality looks on the wire.

use domain::call::Call;
use domain::id::UserId;
use domain::quality::point::Point;
use domain::quality::tally::Tally;
use domain::quality::track::{Heard, Track};
use domain::quality::{Level, Verdict, verdict};
use jiff::Timestamp;
use serde::Serialize;
use store::{StoreError, Versioned};
use utoipa::ToSchema;

use crate::state::State;

/// Saves an account in place of the one that was read. Once a minute of the call, and whenever it has more to say after
/// the end, its day is brought up to date with it.
pub(crate) async fn save(
    state: &State,
    call: &Call,
    since: Timestamp,
    heard: Heard,
    read: u64,
) -> Result<(), StoreError> {
    let now = state.now();
    if !heard.is_due() && !call.is_over() {
        return state.quality.save(call.id, &heard, read, now).await;
    }
    let others = state.quality.of_everybody(call.id).await?;
    let total = total(&heard, &others);
    state.quality.fold((call.id, since), heard, read, total, now).await
}

/// All that an account says, with a verdict on everybody whom it is about.
pub(crate) fn total(heard: &Heard, everybody: &[Versioned<Heard>]) -> Tally {
    let others = everybody.iter().map(|read| &read.value).filter(|other| other.by != heard.by);
    let everybody: Vec<Heard> = others.chain([heard]).cloned().collect();
    let mut total = heard.tally();
    verdict::on_everybody(&everybody, heard.by).for_each(|verdict| total.judge(verdict));
    total
}

/// A stretch.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct PointView {
    /// Its end, milliseconds since the call's start.
    at_ms: u32,
    /// How long it is, milliseconds.
    span_ms: u32,
    /// MOS of sound, 1 to 4.5; null when none arrived.
    mos: Option<f64>,
    /// The worse of sound and picture; null when neither arrived.
    level: Option<Level>,
    /// Milliseconds; null when it is not known.
    round_trip_ms: Option<u32>,
    /// Percent of the packets.
    lost: f64,
    /// Milliseconds.
    jitter_ms: u32,
}

impl From<&Point> for PointView {
    fn from(point: &Point) -> Self {
        Self {
            at_ms: point.at_ms,
            span_ms: point.span_ms,
            mos: (point.mos > 0).then(|| f64::from(point.mos) / 100.0),
            level: point.level(),
            round_trip_ms: (point.round_trip_ms > 0).then_some(point.round_trip_ms),
            lost: f64::from(point.lost) / 10.0,
            jitter_ms: point.jitter_ms,
        }
    }
}

/// MOS of sound, to a tenth; null when none arrived.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct MosView {
    /// Half of the time was at least as bad.
    median: Option<f64>,
    /// The worst stretch.
    worst: Option<f64>,
}

impl From<&Tally> for MosView {
    fn from(tally: &Tally) -> Self {
        let tenth = |tenths: Option<u32>| tenths.map(|tenths| f64::from(tenths) / 10.0);
        Self { median: tenth(tally.median()), worst: tenth(tally.worst()) }
    }
}

/// How one person heard and saw another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct DirectionView {
    /// Who heard.
    listener: UserId,
    /// Whom.
    speaker: UserId,
    mos: MosView,
    /// The level that half of the time was at least as bad as; null when nothing arrived.
    level: Option<Level>,
    /// Where the fault lies, as far as both accounts tell.
    verdict: Verdict,
    /// Oldest first; what is old is coarser.
    points: Vec<PointView>,
}

impl DirectionView {
    /// Every direction that somebody has told of.
    pub(crate) fn all(everybody: &[Heard]) -> Vec<Self> {
        let of = |heard: &Heard, track: &Track| Self {
            listener: heard.by,
            speaker: track.last.user_id,
            mos: (&track.tally).into(),
            level: track.tally.level(),
            verdict: verdict::of_direction(everybody, heard.by, track.last.user_id),
            points: track.points.iter().map(PointView::from).collect(),
        };
        everybody.iter().flat_map(|heard| heard.tracks.iter().map(move |track| of(heard, track))).collect()
    }
}

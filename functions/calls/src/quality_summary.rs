//! `GET /api/webrtc/quality/summary`

use api::{Caller, Query, Refusal, refusal::invalid};
use axum::Json;
use axum::extract::State as Extract;
use domain::limit;
use domain::quality::tally::Tally;
use domain::quality::{Level, Verdict};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use socket::Problem;
use utoipa::ToSchema;

use crate::quality::MosView;
use crate::state::State;

/// A day, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Date)]
pub(crate) struct Day(Date);

api::body! {
    /// Which time.
    pub(crate) struct Between {
        from: Option<Day>,
        to: Option<Day>,
    }
}

/// A level's part of the time.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Share {
    level: Level,
    /// Percent.
    share: f64,
}

/// How often somebody was at fault.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Count {
    verdict: Verdict,
    /// Directions of calls.
    count: u32,
}

/// How the caller heard others.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// The first day.
    from: Day,
    /// The last day.
    to: Day,
    /// Calls that were measured.
    calls: u32,
    /// Whole minutes of them.
    minutes: u32,
    mos: MosView,
    /// The worst first.
    levels: Vec<Share>,
    verdicts: Vec<Count>,
}

/// Sums up how the caller heard others: the last seven days when nothing else is said, 90 at most. Calls count on the
/// day, UTC, on which they began; one that goes on is up to a minute behind.
#[utoipa::path(
    get, path = "/api/webrtc/quality/summary", operation_id = "qualitySummary", tag = "calls", security(("bearer" = [])),
    params(("from" = Option<Day>, Query, description = "The first day."), ("to" = Option<Day>, Query, description = "The last day.")),
    responses((status = 200, body = Summary), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn quality_summary(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Query(between): Query<Between>,
) -> Result<Json<Summary>, Refusal> {
    let (most, usual) = limit::QUALITY_DAYS;
    let to = between.to.map_or_else(|| TimeZone::UTC.to_datetime(state.now()).date(), |day| day.0);
    let from = between.from.map_or_else(|| to.saturating_sub((usual - 1).days()), |day| day.0);
    if from > to || (to - from).get_days() >= most {
        return Err(invalid("?from", "must be at most 90 days before to, both included").into());
    }
    let days = state.quality.days(caller.sub, midnight(from), midnight(to)).await?;
    let sum = days.iter().fold(Tally::default(), Tally::and);
    let all: u64 = sum.levels.iter().sum();
    // Tenths of a percent.
    let share =
        |span: u64| f64::from(u32::try_from((span * 1_000).checked_div(all).unwrap_or(0)).unwrap_or(1_000)) / 10.0;
    let levels = Level::ALL.map(|level| Share { level, share: share(sum.levels[level.place()]) });
    let verdicts = Verdict::ALL.map(|verdict| Count { verdict, count: sum.verdicts[verdict.place()] });
    Ok(Json(Summary {
        from: Day(from),
        to: Day(to),
        calls: sum.calls,
        minutes: sum.seconds / 60,
        mos: (&sum).into(),
        levels: levels.into(),
        verdicts: verdicts.into(),
    }))
}

fn midnight(day: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
}

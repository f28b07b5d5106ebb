//! `GET /api/limits`

use axum::Json;
use domain::limit::{self, Counted, Per, Rate, WhenDown};
use serde::Serialize;
use utoipa::ToSchema;

/// How often something may be done: `burst` at once, then one more every `refill_ms`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RateView {
    /// Its name in the headers `RateLimit` and `RateLimit-Policy`.
    name: &'static str,
    burst: u32,
    refill_ms: i64,
    /// Whom it counts apart from whom.
    per: &'static str,
    /// `together`: one count for all; `apart`: by each process that serves.
    counted: &'static str,
    /// Whether requests pass while nobody can count.
    when_down: &'static str,
}

impl From<Rate> for RateView {
    fn from(rate: Rate) -> Self {
        Self {
            name: rate.as_str(),
            burst: rate.burst(),
            refill_ms: i64::try_from(rate.refill().as_millis()).unwrap_or(i64::MAX),
            per: match rate.per() {
                Per::Source => "source network",
                Per::Address => "e-mail address",
                Per::Person => "person",
                Per::Session => "session",
                Per::Connection => "connection",
            },
            counted: match rate.counted() {
                Counted::Together => "together",
                Counted::Apart => "apart",
            },
            when_down: match rate.when_down() {
                WhenDown::Open => "open",
                WhenDown::Closed => "closed",
            },
        }
    }
}

/// Sizes and counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sizes {
    /// Bytes of one request body.
    body_bytes: usize,
    /// Bytes of one frame to us.
    frame_bytes: usize,
    /// Bytes of one session description.
    sdp_bytes: usize,
    /// Candidates in one batch.
    candidates: usize,
    /// People in one call.
    call_people: usize,
    /// Open connections of one person; the oldest is closed for one more.
    connections: usize,
}

/// Every limit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Limits {
    rates: Vec<RateView>,
    sizes: Sizes,
}

/// Lists every limit: how often, and how much.
#[utoipa::path(
    get, path = "/api/limits", operation_id = "limits", tag = "contract",
    responses((status = 200, body = Limits))
)]
pub(crate) async fn limits() -> Json<Limits> {
    Json(Limits {
        rates: Rate::ALL.iter().map(|rate| RateView::from(*rate)).collect(),
        sizes: Sizes {
            body_bytes: limit::BODY,
            frame_bytes: limit::FRAME,
            sdp_bytes: limit::SDP,
            candidates: limit::CANDIDATE_BATCH,
            call_people: limit::CALL_PEOPLE,
            connections: limit::CONNECTIONS,
        },
    })
}

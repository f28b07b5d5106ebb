//! `POST /api/webrtc/call/{id}/quality`

use api::{Body, Caller, Path, Refusal, refusal::invalid};
use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse as _, Response};
use domain::call::{Call, CallRefused};
use domain::id::{CallId, UserId};
use domain::limit::{self, Rate};
use domain::quality::admission::{reporter, within};
use domain::quality::point::Point;
use domain::quality::report::Report;
use domain::quality::track::Heard;
use domain::text::DeviceId;
use jiff::Timestamp;
use serde::Serialize;
use socket::{Code, Problem};
use store::switchboard::TRIES;
use utoipa::ToSchema;

use crate::quality::{PointView, save};
use crate::state::State;
use crate::view::device;

api::body! {
    /// What this device counts.
    pub(crate) struct Reports {
        /// One per peer whom there is a connection to.
        #[schema(min_items = 1, max_items = 7)]
        peers: Vec<Report>,
        /// The caller's own name for this device; the session when not said.
        device_id: Option<DeviceId>,
    }
}

/// How a peer is heard at the moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PeerView {
    /// Whom.
    user_id: UserId,
    /// The newest stretch; null until there are two reports.
    now: Option<PointView>,
}

/// The reports were taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Taken {
    /// Within which call.
    call_id: CallId,
    /// How many were new.
    taken: usize,
    /// Everybody who was reported about.
    peers: Vec<PeerView>,
}

/// Takes what this device counts about its peers, cumulative, as `getStats` has it. A report that is no later than the
/// one before changes nothing, so all of them can be repeated.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/quality", operation_id = "reportQuality", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)), request_body = Reports,
    responses((status = 200, body = Taken), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn report_quality(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Body(ask): Body<Reports>,
) -> Result<Response, Refusal> {
    if !(1..limit::CALL_PEOPLE).contains(&ask.peers.len()) {
        return Err(invalid("/peers", "must be one to seven reports").into());
    }
    state.limit(Rate::Quality, caller.sub).await?;
    let device = device(ask.device_id, &caller);
    let (call, since) = admit(&state, id, caller.sub, &device, &ask.peers).await?;
    for _ in 0..TRIES {
        let known = state.quality.of(id, caller.sub).await?;
        let read = known.as_ref().map_or(0, |known| known.version);
        let known = known.map_or_else(|| Heard::nothing(caller.sub), |known| known.value);
        let (heard, taken) = known.take(&ask.peers).map_err(Problem::from)?;
        let answer = answer(id, &heard, &ask.peers, taken);
        if taken == 0 {
            return Ok(answer);
        }
        match save(&state, &call, since, heard, read).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                return Ok(answer);
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}

/// The call as it stands, and its start. The first read may be a moment old, and a refusal must not be.
async fn admit(
    state: &State,
    id: CallId,
    by: UserId,
    device: &DeviceId,
    reports: &[Report],
) -> Result<(Call, Timestamp), Problem> {
    let mut refused = Problem::from(CallRefused::Stranger);
    for fresh in [false, true] {
        let now = state.now();
        let call = state.switchboard.call_of(by, id, fresh).await?.value.settle(now).0;
        let admitted = reporter(&call, by, device, reports, now).map_err(Problem::from);
        match admitted.and_then(|since| within(&call, by, since, reports, now).map(|()| since).map_err(Problem::from)) {
            Ok(since) => return Ok((call, since)),
            Err(problem) => refused = problem,
        }
    }
    Err(refused)
}

/// The answer, and what the log makes metrics of.
fn answer(call_id: CallId, heard: &Heard, reports: &[Report], taken: usize) -> Response {
    let newest = |who: UserId| heard.track(who).and_then(|track| track.points.last());
    let people = reports.iter().map(|report| report.user_id);
    let peers = people.clone().map(|user_id| PeerView { user_id, now: newest(user_id).map(PointView::from) });
    let mut answer = Json(Taken { call_id, taken, peers: peers.collect() }).into_response();
    let points: Vec<&Point> = people.filter_map(newest).filter(|point| point.mos > 0 && taken > 0).collect();
    if let Some(mos) = points.iter().map(|point| point.mos).min() {
        let most = |of: fn(&Point) -> u32| points.iter().map(|point| of(point)).max().unwrap_or(0);
        answer.extensions_mut().insert(api::log::Quality {
            mos: f64::from(mos) / 100.0,
            round_trip: most(|point| point.round_trip_ms).into(),
            lost: f64::from(most(|point| point.lost)) / 10.0,
        });
    }
    answer
}

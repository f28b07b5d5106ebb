//! `GET /api/webrtc/call/{id}/quality`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::CallId;
use domain::quality::track::Heard;
use jiff::Timestamp;
use serde::Serialize;
use socket::Problem;
use utoipa::ToSchema;

use crate::quality::{DirectionView, save, total};
use crate::state::State;

/// How a call sounds and looks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CallQuality {
    call_id: CallId,
    /// Zero of every `at_ms`; null when nobody has answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Timestamp>,
    /// One per pair and way, as far as it was reported.
    directions: Vec<DirectionView>,
}

/// Shows how everybody in a call hears everybody else, and whose fault it is when they do not. After the call, what the
/// caller's day lacks of it is added: the account of a page that was closed too early.
#[utoipa::path(
    get, path = "/api/webrtc/call/{id}/quality", operation_id = "showQuality", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)),
    responses((status = 200, body = CallQuality), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn show_quality(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
) -> Result<Json<CallQuality>, Refusal> {
    let call = state.switchboard.call_of(caller.sub, id, false).await?.value.settle(state.now()).0;
    let accounts = state.quality.of_everybody(id).await?;
    let mine = accounts.iter().find(|account| account.value.by == caller.sub);
    if let (true, Some(since), Some(mine)) = (call.is_over(), call.connected_at(), mine)
        && total(&mine.value, &accounts) != mine.value.folded
    {
        // Whoever was faster has added it.
        match save(&state, &call, since, mine.value.clone(), mine.version).await {
            Err(stale) if stale.is_stale() => {}
            saved => saved?,
        }
    }
    let accounts: Vec<Heard> = accounts.into_iter().map(|account| account.value).collect();
    let directions = DirectionView::all(&accounts);
    Ok(Json(CallQuality { call_id: id, start_time: call.connected_at(), directions }))
}

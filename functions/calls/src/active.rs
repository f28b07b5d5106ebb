//! `GET /api/webrtc/calls/active`

use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use socket::Problem;
use socket::view::CallView;
use utoipa::ToSchema;

use crate::state::State;
use crate::view::as_they_stand;

/// Calls that are not over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActiveCalls {
    /// Newest first.
    items: Vec<CallView>,
    /// Always null.
    next_cursor: Option<String>,
}

/// Lists the caller's calls that are not over. Looks back no further than a call can last.
#[utoipa::path(
    get, path = "/api/webrtc/calls/active", operation_id = "activeCalls", tag = "calls", security(("bearer" = [])),
    responses((status = 200, body = ActiveCalls), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn active(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
) -> Result<Json<ActiveCalls>, Refusal> {
    let recent = state.switchboard.calls.recent(caller.sub, state.now()).await?;
    let live = recent.into_iter().filter(|call| !call.is_over()).collect();
    let mut items = as_they_stand(&state, live).await?;
    items.retain(|call| call.end_time.is_none());
    Ok(Json(ActiveCalls { items, next_cursor: None }))
}

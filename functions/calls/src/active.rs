//! `GET /api/webrtc/calls/active`

use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use socket::Problem;
use socket::view::CallView;
use utoipa::ToSchema;

use crate::state::State;
use crate::view::live;

/// Calls that are not over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActiveCalls {
    /// Newest first.
    items: Vec<CallView>,
    /// Always null.
    next_cursor: Option<String>,
}

/// Lists the caller's calls that are not over, and that the caller is in or is asked into.
#[utoipa::path(
    get, path = "/api/webrtc/calls/active", operation_id = "activeCalls", tag = "calls", security(("bearer" = [])),
    responses((status = 200, body = ActiveCalls), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn active(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
) -> Result<Json<ActiveCalls>, Refusal> {
    let now = state.now();
    let mut calls = live(&state, caller.sub, &[]).await?;
    calls.retain(|call| {
        !call.is_over() && call.participant(caller.sub).is_ok_and(|person| person.standing.is_present())
    });
    let items = calls.iter().map(|call| CallView::of(call, now)).collect();
    Ok(Json(ActiveCalls { items, next_cursor: None }))
}

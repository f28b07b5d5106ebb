//! `GET /api/webrtc/calls/active`

use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use socket::Problem;
use socket::view::CallView;
use utoipa::ToSchema;

use crate::state::State;

/// A few that the clock has ended meanwhile are ended for good.
const SETTLED_AT_ONCE: usize = 4;

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
    let (calls, now) = (state.switchboard.calls.live(caller.sub, state.now()).await?, state.now());
    let settling: Vec<_> = calls.into_iter().map(|read| state.switchboard.settle(read, now)).collect();
    let settled = stream::iter(settling).buffered(SETTLED_AT_ONCE).collect::<Vec<_>>().await;
    let mut items = Vec::new();
    for call in settled {
        let call = call?;
        let in_it = call.participant(caller.sub).is_ok_and(|person| person.standing.is_present());
        if in_it && !call.is_over() {
            items.push(CallView::of(&call, now));
        }
    }
    Ok(Json(ActiveCalls { items, next_cursor: None }))
}

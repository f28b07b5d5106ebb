//! `POST /api/webrtc/call/{id}/end`

use api::{Caller, Optional, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::Goodbye;
use domain::id::CallId;
use socket::Problem;
use socket::view::CallView;

use crate::state::State;

api::body! {
    /// How to leave; may be left out.
    pub(crate) struct End {
        /// For who was asked and did not answer: why not. `declined` when not said.
        reason: Option<Goodbye>,
        /// Which of this person's stays; the present one when not said.
        generation: Option<u32>,
    }
}

/// Hangs up, declines or cancels, whichever fits. In a group the others go on. Ending an ended call changes nothing.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/end", operation_id = "endCall", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)), request_body = Option<End>,
    responses((status = 200, body = CallView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn end(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Optional(ask): Optional<End>,
) -> Result<Json<CallView>, Refusal> {
    let now = state.now();
    let goodbye = ask.reason.unwrap_or_default();
    let end = |call: domain::call::Call| call.end(caller.sub, ask.generation, goodbye, now);
    let call = state.switchboard.change(caller.sub, id, now, end).await?;
    Ok(Json(CallView::of(&call, now)))
}

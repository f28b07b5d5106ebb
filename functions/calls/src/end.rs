//! `POST /api/webrtc/call/{id}/end`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::CallId;
use socket::Problem;
use socket::view::CallView;

use crate::state::State;

/// Hangs up, declines or cancels, whichever fits. In a group the others go on. Ending an ended call changes nothing.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/end", operation_id = "endCall", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)),
    responses((status = 200, body = CallView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn end(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
) -> Result<Json<CallView>, Refusal> {
    let now = state.now();
    let call = state.switchboard.change(caller.sub, id, now, |call| call.end(caller.sub, now)).await?;
    Ok(Json(CallView::of(&call, now)))
}

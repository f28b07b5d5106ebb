//! `POST /api/webrtc/call/{id}/remove`

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::{CallId, UserId};
use domain::limit::Rate;
use socket::Problem;
use socket::view::CallView;

use crate::state::State;

api::body! {
    /// Whom to send away.
    pub(crate) struct Remove {
        /// Who.
        user_id: UserId,
        /// Which stay of theirs; the present one when not said.
        generation: Option<u32>,
    }
}

/// The host sends somebody away, who may come back only when the host asks. Whoever is gone stays gone.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/remove", operation_id = "removeFromCall", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)), request_body = Remove,
    responses((status = 200, body = CallView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn remove(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Body(ask): Body<Remove>,
) -> Result<Json<CallView>, Refusal> {
    state.limit(Rate::Signal, caller.sub).await?;
    let now = state.now();
    let remove = |call: domain::call::Call| call.remove(caller.sub, ask.user_id, ask.generation, now);
    let call = state.switchboard.change(caller.sub, id, now, remove).await?;
    Ok(Json(CallView::of(&call, now)))
}

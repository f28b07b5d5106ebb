//! `POST /api/webrtc/call/{id}/heartbeat`

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::CallId;
use domain::limit::Rate;
use socket::Problem;
use socket::view::StayView;

use crate::state::State;

api::body! {
    /// A sign of life.
    pub(crate) struct Heartbeat {
        /// Of which stay.
        #[schema(minimum = 1)]
        generation: u32,
    }
}

/// Says that this device is still in the call, every 20 s; a `ping` on the socket that names the call does the same. Who
/// says nothing for 45 s is away, and 30 s later out.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/heartbeat", operation_id = "heartbeat", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)), request_body = Heartbeat,
    responses((status = 200, body = StayView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn heartbeat(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Body(ask): Body<Heartbeat>,
) -> Result<Json<StayView>, Refusal> {
    state.limit(Rate::Signal, caller.sub).await?;
    Ok(Json(state.switchboard.renew(caller.sub, id, ask.generation, state.now()).await?))
}

//! `POST /api/webrtc/call/{id}/join`

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::Call;
use domain::id::CallId;
use domain::limit::Rate;
use domain::text::DeviceId;
use socket::Problem;
use socket::view::CallView;

use crate::state::State;
use crate::view::device;

api::body! {
    /// How to come in.
    pub(crate) struct Join {
        /// The caller's own name for this device; the session when not said.
        device_id: Option<DeviceId>,
        /// To come back: the generation that this person has in the call, as it was read last.
        generation: Option<u32>,
    }
}

/// Takes the call for this device, without a description yet: in a group whoever comes offers to those who are there. The
/// first of a callee's devices gets it, and the first callee of all connects the call. With `generation` somebody comes
/// back: a page that was reloaded, or who had declined, missed it or left while the call goes on. That begins a new stay,
/// so nothing that an earlier one said and that comes late can touch it.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/join", operation_id = "joinCall", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)), request_body = Join,
    responses((status = 200, body = CallView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn join(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Body(ask): Body<Join>,
) -> Result<Json<CallView>, Refusal> {
    state.limit(Rate::Signal, caller.sub).await?;
    let (now, device) = (state.now(), device(ask.device_id, &caller));
    let join = |call: Call| call.join(caller.sub, &device, ask.generation, now);
    let call = state.switchboard.change(caller.sub, id, now, join).await?;
    Ok(Json(CallView::of(&call, now)))
}

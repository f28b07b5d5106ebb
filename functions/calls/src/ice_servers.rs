//! `GET /api/webrtc/ice-servers`

use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::ice::IceServers;
use domain::limit::Rate;
use socket::Problem;

use crate::state::State;

/// Lists the servers that help a connection come about, with a credential of the caller's own that ends after an hour.
/// Reads nothing.
#[utoipa::path(
    get, path = "/api/webrtc/ice-servers", operation_id = "iceServers", tag = "calls", security(("bearer" = [])),
    responses((status = 200, body = IceServers), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn ice_servers(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
) -> Result<Json<IceServers>, Refusal> {
    state.limit(Rate::IceServers, caller.sub).await?;
    Ok(Json(state.turn.servers(caller.sub, state.now())))
}

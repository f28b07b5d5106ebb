//! `POST /auth/logout`

use api::Refusal;
use api::caller::Bearer;
use axum::extract::State as Extract;
use http::StatusCode;
use socket::Problem;

use crate::revoke_session::revoke;
use crate::state::State;

/// Signs this device out and closes its sockets.
#[utoipa::path(
    post, path = "/auth/logout", operation_id = "logout", tag = "auth", security(("bearer" = [])),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn logout(Extract(state): Extract<State>, Bearer(caller): Bearer) -> Result<StatusCode, Refusal> {
    revoke(&state, caller.sub, caller.sid).await?;
    Ok(StatusCode::NO_CONTENT)
}

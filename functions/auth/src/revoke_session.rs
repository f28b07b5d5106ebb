//! `DELETE /auth/sessions/{id}`

use api::{Caller, Path, Refusal};
use axum::extract::State as Extract;
use domain::id::{SessionId, UserId};
use domain::session::Revoked;
use http::StatusCode;
use socket::{Code, Problem};

use crate::state::State;

/// Signs one of the caller's devices out.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", operation_id = "revokeSession", tag = "auth", security(("bearer" = [])),
    params(("id" = SessionId, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke_session(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, Refusal> {
    if revoke(&state, caller.sub, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(Code::SessionUnknown).into())
    }
}

/// Ends a session. Whether there was one to end.
pub(crate) async fn revoke(state: &State, user: UserId, id: SessionId) -> Result<bool, Problem> {
    for _ in 0..4 {
        let Some(read) = state.accounts.session(user, id, true).await? else { return Ok(false) };
        if read.value.alive(state.now()).is_err() {
            return Ok(false);
        }
        match state.accounts.save_session(&read.value.revoke(Revoked::ByOwner, state.now()), read.version).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                return Ok(true);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

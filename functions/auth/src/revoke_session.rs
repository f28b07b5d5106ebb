//! `DELETE /auth/sessions/{id}`

use api::{Confirmed, Path, Refusal};
use axum::extract::State as Extract;
use domain::id::{SessionId, UserId};
use domain::session::{Revoked, Session};
use http::StatusCode;
use socket::{Code, Problem};
use store::StoreError;

use crate::state::State;

/// Signs one of the caller's devices out and closes its sockets. Its access tokens are refused within 60 seconds.
#[utoipa::path(
    delete, path = "/auth/sessions/{id}", operation_id = "revokeSession", tag = "auth", security(("bearer" = [])),
    params(("id" = SessionId, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn revoke_session(
    Extract(state): Extract<State>,
    Confirmed(caller): Confirmed,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, Refusal> {
    if revoke(&state, caller.sub, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(Code::SessionUnknown).into())
    }
}

/// Ends a session and closes its sockets. Whether there was one to end.
pub(crate) async fn revoke(state: &State, user: UserId, id: SessionId) -> Result<bool, Problem> {
    for _ in 0..4 {
        let Some(read) = state.accounts.session(user, id, true).await? else { return Ok(false) };
        if read.value.alive(state.now()).is_err() {
            // Whoever ended it may have died before its sockets were closed.
            state.connections.shut_session(&*state.courier, user, id, state.now()).await?;
            return Ok(false);
        }
        match end(state, &read.value.revoke(Revoked::ByOwner, state.now()), read.version).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                return Ok(true);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Saves a session that was ended, then closes its sockets.
pub(crate) async fn end(state: &State, session: &Session, read: u64) -> Result<(), StoreError> {
    let now = state.now();
    state.accounts.end_session(session, read, now).await?;
    state.connections.shut_session(&*state.courier, session.user, session.id, now).await
}

//! `POST /auth/refresh`

use api::secret::hash;
use api::{Body, Refusal, extract::idempotency_key};
use axum::Json;
use axum::extract::State as Extract;
use domain::limit::Rate;
use domain::session::{Refresh as Outcome, SessionRefused};
use http::HeaderMap;
use socket::{Code, Problem};

use crate::revoke_session::end;
use crate::state::State;
use crate::view::{RefreshToken, Tokens};

api::body! {
    /// The newest refresh token.
    pub(crate) struct Refresh {
        /// From the last sign-in or refresh.
        refresh_token: String,
    }
}

/// Turns a refresh token into the next tokens. Keep an `Idempotency-Key` beside each refresh token and send
/// it with every use: then a repeat after a lost answer gets the same tokens, however late.
#[utoipa::path(
    post, path = "/auth/refresh", operation_id = "refresh", tag = "auth", request_body = Refresh,
    params(("Idempotency-Key" = Option<String>, Header, description = "Yours, one per refresh token.")),
    responses((status = 200, body = Tokens), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn refresh(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    Body(Refresh { refresh_token }): Body<Refresh>,
) -> Result<Json<Tokens>, Refusal> {
    let proof = idempotency_key(&headers)?.map(|key| hash(key.as_str())[..22].to_owned());
    let token = RefreshToken::read(&refresh_token, &state).ok_or_else(|| Problem::new(Code::RefreshInvalid))?;
    state.limit(Rate::Refresh, &token.session.to_string()).await?;
    // The first read may be a moment old: only a rotation is believed of it, because its write is conditional.
    for fresh in [false, true, true, true] {
        let Some(read) = state.accounts.session(token.user, token.session, fresh).await? else {
            if fresh {
                return Err(SessionRefused::Unknown.into());
            }
            continue;
        };
        let (saved, outcome) = match read.value.refresh(token.generation, proof.clone(), state.now()) {
            Outcome::Rotated(session) => (state.accounts.save_session(&session, read.version).await, Ok(session)),
            _ if !fresh => continue,
            Outcome::Again(session) => (Ok(()), Ok(session)),
            Outcome::Theft(session) => {
                tracing::warn!(security.event = "refresh_token_reused", user.id = %session.user, session.id = %session.id, "a session was ended");
                (end(&state, &session, read.version).await, Err(SessionRefused::Reused))
            }
            Outcome::Refused(refused) => (Ok(()), Err(refused)),
        };
        match saved {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                return Ok(Json(Tokens::of(&outcome?, &state)));
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}

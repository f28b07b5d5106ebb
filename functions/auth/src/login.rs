//! `POST /auth/login`

use api::{Body, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::text::{Email, Password};
use http::HeaderMap;
use socket::{Code, Problem};

use crate::state::State;
use crate::view::{Tokens, begin_session};

api::body! {
    /// An e-mail address and its password.
    pub(crate) struct Login {
        /// As registered.
        email: Email,
        /// As chosen.
        password: Password,
    }
}

/// Signs in with an e-mail address and a password. An unknown address costs the same work and gets the same answer.
#[utoipa::path(
    post, path = "/auth/login", operation_id = "login", tag = "auth", request_body = Login,
    responses((status = 200, body = Tokens), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn login(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    Body(typed): Body<Login>,
) -> Result<Json<Tokens>, Refusal> {
    let known = state.accounts.by_email(&typed.email).await?;
    let hash = known.as_ref().map(|login| login.hash.as_str());
    let matches = state.passwords.matches(&typed.password, hash).await?;
    let wrong = || Problem::new(Code::WrongCredentials);
    let user = known.filter(|_| matches).ok_or_else(wrong)?.user;
    let account = state.accounts.find(user).await?.ok_or_else(wrong)?.value;
    let session = begin_session(&state, account.id, account.name, &headers);
    state.accounts.begin_session(&session).await?;
    Ok(Json(Tokens::of(&session, &state)))
}

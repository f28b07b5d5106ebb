//! `POST /auth/login`

use api::once::Repeatable;
use api::{Answer, Keyed, Refusal, Source};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::limit::Rate;
use domain::text::{Email, Password};
use http::HeaderMap;
use socket::{Code, Problem};

use crate::device;
use crate::state::State;
use crate::view::{Tokens, begin_session};

api::body! {
    /// An e-mail address and its password.
    pub(crate) struct Login {
        /// As registered.
        email: Email,
        /// As chosen.
        password: Password,
        /// From an earlier answer to this device: then others who guess at the address cannot lock it out.
        device_token: Option<String>,
    }
}

/// Signs in with an e-mail address and a password. An unknown address costs the same work and gets the same answer.
/// Guesses are counted by where they come from, and for the address by whether the device has been here before.
#[utoipa::path(
    post, path = "/auth/login", operation_id = "login", tag = "auth", request_body = Login,
    params(("Idempotency-Key" = Option<String>, Header, description = "Yours, one per sign-in.")),
    responses((status = 200, body = Tokens), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn login(
    Extract(state): Extract<State>,
    source: Source,
    headers: HeaderMap,
    Keyed { body: typed, once }: Keyed<Login>,
) -> Result<Response, Refusal> {
    let once = once.of("login", typed.email.as_str(), &state.answer_key);
    state.limit(Rate::Login, &source.0).await?;
    state.limit(Rate::LoginAddress, &device::counted_as(&typed.email, typed.device_token.as_deref(), &state)).await?;
    let done = sign_in(&state, &headers, typed, &once).await;
    state.settle(once, done).await
}

async fn sign_in(state: &State, headers: &HeaderMap, typed: Login, once: &Repeatable) -> Result<Answer, Problem> {
    let known = state.accounts.by_email(&typed.email).await?;
    let hash = known.as_ref().map(|login| login.hash.as_str());
    let matches = state.passwords.matches(&typed.password, hash).await?;
    let wrong = || Problem::new(Code::WrongCredentials);
    let user = known.filter(|_| matches).ok_or_else(wrong)?.user;
    let account = state.accounts.find(user).await?.ok_or_else(wrong)?.value;
    let session = begin_session(state, account.id, account.name, headers);
    let answer = Answer::ok(&Tokens::of(&session, state).knowing(&typed.email, state));
    let kept = once.keep(&answer, state.entropy(), state.now());
    state.accounts.begin_session(&session, kept.as_ref()).await?;
    Ok(answer)
}

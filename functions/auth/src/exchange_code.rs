//! `POST /auth/token`

use api::once::Repeatable;
use api::secret::hash;
use api::{Answer, Keyed, Refusal, Source};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::limit::Rate;
use http::HeaderMap;
use socket::{Code, Problem};

use crate::state::State;
use crate::view::{Tokens, begin_session};

api::body! {
    /// The one-time code that the callback gave to the app.
    pub(crate) struct Exchange {
        /// From the query of the page that the browser came back to.
        code: String,
        /// The secret whose hash began the sign-in as `code_challenge`.
        code_verifier: Option<String>,
    }
}

/// Turns a one-time code into tokens. The code works once, for 60 seconds.
#[utoipa::path(
    post, path = "/auth/token", operation_id = "exchangeCode", tag = "auth", request_body = Exchange,
    params(("Idempotency-Key" = Option<String>, Header, description = "Yours, one per code.")),
    responses((status = 200, body = Tokens), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn exchange_code(
    Extract(state): Extract<State>,
    source: Source,
    headers: HeaderMap,
    Keyed { body, once }: Keyed<Exchange>,
) -> Result<Response, Refusal> {
    let once = once.of("exchangeCode", &hash(&body.code), &state.answer_key);
    state.limit(Rate::SignIn, &source.0).await?;
    let done = exchange(&state, &headers, body, &once).await;
    state.settle(once, done).await
}

async fn exchange(
    state: &State,
    headers: &HeaderMap,
    Exchange { code, code_verifier }: Exchange,
    once: &Repeatable,
) -> Result<Answer, Problem> {
    let refused = || Problem::new(Code::CodeRefused);
    let code = hash(code);
    let known = state.accounts.find_code(&code).await?.filter(|login| state.now() < login.expires_at);
    let known = known.ok_or_else(refused)?;
    // A secret that answers nothing is refused too: the code was begun elsewhere, for a tab that began another one.
    let begun_here = match (known.challenge, code_verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => hash(verifier) == challenge.as_str(),
        _ => false,
    };
    if !begun_here {
        return Err(refused());
    }
    let account = state.accounts.find(known.user).await?.ok_or_else(refused)?.value;
    let session = begin_session(state, account.id, account.name, headers);
    let answer = Answer::ok(&Tokens::of(&session, state));
    let kept = once.keep(&answer, state.entropy(), state.now());
    match state.accounts.redeem(&code, &session, kept.as_ref()).await {
        Err(stale) if stale.is_stale() => Err(refused()),
        done => Ok(done.map(|()| answer)?),
    }
}

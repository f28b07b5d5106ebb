//! `POST /auth/register`

use api::once::Repeatable;
use api::{Answer, Keyed, Refusal, Source};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::account::Account;
use domain::id::{EpochId, UserId};
use domain::inbox::Inbox;
use domain::limit::Rate;
use domain::text::{Email, Name, Password};
use http::HeaderMap;
use socket::{Code, Problem};
use store::Accounts;

use crate::state::State;
use crate::view::{Tokens, begin_session};

api::body! {
    /// A new account.
    pub(crate) struct Register {
        /// Signs in from now on. Nobody checks that its owner reads it, so it links nothing.
        email: Email,
        /// 8 to 128 characters.
        password: Password,
        /// What others see.
        name: Name,
    }
}

/// Makes an account with an e-mail address and a password, and signs in.
#[utoipa::path(
    post, path = "/auth/register", operation_id = "register", tag = "auth", request_body = Register,
    params(("Idempotency-Key" = Option<String>, Header, description = "Yours, one per account.")),
    responses((status = 201, body = Tokens, headers(("location" = String))), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn register(
    Extract(state): Extract<State>,
    source: Source,
    headers: HeaderMap,
    Keyed { body: new, once }: Keyed<Register>,
) -> Result<Response, Refusal> {
    let once = once.of("register", new.email.as_str(), &state.answer_key);
    state.limit(Rate::Registration, &source.0).await?;
    let done = make(&state, &headers, new, &once).await;
    state.settle(once, done).await
}

async fn make(state: &State, headers: &HeaderMap, new: Register, once: &Repeatable) -> Result<Answer, Problem> {
    let now = state.now();
    let hash = state.passwords.hash(&new.password, state.entropy()).await?;
    let account = Account::register(UserId::new(now, state.entropy()), new.name, new.email.clone(), now);
    let inbox = Inbox::new(EpochId::new(now, state.entropy()));
    let session = begin_session(state, account.id, account.name.clone(), headers);
    let answer = Answer::created("/auth/me", &Tokens::of(&session, state).knowing(&new.email, state));
    let kept = once.keep(&answer, state.entropy(), now);
    match state.accounts.register(&account, (&new.email, &hash), inbox, &session, kept.as_ref()).await {
        Err(taken) if Accounts::login_taken(&taken) => Err(Problem::new(Code::EmailTaken)),
        done => Ok(done.map(|()| answer)?),
    }
}

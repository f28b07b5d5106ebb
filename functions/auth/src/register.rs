//! `POST /auth/register`

use api::{Body, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::account::Account;
use domain::id::{EpochId, UserId};
use domain::inbox::Inbox;
use domain::text::{Email, Name, Password};
use http::{HeaderMap, StatusCode, header};
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
    responses((status = 201, body = Tokens, headers(("location" = String))), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn register(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    Body(new): Body<Register>,
) -> Result<(StatusCode, [(header::HeaderName, &'static str); 1], Json<Tokens>), Refusal> {
    let now = state.now();
    let hash = state.passwords.hash(&new.password, state.entropy()).await?;
    let account = Account::register(UserId::new(now, state.entropy()), new.name, new.email.clone(), now);
    let inbox = Inbox::new(EpochId::new(now, state.entropy()));
    let session = begin_session(&state, account.id, account.name.clone(), &headers);
    match state.accounts.register(&account, (&new.email, &hash), inbox, &session).await {
        Err(taken) if Accounts::login_taken(&taken) => return Err(Problem::new(Code::EmailTaken).into()),
        done => done?,
    }
    Ok((StatusCode::CREATED, [(header::LOCATION, "/auth/me")], Json(Tokens::of(&session, &state))))
}

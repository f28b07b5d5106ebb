//! `GET /auth/me`

use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::account::Account;
use domain::id::UserId;
use domain::text::{Email, Name};
use jiff::Timestamp;
use serde::Serialize;
use socket::{Code, Problem};
use utoipa::ToSchema;

use crate::state::State;

/// A way into an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WayIn {
    /// E-mail address and password.
    Password,
    /// A linked LinkedIn account.
    LinkedIn,
}

/// The caller's own account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    id: UserId,
    name: Name,
    email: Option<Email>,
    /// Whether a provider checked the address.
    email_verified: bool,
    /// URL of a picture.
    picture: Option<String>,
    ways_in: Vec<WayIn>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Account> for Me {
    fn from(account: Account) -> Self {
        let password = account.password_email.is_some().then_some(WayIn::Password);
        let linkedin = account.linkedin.is_some().then_some(WayIn::LinkedIn);
        Self {
            id: account.id,
            email: account.email().map(|(email, _)| email.clone()),
            email_verified: account.email().is_some_and(|(_, verified)| verified),
            picture: account.picture().map(str::to_owned),
            ways_in: password.into_iter().chain(linkedin).collect(),
            created_at: account.created_at,
            updated_at: account.updated_at,
            name: account.name,
        }
    }
}

/// Shows the caller's own account.
#[utoipa::path(
    get, path = "/auth/me", operation_id = "me", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = Me), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn me(Extract(state): Extract<State>, Caller(caller): Caller) -> Result<Json<Me>, Refusal> {
    let account = state.accounts.find(caller.sub).await?.ok_or_else(|| Problem::new(Code::AccountGone))?;
    Ok(Json(account.value.into()))
}

//! `POST /auth/linkedin/sync`

use api::{Confirmed, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse as _, Response};
use domain::account::{Account, AccountRefused, LinkedIn};
use domain::sign_in::Purpose;
use http::{HeaderMap, header};
use partners::linkedin::ProviderError;
use serde::Serialize;
use socket::{Code, Problem};
use utoipa::ToSchema;

use crate::linkedin_auth_url::{begin, unavailable};
use crate::state::State;
use crate::view::LinkedInProfile;

/// How the question to LinkedIn went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Synced {
    /// Whether the profile is as LinkedIn says now.
    synced: bool,
    /// Whether LinkedIn must be asked again by the person: send the browser to `auth_url`.
    auth_required: bool,
    /// Where the browser goes; the cookie of this answer must come with it.
    auth_url: Option<String>,
    /// As it stands here.
    profile: LinkedInProfile,
}

/// Asks LinkedIn again with the kept token; without one that works, says where the person must agree again.
#[utoipa::path(
    post, path = "/auth/linkedin/sync", operation_id = "linkedinSync", tag = "linkedin", security(("bearer" = [])),
    responses((status = 200, body = Synced), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn linkedin_sync(
    Extract(state): Extract<State>,
    Confirmed(caller): Confirmed,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    for _ in 0..4 {
        let read = state.accounts.find(caller.sub).await?.ok_or_else(|| Problem::new(Code::AccountGone))?;
        let account = read.value;
        let linkedin = account.linkedin.clone().ok_or(AccountRefused::NotLinked)?;
        let Some(today) = ask(&state, &account, &linkedin).await? else {
            let (begun, cookie) = begin(&state, Purpose::Link(caller.sub), (None, None), &headers).await?;
            let auth_url = Some(begun.auth_url);
            let answer =
                Synced { synced: false, auth_required: true, auth_url, profile: LinkedInProfile::of(&account) };
            return Ok(([(header::SET_COOKIE, cookie)], Json(answer)).into_response());
        };
        let old_name = account.name.clone();
        let account = account.link(today, state.now())?;
        match state.accounts.save(&account, read.version, &old_name).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                let profile = LinkedInProfile::of(&account);
                return Ok(Json(Synced { synced: true, auth_required: false, auth_url: None, profile }).into_response());
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}

/// What LinkedIn says today. `None`: the kept token is too old, unreadable, refused, or of somebody else.
async fn ask(state: &State, account: &Account, linkedin: &LinkedIn) -> Result<Option<LinkedIn>, Problem> {
    let kept = linkedin.token.as_ref().filter(|token| state.now() < token.expires_at);
    let Some(token) = kept.and_then(|token| state.sealing_key.open(&account.id.to_string(), &token.sealed)) else {
        return Ok(None);
    };
    match state.linkedin.userinfo(&token).await {
        Ok((sub, profile)) if sub == linkedin.subject.sub => Ok(Some(LinkedIn { profile, ..linkedin.clone() })),
        Ok(_) | Err(ProviderError::Refused(_) | ProviderError::NotBelieved(_)) => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

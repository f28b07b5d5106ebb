//! `GET /auth/linkedin/callback`

use api::Refusal;
use api::secret::{hash, random};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Extract};
use domain::account::{Account, LinkedIn, SealedToken};
use domain::id::{EpochId, UserId};
use domain::inbox::Inbox;
use domain::limit;
use domain::sign_in::{Purpose, SignIn, SignInRefused};
use domain::text::ReturnTo;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use partners::linkedin::{Grant, ProviderError};
use serde::Deserialize;
use socket::{Code, Problem};
use store::accounts::LoginCode;

use crate::linkedin_auth_url::{cookie, cookie_name, public_url, redirect_uri, unavailable};
use crate::state::State;

/// What LinkedIn sends the browser back with. Whatever else it sends is ignored (RFC 6749 section 4.1.2).
#[derive(Debug, Deserialize)]
pub(crate) struct Callback {
    state: String,
    code: Option<String>,
    error: Option<String>,
}

type Redirect = (StatusCode, [(header::HeaderName, HeaderValue); 2]);

/// Takes the browser back from LinkedIn and sends it on to the app with a one-time code, or with an error.
///
/// The state is checked before anything else, and used up: in another browser, a second time or too late it is a
/// problem, and nothing of the sign-in is believed.
#[utoipa::path(
    get, path = "/auth/linkedin/callback", operation_id = "linkedinCallback", tag = "linkedin",
    params(("state" = Option<String>, Query), ("code" = Option<String>, Query), ("error" = Option<String>, Query), ("error_description" = Option<String>, Query)),
    responses((status = 303, description = "To the app, with code, linked or error"), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn linkedin_callback(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    back: Result<Query<Callback>, QueryRejection>,
) -> Result<Redirect, Refusal> {
    let Query(back) = back.map_err(|_| SignInRefused::Unknown)?;
    let token = back.state;
    let public_url = public_url(&state, &headers)?;
    let browser = cookie_value(&headers, &cookie_name(&public_url, &token)).ok_or(SignInRefused::Unknown)?;
    let taken = state.accounts.take_sign_in(&hash(&token), &hash(browser)).await?;
    let sign_in = taken.ok_or(SignInRefused::Unknown)?.come_back(state.now())?;

    let outcome = match (back.error, back.code) {
        (Some(error), _) => Err(Failed::Denied(error)),
        (None, None) => Err(Failed::Denied("invalid_request".into())),
        (None, Some(code)) => finish(&state, &sign_in, &code, &redirect_uri(&public_url)).await,
    };
    let query = match outcome {
        Ok(Finished::SignedIn(code)) => vec![("code", code)],
        Ok(Finished::Linked) => vec![("linked", "linkedin".into())],
        Err(Failed::Denied(error)) => {
            let known = error.len() <= 64 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            let error = if known { error } else { "provider_error".into() };
            vec![("error", error), ("error_description", "LinkedIn did not let you in. Nothing was changed.".into())]
        }
        Err(Failed::Problem(problem)) => {
            let sentence = format!("{}. {}", problem.code.title(), problem.code.remedy());
            vec![("error", problem.code.as_str().into()), ("error_description", sentence)]
        }
    };
    let location = to_app(&state, sign_in.return_to.as_ref(), &query);
    let location = HeaderValue::from_str(location.as_str()).map_err(|_| Problem::new(Code::Internal))?;
    let forget = cookie(&public_url, &token, "", 0);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::SET_COOKIE, forget)]))
}

fn cookie_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v)
}

fn to_app(state: &State, return_to: Option<&ReturnTo>, query: &[(&str, String)]) -> url::Url {
    let mut url = state.app_url.clone();
    if let Some(joined) = return_to.and_then(|path| state.app_url.join(path.as_str()).ok()) {
        // Checked when it came in, and once more where it leads: never off the app's own origin.
        if joined.origin() == state.app_url.origin() {
            url = joined;
        }
    }
    url.query_pairs_mut().extend_pairs(query);
    url
}

enum Finished {
    SignedIn(String),
    Linked,
}

enum Failed {
    Denied(String),
    Problem(Problem),
}

impl<E: Into<Problem>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

async fn finish(state: &State, begun: &SignIn, code: &str, redirect_uri: &str) -> Result<Finished, Failed> {
    let grant = state.linkedin.redeem(code, redirect_uri, state.now()).await.map_err(|error| match error {
        ProviderError::Refused(_) | ProviderError::NotBelieved(_) => {
            tracing::warn!(error = socket::problem::causes(&error), "a sign-in failed at the provider");
            Failed::Denied("provider_refused".into())
        }
        ours => Failed::Problem(unavailable(ours)),
    })?;
    match begun.purpose {
        Purpose::SignIn => {
            let user = sign_in(state, &grant).await?;
            let code = random(state.entropy());
            let challenge = begun.challenge.clone();
            let login = LoginCode { user, challenge, expires_at: state.now() + limit::LOGIN_CODE };
            state.accounts.keep_code(&hash(&code), &login).await?;
            Ok(Finished::SignedIn(code))
        }
        Purpose::Link(user) => {
            link(state, user, &grant).await?;
            Ok(Finished::Linked)
        }
    }
}

fn linkedin(state: &State, user: UserId, grant: &Grant) -> LinkedIn {
    let sealed = state.sealing_key.seal(&user.to_string(), &grant.access_token, state.entropy());
    LinkedIn {
        subject: grant.subject.clone(),
        profile: grant.profile.clone(),
        linked_at: state.now(),
        token: Some(SealedToken { sealed, expires_at: grant.expires_at }),
    }
}

/// The account of this LinkedIn account: brought up to date, or made. Two first sign-ins at once make one account.
async fn sign_in(state: &State, grant: &Grant) -> Result<UserId, Problem> {
    for _ in 0..4 {
        let now = state.now();
        if let Some(user) = state.accounts.by_linkedin(&grant.subject).await? {
            let read = state.accounts.find(user).await?.ok_or_else(|| Problem::new(Code::AccountGone))?;
            // Unlinked since the login was read: begin again, without that login.
            if read.value.linkedin.as_ref().is_none_or(|linked| linked.subject != grant.subject) {
                continue;
            }
            let old_name = read.value.name.clone();
            let account = read.value.link(linkedin(state, user, grant), now)?;
            return match state.accounts.save(&account, read.version, &old_name).await {
                // Another sign-in of the same person has just brought it up to date.
                Err(stale) if stale.is_stale() => Ok(user),
                saved => Ok(saved.map(|()| user)?),
            };
        }
        let user = UserId::new(now, state.entropy());
        let account = Account::from_linkedin(user, linkedin(state, user, grant), now);
        let inbox = Inbox::new(EpochId::new(now, state.entropy()));
        match state.accounts.register_linkedin(&account, &grant.subject, inbox).await {
            Err(stale) if stale.is_stale() => {}
            made => return Ok(made.map(|()| user)?),
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Links this LinkedIn account to a signed-in account, or brings its profile up to date there.
async fn link(state: &State, user: UserId, grant: &Grant) -> Result<(), Problem> {
    for _ in 0..4 {
        let owner = state.accounts.by_linkedin(&grant.subject).await?;
        if owner.is_some_and(|owner| owner != user) {
            return Err(Problem::new(Code::LinkedInTaken));
        }
        let read = state.accounts.find(user).await?.ok_or_else(|| Problem::new(Code::AccountGone))?;
        if owner.is_some() && read.value.linkedin.is_none() {
            continue;
        }
        let old_name = read.value.name.clone();
        let account = read.value.link(linkedin(state, user, grant), state.now())?;
        let saved = if owner.is_some() {
            state.accounts.save(&account, read.version, &old_name).await
        } else {
            state.accounts.link(&account, read.version, &grant.subject, &old_name).await
        };
        match saved {
            Err(stale) if stale.is_stale() => {}
            saved => return Ok(saved?),
        }
    }
    Err(Problem::new(Code::Conflict))
}

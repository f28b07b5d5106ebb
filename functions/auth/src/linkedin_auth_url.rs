//! `GET /auth/linkedin/auth-url`

use api::secret::{hash, random};
use api::{Confirmed, Query, Refusal, Source};
use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse as _, Response};
use domain::limit::{self, Rate};
use domain::sign_in::{Purpose, SignIn};
use domain::text::{Challenge, ReturnTo};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use socket::{Code, Problem};
use utoipa::ToSchema;

use crate::state::State;

api::body! {
    /// How the sign-in begins and where it leads.
    pub(crate) struct Begin {
        /// Where the app goes afterwards: a path of the app.
        return_to: Option<ReturnTo>,
        /// SHA-256 (base64url) of a secret that the app keeps and sends to `POST /auth/token`.
        code_challenge: Option<Challenge>,
        /// True: answer with a redirect, for a browser that follows a link.
        redirect: Option<bool>,
    }
}

/// A sign-in that begins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuthUrl {
    /// Where to send the browser.
    pub(crate) auth_url: String,
    /// What the provider sends back; the cookie of this answer must come with it.
    state: String,
    /// The sign-in is refused from then on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Begins a sign-in with LinkedIn in this browser; with a bearer token, links LinkedIn to that account instead.
#[utoipa::path(
    get, path = "/auth/linkedin/auth-url", operation_id = "linkedinAuthUrl", tag = "linkedin",
    params(("return_to" = Option<String>, Query, max_length = 512), ("code_challenge" = Option<String>, Query, min_length = 43, max_length = 43), ("redirect" = Option<bool>, Query)),
    responses((status = 200, body = AuthUrl), (status = 303, description = "To LinkedIn"), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn linkedin_auth_url(
    Extract(state): Extract<State>,
    source: Source,
    caller: Option<Confirmed>,
    headers: HeaderMap,
    Query(ask): Query<Begin>,
) -> Result<Response, Refusal> {
    state.limit(Rate::SignIn, &source.0).await?;
    let purpose = caller.map_or(Purpose::SignIn, |Confirmed(caller)| Purpose::Link(caller.sub));
    let (begun, cookie) = begin(&state, purpose, (ask.return_to, ask.code_challenge), &headers).await?;
    let cookie = [(header::SET_COOKIE, cookie)];
    Ok(if ask.redirect == Some(true) {
        (StatusCode::SEE_OTHER, cookie, [(header::LOCATION, begun.auth_url)]).into_response()
    } else {
        (cookie, Json(begun)).into_response()
    })
}

/// Begins a sign-in: keeps it under the hash of its state, bound to a secret in a cookie of its own, so that
/// two tabs do not disturb each other.
pub(crate) async fn begin(
    state: &State,
    purpose: Purpose,
    (return_to, challenge): (Option<ReturnTo>, Option<Challenge>),
    headers: &HeaderMap,
) -> Result<(AuthUrl, HeaderValue), Problem> {
    let (token, browser) = (random(state.entropy()), random(state.entropy()));
    let sign_in = SignIn { challenge, ..SignIn::begin(purpose, hash(&browser), return_to, state.now()) };
    let public_url = public_url(state, headers)?;
    let auth_url = state.linkedin.authorize_url(&redirect_uri(&public_url), &token).map_err(unavailable)?;
    state.accounts.begin_sign_in(&hash(&token), &sign_in).await?;
    let cookie = cookie(&public_url, &token, &browser, limit::SIGN_IN.as_secs());
    Ok((AuthUrl { auth_url, state: token, expires_at: sign_in.expires_at }, cookie))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn unavailable(error: partners::linkedin::ProviderError) -> Problem {
    tracing::error!(error = socket::problem::causes(&error), "the provider was of no help");
    Problem::new(Code::ProviderUnavailable)
}

/// Where browsers reach this API. API Gateway only routes hosts that are its own, so the header is believed there.
pub(crate) fn public_url(state: &State, headers: &HeaderMap) -> Result<String, Problem> {
    if let Some(url) = &state.public_url {
        return Ok(url.clone());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let plain = host.filter(|host| host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'));
    plain.map(|host| format!("https://{host}")).ok_or_else(|| Problem::new(Code::RouteUnknown))
}

pub(crate) fn redirect_uri(public_url: &str) -> String {
    format!("{public_url}/auth/linkedin/callback")
}

/// The cookie's name tells which sign-in it belongs to. `__Host-` keeps other hosts of the domain from setting it;
/// browsers take that prefix only over https.
pub(crate) fn cookie_name(public_url: &str, state: &str) -> String {
    let prefix = if public_url.starts_with("https://") { "__Host-" } else { "" };
    format!("{prefix}dchat-sign-in-{}", &hash(state)[..16])
}

pub(crate) fn cookie(public_url: &str, state: &str, value: &str, seconds: i64) -> HeaderValue {
    let name = cookie_name(public_url, state);
    let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("base64url and fixed words are plain text")
}

//! A stand-in for LinkedIn: an OpenID provider with a page on which one picks a demo person.
//!
//! It speaks the protocol for real: codes work once and for one redirect URI, the client must prove itself, the
//! id_token is signed (ES256) and its key is published.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::{Form, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::clock::{Clock, Entropy};
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::json;

use crate::people::{Demo, PEOPLE};

/// The issuer, the same on every port, so that accounts survive a change of port.
pub const ISSUER: &str = "http://localhost/stand-in";
/// The client id that it knows.
pub const CLIENT_ID: &str = "dchat-local";

const CODE_LIFE: SignedDuration = SignedDuration::from_secs(60);
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// The provider.
#[derive(Clone, Debug)]
pub struct Provider(Arc<Inner>);

struct Inner {
    base: String,
    secret: String,
    key: EncodingKey,
    jwks: serde_json::Value,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    codes: Mutex<HashMap<String, Code>>,
    tokens: Mutex<HashMap<String, (Demo, Timestamp)>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("base", &self.base).finish_non_exhaustive()
    }
}

struct Code {
    person: Demo,
    redirect_uri: String,
    expires_at: Timestamp,
}

impl Provider {
    /// A provider whose routes are reached at `base`, for instance `http://localhost:3000`.
    pub fn new(base: &str, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the operating system has randomness");
        let der = pair.to_pkcs8v1().expect("a generated key can be written");
        let point = pair.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| api::secret::base64url(&point[range]);
        let jwks = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "stand-in", "x": part(1..33), "y": part(33..65),
        }]});
        Self(Arc::new(Inner {
            base: base.to_owned(),
            secret: api::secret::random(&*entropy),
            key: EncodingKey::from_ec_der(der.as_ref()),
            jwks,
            clock,
            entropy,
            codes: Mutex::default(),
            tokens: Mutex::default(),
        }))
    }

    /// How `auth` is configured to use it.
    pub fn settings(&self) -> partners::linkedin::Settings {
        let at = |path: &str| format!("{}/stand-in{path}", self.0.base);
        partners::linkedin::Settings {
            client_id: CLIENT_ID.into(),
            client_secret: self.0.secret.clone(),
            issuers: vec![ISSUER.into()],
            auth_url: at("/oauth/v2/authorization"),
            token_url: at("/oauth/v2/accessToken"),
            userinfo_url: at("/v2/userinfo"),
            jwks_url: at("/oauth/openid/jwks"),
        }
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/stand-in/oauth/v2/authorization", get(choose))
            .route("/stand-in/choose", get(chosen))
            .route("/stand-in/oauth/v2/accessToken", post(token))
            .route("/stand-in/v2/userinfo", get(userinfo))
            .route("/stand-in/oauth/openid/jwks", get(async |State(p): State<Self>| Json(p.0.jwks.clone())))
            .with_state(self.clone())
    }

    fn knows(&self, request: &Authorization) -> bool {
        let ours = request.redirect_uri == format!("{}/auth/linkedin/callback", self.0.base);
        ours && request.client_id == CLIENT_ID && request.response_type == "code"
    }
}

#[derive(Deserialize)]
struct Authorization {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    #[serde(default)]
    person: Option<String>,
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page on which somebody says who they are.
async fn choose(State(provider): State<Provider>, Query(ask): Query<Authorization>) -> Response {
    if !provider.knows(&ask) {
        return (StatusCode::BAD_REQUEST, "unknown client or redirect URI").into_response();
    }
    let hidden = |name: &str, value: &str| format!(r#"<input type="hidden" name="{name}" value="{}">"#, escape(value));
    let fields = [
        hidden("response_type", &ask.response_type),
        hidden("client_id", &ask.client_id),
        hidden("redirect_uri", &ask.redirect_uri),
        hidden("state", &ask.state),
    ]
    .concat();
    let button =
        |p: &Demo| format!(r#"<li><button name="person" value="{}">{}</button></li>"#, p.handle, escape(p.name));
    let buttons = PEOPLE.iter().map(button).collect::<Vec<_>>().concat();
    let page = format!(
        r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Stand-in for LinkedIn</title><link rel="stylesheet" href="/console/console.css"></head><body><main class="stand-in">
<h1>Who are you?</h1><p>This page stands in for LinkedIn on your laptop. Set LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET to use the real one.</p>
<form action="/stand-in/choose" method="get">{fields}<ul>{buttons}<li><button name="person" value="">Cancel</button></li></ul></form></main></body></html>"#
    );
    Html(page).into_response()
}

async fn chosen(State(provider): State<Provider>, Query(ask): Query<Authorization>) -> Response {
    if !provider.knows(&ask) {
        return (StatusCode::BAD_REQUEST, "unknown client or redirect URI").into_response();
    }
    let Ok(mut back) = ask.redirect_uri.parse::<url::Url>() else { return StatusCode::BAD_REQUEST.into_response() };
    match Demo::find(ask.person.as_deref().unwrap_or_default()) {
        Some(person) => {
            let code = api::secret::random(&*provider.0.entropy);
            let expires_at = provider.0.clock.now() + CODE_LIFE;
            let kept = Code { person, redirect_uri: ask.redirect_uri, expires_at };
            provider.0.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(code.clone(), kept);
            back.query_pairs_mut().append_pair("code", &code);
        }
        None => {
            back.query_pairs_mut().append_pair("error", "user_cancelled_authorize");
        }
    }
    back.query_pairs_mut().append_pair("state", &ask.state);
    Redirect::to(back.as_str()).into_response()
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    code: String,
    redirect_uri: String,
    client_id: String,
    client_secret: String,
}

async fn token(State(provider): State<Provider>, Form(ask): Form<TokenRequest>) -> Response {
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if ask.client_id != CLIENT_ID || ask.client_secret != provider.0.secret {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    let now = provider.0.clock.now();
    let code = provider.0.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(&ask.code);
    let Some(code) = code
        .filter(|c| ask.grant_type == "authorization_code" && c.redirect_uri == ask.redirect_uri && now < c.expires_at)
    else {
        return refused("invalid_grant");
    };
    let access_token = api::secret::random(&*provider.0.entropy);
    let until = now + TOKEN_LIFE;
    provider.0.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(access_token.clone(), (code.person, until));
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("stand-in".into());
    let claims = json!({ "iss": ISSUER, "aud": CLIENT_ID, "sub": code.person.handle, "iat": now.as_second(), "exp": until.as_second() });
    match jsonwebtoken::encode(&header, &claims, &provider.0.key) {
        Ok(id_token) => Json(json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": TOKEN_LIFE.as_secs(), "id_token": id_token, "scope": "openid profile email",
        }))
        .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "));
    let known = token.and_then(|t| provider.0.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(t).copied());
    let Some((person, _)) = known.filter(|(_, until)| provider.0.clock.now() < *until) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let p = person.profile();
    // LinkedIn says email_verified as a string now and then.
    Json(json!({
        "sub": person.handle, "name": p.name, "given_name": p.given_name, "family_name": p.family_name,
        "email": p.email, "email_verified": "true", "locale": { "country": "US", "language": "en" },
    }))
    .into_response()
}

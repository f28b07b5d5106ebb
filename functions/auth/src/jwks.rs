//! `GET /.well-known/jwks.json`

use api::token::PublicKeys;
use axum::Json;
use axum::extract::State as Extract;
use http::header::{CACHE_CONTROL, HeaderName};

use crate::state::State;

/// The public keys of the access tokens (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "auth",
    responses((status = 200, body = PublicKeys))
)]
pub(crate) async fn jwks(Extract(state): Extract<State>) -> ([(HeaderName, &'static str); 1], Json<PublicKeys>) {
    ([(CACHE_CONTROL, "public, max-age=300")], Json(state.verifier.keys().clone()))
}

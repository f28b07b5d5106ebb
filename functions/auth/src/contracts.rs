//! `GET /openapi.json`, `GET /asyncapi.json`, `GET /docs/problems`: what every problem and remedy points to.

use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};

type Page = ([(HeaderName, &'static str); 2], &'static str);

const fn page(kind: &'static str, text: &'static str) -> Page {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300")], text)
}

const OPENAPI: Page = page("application/json", include_str!("../../../openapi/openapi.json"));
const ASYNCAPI: Page = page("application/json", include_str!("../../../asyncapi/asyncapi.json"));
const PROBLEMS: Page = page("text/markdown; charset=utf-8", include_str!("../../../docs/problems.md"));

/// The committed contracts, which a test compares with the code.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/openapi.json", get(async || OPENAPI))
        .route("/asyncapi.json", get(async || ASYNCAPI))
        .route("/docs/problems", get(async || PROBLEMS))
}

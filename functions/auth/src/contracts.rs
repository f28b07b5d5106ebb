//! `GET /openapi.json`, `GET /asyncapi.json`, `GET /docs/problems`: what every problem and remedy points to; `GET /docs`:
//! a page to read them on and try them.

use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};

type Page = ([(HeaderName, &'static str); 3], &'static str);

/// No script, style or picture from anywhere else.
const POLICY: &str =
    "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const fn page(kind: &'static str, text: &'static str) -> Page {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300"), (CONTENT_SECURITY_POLICY, POLICY)], text)
}

const OPENAPI: Page = page("application/json", include_str!("../../../openapi/openapi.json"));
const ASYNCAPI: Page = page("application/json", include_str!("../../../asyncapi/asyncapi.json"));
const PROBLEMS: Page = page("text/markdown; charset=utf-8", include_str!("../../../docs/problems.md"));
const DOCS: Page = page("text/html; charset=utf-8", include_str!("../../../console/docs/index.html"));
const DOCS_SCRIPT: Page = page("text/javascript; charset=utf-8", include_str!("../../../console/docs/docs.js"));
const DOCS_STYLE: Page = page("text/css; charset=utf-8", include_str!("../../../console/docs/docs.css"));

/// The committed contracts, which a test compares with the code.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/openapi.json", get(async || OPENAPI))
        .route("/asyncapi.json", get(async || ASYNCAPI))
        .route("/docs/problems", get(async || PROBLEMS))
        .route("/docs", get(async || DOCS))
        .route("/docs/docs.js", get(async || DOCS_SCRIPT))
        .route("/docs/docs.css", get(async || DOCS_STYLE))
}

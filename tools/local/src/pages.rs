//! The console and the client, from the program itself: no file beside it, no outside request.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use include_dir::{Dir, include_dir};

static CONSOLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../console");
static CLIENT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../clients/js");

/// No script, style or picture from anywhere else. Recordings are in the bucket, on another port of this machine.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss: http://127.0.0.1:*; \
                      media-src 'self' blob: http://127.0.0.1:*; img-src 'self' data: https:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

fn file(folder: &Dir<'_>, name: &str) -> Response {
    match folder.get_file(name) {
        Some(file) => page(kind(name), file.contents().to_vec()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A page on another port may import the client.
fn for_any_page(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn page(kind: &'static str, body: Vec<u8>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The pages' routes.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || file(&CONSOLE, "index.html")))
        .route("/console/{*name}", get(async |Path(name): Path<String>| file(&CONSOLE, &name)))
        .route("/client/{*name}", get(async |Path(name): Path<String>| for_any_page(file(&CLIENT, &name))))
}

//! What wraps every group's routes: ids, limits, headers, and the body of every problem.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use domain::clock::{Clock, Entropy};
use domain::limit;
use http::{HeaderName, HeaderValue, Method, Uri, header};
use socket::problem::{Code, Problem};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::refusal::Refusal;

/// The header with the request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Which pages may call: exact origins, or every page of this machine on a laptop.
#[derive(Clone, Debug)]
pub struct Origins {
    exact: Arc<[String]>,
    loopback: bool,
}

impl Origins {
    /// These origins and no other.
    pub fn exactly(origins: impl IntoIterator<Item = String>) -> Self {
        Self { exact: origins.into_iter().collect(), loopback: false }
    }

    /// Every page of this machine.
    pub fn loopback() -> Self {
        Self { exact: Arc::new([]), loopback: true }
    }

    /// Whether a page of this origin may call.
    pub fn allow(&self, origin: &str) -> bool {
        let host = origin.strip_prefix("http://").map(|rest| match rest.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            _ => rest,
        });
        let here = self.loopback && matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"));
        here || self.exact.iter().any(|exact| exact == origin)
    }
}

/// What the layers need.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Which pages may call.
    pub origins: Origins,
    /// The time, for request ids.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
}

/// Wraps the routes of a group. `paths` are the known ones, for whoever misspells one.
pub fn wrap(group: &'static str, router: Router, paths: impl IntoIterator<Item = String>, edge: &Edge) -> Router {
    let paths: Arc<[String]> = paths.into_iter().collect();
    let origins = edge.origins.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            origin.to_str().is_ok_and(|origin| origins.allow(origin))
        }))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("traceparent"),
            REQUEST_ID,
        ])
        .expose_headers([
            header::LOCATION,
            header::RETRY_AFTER,
            REQUEST_ID,
            crate::once::REPLAYED,
            crate::quota::POLICY,
            crate::quota::LEFT,
        ])
        .max_age(Duration::from_mins(10));
    let worth = SizeAbove::new(1024).and(NotForContentType::const_new("text/event-stream"));
    let routes = router
        .fallback(move |uri: Uri| std::future::ready(route_unknown(&uri, &paths)))
        .method_not_allowed_fallback(async || Refusal(Problem::new(Code::MethodNotAllowed)))
        .layer(DefaultBodyLimit::max(limit::BODY))
        .layer(middleware::from_fn(time_limit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new().compress_when(worth))
        .layer(middleware::from_fn_with_state((group, edge.clone()), finish))
        .layer(cors)
        .layer(middleware::map_response(one_vary));
    // Outside of the routes, because a path must be rewritten before it is matched.
    Router::new().fallback_service(tower::ServiceExt::map_request(routes, strip_version))
}

/// Compression and CORS each add a `Vary`; Lambda's answer keeps one value per name.
async fn one_vary(mut response: Response) -> Response {
    let values: Vec<&str> = response.headers().get_all(header::VARY).iter().filter_map(|v| v.to_str().ok()).collect();
    if values.len() > 1
        && let Ok(all) = HeaderValue::from_str(&values.join(", "))
    {
        response.headers_mut().insert(header::VARY, all);
    }
    response
}

/// `/api/v1/x` is `/api/x`.
fn strip_version(mut request: Request) -> Request {
    let uri = request.uri();
    if let Some(rest) = uri.path().strip_prefix("/api/v1/") {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(path) = format!("/api/{rest}{query}").parse::<Uri>() {
            *request.uri_mut() = path;
        }
    }
    request
}

fn route_unknown(uri: &Uri, paths: &[String]) -> Refusal {
    let path: String = uri.path().chars().take(128).collect();
    let mut near: Vec<(usize, &str)> =
        paths.iter().map(|known| (strsim::damerau_levenshtein(known, &path), known.as_str())).collect();
    near.sort_unstable();
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, known)| known).collect();
    Refusal(Problem::because(Code::RouteUnknown, format!("there is no route {path}; near it are {}", near.join(", "))))
}

async fn time_limit(request: Request, next: Next) -> Response {
    let patience = Duration::try_from(limit::REQUEST).expect("a positive limit");
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal(Problem::because(Code::Timeout, "whether it took effect is not known")).into_response(),
    }
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Refusal(Problem::new(Code::Internal)).into_response()
}

fn new_request_id(edge: &Edge) -> String {
    let millis = u64::try_from(edge.clock.now().as_millisecond()).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &edge.entropy.bytes()).into_uuid();
    format!("req_{}", uuid.as_simple())
}

/// A path for the log. Names of routes and ids are shown; whatever else somebody put in their place may be a token,
/// and may be as long as a page.
fn shown(path: &str) -> String {
    let plain = |part: &str| {
        part.len() <= 40 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
    };
    let parts: Vec<&str> = path.split('/').take(16).map(|part| if plain(part) { part } else { "…" }).collect();
    parts.join("/")
}

/// A method for the log and the metrics: methods are free text.
fn shown_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Gives the request its id, writes the body of a problem, sets the headers that every answer has, and ends the request
/// in the log.
async fn finish(
    axum::extract::State((group, edge)): axum::extract::State<(&'static str, Edge)>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let usable = given.filter(|id| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    let id = usable.map_or_else(|| new_request_id(&edge), str::to_owned);
    let trace = crate::trace::of_request(&request);
    let (method, path) = (request.method().clone(), shown(request.uri().path()));
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = matched.map_or_else(|| "unknown".into(), |path| format!("{} {path}", shown_method(&method)));
    let span = tracing::info_span!("request", id = %id, trace);
    let answer = crate::quota::telling(next.run(request));
    let mut response = tracing::Instrument::instrument(answer, span).await;
    let problem = response.extensions_mut().remove::<Problem>();
    let heard = response.extensions_mut().remove::<crate::log::Quality>();
    let (mos, round_trip, lost) = (heard.map(|q| q.mos), heard.map(|q| q.round_trip), heard.map(|q| q.lost));
    let named = problem.as_ref().map(|problem| problem.code.as_str());
    let (status, latency) = (response.status().as_u16(), crate::log::millis_since(begun));
    let replayed = response.headers().contains_key(&crate::once::REPLAYED).then_some(1_u64);
    let refused = named.map(|_| 1_u64);
    tracing::info!(
        target: crate::log::DONE,
        {
            request.id = %id, trace, group, route, http.method = %shown_method(&method), http.path = %path,
            http.status = status, latency, problem = named, refused, replayed, mos, round_trip, lost
        },
        "{}", if named.is_some() { "refused" } else { "answered" }
    );
    if let Some(problem) = problem {
        let problem = Problem { instance: Some(id.clone()), ..problem };
        *response.body_mut() = Body::from(serde_json::to_vec(&problem).expect("a problem has string keys"));
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_log_shows_routes_and_ids_and_nothing_else() {
        for path in
            ["/", "/.well-known/jwks.json", "/api/webrtc/call/call_01a1f8d4d84870008000000000000057/ice-candidate"]
        {
            assert_eq!(shown(path), path);
        }
        assert_eq!(shown("/auth/sessions/eyJhbGciOiJFZERTQSJ9.e30.x"), "/auth/sessions/…");
        assert_eq!(shown(&format!("/auth/%0a/{}", "x".repeat(9_999))), "/auth/…/…");
        assert!(shown(&"/x".repeat(9_999)).len() < 40);
    }
}

//! What just happened: the newest requests, frames and pushes of this process, for the console.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::clock::Clock;
use http::header;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use store::Spent;
use store::meter::metered;
use tokio::sync::watch;

use crate::shared::Shared;

/// How many are kept.
const KEPT: usize = 500;
/// Bytes of a body or frame that is shown.
const SHOWN: usize = 4096;
/// How long a question waits for something new.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is never shown.
const SECRETS: [&str; 9] = [
    "password",
    "access_token",
    "refresh_token",
    "device_token",
    "code",
    "code_verifier",
    "code_challenge",
    "ticket",
    "url",
];

/// The newest events, oldest first.
#[derive(Clone, Debug)]
pub struct Trace {
    kept: Arc<Mutex<VecDeque<Value>>>,
    head: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
}

/// One frame, and which way it went.
pub(crate) struct Frame<'a> {
    pub(crate) direction: &'static str,
    pub(crate) connection: &'a str,
    pub(crate) person: Option<&'a str>,
    pub(crate) text: &'a str,
    pub(crate) cost: Option<(Duration, Spent)>,
}

impl Trace {
    /// Nothing has happened yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { kept: Arc::default(), head: watch::Sender::new(0), clock }
    }

    fn push(&self, mut event: Value) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *self.head.borrow() + 1;
        event["n"] = json!(number);
        event["at"] = json!(self.clock.now());
        kept.push_back(event);
        if kept.len() > KEPT {
            kept.pop_front();
        }
        self.head.send_replace(number);
    }

    fn since(&self, number: u64) -> Vec<Value> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|event| event["n"].as_u64() > Some(number)).cloned().collect()
    }

    /// Notes a frame.
    pub(crate) fn frame(&self, frame: &Frame<'_>) {
        let said: Value = serde_json::from_str(frame.text).unwrap_or(Value::Null);
        let name = said["action"].as_str().or(said["event"].as_str()).unwrap_or("?");
        self.push(json!({
            "kind": "frame",
            "direction": frame.direction,
            "connection": frame.connection,
            "person": frame.person,
            "name": name,
            "ms": frame.cost.map(|(took, _)| milliseconds(took)),
            "store": frame.cost.map(|(_, spent)| cost(spent)),
            "problem": said.get("problem"),
            "frame": shown(frame.text.as_bytes()),
        }));
    }
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e4).round() / 10.0
}

fn cost(spent: Spent) -> Value {
    json!({ "requests": spent.requests, "read_units": spent.read_units, "write_units": spent.write_units })
}

/// JSON as it may be shown: small, and without secrets.
fn shown(bytes: &[u8]) -> Value {
    if bytes.len() > SHOWN {
        return json!(format!("… {} bytes", bytes.len()));
    }
    let mut value: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    hide(&mut value);
    value
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                // A problem's code is no secret; one-time codes are long.
                let harmless = name == "code" && value.as_str().is_some_and(|code| code.len() < 32);
                if SECRETS.contains(&name.as_str()) && value.is_string() && !harmless {
                    *value = json!("…");
                }
                hide(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

/// Who a token says it is of; nobody believes it here, it is only shown.
pub(crate) fn subject(token: &str) -> Option<String> {
    let claims = api::secret::from_base64url(token.split('.').nth(1)?)?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims["sub"].as_str()?.to_owned())
}

/// Notes a request to one of the groups, what it cost, and how it was answered.
pub(crate) async fn request(State(trace): State<Trace>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    // Pages that explain are not what happened.
    if path.starts_with("/docs") {
        return next.run(request).await;
    }
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let person = token.and_then(|value| value.split_once(' ')).and_then(|(_, token)| subject(token));
    let small = |headers: &http::HeaderMap| {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        length.is_some_and(|length| (1..=SHOWN).contains(&length))
    };
    let (request, body) = if small(request.headers()) {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        (Request::from_parts(parts, Body::from(bytes.clone())), shown(&bytes))
    } else {
        (request, Value::Null)
    };
    let began = Instant::now();
    let (response, spent) = metered(next.run(request)).await;
    let took = began.elapsed();
    let (response, problem) = read_problem(response).await;
    trace.push(json!({
        "kind": "request",
        "id": response.headers().get("x-request-id").and_then(|id| id.to_str().ok()),
        "method": method,
        "path": path,
        "status": response.status().as_u16(),
        "ms": milliseconds(took),
        "person": person,
        "store": cost(spent),
        "body": body,
        "problem": problem,
    }));
    response
}

async fn read_problem(response: Response) -> (Response, Value) {
    let headers = response.headers();
    let is_problem = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json");
    if !is_problem || headers.contains_key(header::CONTENT_ENCODING) {
        return (response, Value::Null);
    }
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let problem = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (Response::from_parts(parts, Body::from(bytes)), problem)
}

#[derive(Deserialize)]
pub(crate) struct Since {
    #[serde(default)]
    after: u64,
}

/// `GET /local/trace?after=N`: what is newer, as soon as there is something.
pub(crate) async fn list(State(shared): State<Shared>, Query(Since { after }): Query<Since>) -> Response {
    let mut head = shared.trace.head.subscribe();
    tokio::select! {
        _ = head.wait_for(|head| *head != after) => {}
        () = tokio::time::sleep(PATIENCE) => {}
        () = shared.stopping() => {}
    }
    let head = *shared.trace.head.borrow();
    // Whoever remembers more than there is talks of another process.
    let items = shared.trace.since(if after > head { 0 } else { after });
    Json(json!({ "head": head, "items": items })).into_response()
}

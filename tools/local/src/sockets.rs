//! The WebSocket API and its management API (`@connections`), as API Gateway offers them.
//!
//! Its limits are modelled: frames of 32 KB (close code 1009), ten silent minutes, two hours, 410 for a
//! connection that is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use domain::lease::ConnectionId;
use domain::limit;
use http::{HeaderMap, StatusCode, header};
use realtime::Occasion;
use serde::Deserialize;
use store::meter::metered;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::shared::Shared;
use crate::trace::{Frame, subject};

/// Frames that may wait for a slow reader before its connection is cut.
const QUEUE: usize = 256;

/// What can go wrong with a connection, on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Trouble {
    /// The line is cut without a goodbye (1006).
    Drop,
    /// We have forgotten it (410), and the other side does not know.
    Gone,
    /// Two hours are over.
    Rollover,
    /// Ten silent minutes are over.
    Idle,
}

enum Order {
    Frame(String),
    Trouble(Trouble),
}

struct Connection {
    orders: mpsc::Sender<Order>,
    person: Option<String>,
}

/// The open connections.
#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<HashMap<String, Connection>>>);

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("open", &self.with(|open| open.len())).finish()
    }
}

impl Hub {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Connection>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn person(&self, connection: &str) -> Option<String> {
        self.with(|open| open.get(connection)?.person.clone())
    }

    fn send(&self, connection: &str, frame: String) -> bool {
        self.with(|open| {
            let sent = open.get(connection).is_some_and(|there| there.orders.try_send(Order::Frame(frame)).is_ok());
            if !sent {
                open.remove(connection);
            }
            sent
        })
    }

    /// Cuts every connection.
    pub(crate) fn clear(&self) {
        self.with(HashMap::clear);
    }

    /// Brings trouble on this person's connections, or on all. How many there were.
    fn trouble(&self, trouble: Trouble, person: Option<&str>) -> usize {
        self.with(|open| {
            let theirs: Vec<String> = open
                .iter()
                .filter(|(_, connection)| person.is_none() || connection.person.as_deref() == person)
                .map(|(id, _)| id.clone())
                .collect();
            for id in &theirs {
                let sent = open.get(id).map(|connection| connection.orders.try_send(Order::Trouble(trouble)));
                if trouble == Trouble::Gone || matches!(sent, Some(Err(_))) {
                    // What is still queued is read by the connection, which then hears nothing more.
                    open.remove(id);
                }
            }
            theirs.len()
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct Whose {
    person: Option<String>,
}

/// `POST /local/sockets/{trouble}?person=…`
pub(crate) async fn trouble(
    State(shared): State<Shared>,
    Path(trouble): Path<Trouble>,
    Query(Whose { person }): Query<Whose>,
) -> Response {
    let sockets = shared.hub.trouble(trouble, person.as_deref());
    Json(serde_json::json!({ "sockets": sockets })).into_response()
}

/// `POST /@connections/{id}`
pub(crate) async fn post(State(shared): State<Shared>, Path(connection): Path<String>, body: Bytes) -> Response {
    if body.len() > 4 * limit::FRAME {
        return (StatusCode::PAYLOAD_TOO_LARGE, [("x-amzn-errortype", "PayloadTooLargeException")]).into_response();
    }
    let Ok(text) = String::from_utf8(body.to_vec()) else { return StatusCode::BAD_REQUEST.into_response() };
    let person = shared.hub.person(&connection);
    if !shared.hub.send(&connection, text.clone()) {
        return gone();
    }
    let (direction, person) = ("push", person.as_deref());
    shared.trace.frame(&Frame { direction, connection: &connection, person, text: &text, cost: None });
    StatusCode::OK.into_response()
}

/// `DELETE /@connections/{id}`
pub(crate) async fn cut(State(shared): State<Shared>, Path(connection): Path<String>) -> Response {
    match shared.hub.with(|open| open.remove(&connection)) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => gone(),
    }
}

fn gone() -> Response {
    (StatusCode::GONE, [("x-amzn-errortype", "GoneException")], "{}").into_response()
}

/// `GET /socket`
pub(crate) async fn open(
    State(shared): State<Shared>,
    Query(mut query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let connection = api::secret::base64url(shared.entropy.bytes::<12>());
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    // Open for posts before anybody can know of it: a push between the lease and the upgrade must not find it gone.
    let (orders, queue) = mpsc::channel(QUEUE);
    let ticket = query.remove("ticket");
    let person = ticket.as_deref().and_then(subject);
    shared.hub.with(|open| open.insert(connection.clone(), Connection { orders, person: person.clone() }));
    let id = ConnectionId(connection.clone());
    let occasion = Occasion::Opened { connection: id, ticket, origin };
    let answer = realtime::handle(&shared.realtime, occasion).await;
    if answer.status != 200 {
        shared.hub.with(|open| open.remove(&connection));
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = answer.body.unwrap_or_default();
        return (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    }
    let failed = (shared.clone(), connection.clone());
    upgrade
        .max_message_size(4 * limit::FRAME)
        .read_buffer_size(4 * 1024)
        .on_failed_upgrade(move |_| {
            tokio::spawn(closed(failed.0, failed.1));
        })
        .on_upgrade(move |socket| async move {
            Box::pin(run(&shared, (&connection, person.as_deref()), socket, queue)).await;
            closed(shared, connection).await;
        })
}

async fn closed(shared: Shared, connection: String) {
    shared.hub.with(|open| open.remove(&connection));
    realtime::handle(&shared.realtime, Occasion::Closed { connection: ConnectionId(connection) }).await;
}

async fn run(
    shared: &Shared,
    (connection, person): (&str, Option<&str>),
    mut socket: WebSocket,
    mut queue: mpsc::Receiver<Order>,
) {
    let seconds = |limit: jiff::SignedDuration| Duration::try_from(limit).expect("limits are positive");
    let idle = seconds(limit::SOCKET_IDLE);
    let cut_at = Instant::now() + seconds(limit::SOCKET_LIFE);
    let mut idle_at = Instant::now() + idle;
    let (silent, over) = ((1001, "ten silent minutes"), (1001, "two hours are over"));
    let close = loop {
        tokio::select! {
            // What was posted before a frame came goes out before its answer.
            biased;
            order = queue.recv() => match order {
                Some(Order::Frame(text)) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                Some(Order::Trouble(Trouble::Drop)) => return,
                Some(Order::Trouble(Trouble::Rollover)) => break over,
                Some(Order::Trouble(Trouble::Idle)) => break silent,
                Some(Order::Trouble(Trouble::Gone)) => {
                    deaf(shared, socket, cut_at).await;
                    return;
                }
                None => break (1001, "the connection was cut"),
            },
            said = socket.recv() => {
                idle_at = Instant::now() + idle;
                match said {
                    Some(Ok(Message::Text(text))) if text.len() > limit::FRAME => break (1009, "at most 32 KB per frame"),
                    Some(Ok(Message::Text(text))) => {
                        let answer = Box::pin(hear(shared, (connection, person), &text)).await;
                        if let Some(body) = answer
                            && socket.send(Message::Text(body.into())).await.is_err()
                        {
                            return;
                        }
                    }
                    Some(Ok(Message::Binary(_))) => break (1003, "text frames only"),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
            }
            () = tokio::time::sleep_until(idle_at.min(cut_at)) => {
                break if cut_at <= Instant::now() { over } else { silent };
            }
            () = shared.stopping() => break (1001, "the server stops"),
        }
    };
    let (code, reason) = close;
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

/// Hands a frame to the function and notes both in the trace.
async fn hear(shared: &Shared, (connection, person): (&str, Option<&str>), text: &str) -> Option<String> {
    let occasion = Occasion::Said { connection: ConnectionId(connection.to_owned()), text: text.to_owned() };
    let began = std::time::Instant::now();
    let (answer, spent) = Box::pin(metered(realtime::handle(&shared.realtime, occasion))).await;
    let body = answer.body?;
    shared.trace.frame(&Frame { direction: "in", connection, person, text, cost: None });
    let cost = Some((began.elapsed(), spent));
    shared.trace.frame(&Frame { direction: "out", connection, person, text: &body, cost });
    Some(body)
}

/// A line that nobody listens to any more, until the other side notices.
async fn deaf(shared: &Shared, mut socket: WebSocket, until: Instant) {
    let heard = async { while let Some(Ok(_)) = socket.recv().await {} };
    tokio::select! {
        () = heard => {}
        () = tokio::time::sleep_until(until) => {}
        () = shared.stopping() => {}
    }
}

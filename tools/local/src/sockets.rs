//! The WebSocket API and its management API (`@connections`), as API Gateway offers them.
//!
//! Its limits are modelled: frames of 32 KB (close code 1009), ten silent minutes, two hours, 410 for a
//! connection that is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use domain::lease::ConnectionId;
use domain::limit;
use http::{HeaderMap, StatusCode, header};
use realtime::Occasion;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::shared::Shared;

/// Frames that may wait for a slow reader before its connection is cut.
const QUEUE: usize = 256;

type Outgoing = mpsc::Sender<String>;

/// The open connections.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Mutex<HashMap<String, Outgoing>>>);

impl Hub {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Outgoing>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn send(&self, connection: &str, frame: String) -> bool {
        self.with(|open| match open.get(connection).map(|outgoing| outgoing.try_send(frame)) {
            Some(Ok(())) => true,
            Some(Err(_)) => {
                open.remove(connection);
                false
            }
            None => false,
        })
    }
}

/// `POST /@connections/{id}`
pub(crate) async fn post(State(shared): State<Shared>, Path(connection): Path<String>, body: Bytes) -> Response {
    if body.len() > 4 * limit::FRAME {
        return (StatusCode::PAYLOAD_TOO_LARGE, [("x-amzn-errortype", "PayloadTooLargeException")]).into_response();
    }
    let Ok(text) = String::from_utf8(body.to_vec()) else { return StatusCode::BAD_REQUEST.into_response() };
    if shared.hub.send(&connection, text) { StatusCode::OK.into_response() } else { gone() }
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
    let (outgoing, queue) = mpsc::channel(QUEUE);
    shared.hub.with(|open| open.insert(connection.clone(), outgoing));
    let id = ConnectionId(connection.clone());
    let occasion = Occasion::Opened { connection: id, ticket: query.remove("ticket"), origin };
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
            run(&shared, &connection, socket, queue).await;
            closed(shared, connection).await;
        })
}

async fn closed(shared: Shared, connection: String) {
    shared.hub.with(|open| open.remove(&connection));
    realtime::handle(&shared.realtime, Occasion::Closed { connection: ConnectionId(connection) }).await;
}

async fn run(shared: &Shared, connection: &str, mut socket: WebSocket, mut queue: mpsc::Receiver<String>) {
    let seconds = |limit: jiff::SignedDuration| Duration::try_from(limit).expect("limits are positive");
    let idle = seconds(limit::SOCKET_IDLE);
    let cut_at = Instant::now() + seconds(limit::SOCKET_LIFE);
    let mut idle_at = Instant::now() + idle;
    let close = loop {
        tokio::select! {
            pushed = queue.recv() => match pushed {
                Some(text) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                None => break (1001, "the connection was cut"),
            },
            said = socket.recv() => {
                idle_at = Instant::now() + idle;
                match said {
                    Some(Ok(Message::Text(text))) if text.len() > limit::FRAME => break (1009, "at most 32 KB per frame"),
                    Some(Ok(Message::Text(text))) => {
                        let occasion = Occasion::Said { connection: ConnectionId(connection.to_owned()), text: text.to_string() };
                        let answer = realtime::handle(&shared.realtime, occasion).await;
                        if let Some(body) = answer.body
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
                break (1001, if cut_at <= Instant::now() { "two hours are over" } else { "ten silent minutes" });
            }
            () = shared.stopping() => break (1001, "the server stops"),
        }
    };
    let (code, reason) = close;
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}

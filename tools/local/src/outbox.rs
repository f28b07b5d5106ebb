//! What would be sent to people. On a laptop nothing is sent: it lands here.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::shared::Shared;

/// How many are kept.
const KEPT: usize = 100;

/// Something that would be sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) at: Timestamp,
    /// To whom.
    pub(crate) to: String,
    /// `link`.
    pub(crate) kind: &'static str,
    pub(crate) text: &'static str,
    pub(crate) url: Option<String>,
    pub(crate) code: Option<String>,
}

/// What would have been sent, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Outbox(Arc<Mutex<Vec<Message>>>);

impl Outbox {
    pub(crate) fn put(&self, message: Message) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(message);
        let extra = kept.len().saturating_sub(KEPT);
        kept.drain(..extra);
    }

    pub(crate) fn empty(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// `GET /local/outbox`
pub(crate) async fn list(State(shared): State<Shared>) -> Response {
    let items = shared.outbox.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Json(json!({ "items": items })).into_response()
}

//! `GET /api/webrtc/health`

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::State;

/// The group answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `healthy`.
    status: &'static str,
    /// `webrtc`.
    service: &'static str,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// Says that the group answers. Reads nothing.
#[utoipa::path(
    get, path = "/api/webrtc/health", operation_id = "health", tag = "calls",
    responses((status = 200, body = Health))
)]
pub(crate) async fn health(Extract(state): Extract<State>) -> Json<Health> {
    Json(Health { status: "healthy", service: "webrtc", timestamp: state.now() })
}

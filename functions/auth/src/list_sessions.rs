//! `GET /auth/sessions`

use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::SessionId;
use jiff::Timestamp;
use serde::Serialize;
use socket::Problem;
use utoipa::ToSchema;

use crate::state::State;

/// One signed-in device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    id: SessionId,
    /// The user agent that signed in.
    label: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last refreshed.
    #[schema(value_type = String, format = DateTime)]
    used_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

/// The caller's devices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    items: Vec<SessionView>,
    /// Always null: these are the newest, at most 100.
    next_cursor: Option<String>,
}

/// Lists the devices that are signed in, newest first.
#[utoipa::path(
    get, path = "/auth/sessions", operation_id = "listSessions", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = SessionList), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list_sessions(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
) -> Result<Json<SessionList>, Refusal> {
    let sessions = state.accounts.sessions(caller.sub).await?;
    let alive = sessions.into_iter().filter(|session| session.alive(state.now()).is_ok());
    let items = alive.map(|session| SessionView {
        id: session.id,
        label: session.label,
        created_at: session.created_at,
        used_at: session.used_at,
        current: session.id == caller.sid,
    });
    Ok(Json(SessionList { items: items.collect(), next_cursor: None }))
}

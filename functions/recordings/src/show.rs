//! `GET /api/recordings/{id}`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::RecordingId;
use domain::recording::Stage;
use serde::Serialize;
use socket::Problem;
use utoipa::ToSchema;

use crate::state::State;
use crate::view::{RecordingItem, RecordingLink};

/// A recording, and where to watch it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingWithLink {
    #[serde(flatten)]
    recording: RecordingItem,
    /// Nothing until it is kept.
    link: Option<RecordingLink>,
}

/// Shows a recording to whoever was there while it ran, with an address that brings the file for a few minutes.
#[utoipa::path(
    get, path = "/api/recordings/{id}", operation_id = "showRecording", tag = "recordings", security(("bearer" = [])),
    params(("id" = RecordingId, Path)),
    responses((status = 200, body = RecordingWithLink), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn show(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<RecordingId>,
) -> Result<Json<RecordingWithLink>, Refusal> {
    let recording = state.recording_of(caller.sub, id).await?.value;
    let link = match recording.stage {
        Stage::Kept { .. } => Some(state.link(&recording).await?),
        _ => None,
    };
    Ok(Json(RecordingWithLink { recording: RecordingItem::of(&recording, state.now()), link }))
}

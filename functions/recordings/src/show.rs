//! `GET /api/recordings/{id}`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::RecordingId;
use domain::recording::{Recording, RecordingRefused, Stage};
use serde::Serialize;
use socket::Problem;
use store::Versioned;
use utoipa::ToSchema;

use crate::complete::finish;
use crate::delete::erase;
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

/// Shows a recording to whoever was there while it ran, with an address that brings the file for a few minutes. One whose
/// completion or deletion died halfway is completed or deleted first.
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
    let recording = heal(&state, state.recording_of(caller.sub, id).await?).await?;
    let link = match recording.stage {
        Stage::Kept { .. } => Some(state.link(&recording).await?),
        _ => None,
    };
    Ok(Json(RecordingWithLink { recording: RecordingItem::of(&recording, state.now()), link }))
}

/// As far as the bucket answers: otherwise it is shown as it stands, and whoever looks next goes on.
async fn heal(state: &State, read: Versioned<Recording>) -> Result<Recording, Problem> {
    let stands = read.value.clone();
    match stands.stage {
        Stage::Closing => Ok(finish(state, read).await.ok().flatten().unwrap_or(stands)),
        Stage::Deleting { .. } if erase(state, read).await.is_ok() => Err(RecordingRefused::Stranger.into()),
        _ => Ok(stands),
    }
}

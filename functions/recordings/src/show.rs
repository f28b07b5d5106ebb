//! `GET /api/recordings/{id}`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::{RecordingId, UserId};
use domain::recording::{Recording, Stage};
use serde::Serialize;
use socket::Problem;
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
    let recording = heal(&state, caller.sub, id).await?;
    let link = match recording.stage {
        Stage::Kept { .. } => Some(state.link(&recording).await?),
        _ => None,
    };
    Ok(Json(RecordingWithLink { recording: RecordingItem::of(&recording, state.now()), link }))
}

/// As far as the bucket answers: otherwise it is shown as it stands, and whoever looks next goes on.
async fn heal(state: &State, me: UserId, id: RecordingId) -> Result<Recording, Problem> {
    let read = state.recording_of(me, id).await?;
    let stands = read.value.clone();
    let done = match stands.stage {
        Stage::Closing => finish(state, read).await.map(|kept| kept.is_some()),
        Stage::Deleting { .. } => erase(state, read).await,
        _ => return Ok(stands),
    };
    match done {
        // Also after a lost race somebody else has gone on.
        Ok(_) => Ok(state.recording_of(me, id).await?.value),
        Err(problem) => {
            tracing::warn!(problem = problem.code.as_str(), "a recording could not be gone on with");
            Ok(stands)
        }
    }
}

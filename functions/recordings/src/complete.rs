//! `POST /api/recordings/{id}/complete`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::{RecordingId, UserId};
use domain::recording::{Recording, Stage};
use socket::{Code, Problem};
use store::Versioned;
use store::switchboard::TRIES;

use crate::state::State;
use crate::stop::end;
use crate::view::RecordingItem;

/// Makes a recording of the parts that were uploaded, and stops it if it still runs: from then on everybody who was
/// there can watch it. Each part that was granted must have arrived. Completing it again changes nothing.
#[utoipa::path(
    post, path = "/api/recordings/{id}/complete", operation_id = "completeRecording", tag = "recordings", security(("bearer" = [])),
    params(("id" = RecordingId, Path)),
    responses((status = 200, body = RecordingItem), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn complete(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<RecordingId>,
) -> Result<Json<RecordingItem>, Refusal> {
    let kept = keep(&state, caller.sub, id).await?;
    Ok(Json(RecordingItem::of(&kept, state.now())))
}

/// In three steps, each of which finds out whether it was done before: counted, made, kept. What dies in between is
/// counted and can be completed or deleted.
async fn keep(state: &State, me: UserId, id: RecordingId) -> Result<Recording, Problem> {
    for _ in 0..TRIES {
        let now = state.now();
        let mut read = state.recording_of(me, id).await?;
        let (_, opens) = read.value.clone().close(me, now)?;
        let key = blobs::Key::Recording(id);
        if opens {
            read = end(state, me, read, |call, now| call.stop_recording(id, me, now)).await?;
            let (closing, still_opens) = read.value.clone().close(me, now)?;
            if !still_opens {
                continue;
            }
            let upload = closing.upload.as_deref().unwrap_or_default();
            if !state.blobs.has(key, upload, &closing.parts).await? {
                return Err(Problem::new(Code::RecordingIncomplete));
            }
            let storage = state.recordings.storage(closing.owner).await?;
            let value = storage.value.keep(id, closing.bytes);
            let storage = Versioned { value, version: storage.version };
            let closing = Versioned { value: closing, version: read.version };
            match state.recordings.close(&closing, &storage).await {
                Err(stale) if stale.is_stale() => continue,
                saved => saved?,
            }
            read = Versioned { version: closing.version + 1, ..closing };
        }
        if matches!(read.value.stage, Stage::Kept { .. }) {
            return Ok(read.value);
        }
        let upload = read.value.upload.as_deref().unwrap_or_default();
        if !state.blobs.complete(key, upload, &read.value.parts).await? {
            return Err(Problem::new(Code::RecordingIncomplete));
        }
        let kept = read.value.keep(now);
        match state.recordings.save(&kept, read.version).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                return Ok(kept);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

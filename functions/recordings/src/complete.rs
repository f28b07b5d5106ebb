//! `POST /api/recordings/{id}/complete`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use blobs::Arrived;
use domain::id::{RecordingId, UserId};
use domain::limit::Rate;
use domain::recording::{Recording, Stage};
use socket::view::KeptView;
use socket::{Code, Problem, Push};
use store::Versioned;
use store::switchboard::TRIES;

use crate::state::State;
use crate::stop::end;
use crate::view::RecordingItem;

/// Makes a recording of the parts that were uploaded, and stops it if it still runs: from then on everybody who was
/// there can watch it. What follows a part that never arrived is given up. Completing it again changes nothing.
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
    state.limit(Rate::Recording, caller.sub).await?;
    let kept = keep(&state, caller.sub, id).await?;
    Ok(Json(RecordingItem::of(&kept, state.now())))
}

/// In three steps, each of which finds out whether it was done before: counted, made, kept. What dies in between is
/// counted, and whoever looks at it next goes on.
async fn keep(state: &State, me: UserId, id: RecordingId) -> Result<Recording, Problem> {
    for _ in 0..TRIES {
        let now = state.now();
        let mut read = state.recording_of(me, id).await?;
        if read.value.closes(me, now)? {
            read = end(state, me, read, |call, now| call.stop_recording(id, me, now)).await?;
            if !read.value.closes(me, now)? {
                continue;
            }
            let arrived = arrived(state, &read.value).await?;
            // Nothing is there of an upload that somebody else has just completed or deleted, either.
            if arrived.count() == 0 && state.recording_of(me, id).await?.version != read.version {
                continue;
            }
            let (closing, _) = read.value.close(me, arrived.count(), now)?;
            let storage = state.recordings.storage(closing.owner).await?;
            let value = storage.value.keep(id, closing.bytes);
            let storage = Versioned { value, version: storage.version };
            let closing = Versioned { value: closing, version: read.version };
            match state.recordings.close(&closing, &storage).await {
                Err(stale) if stale.is_stale() => continue,
                saved => saved?,
            }
            read = Versioned { version: closing.version + 1, ..closing };
            if let Some(kept) = make(state, read, arrived).await? {
                return Ok(kept);
            }
        } else if let Some(kept) = finish(state, read).await? {
            return Ok(kept);
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Goes on with a recording that is closing; `None` after a lost race.
pub(crate) async fn finish(state: &State, read: Versioned<Recording>) -> Result<Option<Recording>, Problem> {
    if matches!(read.value.stage, Stage::Kept { .. }) {
        return Ok(Some(read.value));
    }
    let arrived = arrived(state, &read.value).await?;
    make(state, read, arrived).await
}

async fn arrived(state: &State, recording: &Recording) -> Result<Arrived, Problem> {
    let upload = recording.upload.as_deref().unwrap_or_default();
    Ok(state.blobs.arrived(blobs::Key::Recording(recording.id), upload, &recording.parts).await?)
}

async fn make(state: &State, read: Versioned<Recording>, arrived: Arrived) -> Result<Option<Recording>, Problem> {
    let (key, upload) = (blobs::Key::Recording(read.value.id), read.value.upload.as_deref().unwrap_or_default());
    if !state.blobs.complete(key, upload, arrived, &read.value.parts).await? {
        return Err(Problem::new(Code::RecordingIncomplete));
    }
    let kept = read.value.keep(state.now());
    match state.recordings.save(&kept, read.version).await {
        Err(stale) if stale.is_stale() => Ok(None),
        saved => {
            saved?;
            let view =
                KeptView { recording_id: kept.id, call_id: kept.call, recorded_by: kept.owner, bytes: kept.bytes };
            state.switchboard.tell(&kept.people, Push::RecordingKept(view), state.now()).await;
            Ok(Some(kept))
        }
    }
}

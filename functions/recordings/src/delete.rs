//! `DELETE /api/recordings/{id}`

use api::{Caller, Path, Refusal};
use axum::extract::State as Extract;
use domain::id::{RecordingId, UserId};
use domain::limit::Rate;
use domain::recording::{Recording, RecordingRefused};
use http::StatusCode;
use socket::{Code, Problem};
use store::Versioned;
use store::switchboard::TRIES;

use crate::state::State;
use crate::stop::end;

/// Deletes a recording, for everybody: its recorder may, and who was the call's host when it was asked for. Its bytes are
/// gone when this is answered. Deleting it again changes nothing, for a day.
#[utoipa::path(
    delete, path = "/api/recordings/{id}", operation_id = "deleteRecording", tag = "recordings", security(("bearer" = [])),
    params(("id" = RecordingId, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn delete(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<RecordingId>,
) -> Result<StatusCode, Refusal> {
    state.limit(Rate::Recording, caller.sub).await?;
    forget(&state, caller.sub, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// In three steps, each of which can be repeated: nobody can watch it or add to it, its bytes are gone, its room comes
/// back. The upload is ended before the object is taken away, so that nobody completes it in between.
async fn forget(state: &State, me: UserId, id: RecordingId) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let now = state.now();
        let read = state.recordings.find(id).await?.ok_or(RecordingRefused::Stranger)?;
        if read.value.is_deleted_for(me) {
            return Ok(());
        }
        let read = state.seen_by(me, read).await?;
        let (mut deleting, begins) = read.value.clone().delete(me, now)?;
        let mut version = read.version;
        if begins {
            // Who may delete it may stop it, whoever is the host now.
            let read = end(state, me, read, |call, now| call.cut_recording(id, now)).await?;
            (deleting, _) = read.value.delete(me, now)?;
            version = read.version + 1;
            match state.recordings.save(&deleting, read.version).await {
                Err(stale) if stale.is_stale() => continue,
                saved => saved?,
            }
        }
        if erase(state, Versioned { value: deleting, version }).await? {
            return Ok(());
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Goes on with a recording that is being deleted; whether nobody else was faster.
pub(crate) async fn erase(state: &State, deleting: Versioned<Recording>) -> Result<bool, Problem> {
    let Versioned { value: deleting, version } = deleting;
    let key = blobs::Key::Recording(deleting.id);
    if let Some(upload) = &deleting.upload {
        state.blobs.abort(key, upload).await?;
    }
    state.blobs.delete(key).await?;
    let storage = state.recordings.storage(deleting.owner).await?;
    let storage = Versioned { value: deleting.give_back(storage.value), version: storage.version };
    let gone = Versioned { value: deleting.clone().gone(state.now()), version };
    match state.recordings.forget(&deleting, &gone, &storage).await {
        Err(stale) if stale.is_stale() => Ok(false),
        saved => {
            saved?;
            Ok(true)
        }
    }
}

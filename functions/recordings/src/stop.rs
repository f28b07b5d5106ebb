//! `POST /api/recordings/{id}/stop`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::{Call, CallRefused, Moved};
use domain::id::{RecordingId, UserId};
use domain::limit::Rate;
use domain::recording::{Recording, RecordingRefused};
use jiff::Timestamp;
use socket::{Code, Problem};
use store::Versioned;
use store::switchboard::TRIES;

use crate::state::State;
use crate::view::RecordingItem;

/// Stops a recording: for everybody in the call it is over. What was recorded can still be uploaded and completed. Its
/// recorder may, and the host of the call; so does leaving, or the call's end. Stopping what is stopped changes nothing.
#[utoipa::path(
    post, path = "/api/recordings/{id}/stop", operation_id = "stopRecording", tag = "recordings", security(("bearer" = [])),
    params(("id" = RecordingId, Path)),
    responses((status = 200, body = RecordingItem), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn stop(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<RecordingId>,
) -> Result<Json<RecordingItem>, Refusal> {
    state.limit(Rate::Recording, caller.sub).await?;
    let read = state.recordings.find(id).await?.ok_or(RecordingRefused::Stranger)?;
    let stop = |call: Call, now| call.stop_recording(id, caller.sub, now);
    let recording = end(&state, caller.sub, read, stop).await?.value;
    Ok(Json(RecordingItem::of(&recording, state.now())))
}

/// Takes a recording out of its call, as `stop` does, if it is under way there. Who was there while it ran and when it was
/// stopped is noted with the same transaction, or afterwards when something else had stopped it.
pub(crate) async fn end(
    state: &State,
    by: UserId,
    mut read: Versioned<Recording>,
    stop: impl Fn(Call, Timestamp) -> Moved,
) -> Result<Versioned<Recording>, Problem> {
    for _ in 0..TRIES {
        let now = state.now();
        let known = state.switchboard.calls.find(read.value.call, true).await?.ok_or(RecordingRefused::Stranger)?;
        let (before, mut facts) = known.value.clone().settle(now);
        let (call, stopped) = match stop(before.clone(), now) {
            // Who may see it learns why; to the others of the call it is somebody else's.
            Err(CallRefused::NotRecorded) => return Err(RecordingRefused::NotYours.into()),
            Err(CallRefused::Stranger) => return Err(RecordingRefused::Stranger.into()),
            stopped => stopped?,
        };
        let (recording, version) = (read.value.clone().follow(&call), read.version);
        let saved = if stopped.is_empty() {
            if recording.host != by {
                recording.shown_to(by)?;
            }
            state.switchboard.settle(known, now).await?;
            if recording == read.value {
                return Ok(read);
            }
            state.recordings.save(&recording, version).await
        } else {
            // What the clock did is told with it.
            facts.extend(stopped);
            let moved = (&call, &facts[..], known.version);
            let saved = state.recordings.follow(moved, &Versioned { value: recording.clone(), version }).await;
            if saved.is_ok() {
                state.switchboard.tell_people(&known.value, &call, &facts, now).await;
            }
            saved
        };
        match saved {
            Err(stale) if stale.is_stale() => {
                read = state.recordings.find(read.value.id).await?.ok_or(RecordingRefused::Stranger)?;
            }
            saved => {
                saved?;
                return Ok(Versioned { value: recording, version: version + 1 });
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

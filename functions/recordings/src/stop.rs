//! `POST /api/recordings/{id}/stop`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::CallRefused;
use domain::id::{RecordingId, UserId};
use domain::recording::{Recording, RecordingRefused};
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
    let read = state.recordings.find(id).await?.ok_or(RecordingRefused::Stranger)?;
    let recording = end(&state, caller.sub, read).await?;
    Ok(Json(RecordingItem::of(&recording, state.now())))
}

/// Takes a recording out of its call, if it is under way there. Whoever was there while it ran is noted with the same
/// transaction: afterwards nobody could tell.
pub(crate) async fn end(state: &State, by: UserId, mut read: Versioned<Recording>) -> Result<Recording, Problem> {
    for _ in 0..TRIES {
        let now = state.now();
        let Some(known) = state.switchboard.calls.find(read.value.call, true).await? else {
            return Ok(read.value);
        };
        let (before, mut facts) = known.value.clone().settle(now);
        if before.participant(by).is_err() {
            return Err(RecordingRefused::Stranger.into());
        }
        if before.is_over() {
            read.value.shown_to(by)?;
            state.switchboard.settle(known, now).await?;
            return Ok(read.value);
        }
        let (call, stopped) = match before.clone().stop_recording(read.value.id, by, now) {
            // Who may see it learns why; to the others of the call it is somebody else's.
            Err(CallRefused::NotRecorded) => return Err(RecordingRefused::NotYours.into()),
            stopped => stopped?,
        };
        if stopped.is_empty() || before.recording.is_none() {
            read.value.shown_to(by)?;
            return Ok(read.value);
        }
        // What the clock did is told with it.
        facts.extend(stopped);
        let recording = read.value.clone().runs_in(&before);
        let moved = (&call, &facts[..], known.version);
        match state.recordings.follow(moved, &Versioned { value: recording.clone(), version: read.version }).await {
            Err(stale) if stale.is_stale() => {
                read = state.recordings.find(read.value.id).await?.ok_or(RecordingRefused::Stranger)?;
            }
            saved => {
                saved?;
                state.switchboard.tell_people(&known.value, &call, &facts, now).await;
                return Ok(recording);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

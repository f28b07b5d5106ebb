//! `POST /api/webrtc/call/{id}/recording/consent`

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::{Call, CallEvent, CallRefused};
use domain::id::{CallId, RecordingId};
use domain::limit::Rate;
use jiff::Timestamp;
use socket::view::CallView;
use socket::{Code, Problem};
use store::switchboard::TRIES;
use store::{StoreError, Versioned};

use crate::state::State;

api::body! {
    /// What somebody says to being recorded.
    pub(crate) struct Consent {
        /// Yes or no. No refuses, or takes a yes back: then the recording pauses.
        given: bool,
        /// To which recording; the present one when not said.
        recording_id: Option<RecordingId>,
    }
}

/// Consents to the recording of a call, refuses, or takes a consent back, at any time. Whoever joins is asked as well.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/recording/consent", operation_id = "consentToRecording", tag = "recordings", security(("bearer" = [])),
    request_body = Consent, params(("id" = CallId, Path)),
    responses((status = 200, body = CallView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn consent(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Body(say): Body<Consent>,
) -> Result<Json<CallView>, Refusal> {
    state.limit(Rate::Signal, caller.sub).await?;
    for _ in 0..TRIES {
        let now = state.now();
        let read = state.switchboard.call_of(caller.sub, id, true).await?;
        let present = read.value.recording.as_ref().map(|recording| recording.id);
        if say.recording_id.is_some_and(|meant| present != Some(meant)) {
            read.value.participant(caller.sub)?;
            return Err(Problem::from(CallRefused::NotRecorded).into());
        }
        let (call, facts) = read.value.clone().consent(caller.sub, say.given, now)?;
        if facts.is_empty() {
            return Ok(Json(CallView::of(&call, now)));
        }
        match save(&state, (&call, &facts, read.version), now).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                state.switchboard.tell_people(&read.value, &call, &facts, now).await;
                return Ok(Json(CallView::of(&call, now)));
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}

/// With the call its recording, when it runs from now on for somebody more.
async fn save(state: &State, call: (&Call, &[CallEvent], u64), now: Timestamp) -> Result<(), StoreError> {
    if let Some(recorder) = &call.0.recording
        && let Some(Versioned { value, version }) = state.recordings.find(recorder.id).await?
    {
        let running = value.clone().runs_in(call.0);
        if running != value && running.is_open(now) {
            return state.recordings.follow(call, &Versioned { value: running, version }).await;
        }
    }
    state.switchboard.calls.save(call.0, call.1, call.2).await
}

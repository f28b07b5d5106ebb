//! `POST /api/webrtc/call/{id}/recording/consent`

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::{Call, CallEvent, Says};
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
        /// To which recording. A yes must say so; a no is about whatever is recorded.
        recording_id: Option<RecordingId>,
        /// In which stay, as the roster has it. A yes must say so.
        generation: Option<u32>,
        /// The `seq` of the call that this person saw. A yes must say so: one that was said before a no does not undo it.
        seq: Option<u64>,
    }
}

impl Consent {
    fn read(&self) -> Result<Says, Problem> {
        match (self.recording_id, self.generation, self.seq) {
            _ if !self.given => Ok(Says::No),
            (Some(recording), Some(generation), Some(seq)) => Ok(Says::Yes { recording, generation, seq }),
            (recording, generation, seq) => {
                let fields = [
                    ("recording_id", recording.is_none()),
                    ("generation", generation.is_none()),
                    ("seq", seq.is_none()),
                ];
                let missing = fields.into_iter().filter(|(_, missing)| *missing);
                Err(missing.fold(Problem::new(Code::InvalidFields), |problem, (field, _)| {
                    problem.at(format!("/{field}"), "a yes says what it is about")
                }))
            }
        }
    }
}

/// Consents to the recording of a call, refuses, or takes a consent back, at any time. Whoever joins is asked as well. A
/// yes says what it is about and is good once; a no needs nothing but `given`, and wins over each yes that was said before.
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
    let says = say.read()?;
    if says != Says::No {
        state.limit(Rate::Signal, caller.sub).await?;
    }
    for _ in 0..TRIES {
        let now = state.now();
        let read = state.switchboard.call_of(caller.sub, id, true).await?;
        let (call, facts) = read.value.clone().consent(caller.sub, says, now)?;
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
        let running = value.clone().follow(call.0);
        if running != value && running.is_open(now) {
            return state.recordings.follow(call, &Versioned { value: running, version }).await;
        }
    }
    state.switchboard.calls.save(call.0, call.1, call.2).await
}

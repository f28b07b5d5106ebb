//! `POST /api/webrtc/call/{id}/recording`

use api::once::{Repeatable, respond};
use api::token::Access;
use api::{Answer, Caller, Keyed, Path, Refusal};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::id::{CallId, RecordingId};
use domain::limit::Rate;
use domain::recording::{MediaType, Recording};
use domain::text::DeviceId;
use socket::{Code, Problem};
use store::switchboard::TRIES;

use crate::state::State;
use crate::view::RecordingItem;

api::body! {
    /// What is to be recorded.
    pub(crate) struct RecordingAsk {
        /// What the recorder makes; `video/webm` when not said.
        r#type: Option<MediaType>,
        /// The device that is in the call; the session when not said.
        device_id: Option<DeviceId>,
    }
}

/// Asks everybody in a call to be recorded by one who is in it. It runs once all of them have consented, and while they
/// do. A call has one recording at a time.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/recording", operation_id = "askToRecord", tag = "recordings", security(("bearer" = [])),
    request_body = RecordingAsk, params(("id" = CallId, Path), ("Idempotency-Key" = Option<String>, Header, description = "Yours, one per recording.")),
    responses((status = 201, body = RecordingItem, headers(("location" = String))), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn ask(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(call): Path<CallId>,
    Keyed { body: ask, once }: Keyed<RecordingAsk>,
) -> Result<Response, Refusal> {
    let once = once.of("askToRecord", &caller.sub.to_string(), &state.answer_key);
    state.limit(Rate::Signal, caller.sub).await?;
    let done = begin(&state, &caller, call, &ask, &once).await;
    let settled = once.settle(done, async |scope| state.answers.find(&scope, state.now()).await).await?;
    Ok(respond(settled))
}

async fn begin(
    state: &State,
    caller: &Access,
    call: CallId,
    ask: &RecordingAsk,
    once: &Repeatable,
) -> Result<Answer, Problem> {
    let (me, id) = (caller.sub, RecordingId::new(state.now(), state.entropy()));
    let device = ask.device_id.clone().unwrap_or_else(|| caller.sid.into());
    for _ in 0..TRIES {
        let now = state.now();
        let read = state.switchboard.call_of(me, call, true).await?;
        let (call, facts) = read.value.clone().start_recording(id, me, &device, now)?;
        let media = ask.r#type.unwrap_or(MediaType::VideoWebm);
        let recording = Recording::begin(id, &call, me, media, now).follow(&call);
        let answer = Answer::created(format!("/api/v1/recordings/{id}"), &RecordingItem::of(&recording, now));
        let kept = once.keep(&answer, state.entropy(), now);
        match state.recordings.begin((&call, &facts, read.version), &recording, kept.as_ref()).await {
            Err(stale) if stale.is_stale() => {}
            begun => {
                begun?;
                state.switchboard.tell_people(&read.value, &call, &facts, now).await;
                return Ok(answer);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

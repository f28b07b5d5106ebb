//! `POST /api/webrtc/call/{id}/answer`

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::{CallEvent, CallRefused};
use domain::id::{CallId, OfferId, UserId};
use domain::limit::Rate;
use domain::negotiation::{self, Description, DescriptionKind};
use domain::sdp::Sdp;
use domain::text::DeviceId;
use socket::view::DescriptionView;
use socket::{Code, Problem, Push};
use store::calls::Signalled;
use store::switchboard::TRIES;

use crate::state::State;
use crate::view::{Described, device};

api::body! {
    /// A session description that agrees.
    pub(crate) struct Answer {
        /// The description, at most 64 KB.
        sdp: Sdp,
        /// `answer`, if anything.
        r#type: Option<DescriptionKind>,
        /// The offer it answers; the pending one when not said.
        offer_id: Option<OfferId>,
        /// For whom; a call of two needs none.
        to: Option<UserId>,
        /// The caller's own name for this device; the session when not said.
        device_id: Option<DeviceId>,
    }
}

/// Answers an offer and posts the answer to the peer's devices. The first answer of a callee takes the call for
/// this device, and the first of all connects it.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/answer", operation_id = "answer", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)), request_body = Answer,
    responses((status = 200, body = Described), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn answer(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Body(ask): Body<Answer>,
) -> Result<Json<Described>, Refusal> {
    if ask.r#type.is_some_and(|kind| kind != DescriptionKind::Answer) {
        return Err(api::refusal::invalid("/type", "must be answer here; offers go to …/offer").into());
    }
    state.limit(Rate::Signal, caller.sub).await?;
    let device = device(ask.device_id.clone(), &caller);
    for attempt in 0..TRIES {
        let (now, fresh) = (state.now(), attempt > 0);
        let known = state.switchboard.calls.signalled(id, fresh).await?.ok_or(CallRefused::Stranger)?;
        let decided = match decide(&known, caller.sub, &device, &ask, now) {
            Err(_) if !fresh => continue,
            decided => decided?,
        };
        let Decided { answer, read, call, event } = decided;
        let repeated = known.description(answer.from, answer.to).is_some_and(|d| d.value == answer);
        let saved = match event {
            _ if repeated => Ok(()),
            None => state.switchboard.calls.describe(id, &answer, Some(read), None).await,
            Some(event) => state.switchboard.calls.answer(&known, &answer, read, &call, event).await,
        };
        match saved {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                state.switchboard.tell(&[answer.to], Push::CallAnswer(DescriptionView::of(id, &answer)), now).await;
                if event.is_some() {
                    state.switchboard.tell_people(&call, now).await;
                }
                return Ok(Json(Described { call_id: id, offer_id: answer.offer_id, state: call.state.into() }));
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}

struct Decided {
    answer: Description,
    read: u64,
    call: domain::call::Call,
    event: Option<CallEvent>,
}

fn decide(
    known: &Signalled,
    me: UserId,
    device: &DeviceId,
    ask: &Answer,
    now: jiff::Timestamp,
) -> Result<Decided, Problem> {
    let (call, event) = known.call.value.clone().answer(me, device, now)?;
    let to = call.peer(me, ask.to)?;
    let current = known.description(me, to);
    let answer = negotiation::answer(current.map(|d| &d.value), ask.offer_id, |offer_id| Description {
        offer_id,
        kind: DescriptionKind::Answer,
        from: me,
        device: device.clone(),
        to,
        sdp: ask.sdp.clone(),
        at: now,
    })?;
    Ok(Decided { answer, read: current.map_or(0, |d| d.version), call, event })
}

//! `POST /api/webrtc/call/{id}/answer`

use api::{Body, Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::{CallEvent, CallRefused};
use domain::id::{CallId, OfferId, UserId};
use domain::limit::Rate;
use domain::negotiation::{self, Description, DescriptionKind, Meant};
use domain::sdp::{SaidSdp, Sdp};
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
        sdp: SaidSdp,
        /// `answer`, if anything.
        r#type: Option<DescriptionKind>,
        /// The offer it answers; the pending one when not said.
        offer_id: Option<OfferId>,
        /// The epoch of the pair that the connection was made in: after somebody came back, an earlier one is refused.
        epoch: Option<u32>,
        /// The generation of the offer it answers; the pending one when not said.
        generation: Option<u32>,
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
    let sdp = ask.sdp.relayed(DescriptionKind::Answer, state.addresses);
    let sdp = sdp.map_err(|refused| api::refusal::invalid("/sdp", refused.to_string()))?;
    state.limit(Rate::Signal, caller.sub).await?;
    let device = device(ask.device_id.clone(), &caller);
    for attempt in 0..TRIES {
        let (now, fresh) = (state.now(), attempt > 0);
        let between = ask.to.map(|to| (caller.sub, to));
        let known = state.switchboard.calls.signalled(id, between, fresh).await?.ok_or(CallRefused::Stranger)?;
        let decided = match decide(&known, caller.sub, &device, (&ask, &sdp), now) {
            Err(_) if !fresh => continue,
            decided => decided?,
        };
        let Decided { answer, read, call, facts } = decided;
        let repeated = known.description(answer.from, answer.to).is_some_and(|d| d.value == answer);
        let saved = if repeated {
            Ok(())
        } else if facts.is_empty() {
            state.switchboard.calls.describe(id, &answer, Some(read), None).await
        } else {
            state.switchboard.calls.answer(&known, &answer, read, &call, &facts).await
        };
        match saved {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                state.switchboard.tell(&[answer.to], Push::CallAnswer(DescriptionView::of(id, &answer)), now).await;
                if !repeated {
                    state.switchboard.tell_people(&known.call.value, &call, &facts, now).await;
                }
                let Description { offer_id, place, .. } = answer;
                return Ok(Json(Described { call_id: id, offer_id, place, state: call.state.into() }));
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}

struct Decided {
    answer: Description,
    read: u64,
    call: domain::call::Call,
    facts: Vec<CallEvent>,
}

fn decide(
    known: &Signalled,
    me: UserId,
    device: &DeviceId,
    (ask, sdp): (&Answer, &Sdp),
    now: jiff::Timestamp,
) -> Result<Decided, Problem> {
    let (call, facts) = known.call.value.clone().join(me, device, None, now)?;
    let to = call.peer(me, ask.to)?;
    let current = known.description(me, to);
    let meant = Meant { offer_id: ask.offer_id, epoch: ask.epoch, generation: ask.generation };
    let answer =
        negotiation::answer(current.map(|d| &d.value), call.epoch(me, to), meant, |offer_id, place| Description {
            offer_id,
            place,
            kind: DescriptionKind::Answer,
            from: me,
            device: device.clone(),
            to,
            sdp: call.hands_on(sdp),
            at: now,
        })?;
    Ok(Decided { answer, read: current.map_or(0, |d| d.version), call, facts })
}

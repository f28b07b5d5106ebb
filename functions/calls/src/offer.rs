//! `POST /api/webrtc/call/{id}/offer`

use api::once::{Repeatable, respond};
use api::token::Access;
use api::{Answer, Caller, Keyed, Path, Refusal};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::call::CallRefused;
use domain::id::{CallId, OfferId, UserId};
use domain::limit::Rate;
use domain::negotiation::{self, Description, DescriptionKind, Meant};
use domain::sdp::SaidSdp;
use domain::text::DeviceId;
use socket::view::DescriptionView;
use socket::{Code, Problem, Push};
use store::switchboard::TRIES;

use crate::state::State;
use crate::view::{Described, device};

api::body! {
    /// A session description that proposes.
    pub(crate) struct Offer {
        /// The description, at most 64 KB.
        sdp: SaidSdp,
        /// `offer`, if anything.
        r#type: Option<DescriptionKind>,
        /// For whom; a call of two needs none.
        to: Option<UserId>,
        /// The epoch of the pair that the connection was made in: after somebody came back, an earlier one is refused.
        epoch: Option<u32>,
        /// The newest generation of the pair that this device knows of: an offer that was under way for long is refused.
        generation: Option<u32>,
        /// The caller's own name for this device; the session when not said.
        device_id: Option<DeviceId>,
    }
}

/// Keeps an offer for the peer and posts it to the peer's devices. A newer offer replaces an older one; when
/// both offer at once, the polite side (the one invited later) is refused.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/offer", operation_id = "offer", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path), ("Idempotency-Key" = Option<String>, Header, description = "Yours, one per offer.")), request_body = Offer,
    responses((status = 200, body = Described), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn offer(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Keyed { body: ask, once }: Keyed<Offer>,
) -> Result<Response, Refusal> {
    if ask.r#type.is_some_and(|kind| kind != DescriptionKind::Offer) {
        return Err(api::refusal::invalid("/type", "must be offer here; answers go to …/answer").into());
    }
    let once = once.of("offer", &caller.sub.to_string(), &state.answer_key);
    state.limit(Rate::Signal, caller.sub).await?;
    let done = propose(&state, &caller, id, ask, &once).await;
    Ok(respond(once.settle(done, async |scope| state.answers.find(&scope, state.now()).await).await?))
}

async fn propose(state: &State, caller: &Access, id: CallId, ask: Offer, once: &Repeatable) -> Result<Answer, Problem> {
    let me = caller.sub;
    let device = device(ask.device_id, caller);
    let sdp = ask.sdp.relayed(DescriptionKind::Offer, state.addresses);
    let sdp = sdp.map_err(|refused| api::refusal::invalid("/sdp", refused.to_string()))?;
    let offer_id = OfferId::new(state.now(), state.entropy());
    for attempt in 0..TRIES {
        let (now, fresh) = (state.now(), attempt > 0);
        let between = ask.to.map(|to| (me, to));
        let known = state.switchboard.calls.signalled(id, between, fresh).await?.ok_or(CallRefused::Stranger)?;
        let call = &known.call.value;
        let to = match call.may_offer(me, &device, ask.to, now) {
            Err(_) if !fresh => continue,
            to => to?,
        };
        let current = known.description(me, to);
        let meant = Meant { offer_id: None, epoch: ask.epoch, generation: ask.generation };
        let new = |place| Description {
            offer_id,
            place,
            kind: DescriptionKind::Offer,
            from: me,
            device: device.clone(),
            to,
            sdp: call.hands_on(&sdp),
            at: now,
        };
        let (epoch, polite) = (call.epoch(me, to), call.is_polite(me, to));
        let offer = match negotiation::offer(current.map(|d| &d.value), epoch, meant, polite, new) {
            Err(_) if !fresh => continue,
            offer => offer?,
        };
        let answer = Answer::ok(&Described { call_id: id, offer_id, place: offer.place, state: call.state.into() });
        let kept = once.keep(&answer, state.entropy(), now);
        match state.switchboard.calls.describe(id, &offer, current.map(|d| d.version), kept.as_ref()).await {
            Err(stale) if stale.is_stale() => {}
            saved => {
                saved?;
                state.switchboard.tell(&[to], Push::CallOffer(DescriptionView::of(id, &offer)), now).await;
                return Ok(answer);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

//! `POST /api/webrtc/call/initiate`

use api::once::{Repeatable, respond};
use api::token::Access;
use api::{Answer, Caller, Keyed, Refusal};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::call::{Call, CallKind, CallRefused, InVain, Person, Terms, check_callees};
use domain::id::{CallId, UserId};
use domain::limit::Rate;
use domain::text::DeviceId;
use jiff::Timestamp;
use serde::Deserialize;
use socket::view::CallView;
use socket::{Code, Problem};
use store::switchboard::TRIES;

use crate::ringing::{cards, named, persons, ring, ring_again};
use crate::state::State;
use crate::view::device;

api::body! {
    /// Whom to call.
    pub(crate) struct Initiate {
        /// What is sent; `audio` when not said.
        r#type: Option<CallKind>,
        /// One to seven people, each once, the caller not among them.
        #[schema(min_items = 1, max_items = 7)]
        participants: Vec<UserId>,
        /// Whether nobody is to learn anybody's address: only relayed candidates are handed on.
        relay_only: Option<bool>,
        /// The caller's own name for this device; the session when not said.
        device_id: Option<DeviceId>,
    }
}

/// Calls somebody: every callee's devices are told at once, and those that are offline find the invitation when
/// they come back within the ring. With an `Idempotency-Key`, repeating the request is harmless. Two people have one
/// call at a time: when both call at once, the second is refused as `superseded` and joins the first one's call.
#[utoipa::path(
    post, path = "/api/webrtc/call/initiate", operation_id = "initiateCall", tag = "calls", security(("bearer" = [])),
    request_body = Initiate, params(("Idempotency-Key" = Option<String>, Header, description = "Yours, one per call.")),
    responses((status = 201, body = CallView, headers(("location" = String))), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn initiate(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Keyed { body: ask, once }: Keyed<Initiate>,
) -> Result<Response, Refusal> {
    check_callees(caller.sub, &ask.participants).map_err(|refused| named(refused, &ask.participants))?;
    let once = once.of("initiateCall", &caller.sub.to_string(), &state.answer_key);
    state.limit(Rate::CallSetup, caller.sub).await?;
    let done = begin(&state, &caller, &ask, &once).await;
    let settled = once.settle(done, async |scope| state.answers.find(&scope, state.now()).await).await?;
    if let (first, true) = &settled
        && let Some(Begun { call_id }) = first.read()
    {
        ring_again(&state, caller.sub, call_id, &ask.participants).await?;
    }
    Ok(respond(settled))
}

/// What is read of a kept answer.
#[derive(Deserialize)]
struct Begun {
    call_id: CallId,
}

async fn begin(state: &State, caller: &Access, ask: &Initiate, once: &Repeatable) -> Result<Answer, Problem> {
    let named = |refused: CallRefused| named(refused, &ask.participants);
    let id = CallId::new(state.now(), state.entropy());
    // There are no plans yet, so everybody's is FREE.
    let free = Terms { relay_only: ask.relay_only.unwrap_or(false), ..Terms::free(ask.r#type.unwrap_or_default()) };
    for attempt in 0..TRIES {
        let (now, fresh) = (state.now(), attempt > 0);
        let rooms = state.switchboard.connections.rooms(&ask.participants, fresh, now).await?;
        let callees = match cards(&ask.participants, &rooms, id, now) {
            // The first read may be a moment old, and a refusal must not be.
            Err(_) if !fresh => continue,
            callees => callees.map_err(named)?,
        };
        let (replaces, in_vain) = match ask.participants[..] {
            [only] if fresh => last_call(state, caller.sub, only, now).await?,
            _ => (None, None),
        };
        let terms = Terms { in_vain, ..free };
        let me = Person { user: caller.sub, name: caller.name.clone() };
        let device = device(ask.device_id.clone(), caller);
        let (call, facts) = Call::start(id, terms, me, &device, persons(&callees), now)?;
        let answer = Answer::created(format!("/api/webrtc/call/{id}"), &CallView::of(&call, now));
        let kept = once.keep(&answer, state.entropy(), now);
        match state.switchboard.calls.begin(&call, &facts, &callees, replaces, kept.as_ref()).await {
            Err(stale) if stale.is_stale() => {}
            begun => {
                begun?;
                ring(state, &call, &ask.participants, now).await?;
                return Ok(answer);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// The last call of the two, which is over or goes on without one of them, and how many were in vain; one that both are
/// in stands.
async fn last_call(
    state: &State,
    me: UserId,
    other: UserId,
    now: Timestamp,
) -> Result<(Option<CallId>, Option<InVain>), Problem> {
    let calls = &state.switchboard.calls;
    let Some(id) = calls.pair(me, other).await? else { return Ok((None, None)) };
    let Some(read) = calls.find(id, true).await? else { return Ok((Some(id), None)) };
    let call = state.switchboard.settle(read, now).await?;
    if call.present().filter(|user| [me, other].contains(user)).count() == 2 {
        return Err(CallRefused::Superseded(id).into());
    }
    Ok((Some(id), InVain::after(&call, me, other, now)?))
}

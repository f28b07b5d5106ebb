//! `POST /api/webrtc/call/initiate`

use api::once::{Repeatable, respond};
use api::token::Access;
use api::{Answer, Caller, Keyed, Refusal};
use axum::extract::State as Extract;
use axum::response::Response;
use domain::call::{Call, CallKind, CallRefused, CallState, Person, check_callees};
use domain::id::{CallId, UserId};
use domain::inbox::InboxFact;
use domain::limit::{self, Rate};
use domain::text::DeviceId;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use socket::frame::CallPush;
use socket::view::CallView;
use socket::{Code, Problem, Push, ServerFrame};
use store::Versioned;
use store::connections::{Card, Room};
use store::switchboard::TRIES;

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
        /// The caller's own name for this device; the session when not said.
        device_id: Option<DeviceId>,
    }
}

/// Calls somebody: every callee's devices are told at once, and those that are offline find the invitation when
/// they come back within the ring. With an `Idempotency-Key`, repeating the request is harmless.
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
    if let (first, true) = &settled {
        ring_again(&state, caller.sub, first, &ask.participants).await?;
    }
    Ok(respond(settled))
}

async fn begin(state: &State, caller: &Access, ask: &Initiate, once: &Repeatable) -> Result<Answer, Problem> {
    let named = |refused: CallRefused| named(refused, &ask.participants);
    let id = CallId::new(state.now(), state.entropy());
    for attempt in 0..TRIES {
        let (now, fresh) = (state.now(), attempt > 0);
        let rooms = state.switchboard.connections.rooms(&ask.participants, fresh, now).await?;
        let callees = match invite(&ask.participants, &rooms, id, now) {
            // The first read may be a moment old, and a refusal must not be.
            Err(_) if !fresh => continue,
            callees => callees.map_err(named)?,
        };
        let people =
            callees.iter().map(|card| Person { user: card.value.user, name: card.value.name.clone() }).collect();
        let me = Person { user: caller.sub, name: caller.name.clone() };
        let device = device(ask.device_id.clone(), caller);
        let (call, event) = Call::start(id, ask.r#type.unwrap_or_default(), me, device, people, now)?;
        let answer = Answer::created(format!("/api/webrtc/call/{id}"), &CallView::of(&call, now));
        let kept = once.keep(&answer, state.entropy(), now);
        match state.switchboard.calls.begin(&call, event, &callees, kept.as_ref()).await {
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

/// A call that was begun before and has not rung anywhere yet is shown to the callees once more: the first request may
/// have died before it could. Whoever has seen it knows its number.
async fn ring_again(state: &State, caller: UserId, first: &Answer, people: &[UserId]) -> Result<(), Problem> {
    #[derive(Deserialize)]
    struct Begun {
        call_id: CallId,
    }
    let now = state.now();
    let Some(Begun { call_id }) = first.read() else { return Ok(()) };
    let known = state.switchboard.call_of(caller, call_id, true).await?.value.settle(now).0;
    if known.state == CallState::Initiated {
        ring(state, &known, people, now).await?;
    }
    Ok(())
}

/// A refusal with the place in the body that it is about.
fn named(refused: CallRefused, participants: &[UserId]) -> Problem {
    let place = match refused {
        CallRefused::Twice(user) => participants.iter().rposition(|p| *p == user),
        CallRefused::UnknownPerson(user) => participants.iter().position(|p| *p == user),
        _ => None,
    };
    let pointer = place.map_or("/participants".to_owned(), |place| format!("/participants/{place}"));
    let detail = refused.to_string();
    Problem::from(refused).at(pointer, detail)
}

/// Everybody's card with the invitation in its inbox, as it is to be saved.
fn invite(
    people: &[UserId],
    rooms: &[Room],
    id: CallId,
    now: jiff::Timestamp,
) -> Result<Vec<Versioned<Card>>, CallRefused> {
    let cards = people.iter().zip(rooms).map(|(user, room)| {
        let Versioned { value, version } = room.card.clone().ok_or(CallRefused::UnknownPerson(*user))?;
        let inbox = value.inbox.with(InboxFact::CallInvited { call: id }, now);
        Ok(Versioned { value: Card { inbox, ..value }, version })
    });
    cards.collect()
}

/// Tells every callee's devices, all at once. Who is connected is read after the invitation was written: whoever comes
/// online later finds it there.
async fn ring(state: &State, call: &Call, people: &[UserId], now: jiff::Timestamp) -> Result<(), Problem> {
    let rooms = state.switchboard.connections.rooms(people, true, now).await?;
    let posts: Vec<_> = rooms.iter().map(|room| ring_one(state, call, room, now)).collect();
    stream::iter(posts).buffer_unordered(limit::CALL_PEOPLE).collect::<Vec<_>>().await;
    Ok(())
}

async fn ring_one(state: &State, call: &Call, room: &Room, now: jiff::Timestamp) {
    let invitation = InboxFact::CallInvited { call: call.id };
    let kept = room.card.as_ref().map(|card| card.value.inbox.kept.iter());
    let Some(entry) = kept.into_iter().flatten().rfind(|entry| entry.fact == invitation) else { return };
    let push = Push::CallInvited(CallPush { call: CallView::of(call, now) });
    let frame = ServerFrame::inbox(push, now, entry.seq);
    state.switchboard.connections.post(&*state.switchboard.courier, &room.leases, &frame, now).await;
}

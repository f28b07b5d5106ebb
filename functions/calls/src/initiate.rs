//! `POST /api/webrtc/call/initiate`

use api::extract::idempotency_key;
use api::secret::hash;
use api::token::Access;
use api::{Body, Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse as _, Response};
use domain::call::{Call, CallKind, CallRefused, CallState, Person, check_callees};
use domain::id::{CallId, UserId};
use domain::inbox::InboxFact;
use domain::limit;
use domain::text::{DeviceId, IdempotencyKey};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderName, StatusCode, header};
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
    headers: HeaderMap,
    Body(ask): Body<Initiate>,
) -> Result<Response, Refusal> {
    let named = |refused: CallRefused| named(refused, &ask.participants);
    check_callees(caller.sub, &ask.participants).map_err(named)?;
    let (id, request) = identity(&state, &caller, idempotency_key(&headers)?, &ask);
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
        let device = device(ask.device_id.clone(), &caller);
        let (call, event) = Call::start(id, ask.r#type.unwrap_or_default(), me, device, people, now)?;
        let call = Call { request: request.clone(), ..call };
        match state.switchboard.calls.begin(&call, event, &callees).await {
            Err(exists) if exists.lost(0) => return repeated(&state, caller.sub, id, request, &ask.participants).await,
            Err(stale) if stale.is_stale() => {}
            begun => {
                begun?;
                ring(&state, &call, &ask.participants, now).await?;
                return Ok(created(&call, now));
            }
        }
    }
    Err(Problem::new(Code::Conflict).into())
}

/// The call that the first request made. If it has not rung anywhere yet, it is shown to the callees once more: the
/// first request may have died before it could; whoever has seen it knows its number.
async fn repeated(
    state: &State,
    caller: UserId,
    id: CallId,
    request: Option<String>,
    people: &[UserId],
) -> Result<Response, Refusal> {
    let now = state.now();
    let known = state.switchboard.call_of(caller, id, true).await?.value;
    if known.request != request {
        return Err(Problem::new(Code::IdempotencyMismatch).into());
    }
    let known = known.settle(now).0;
    if known.state == CallState::Initiated {
        ring(state, &known, people, now).await?;
    }
    Ok(([(HeaderName::from_static("idempotency-replayed"), "true")], created(&known, now)).into_response())
}

fn created(call: &Call, now: jiff::Timestamp) -> Response {
    let location = format!("/api/webrtc/call/{}", call.id);
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(CallView::of(call, now))).into_response()
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

/// With a key, the call's id follows from the caller and the key, so a repetition meets the call it made.
fn identity(state: &State, caller: &Access, key: Option<IdempotencyKey>, ask: &Initiate) -> (CallId, Option<String>) {
    let Some(key) = key else { return (CallId::new(state.now(), state.entropy()), None) };
    let digest = api::secret::digest(format!("call\n{}\n{key}", caller.sub));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let Initiate { r#type, participants, device_id } = ask;
    let request = format!("{:?}\n{participants:?}\n{device_id:?}", r#type.unwrap_or_default());
    (CallId::derived(bytes), Some(hash(request)))
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

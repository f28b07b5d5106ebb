//! Asking people into a call: what their inbox gets, and how their devices hear of it.

use domain::call::{Call, CallRefused, Person, Standing};
use domain::id::{CallId, UserId};
use domain::inbox::InboxFact;
use domain::limit;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use socket::frame::CallPush;
use socket::view::CallView;
use socket::{Problem, Push, ServerFrame};
use store::Versioned;
use store::connections::{Card, Room};

use crate::state::State;

/// A refusal with the place in the body that it is about.
pub(crate) fn named(refused: CallRefused, participants: &[UserId]) -> Problem {
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
pub(crate) fn cards(
    people: &[UserId],
    rooms: &[Room],
    id: CallId,
    now: Timestamp,
) -> Result<Vec<Versioned<Card>>, CallRefused> {
    let cards = people.iter().zip(rooms).map(|(user, room)| {
        let Versioned { value, version } = room.card.clone().ok_or(CallRefused::UnknownPerson(*user))?;
        let inbox = value.inbox.with(InboxFact::CallInvited { call: id }, now);
        Ok(Versioned { value: Card { inbox, ..value }, version })
    });
    cards.collect()
}

/// Whose cards they are.
pub(crate) fn persons(cards: &[Versioned<Card>]) -> Vec<Person> {
    cards.iter().map(|card| Person { user: card.value.user, name: card.value.name.clone() }).collect()
}

/// Tells the devices of those of these people who were asked and have no device that knows of it yet, all at once. Who is
/// connected is read after the invitation was written: whoever comes online later finds it there.
pub(crate) async fn ring(state: &State, call: &Call, people: &[UserId], now: Timestamp) -> Result<(), Problem> {
    let unheard = |user: &&UserId| call.participant(**user).is_ok_and(|person| person.standing == Standing::Invited);
    let unheard: Vec<UserId> = people.iter().filter(unheard).copied().collect();
    if unheard.is_empty() {
        return Ok(());
    }
    let rooms = state.switchboard.connections.rooms(&unheard, true, now).await?;
    let posts: Vec<_> = rooms.iter().map(|room| ring_one(state, call, room, now)).collect();
    stream::iter(posts).buffer_unordered(limit::CALL_PEOPLE).collect::<Vec<_>>().await;
    Ok(())
}

/// Rings once more after a repeated request: the first one may have died before it could. Whoever has seen the
/// invitation knows its number.
pub(crate) async fn ring_again(state: &State, me: UserId, id: CallId, people: &[UserId]) -> Result<(), Problem> {
    let now = state.now();
    let known = state.switchboard.call_of(me, id, true).await?.value.settle(now).0;
    if known.is_over() { Ok(()) } else { ring(state, &known, people, now).await }
}

async fn ring_one(state: &State, call: &Call, room: &Room, now: Timestamp) {
    let invitation = InboxFact::CallInvited { call: call.id };
    let kept = room.card.as_ref().map(|card| card.value.inbox.kept.iter());
    let Some(entry) = kept.into_iter().flatten().rfind(|entry| entry.fact == invitation) else { return };
    let push = Push::CallInvited(CallPush { call: Box::new(CallView::of(call, now)) });
    let frame = ServerFrame::inbox(push, now, entry.seq);
    state.switchboard.connections.post(&*state.switchboard.courier, &room.leases, &frame, now).await;
}

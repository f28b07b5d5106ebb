//! Every order in which the people of a call can meet.

use super::*;
use crate::id::RecordingId;

mod clock;
mod glare;
mod orders;
mod people;
mod recording;

fn user(n: u8) -> UserId {
    UserId::derived([n; 16])
}

fn person(n: u8) -> Person {
    Person { user: user(n), name: "Somebody".parse().expect("a name") }
}

fn device(text: &str) -> DeviceId {
    text.parse().expect("a device")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn start_as(id: u8, caller: u8, callees: &[u8], now: Timestamp) -> Call {
    let callees = callees.iter().copied().map(person).collect();
    let id = CallId::derived([id; 16]);
    Call::start(id, Terms::free(CallKind::Video), person(caller), &device("caller"), callees, now)
        .expect("a valid call")
        .0
}

fn start(callees: &[u8]) -> Call {
    start_as(9, 1, callees, at(0))
}

fn join(call: Call, n: u8, name: &str, seconds: i64) -> Call {
    call.join(user(n), &device(name), None, at(seconds)).expect("may join").0
}

/// Everybody who is in it says that they are there.
fn renew_all(call: Call, seconds: i64) -> Call {
    let joined: Vec<_> = call.joined().map(|person| (person.user, person.generation)).collect();
    joined
        .into_iter()
        .fold(call, |call, (user, generation)| call.renew(user, generation, at(seconds)).expect("they are there").0)
}

fn standing(call: &Call, n: u8) -> Standing {
    call.participant(user(n)).expect("in the call").standing
}

//! Every order in which the people of a call can meet.

use super::*;

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

fn start(callees: &[u8]) -> Call {
    let callees = callees.iter().copied().map(person).collect();
    let id = CallId::derived([9; 16]);
    Call::start(id, CallKind::Video, person(1), device("caller"), callees, at(0)).expect("a valid call").0
}

/// Caller 1; callees 2 (two devices) and, in a group, 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ring(u8),
    Answer(u8, &'static str),
    End(u8),
    /// The ring's time runs out.
    Late,
    Read,
}

#[derive(Clone)]
struct World {
    call: Call,
    now: Timestamp,
    devices: Vec<(UserId, DeviceId)>,
    ended: usize,
}

fn take(mut world: World, step: Step) -> World {
    world.now += SignedDuration::from_secs(1);
    let before = world.call.clone();
    let result = match step {
        Step::Ring(n) => world.call.clone().ring(user(n), world.now),
        Step::Answer(n, name) => world.call.clone().answer(user(n), &device(name), world.now),
        Step::End(n) => world.call.clone().end(user(n), world.now),
        Step::Late => {
            world.now += limit::RING;
            Ok(world.call.clone().settle(world.now))
        }
        Step::Read => Ok(world.call.clone().settle(world.now)),
    };
    if let Ok((call, event)) = result {
        if let (Step::Answer(n, name), Some(CallEvent::Joined { .. })) = (step, event) {
            world.devices.push((user(n), device(name)));
        }
        if event == Some(CallEvent::Ended) {
            world.ended += 1;
        }
        if event.is_some() {
            world.call = call;
        }
    }
    assert!(before.is_over() <= world.call.is_over(), "an ended call came back");
    if before.is_over() {
        assert_eq!(before, world.call, "an ended call changed");
    }
    world
}

fn check(order: &[Step], world: &World) {
    let call = world.call.clone().settle(world.now).0;
    assert!(world.ended <= 1, "{order:?}: ended {} times", world.ended);
    // One device per person, the first that answered.
    for person in &call.people[1..] {
        let devices: Vec<_> = world.devices.iter().filter(|(who, _)| *who == person.user).collect();
        assert!(devices.len() <= 1, "{order:?}: two devices of one person joined");
        assert_eq!(devices.first().map(|(_, d)| d), person.device.as_ref(), "{order:?}");
    }
    let joined = call.people.iter().filter(|p| p.standing == Standing::Joined).count();
    let pending = call.people.iter().filter(|p| p.standing.is_pending()).count();
    match call.state {
        CallState::Initiated | CallState::Ringing => {
            assert!(world.devices.is_empty() && joined == 1 && pending > 0, "{order:?}");
            let rang = call.people.iter().any(|p| p.standing == Standing::Ringing);
            assert!(!rang || call.state == CallState::Ringing, "{order:?}");
        }
        CallState::Connected { .. } => {
            assert!(joined + pending >= 2 && joined >= 1 && !world.devices.is_empty(), "{order:?}");
        }
        CallState::Disconnected { since, at, .. } => {
            assert!(!world.devices.is_empty() && since <= at && joined + pending == 0, "{order:?}: {call:?}");
        }
        CallState::Failed { at, .. } => {
            assert!(world.devices.is_empty() && joined + pending == 0, "{order:?}: {call:?}");
            assert_eq!(call.duration(at), SignedDuration::ZERO, "{order:?}");
        }
    }
}

fn every_order(callees: &[u8], steps: &[Step], length: u32) -> usize {
    let count = steps.len().pow(length);
    for number in 0..count {
        let order: Vec<Step> = (0..length).map(|i| steps[number / steps.len().pow(i) % steps.len()]).collect();
        let world = World { call: start(callees), now: at(0), devices: Vec::new(), ended: 0 };
        let world = order.iter().fold(world, |world, step| take(world, *step));
        check(&order, &world);
    }
    count
}

#[test]
fn two_devices_answering_hang_ups_and_the_clock_in_every_order() {
    let steps = [
        Step::Ring(2),
        Step::Answer(2, "phone"),
        Step::Answer(2, "laptop"),
        Step::End(1),
        Step::End(2),
        Step::Late,
        Step::Read,
    ];
    assert_eq!(every_order(&[2], &steps, 6), 117_649);
}

#[test]
fn a_group_of_three_in_every_order() {
    let steps = [
        Step::Ring(2),
        Step::Answer(2, "phone"),
        Step::Answer(3, "tablet"),
        Step::End(1),
        Step::End(2),
        Step::End(3),
        Step::Late,
    ];
    assert_eq!(every_order(&[2, 3], &steps, 6), 117_649);
}

#[test]
fn who_can_be_called() {
    let me = user(1);
    let many: Vec<UserId> = (2..9).map(user).collect();
    assert_eq!(check_callees(me, &[]), Err(CallRefused::Nobody));
    assert_eq!(check_callees(me, &[me]), Err(CallRefused::Oneself));
    assert_eq!(check_callees(me, &[user(2), user(2)]), Err(CallRefused::Twice(user(2))));
    assert_eq!(check_callees(me, &many), Ok(()));
    let too_many: Vec<UserId> = (2..10).map(user).collect();
    assert_eq!(check_callees(me, &too_many), Err(CallRefused::TooMany));
}

#[test]
fn the_clock_says_why_nobody_came() {
    let unreached = start(&[2]).settle(at(90)).0;
    assert!(matches!(unreached.state, CallState::Failed { because: FailedBecause::Unreachable, .. }));
    let rang = start(&[2]).ring(user(2), at(1)).expect("a callee").0;
    assert_eq!(rang.state, CallState::Ringing);
    assert!(!rang.clone().settle(at(89)).0.is_over());
    let silent = rang.settle(at(1_000)).0;
    assert!(matches!(silent.state, CallState::Failed { because: FailedBecause::NoAnswer, .. }));
    assert_eq!(silent.ended_at(), Some(at(90)), "the end is when the ring ran out, not when somebody looked");
    assert_eq!(silent.people[1].standing, Standing::Missed);
}

#[test]
fn duration_is_the_servers_and_stays() {
    let call = start(&[2]).answer(user(2), &device("phone"), at(10)).expect("ringing").0;
    assert_eq!(call.duration(at(70)), SignedDuration::from_secs(60));
    let over = call.end(user(1), at(130)).expect("a participant").0;
    assert_eq!(over.duration(at(9_999)), SignedDuration::from_secs(120));
    let again = over.clone().end(user(2), at(5_000)).expect("a participant");
    assert_eq!(again, (over, None));
}

#[test]
fn a_stranger_a_second_device_and_a_latecomer_are_told_apart() {
    let call = start(&[2]);
    assert_eq!(call.clone().end(user(7), at(1)), Err(CallRefused::Stranger));
    assert_eq!(call.may_offer(user(2), &device("phone"), None, at(1)), Err(CallRefused::NotJoined));
    assert_eq!(call.may_signal(user(2), &device("phone"), None, at(1)), Ok(user(1)));
    let connected = call.answer(user(2), &device("phone"), at(1)).expect("ringing").0;
    assert_eq!(connected.clone().answer(user(2), &device("laptop"), at(2)), Err(CallRefused::AnsweredElsewhere));
    assert_eq!(connected.may_signal(user(2), &device("laptop"), None, at(2)), Err(CallRefused::AnsweredElsewhere));
    assert_eq!(connected.may_signal(user(2), &device("phone"), None, at(2)), Ok(user(1)));
    assert_eq!(connected.may_signal(user(2), &device("phone"), Some(user(2)), at(2)), Err(CallRefused::NotAPeer));
    let over = connected.end(user(1), at(3)).expect("a participant").0;
    assert_eq!(over.may_signal(user(2), &device("phone"), None, at(4)), Err(CallRefused::Over));
    assert_eq!(over.may_offer(user(2), &device("phone"), None, at(4)), Err(CallRefused::Over));
    assert_eq!(start(&[2]).may_offer(user(2), &device("phone"), None, at(91)), Err(CallRefused::Over));
    assert_eq!(over.answer(user(2), &device("phone"), at(4)), Err(CallRefused::Over));
}

#[test]
fn in_a_group_one_no_ends_nothing() {
    let call = start(&[2, 3]);
    assert_eq!(call.peer(user(1), None), Err(CallRefused::WhomFor));
    let (call, event) = call.end(user(2), at(1)).expect("a participant");
    assert_eq!(event, Some(CallEvent::Left { by: user(2) }));
    let (call, _) = call.answer(user(3), &device("tablet"), at(2)).expect("still ringing");
    assert_eq!(call.peer(user(1), Some(user(2))), Err(CallRefused::Gone));
    assert!(call.is_polite(user(3), user(1)) && !call.is_polite(user(1), user(3)));
}

/// Bo answers and leaves while Chidi's devices still ring: the call is over when the ring is, whoever reads it when.
#[test]
fn an_end_by_the_clock_does_not_depend_on_when_somebody_reads() {
    let call = start(&[2, 3]).answer(user(2), &device("d"), at(1)).expect("it rings").0;
    let call = call.end(user(2), at(2)).expect("he is in it").0;
    assert!(!call.is_over(), "Chidi may still come");
    let early = call.clone().settle(at(90)).0;
    assert_eq!(early.ended_at(), Some(at(90)));
    assert_eq!(call.settle(at(1) + limit::CALL_LONGEST).0, early);
}

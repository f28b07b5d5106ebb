//! Rings, leases and the plan's time.

use super::*;

#[test]
fn the_clock_says_why_nobody_came() {
    let there = |call: Call| renew_all(renew_all(call, 40), 80);
    let unreached = there(start(&[2])).settle(at(90)).0;
    assert!(matches!(unreached.state, CallState::Failed { because: FailedBecause::Unreachable, .. }));
    let rang = there(start(&[2]).ring(user(2), at(1)).expect("a callee").0);
    assert_eq!(rang.state, CallState::Ringing);
    assert!(!rang.clone().settle(at(89)).0.is_over());
    let silent = rang.settle(at(1_000)).0;
    assert!(matches!(silent.state, CallState::Failed { because: FailedBecause::NoAnswer, .. }));
    assert_eq!(silent.ended_at(), Some(at(90)), "the end is when the ring ran out, not when somebody looked");
    assert_eq!(standing(&silent, 2), Standing::Missed);
    let lost = start(&[2]).settle(at(1_000)).0;
    assert!(matches!(lost.state, CallState::Failed { because: FailedBecause::Lost, .. }), "the caller's tab died");
    assert_eq!(lost.ended_at(), Some(at(75)));
}

#[test]
fn duration_is_the_servers_and_stays() {
    let call = renew_all(join(start(&[2]), 2, "phone", 10), 30);
    assert_eq!(call.duration(at(70)), SignedDuration::from_secs(60));
    let over = call.end(user(1), None, Goodbye::Declined, at(100)).expect("a participant").0;
    assert_eq!(over.duration(at(9_999)), SignedDuration::from_secs(90));
    let again = over.clone().end(user(2), None, Goodbye::Declined, at(5_000)).expect("a participant");
    assert_eq!(again, (over, Vec::new()));
}

/// Bo answers and leaves while Chidi's devices still ring: the call is over when the ring is, whoever reads it when.
#[test]
fn an_end_by_the_clock_does_not_depend_on_when_somebody_reads() {
    let call = join(start(&[2, 3]), 2, "d", 1);
    let call = renew_all(call.end(user(2), None, Goodbye::Declined, at(2)).expect("he is in it").0, 40);
    assert!(!call.is_over(), "Chidi may still come");
    let early = call.clone().settle(at(115)).0;
    assert_eq!(early.ended_at(), Some(at(90)));
    let mut step_by_step = call.clone();
    for second in 40..200 {
        step_by_step = step_by_step.settle(at(second)).0;
    }
    assert_eq!(call.settle(at(99_999)).0, early);
    assert_eq!(step_by_step, early);
}

#[test]
fn somebody_who_is_silent_may_come_back_for_half_a_minute_and_then_the_call_goes_on_without() {
    let call = join(join(start(&[2, 3]), 2, "phone", 0), 3, "tablet", 0);
    let there = |call: Call, n: u8, seconds| call.renew(user(n), 1, at(seconds)).map(|moved| moved.0);
    let call = there(there(call, 1, 40).expect("there"), 3, 40).expect("there");
    assert!(call.participant(user(2)).expect("Bo").is_away(at(45)));
    assert!(!there(call.clone(), 2, 74).expect("he came back").participant(user(2)).expect("Bo").is_away(at(100)));
    let (gone_on, facts) = call.clone().settle(at(75));
    assert_eq!(facts, [CallEvent::Lost { user: user(2) }]);
    assert_eq!(gone_on.participant(user(2)).expect("Bo").left_at, Some(at(45)), "that far he was heard of");
    assert_eq!(there(gone_on.clone(), 2, 76), Err(CallRefused::StaleStay(2)));
    let back = gone_on.join(user(2), &device("phone"), Some(2), at(80)).expect("the call goes on").0;
    assert_eq!(standing(&back, 2), Standing::Joined);
    assert_eq!(there(back, 2, 81), Err(CallRefused::StaleStay(3)), "the sign of life of the stay that ended");
    let over = call.settle(at(115)).0;
    assert!(matches!(over.state, CallState::Disconnected { because: EndedBecause::Lost, by: None, .. }));
}

#[test]
fn the_plan_ends_a_call_after_an_hour_and_says_so_before() {
    let mut call = join(start(&[2]), 2, "phone", 10);
    let mut facts = Vec::new();
    let mut seconds = 10;
    while !call.is_over() {
        seconds += 20;
        let (settled, happened) = call.settle(at(seconds));
        facts.extend(happened.into_iter().map(|fact| (seconds, fact)));
        call = if settled.is_over() { settled } else { renew_all(settled, seconds) };
    }
    assert_eq!(facts, [(10 + 55 * 60, CallEvent::Warned), (10 + 3600, CallEvent::Ended)]);
    assert!(matches!(call.state, CallState::Disconnected { because: EndedBecause::TimeLimit, .. }));
    assert_eq!(call.duration(at(99_999)), limit::CALL_FREE);
    let talked = |n| call.participant(user(n)).expect("in it").talked(at(99_999)).as_secs();
    assert_eq!((talked(1), talked(2)), (3610, 3600), "the caller was there while it rang");
}

#[test]
fn what_the_clock_does_next_is_known_and_comes_at_its_instant() {
    let mut call = start(&[2, 3]);
    assert_eq!(call.due(), Some(at(75)), "the caller's lease, and the time to come back");
    call = renew_all(join(call, 2, "phone", 5), 40);
    assert_eq!(call.due(), Some(at(90)), "the ring of the third");
    while let Some(due) = call.due() {
        let before = due - SignedDuration::from_nanos(1);
        assert_eq!(call.clone().settle(before).1, []);
        let (settled, facts) = call.settle(due);
        assert!(!facts.is_empty());
        call = settled;
    }
    assert!(call.is_over());
}

//! Who may do what to whom.

use super::*;

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
fn a_stranger_a_second_device_and_a_latecomer_are_told_apart() {
    let end = |call: Call, n| call.end(user(n), None, Goodbye::Declined, at(3));
    let answer = |call: Call, name: &str, seconds| call.join(user(2), &device(name), None, at(seconds));
    let call = start(&[2]);
    assert_eq!(end(call.clone(), 7), Err(CallRefused::Stranger));
    assert_eq!(call.may_offer(user(2), &device("phone"), None, at(1)), Err(CallRefused::NotJoined));
    assert_eq!(call.may_signal(user(2), &device("phone"), None, at(1)), Ok(user(1)));
    let connected = join(call, 2, "phone", 1);
    assert_eq!(answer(connected.clone(), "laptop", 2), Err(CallRefused::AnsweredElsewhere));
    assert_eq!(connected.may_signal(user(2), &device("laptop"), None, at(2)), Err(CallRefused::AnsweredElsewhere));
    assert_eq!(connected.may_signal(user(2), &device("phone"), None, at(2)), Ok(user(1)));
    assert_eq!(connected.may_signal(user(2), &device("phone"), Some(user(2)), at(2)), Err(CallRefused::NotAPeer));
    let over = end(connected, 1).expect("a participant").0;
    assert_eq!(over.may_signal(user(2), &device("phone"), None, at(4)), Err(CallRefused::Over));
    assert_eq!(over.may_offer(user(2), &device("phone"), None, at(4)), Err(CallRefused::Over));
    assert_eq!(start(&[2]).may_offer(user(2), &device("phone"), None, at(91)), Err(CallRefused::Over));
    assert_eq!(answer(over, "phone", 4), Err(CallRefused::Over));
}

#[test]
fn a_device_that_died_yields_to_another_of_the_same_person() {
    let call = renew_all(join(start(&[2]), 2, "phone", 1), 1);
    let elsewhere = |call: Call, seconds| call.join(user(2), &device("laptop"), None, at(seconds));
    assert_eq!(elsewhere(call.clone(), 45), Err(CallRefused::AnsweredElsewhere));
    let moved = elsewhere(call, 46).expect("the phone is silent").0;
    assert_eq!(moved.participant(user(2)).expect("Bo").device, Some(device("laptop")));
    assert_eq!(moved.epoch(user(1), user(2)), 1, "the connection is made anew");
    assert_eq!(moved.renew(user(2), 1, at(47)), Err(CallRefused::StaleStay(3)), "the phone wakes up");
}

#[test]
fn in_a_group_one_no_ends_nothing() {
    let call = start(&[2, 3]);
    assert_eq!(call.peer(user(1), None), Err(CallRefused::WhomFor));
    let (call, facts) = call.end(user(2), None, Goodbye::Busy, at(1)).expect("a participant");
    assert_eq!(facts, [CallEvent::Busy { user: user(2) }]);
    assert_eq!(call.peer(user(1), None), Ok(user(3)), "only one is left");
    let call = join(call, 3, "tablet", 2);
    assert_eq!(call.peer(user(1), Some(user(2))), Err(CallRefused::Gone));
    assert!(call.is_polite(user(3), user(1)) && !call.is_polite(user(1), user(3)));
}

#[test]
fn the_last_no_says_why_it_failed() {
    let because = |goodbye, by| match start(&[2]).end(user(by), None, goodbye, at(1)).expect("in it").0.state {
        CallState::Failed { because, by, .. } => (because, by),
        state => panic!("{state:?}"),
    };
    assert_eq!(because(Goodbye::Declined, 2), (FailedBecause::Declined, Some(user(2))));
    assert_eq!(because(Goodbye::Busy, 2), (FailedBecause::Busy, Some(user(2))));
    assert_eq!(because(Goodbye::Busy, 1), (FailedBecause::Cancelled, Some(user(1))));
}

#[test]
fn people_are_invited_in_mid_call_up_to_eight_at_once() {
    let invite = |call: Call, by, people: &[u8], seconds| {
        call.invite(user(by), people.iter().copied().map(person).collect(), at(seconds))
    };
    let call = join(start(&[2, 3]), 2, "phone", 1);
    assert_eq!(invite(call.clone(), 3, &[4], 2), Err(CallRefused::NotJoined), "first answer yourself");
    assert_eq!(invite(call.clone(), 7, &[4], 2), Err(CallRefused::Stranger));
    let (call, facts) = invite(call, 2, &[3, 4], 2).expect("room");
    assert_eq!(facts, [CallEvent::Invited { by: user(2), user: user(4) }], "the third rings already");
    assert_eq!(invite(call.clone(), 2, &[5, 6, 7, 8, 9], 3), Err(CallRefused::TooMany), "that would be nine");
    let call = invite(call, 2, &[5, 6, 7, 8], 3).expect("that is eight").0;
    let call = renew_all(call, 40);
    let call = renew_all(call.settle(at(80)).0, 80);
    assert_eq!(standing(&call.clone().settle(at(91)).0, 4), Standing::Invited);
    let late = call.settle(at(92)).0;
    assert_eq!((standing(&late, 3), standing(&late, 4)), (Standing::Missed, Standing::Missed));
    assert_eq!(standing(&late, 5), Standing::Invited, "each rings for its own time");
    let again = invite(late, 1, &[3], 92).expect("he missed it").0;
    assert_eq!(standing(&again, 3), Standing::Invited);
}

#[test]
fn only_the_host_removes_and_who_was_removed_stays_out_until_the_host_asks() {
    let call = join(join(start(&[2, 3]), 2, "phone", 1), 3, "tablet", 1);
    assert_eq!(call.host(), Some(user(1)));
    assert_eq!(call.clone().remove(user(2), user(3), None, at(2)), Err(CallRefused::NotHost(user(1))));
    assert_eq!(call.clone().remove(user(1), user(1), None, at(2)), Err(CallRefused::NotAPeer));
    assert_eq!(call.clone().remove(user(1), user(3), Some(3), at(2)), Err(CallRefused::StaleStay(1)));
    let (call, facts) = call.remove(user(1), user(3), Some(1), at(2)).expect("the host");
    assert_eq!(facts, [CallEvent::Removed { by: user(1), user: user(3) }]);
    assert_eq!(call.clone().join(user(3), &device("tablet"), Some(2), at(3)), Err(CallRefused::Gone));
    assert_eq!(call.clone().invite(user(2), vec![person(3)], at(3)), Err(CallRefused::NotHost(user(1))));
    let back = join(call.clone().invite(user(1), vec![person(3)], at(3)).expect("the host").0, 3, "tablet", 4);
    assert_eq!(standing(&back, 3), Standing::Joined);
    let (left, _) = back.end(user(1), None, Goodbye::Declined, at(5)).expect("in it");
    assert_eq!(left.host(), Some(user(2)), "the next one is the host");
    let over = call.remove(user(1), user(2), None, at(6)).expect("the host").0;
    assert!(
        matches!(over.state, CallState::Disconnected { because: EndedBecause::HungUp, by: Some(by), .. } if by == user(1))
    );
}

#[test]
fn each_ones_interval_is_kept() {
    let call = join(join(start(&[2, 3]), 2, "phone", 10), 3, "tablet", 20);
    let call = call.end(user(2), Some(1), Goodbye::Declined, at(30)).expect("in it").0;
    assert_eq!(call.clone().end(user(2), Some(1), Goodbye::Declined, at(31)), Ok((call.clone(), vec![])));
    let call = call.join(user(2), &device("phone"), Some(2), at(40)).expect("it goes on").0;
    assert_eq!(call.clone().end(user(2), Some(1), Goodbye::Declined, at(41)), Err(CallRefused::StaleStay(3)));
    let bo = call.participant(user(2)).expect("Bo");
    assert_eq!((bo.joined_at, bo.left_at, bo.earlier), (Some(at(40)), None, 20_000));
    assert_eq!(bo.talked(at(45)).as_secs(), 25);
}

#[test]
fn whoever_comes_back_into_a_full_call_waits_until_somebody_leaves() {
    let call = join(start(&[2, 3, 4, 5, 6, 7, 8]), 2, "phone", 1);
    let call = call.end(user(2), None, Goodbye::Declined, at(2)).expect("in it").0;
    let full = call.invite(user(1), vec![person(9)], at(3)).expect("there is room").0;
    let back = |call: Call| call.join(user(2), &device("phone"), Some(2), at(4));
    assert_eq!(back(full.clone()), Err(CallRefused::TooMany));
    let room = full.end(user(9), None, Goodbye::Declined, at(4)).expect("asked").0;
    assert_eq!(standing(&back(room).expect("there is room").0, 2), Standing::Joined);
}

#[test]
fn nobody_rings_more_than_three_times_in_vain_within_ten_minutes() {
    let call = |last: Option<&Call>, now: i64| -> Result<Call, CallRefused> {
        let in_vain = last.map_or(Ok(None), |last| InVain::after(last, user(1), user(2), at(now)))?;
        Ok(Call { in_vain, created_at: at(now), ..start(&[2]) })
    };
    let first = call(None, 0).expect("a first call");
    let second = call(Some(&first), 100).expect("a second");
    assert_eq!(second.in_vain, Some(InVain { count: 1, since: at(0) }));
    let third = call(Some(&second), 200).expect("a third");
    assert_eq!(call(Some(&third), 300), Err(CallRefused::InVain(SignedDuration::from_secs(300))));
    assert_eq!(call(Some(&third), 600).expect("ten minutes after the first").in_vain, None);

    assert_eq!(InVain::after(&third, user(2), user(1), at(300)), Ok(None), "who is called calls back");
    let taken_up = join(start(&[2]), 2, "phone", 1);
    let taken_up = Call { in_vain: third.in_vain, ..taken_up };
    assert_eq!(InVain::after(&taken_up, user(1), user(2), at(300)), Ok(None));
    let by_another = join(third.invite(user(1), vec![person(3)], at(1)).expect("may").0, 3, "phone", 2);
    assert!(InVain::after(&by_another, user(1), user(2), at(300)).is_err(), "it still was in vain to the one called");
}

//! Nothing is recorded while somebody who is there has not consented, in every order.

use super::*;

fn tape() -> RecordingId {
    nth_tape(5)
}

fn nth_tape(n: u8) -> RecordingId {
    RecordingId::derived([n; 16])
}

/// A yes of this person as they see the call.
fn yes(call: &Call, n: u8) -> Says {
    let recording = call.recording.as_ref().map_or(tape(), |recorder| recorder.id);
    let generation = call.participant(user(n)).map_or(0, |person| person.generation);
    Says::Yes { recording, generation, seq: call.seq }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    Yes(u8),
    No(u8),
    /// Every yes that anybody ever said arrives once more.
    Late,
    Return(u8),
    End(u8),
    Stop(u8),
    Wait,
}

#[test]
fn nothing_is_recorded_without_everybodys_consent_in_any_order() {
    let steps = [
        Step::Ask,
        Step::Yes(2),
        Step::No(2),
        Step::Yes(3),
        Step::Late,
        Step::Return(3),
        Step::End(2),
        Step::Stop(1),
        Step::Wait,
    ];
    let mut recorded = 0;
    for number in 0..steps.len().pow(6) {
        let order: Vec<Step> = (0..6).map(|i| steps[number / steps.len().pow(i) % steps.len()]).collect();
        let mut call = join(start(&[2, 3]), 2, "phone", 0);
        let mut said: Vec<(UserId, u32)> = Vec::new();
        let mut sent: Vec<(UserId, Says)> = Vec::new();
        let (mut second, mut tapes) = (0, 0);
        for step in &order {
            second += 1;
            let stay = |call: &Call, n| call.participant(user(n)).map_or(0, |person| person.generation);
            let moved = match *step {
                Step::Ask => {
                    tapes += 1;
                    call.clone().start_recording(nth_tape(tapes), user(1), &device("caller"), at(second))
                }
                Step::Yes(n) => {
                    sent.push((user(n), yes(&call, n)));
                    call.clone().consent(user(n), yes(&call, n), at(second))
                }
                Step::No(n) => call.clone().consent(user(n), Says::No, at(second)),
                Step::Late => {
                    Ok((sent.iter().fold(call.clone(), |call, (who, yes)| late(call, *who, *yes, second)), vec![]))
                }
                Step::Return(n) => call.clone().join(user(n), &device("tablet"), Some(stay(&call, n)), at(second)),
                Step::End(n) => call.clone().end(user(n), None, Goodbye::Declined, at(second)),
                Step::Stop(n) => {
                    let under_way = call.recording.as_ref().map_or(tape(), |recorder| recorder.id);
                    call.clone().stop_recording(under_way, user(n), at(second))
                }
                Step::Wait => {
                    second += 20;
                    let (settled, facts) = call.clone().settle(at(second));
                    Ok((if settled.is_over() { settled } else { renew_all(settled, second) }, facts))
                }
            };
            assert!(moved.is_ok() || !matches!(*step, Step::No(2)) || stay(&call, 2) != 1 || call.recording.is_none());
            let Ok((after, _)) = moved else { continue };
            match *step {
                Step::Yes(n) => said.push((user(n), stay(&after, n))),
                Step::No(n) => said.retain(|(who, _)| *who != user(n)),
                _ => {}
            }
            if after.recording.is_none() {
                said.clear();
            }
            let id = after.recording.as_ref().map_or(tape(), |recorder| recorder.id);
            if after.may_record(id, user(1), at(second)).is_ok() {
                recorded += 1;
                for there in after.joined().filter(|person| person.user != user(1)) {
                    assert!(said.contains(&(there.user, there.generation)), "{order:?}: {after:?}");
                }
            }
            assert!(!after.is_over() || after.recording.is_none(), "{order:?}");
            call = after;
        }
    }
    assert!(recorded > 10_000, "{recorded}");
}

fn late(call: Call, who: UserId, yes: Says, second: i64) -> Call {
    call.clone().consent(who, yes, at(second)).map_or(call, |(after, _)| after)
}

#[test]
fn a_late_yes_does_not_undo_a_no_and_a_no_needs_to_know_nothing() {
    let call = join(start(&[2]), 2, "phone", 1);
    let call = call.start_recording(tape(), user(1), &device("caller"), at(2)).expect("in it").0;
    let first = yes(&call, 2);
    let call = call.consent(user(2), first, at(3)).expect("in it").0;
    assert_eq!(call.clone().consent(user(2), first, at(4)), Ok((call.clone(), vec![])), "a repeat says nothing new");
    let call = call.consent(user(2), Says::No, at(4)).expect("any time").0;
    assert_eq!(call.clone().consent(user(2), first, at(5)), Err(CallRefused::StaleConsent));
    // One that is under way while the next no is said.
    let under_way = yes(&call, 2);
    let (call, facts) = call.consent(user(2), Says::No, at(6)).expect("any time");
    assert_eq!(facts, [CallEvent::Refused { user: user(2) }]);
    assert_eq!(call.clone().consent(user(2), under_way, at(7)), Err(CallRefused::StaleConsent));
    let Says::Yes { recording, generation, seq } = yes(&call, 2) else { panic!("a yes") };
    let of_tomorrow = Says::Yes { recording, generation, seq: seq + 1 };
    assert_eq!(call.clone().consent(user(2), of_tomorrow, at(7)), Err(CallRefused::StaleConsent));
    let fresh = yes(&call, 2);
    let back = call.clone().join(user(2), &device("phone"), Some(generation), at(8)).expect("comes back").0;
    assert_eq!(back.clone().consent(user(2), fresh, at(9)), Err(CallRefused::StaleStay(generation + 2)));
    let (call, facts) = call.consent(user(2), fresh, at(8)).expect("has seen the no");
    assert_eq!(facts, [CallEvent::Consented { user: user(2) }]);
    let call = call.stop_recording(tape(), user(1), at(9)).expect("the recorder may").0;
    let call = call.start_recording(nth_tape(6), user(1), &device("caller"), at(10)).expect("again").0;
    assert_eq!(call.consent(user(2), fresh, at(11)), Err(CallRefused::NotRecorded), "it was about the one before");
}

#[test]
fn a_recording_is_asked_for_starts_pauses_for_a_newcomer_and_ends_with_its_recorder() {
    let call = join(start(&[2, 3]), 2, "phone", 1);
    let ask = |call: Call, n, name: &str| call.start_recording(tape(), user(n), &device(name), at(2));
    assert_eq!(ask(call.clone(), 3, "tablet"), Err(CallRefused::NotJoined));
    assert_eq!(call.clone().consent(user(2), yes(&call, 2), at(2)), Err(CallRefused::NotRecorded));
    let (call, facts) = ask(call, 1, "caller").expect("in it");
    assert_eq!(facts, [CallEvent::RecordingAsked { by: user(1) }, CallEvent::Consented { user: user(1) }]);
    assert_eq!(call.recording_state(), Some(RecordingState::Asking));
    assert_eq!(ask(call.clone(), 1, "caller"), Ok((call.clone(), vec![])), "asked twice");
    assert_eq!(
        call.clone().start_recording(RecordingId::derived([6; 16]), user(2), &device("phone"), at(3)),
        Err(CallRefused::Recorded(tape()))
    );
    assert_eq!(call.may_record(tape(), user(1), at(3)), Err(CallRefused::ConsentMissing));
    let (call, facts) = call.clone().consent(user(2), yes(&call, 2), at(3)).expect("in it");
    assert_eq!(facts, [CallEvent::Consented { user: user(2) }, CallEvent::RecordingStarted]);
    assert_eq!(call.recording_state(), Some(RecordingState::Running));
    assert_eq!(call.may_record(tape(), user(2), at(3)), Err(CallRefused::NotRecorded), "somebody else records");
    let call = join(call, 3, "tablet", 4);
    assert_eq!(call.recording_state(), Some(RecordingState::Paused));
    assert_eq!(call.without_consent().collect::<Vec<_>>(), [user(3)]);
    let call = call.clone().consent(user(3), yes(&call, 3), at(5)).expect("in it").0;
    let revoked = call.clone().consent(user(2), Says::No, at(6)).expect("in it").0;
    assert_eq!(revoked.recording_state(), Some(RecordingState::Paused));
    assert_eq!(call.clone().stop_recording(tape(), user(2), at(6)), Err(CallRefused::NotRecorded));
    let (left, facts) = call.end(user(1), None, Goodbye::Declined, at(7)).expect("in it");
    assert_eq!(facts, [CallEvent::RecordingStopped, CallEvent::Left { user: user(1) }]);
    assert!(left.people.iter().all(|person| person.consent.is_none()));
}

#[test]
fn a_recording_begins_when_the_last_who_did_not_consent_leaves() {
    let call = join(join(start(&[2, 3]), 2, "phone", 1), 3, "tablet", 1);
    let call = call.start_recording(tape(), user(1), &device("caller"), at(2)).expect("in it").0;
    let call = call.clone().consent(user(2), yes(&call, 2), at(3)).expect("in it").0;
    assert_eq!(call.recording_state(), Some(RecordingState::Asking));
    let (call, facts) = call.end(user(3), None, Goodbye::Declined, at(4)).expect("in it");
    assert_eq!(facts, [CallEvent::Left { user: user(3) }, CallEvent::RecordingStarted]);
    let call = call.join(user(3), &device("tablet"), Some(2), at(5)).expect("it goes on").0;
    assert_eq!(call.recording_state(), Some(RecordingState::Paused), "it had begun");
}

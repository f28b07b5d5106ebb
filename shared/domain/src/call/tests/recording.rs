//! Nothing is recorded while somebody who is there has not consented, in every order.

use super::*;

fn tape() -> RecordingId {
    RecordingId::derived([5; 16])
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    Say(u8, bool),
    Return(u8),
    End(u8),
    Stop(u8),
    Wait,
}

#[test]
fn nothing_is_recorded_without_everybodys_consent_in_any_order() {
    let steps = [
        Step::Ask,
        Step::Say(2, true),
        Step::Say(2, false),
        Step::Say(3, true),
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
        let mut second = 0;
        for step in &order {
            second += 1;
            let stay = |call: &Call, n| call.participant(user(n)).map_or(0, |person| person.generation);
            let moved = match *step {
                Step::Ask => call.clone().start_recording(tape(), user(1), &device("caller"), at(second)),
                Step::Say(n, given) => call.clone().consent(user(n), given, at(second)),
                Step::Return(n) => call.clone().join(user(n), &device("tablet"), Some(stay(&call, n)), at(second)),
                Step::End(n) => call.clone().end(user(n), None, Goodbye::Declined, at(second)),
                Step::Stop(n) => call.clone().stop_recording(tape(), user(n), at(second)),
                Step::Wait => {
                    second += 20;
                    let (settled, facts) = call.clone().settle(at(second));
                    Ok((if settled.is_over() { settled } else { renew_all(settled, second) }, facts))
                }
            };
            let Ok((after, _)) = moved else { continue };
            match *step {
                Step::Say(n, true) => said.push((user(n), stay(&after, n))),
                Step::Say(n, false) => said.retain(|(who, _)| *who != user(n)),
                _ => {}
            }
            if after.recording.is_none() {
                said.clear();
            }
            if after.may_record(tape(), user(1), at(second)).is_ok() {
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

#[test]
fn a_recording_is_asked_for_starts_pauses_for_a_newcomer_and_ends_with_its_recorder() {
    let call = join(start(&[2, 3]), 2, "phone", 1);
    let ask = |call: Call, n, name: &str| call.start_recording(tape(), user(n), &device(name), at(2));
    assert_eq!(ask(call.clone(), 3, "tablet"), Err(CallRefused::NotJoined));
    assert_eq!(call.clone().consent(user(2), true, at(2)), Err(CallRefused::NotRecorded));
    let (call, facts) = ask(call, 1, "caller").expect("in it");
    assert_eq!(facts, [CallEvent::RecordingAsked { by: user(1) }, CallEvent::Consented { user: user(1) }]);
    assert_eq!(call.recording_state(), Some(RecordingState::Asking));
    assert_eq!(ask(call.clone(), 1, "caller"), Ok((call.clone(), vec![])), "asked twice");
    assert_eq!(
        call.clone().start_recording(RecordingId::derived([6; 16]), user(2), &device("phone"), at(3)),
        Err(CallRefused::Recorded(tape()))
    );
    assert_eq!(call.may_record(tape(), user(1), at(3)), Err(CallRefused::ConsentMissing));
    let (call, facts) = call.consent(user(2), true, at(3)).expect("in it");
    assert_eq!(facts, [CallEvent::Consented { user: user(2) }, CallEvent::RecordingStarted]);
    assert_eq!(call.recording_state(), Some(RecordingState::Running));
    assert_eq!(call.may_record(tape(), user(2), at(3)), Err(CallRefused::NotRecorded), "somebody else records");
    let call = join(call, 3, "tablet", 4);
    assert_eq!(call.recording_state(), Some(RecordingState::Paused));
    assert_eq!(call.without_consent().collect::<Vec<_>>(), [user(3)]);
    let call = call.consent(user(3), true, at(5)).expect("in it").0;
    let revoked = call.clone().consent(user(2), false, at(6)).expect("in it").0;
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
    let call = call.consent(user(2), true, at(3)).expect("in it").0;
    assert_eq!(call.recording_state(), Some(RecordingState::Asking));
    let (call, facts) = call.end(user(3), None, Goodbye::Declined, at(4)).expect("in it");
    assert_eq!(facts, [CallEvent::Left { user: user(3) }, CallEvent::RecordingStarted]);
    let call = call.join(user(3), &device("tablet"), Some(2), at(5)).expect("it goes on").0;
    assert_eq!(call.recording_state(), Some(RecordingState::Paused), "it had begun");
}

use super::*;
use crate::call::{CallKind, Goodbye, Person, Says, Terms};

fn person(n: u8) -> UserId {
    UserId::derived([n; 16])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("in range")
}

fn part(size: u64) -> Part {
    Part { size, sha256: format!("{}A=", "A".repeat(42)).try_into().expect("a sum") }
}

fn called() -> Call {
    let one = |n: u8| Person { user: person(n), name: format!("Person {n}").parse().expect("a name") };
    let (id, terms) = (CallId::derived([9; 16]), Terms::free(CallKind::Video));
    Call::start(id, terms, one(2), &"tab".parse().expect("a device"), vec![one(1), one(3)], at(0)).expect("a call").0
}

fn running() -> Recording {
    let people = vec![person(1), person(2), person(3)];
    let asked = Recording::begin(RecordingId::derived([8; 16]), &called(), person(1), MediaType::VideoWebm, at(0));
    Recording { people, ..asked }
}

const WHOLE: u64 = *limit::PART.start();

#[test]
fn parts_come_in_order_and_a_short_one_is_the_last() {
    let (one, granted) = running().grant(person(1), 1, part(WHOLE), at(1)).expect("the first");
    assert_eq!(granted, Granted::New(WHOLE));
    assert_eq!(one.clone().grant(person(1), 1, part(WHOLE), at(2)), Ok((one.clone(), Granted::Before)));
    assert_eq!(one.clone().grant(person(1), 1, part(WHOLE + 1), at(2)), Err(RecordingRefused::Changed));
    for number in [0, 3] {
        assert_eq!(one.clone().grant(person(1), number, part(WHOLE), at(2)), Err(RecordingRefused::OutOfOrder));
    }
    let (short, _) = one.grant(person(1), 2, part(1), at(2)).expect("the last");
    assert_eq!(short.bytes, WHOLE + 1);
    assert_eq!(short.grant(person(1), 3, part(1), at(2)), Err(RecordingRefused::OutOfOrder));
}

#[test]
fn a_recording_that_never_ran_gets_no_part() {
    let asked = Recording { people: Vec::new(), ..running() };
    assert_eq!(asked.grant(person(1), 1, part(1), at(1)), Err(RecordingRefused::ConsentMissing));
}

#[test]
fn what_follows_a_stop_is_bounded_in_bytes_and_in_time() {
    let most = *limit::PART.end();
    let one = running().grant(person(1), 1, part(most), at(1)).expect("it runs").0;
    let stopped = Recording { stopped: Some(Stopped { at: at(10), bytes: one.bytes }), ..one };
    let late = at(10) + limit::RECORDING_LATE;
    assert_eq!(stopped.clone().grant(person(1), 2, part(1), late), Err(RecordingRefused::Stopped));
    assert_eq!(
        stopped.clone().grant(person(1), 1, part(most), late),
        Ok((stopped.clone(), Granted::Before)),
        "what was granted is known"
    );
    let two = stopped.grant(person(1), 2, part(most), at(20)).expect("what waited").0;
    let three = two.clone().grant(person(1), 3, part(most), at(20)).expect("what was being sent").0;
    assert_eq!(three.clone().grant(person(1), 4, part(1), at(20)), Err(RecordingRefused::Stopped));
    assert!(three.close(person(1), 3, late).is_ok(), "it can be kept");
}

#[test]
fn an_upload_that_nobody_goes_on_with_is_abandoned() {
    let (one, _) = running().grant(person(1), 1, part(1), at(60)).expect("the first");
    let Stage::Open { until } = one.stage else { panic!("{one:?}") };
    assert_eq!(until, at(60) + limit::RECORDING_IDLE);
    assert_eq!(one.clone().settle(until).stage, Stage::Abandoned { at: until });
    assert_eq!(one.clone().close(person(1), 1, until), Err(RecordingRefused::Closed));
    assert_eq!(one.grant(person(1), 2, part(1), until), Err(RecordingRefused::Closed));
    let late = at(0) + limit::RECORDING_LONGEST - limit::RECORDING_IDLE;
    let began = Recording { stage: Stage::Open { until: late + limit::RECORDING_IDLE }, ..running() };
    let (one, _) = began.grant(person(1), 1, part(1), late + limit::RECORDING_IDLE / 2).expect("just in time");
    assert_eq!(one.stage, Stage::Open { until: at(0) + limit::RECORDING_LONGEST });
}

#[test]
fn closing_and_deleting_can_be_repeated() {
    assert_eq!(running().close(person(1), 0, at(1)), Err(RecordingRefused::Empty));
    let (one, _) = running().grant(person(1), 1, part(1), at(1)).expect("the first");
    let (closing, moved) = one.close(person(1), 1, at(2)).expect("it has a part");
    assert!(moved && !closing.clone().close(person(1), 0, at(3)).expect("again").1);
    let kept = closing.keep(at(3));
    assert_eq!(kept.clone().close(person(1), 0, at(4)), Ok((kept.clone(), false)));
    let (deleting, moved) = kept.delete(person(2), at(5)).expect("the host may");
    assert!(moved && !deleting.clone().delete(person(1), at(6)).expect("the recorder may").1);
    let gone = deleting.gone(at(7));
    assert_eq!(gone.shown_to(person(1)), Err(RecordingRefused::Stranger));
    assert!(gone.is_deleted_for(person(1)) && gone.is_deleted_for(person(2)) && !gone.is_deleted_for(person(3)));
}

#[test]
fn what_arrived_is_kept_and_the_rest_given_up() {
    let one = running().grant(person(1), 1, part(WHOLE), at(1)).expect("the first").0;
    let two = one.grant(person(1), 2, part(7), at(1)).expect("the last").0;
    assert_eq!(two.clone().close(person(1), 0, at(2)), Err(RecordingRefused::Empty));
    let (closing, _) = two.close(person(1), 1, at(2)).expect("the first arrived");
    assert_eq!((closing.parts.len(), closing.bytes), (1, WHOLE));
}

#[test]
fn whoever_is_in_the_call_while_it_runs_may_see_it() {
    let (device, id) = ("tab".parse().expect("a device"), RecordingId::derived([8; 16]));
    let asked = |call: &Call| Recording::begin(id, call, person(2), MediaType::VideoWebm, at(0));
    let (alone, _) = called().start_recording(id, person(2), &device, at(1)).expect("the caller is in it");
    assert_eq!(asked(&alone).follow(&alone).people, [person(2)], "others are invited, not in it");
    let joined = alone.join(person(1), &device, None, at(2)).expect("invited").0;
    assert_eq!(asked(&joined).follow(&joined).people, [person(2)], "who came has not consented");
    let yes = Says::Yes { recording: id, generation: 1, seq: joined.seq };
    let (all, _) = joined.consent(person(1), yes, at(3)).expect("asked");
    assert_eq!(asked(&all).follow(&all).people, [person(2), person(1)]);
    let other = Recording { id: RecordingId::derived([7; 16]), ..asked(&all) };
    assert_eq!(other.follow(&all).people, []);
    // Bo waits for Chidi's consent, who comes and goes: then it runs, and nobody asked for anything.
    let alone = called().start_recording(id, person(2), &device, at(1)).expect("in it").0;
    let came = alone.join(person(3), &"tab".parse().expect("a device"), None, at(2)).expect("invited").0;
    let both = came.join(person(1), &device, None, at(2)).expect("invited").0;
    let yes = Says::Yes { recording: id, generation: 1, seq: both.seq };
    let waits = both.consent(person(1), yes, at(3)).expect("asked").0;
    let runs = waits.end(person(3), None, Goodbye::Declined, at(4)).expect("in it").0;
    let left = runs.end(person(1), None, Goodbye::Declined, at(5)).expect("in it").0;
    assert!(left.is_over());
    let stopped = asked(&left).follow(&left);
    assert_eq!(stopped.people, [person(2), person(1)], "who left before anybody looked was recorded");
    assert_eq!(stopped.stopped, Some(Stopped { at: at(5), bytes: 0 }));
}

#[test]
fn who_was_there_sees_it_and_cannot_change_it() {
    assert_eq!(running().shown_to(person(3)), Ok(()));
    assert_eq!(running().delete(person(3), at(1)), Err(RecordingRefused::NotYours));
    assert_eq!(running().close(person(3), 1, at(1)), Err(RecordingRefused::NotYours));
    assert_eq!(running().delete(person(4), at(1)), Err(RecordingRefused::Stranger));
    let without_host = Recording { people: vec![person(1), person(3)], ..running() };
    assert_eq!(without_host.delete(person(2), at(1)), Err(RecordingRefused::Stranger), "the host was not there");
}

#[test]
fn a_sum_has_one_spelling() {
    let sum = |text: &str| Sha256::try_from(text.to_owned());
    assert!(sum(&format!("{}A=", "a".repeat(42))).is_ok());
    for bad in ["", "A=", &format!("{}B=", "a".repeat(42)), &"a".repeat(44), &format!("{}A=", "-".repeat(42))] {
        assert!(sum(bad).is_err(), "{bad}");
    }
}

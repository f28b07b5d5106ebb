//! Who may report what about whom, and until when.

use jiff::{SignedDuration, Timestamp};

use crate::call::{Call, CallRefused};
use crate::id::UserId;
use crate::limit;
use crate::quality::report::Report;
use crate::text::DeviceId;

/// The report is of a time at which nobody talked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a report is of a time outside of the call")]
pub struct Outside;

/// Who reports: somebody who takes or took part, with the device they did it with, in a call that is connected or was
/// lately. About whom: others who took part. The call's start, from which reports count.
pub fn reporter(
    call: &Call,
    by: UserId,
    device: &DeviceId,
    reports: &[Report],
    now: Timestamp,
) -> Result<Timestamp, CallRefused> {
    let me = call.participant(by)?;
    let since = call.connected_at();
    match (&me.device, since) {
        (None, _) => return Err(CallRefused::NotJoined),
        (Some(mine), _) if mine != device => return Err(CallRefused::AnsweredElsewhere),
        _ if call.ended_at().is_some_and(|end| now > end + limit::QUALITY_LATE) => return Err(CallRefused::Over),
        (_, None) if call.is_over() => return Err(CallRefused::Over),
        _ => {}
    }
    let took_part = |who: UserId| call.participant(who).is_ok_and(|person| person.device.is_some());
    if reports.iter().any(|report| report.user_id == by || !took_part(report.user_id)) {
        return Err(CallRefused::NotAPeer);
    }
    since.ok_or(CallRefused::NotJoined)
}

/// Whether every report is of a time between the call's start and now, or the end of this person's stay; clocks may
/// differ a little.
pub fn within(call: &Call, by: UserId, since: Timestamp, reports: &[Report], now: Timestamp) -> Result<(), Outside> {
    let left = call.participant(by).ok().and_then(|person| person.left_at);
    let last = left.or(call.ended_at()).unwrap_or(now).min(now) + limit::QUALITY_SKEW;
    let late = |report: &Report| since + SignedDuration::from_millis(report.at_ms.into()) > last;
    if reports.iter().any(late) { Err(Outside) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallKind, Goodbye, Person, Terms};
    use crate::id::CallId;

    fn user(n: u8) -> UserId {
        UserId::derived([n; 16])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("in range")
    }

    fn call() -> Call {
        let person = |n| Person { user: user(n), name: "Somebody".parse().expect("a name") };
        let id = CallId::derived([9; 16]);
        let people = vec![person(2), person(3)];
        Call::start(id, Terms::free(CallKind::Audio), person(1), &device(1), people, at(0)).expect("three").0
    }

    fn device(n: u8) -> DeviceId {
        format!("d{n}").parse().expect("a device")
    }

    fn end(call: Call, by: u8, seconds: i64) -> Call {
        call.end(user(by), None, Goodbye::Declined, at(seconds)).expect("in it").0
    }

    /// Since the fifth second.
    fn talk() -> Call {
        call().join(user(2), &device(2), None, at(5)).expect("it rings").0
    }

    fn report(about: u8, at_ms: u32) -> Report {
        Report { user_id: user(about), at_ms, round_trip_ms: 0, audio: None, video: None, sent: None }
    }

    #[test]
    fn who_took_part_may_report_about_who_took_part() {
        let ask =
            |call: &Call, by, with, about, now| reporter(call, user(by), &device(with), &[report(about, 0)], at(now));
        let rings = call();
        assert_eq!(ask(&rings, 1, 1, 2, 1), Err(CallRefused::NotAPeer), "nobody has answered");
        let talk = talk();
        assert_eq!(ask(&talk, 1, 1, 2, 6), Ok(at(5)));
        assert_eq!(ask(&talk, 7, 7, 2, 6), Err(CallRefused::Stranger));
        assert_eq!(ask(&talk, 3, 3, 2, 6), Err(CallRefused::NotJoined));
        assert_eq!(ask(&talk, 2, 9, 1, 6), Err(CallRefused::AnsweredElsewhere));
        for about in [1, 3, 7] {
            assert_eq!(ask(&talk, 1, 1, about, 6), Err(CallRefused::NotAPeer));
        }
        let over = end(end(talk, 3, 7), 2, 10);
        assert_eq!(ask(&over, 2, 2, 1, 10 + 300), Ok(at(5)), "a little late is in time");
        assert_eq!(ask(&over, 2, 2, 1, 10 + 301), Err(CallRefused::Over));
        assert_eq!(ask(&end(rings, 1, 2), 1, 1, 2, 3), Err(CallRefused::Over));
    }

    #[test]
    fn a_report_is_of_the_call_and_not_of_what_comes() {
        let ask = |call: &Call, at_ms, now| within(call, user(1), at(5), &[report(2, at_ms)], at(now));
        assert_eq!((ask(&talk(), 65_000, 10), ask(&talk(), 65_001, 10)), (Ok(()), Err(Outside)));
        let over = end(end(talk(), 3, 7), 1, 20);
        assert_eq!((ask(&over, 75_000, 200), ask(&over, 75_001, 200)), (Ok(()), Err(Outside)));
    }
}

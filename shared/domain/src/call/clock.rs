//! What the clock does to a call.

use jiff::Timestamp;

use super::{Call, CallEvent, CallState, EndedBecause, FailedBecause, Standing};
use crate::id::UserId;
use crate::limit;

/// Something that happens by itself.
#[derive(Clone, Copy, Debug)]
enum Tick {
    /// The plan's time is over.
    TimeLimit,
    /// Somebody did not answer.
    Missed(UserId),
    /// Somebody did not come back.
    Lost(UserId),
    /// The plan's time will be over.
    Warning,
}

/// The last thing that happened before nobody was left to talk to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last {
    /// Somebody hung up, gave up or removed the last other.
    HungUp(UserId),
    Declined(UserId),
    Busy(UserId),
    Missed,
    Lost,
}

impl Call {
    /// When the clock does something to it next, if nothing else happens: a ring ends, somebody counts as lost, the end is
    /// near or there. A call that is over is never due.
    pub fn due(&self) -> Option<Timestamp> {
        self.next().map(|(at, _)| at)
    }

    fn next(&self) -> Option<(Timestamp, Tick)> {
        if self.is_over() {
            return None;
        }
        let people = self.people.iter().filter_map(|person| match (person.standing, person.until) {
            (Standing::Invited | Standing::Ringing, Some(until)) => Some((until, Tick::Missed(person.user))),
            (Standing::Joined, Some(until)) => Some((until + limit::CALL_RETURN, Tick::Lost(person.user))),
            _ => None,
        });
        let plan = match self.state {
            CallState::Connected { ends_at, warned: false, .. } => Some((ends_at - limit::CALL_WARNING, Tick::Warning)),
            CallState::Connected { ends_at, .. } => Some((ends_at, Tick::TimeLimit)),
            _ => None,
        };
        plan.into_iter().chain(people).min_by_key(|(at, _)| *at)
    }

    /// What the clock did to it, each thing at its own instant: so it does not matter who reads when.
    pub fn settle(mut self, now: Timestamp) -> (Self, Vec<CallEvent>) {
        let mut facts = Vec::new();
        while let Some((at, tick)) = self.next().filter(|(at, _)| *at <= now) {
            self.pass(at, tick, &mut facts);
        }
        (self, facts)
    }

    fn pass(&mut self, at: Timestamp, tick: Tick, facts: &mut Vec<CallEvent>) {
        match (tick, &mut self.state) {
            (Tick::Warning, CallState::Connected { warned, .. }) => {
                *warned = true;
                self.happened(facts, CallEvent::Warned);
            }
            (Tick::TimeLimit, CallState::Connected { since, .. }) => {
                let because = EndedBecause::TimeLimit;
                let state = CallState::Disconnected { since: *since, at, because, by: None };
                self.finish(state, at, facts);
            }
            (Tick::Missed(user), _) => {
                self.see_off(user, Standing::Missed, at);
                self.happened(facts, CallEvent::Missed { user });
                self.conclude(Last::Missed, at, facts);
            }
            (Tick::Lost(user), _) => {
                // They were there until the lease ended; the rest was hope.
                self.leave(user, Standing::Left, at - limit::CALL_RETURN, facts);
                self.happened(facts, CallEvent::Lost { user });
                self.conclude(Last::Lost, at, facts);
            }
            (Tick::Warning | Tick::TimeLimit, _) => {}
        }
    }

    /// Somebody is gone: ends the call if nobody is left to talk to.
    pub(super) fn conclude(&mut self, last: Last, at: Timestamp, facts: &mut Vec<CallEvent>) {
        let (joined, present) = (self.joined().count(), self.present().count());
        if joined > 0 && present >= 2 {
            return self.run_tape(at, facts);
        }
        let by = match last {
            Last::HungUp(user) | Last::Declined(user) | Last::Busy(user) => Some(user),
            Last::Missed | Last::Lost => None,
        };
        let state = match (self.state, last) {
            (CallState::Connected { since, .. }, Last::Lost) => {
                CallState::Disconnected { since, at, because: EndedBecause::Lost, by }
            }
            (CallState::Connected { since, .. }, _) => {
                CallState::Disconnected { since, at, because: EndedBecause::HungUp, by }
            }
            (rang, last) => {
                let because = match last {
                    Last::Declined(_) => FailedBecause::Declined,
                    Last::Busy(_) => FailedBecause::Busy,
                    Last::Missed if rang == CallState::Initiated => FailedBecause::Unreachable,
                    Last::Missed => FailedBecause::NoAnswer,
                    Last::HungUp(_) => FailedBecause::Cancelled,
                    Last::Lost => FailedBecause::Lost,
                };
                CallState::Failed { at, because, by }
            }
        };
        self.finish(state, at, facts);
    }

    fn finish(&mut self, state: CallState, at: Timestamp, facts: &mut Vec<CallEvent>) {
        self.stop_tape(at, facts);
        self.state = state;
        for user in self.present().collect::<Vec<_>>() {
            let joined = self.joined().any(|person| person.user == user);
            self.see_off(user, if joined { Standing::Left } else { Standing::Missed }, at);
        }
        self.happened(facts, CallEvent::Ended);
    }

    /// Somebody is not there any more.
    pub(super) fn see_off(&mut self, user: UserId, standing: Standing, at: Timestamp) {
        if let Ok(person) = self.participant_mut(user) {
            person.go_out(standing, at);
        }
    }
}

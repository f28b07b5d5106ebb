//! What people do to others in a call: invite, and remove.

use jiff::Timestamp;

use super::clock::Last;
use super::{Call, CallEvent, CallRefused, Moved, Participant, Person, Standing, check_callees};
use crate::id::UserId;
use crate::limit;

impl Call {
    /// Somebody who is in it asks more people. Who is in it or asked already is not asked again; who had left is.
    pub fn invite(self, by: UserId, people: Vec<Person>, now: Timestamp) -> Moved {
        check_callees(by, &people.iter().map(|person| person.user).collect::<Vec<_>>())?;
        let (mut call, mut facts) = self.live(by, now)?;
        if call.participant(by)?.standing != Standing::Joined {
            return Err(CallRefused::NotJoined);
        }
        let (until, host) = (now + limit::RING, call.host().unwrap_or(by));
        for person in people {
            let user = person.user;
            match call.participant_mut(user) {
                Ok(known) if known.standing.is_present() => continue,
                Ok(known) if known.standing == Standing::Removed && host != by => {
                    return Err(CallRefused::NotHost(host));
                }
                Ok(known) => (known.standing, known.until) = (Standing::Invited, Some(until)),
                Err(_) => call.people.push(Participant::invited(person, until)),
            }
            call.happened(&mut facts, CallEvent::Invited { by, user });
        }
        if call.present().count() > limit::CALL_PEOPLE || call.people.len() > limit::CALL_ROSTER {
            return Err(CallRefused::TooMany);
        }
        Ok((call, facts))
    }

    /// The host sends somebody away: the stay that `generation` names, or whichever it is. Who is gone stays gone.
    pub fn remove(self, by: UserId, user: UserId, generation: Option<u32>, now: Timestamp) -> Moved {
        let (mut call, mut facts) = self.live(by, now)?;
        let host = call.host().unwrap_or(call.caller);
        if host != by {
            return Err(CallRefused::NotHost(host));
        }
        let Some(person) = call.people.iter().find(|person| person.user == user && user != by) else {
            return Err(CallRefused::NotAPeer);
        };
        if !person.standing.is_present() {
            return Ok((call, facts));
        }
        if generation.is_some_and(|generation| generation != person.generation) {
            return Err(CallRefused::StaleStay(person.generation));
        }
        call.leave(user, Standing::Removed, now, &mut facts);
        call.happened(&mut facts, CallEvent::Removed { by, user });
        call.conclude(Last::HungUp(by), now, &mut facts);
        Ok((call, facts))
    }
}

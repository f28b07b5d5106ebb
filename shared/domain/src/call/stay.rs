//! What one person does in a call: rings, joins, is there, leaves.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::Last;
use super::{Call, CallEvent, CallKind, CallRefused, CallState, Media, Moved, Participant, Standing};
use crate::id::UserId;
use crate::limit;
use crate::text::DeviceId;

/// How somebody says no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goodbye {
    /// Does not want to.
    #[default]
    Declined,
    /// Is in another call.
    Busy,
}

/// The generation after a coming in: odd.
fn next_in(generation: u32) -> u32 {
    generation + if generation.is_multiple_of(2) { 1 } else { 2 }
}

/// The generation after a going out: even.
fn next_out(generation: u32) -> u32 {
    generation + if generation.is_multiple_of(2) { 2 } else { 1 }
}

impl Participant {
    pub(super) fn come_in(&mut self, device: &DeviceId, kind: CallKind, now: Timestamp) {
        self.earlier = i64::try_from(self.talked(now).as_millis()).unwrap_or(i64::MAX);
        self.standing = Standing::Joined;
        self.generation = next_in(self.generation);
        self.device = Some(device.clone());
        self.until = Some(now + limit::CALL_LEASE);
        (self.joined_at, self.left_at) = (Some(now), None);
        self.media = Media { audio: true, video: kind == CallKind::Video, ..Media::default() };
        self.consent = None;
    }

    pub(super) fn go_out(&mut self, standing: Standing, at: Timestamp) {
        if self.standing == Standing::Joined {
            self.left_at = Some(at);
        }
        self.standing = standing;
        self.generation = next_out(self.generation);
        self.until = None;
        self.media = Media::default();
        self.consent = None;
    }
}

impl Call {
    pub(super) fn live(self, by: UserId, now: Timestamp) -> Moved {
        let (call, facts) = self.settle(now);
        call.participant(by)?;
        if call.is_over() { Err(CallRefused::Over) } else { Ok((call, facts)) }
    }

    /// A device of this person has the invitation. No fact when that was known.
    pub fn ring(self, by: UserId, now: Timestamp) -> Moved {
        let (mut call, mut facts) = self.live(by, now)?;
        let person = call.participant_mut(by)?;
        if person.standing == Standing::Invited {
            person.standing = Standing::Ringing;
            if call.state == CallState::Initiated {
                call.state = CallState::Ringing;
            }
            call.happened(&mut facts, CallEvent::Rang { user: by });
        }
        Ok((call, facts))
    }

    /// This person takes part with this device. The first one who does connects the call. No fact when they had joined
    /// with it before.
    ///
    /// `seen` is the generation that the device knows of itself. With it somebody comes back: a page that was reloaded, or
    /// somebody who had declined, missed it or left while the call goes on. Without it only who is asked may come.
    pub fn join(self, by: UserId, device: &DeviceId, seen: Option<u32>, now: Timestamp) -> Moved {
        let (mut call, mut facts) = self.live(by, now)?;
        let (kind, present) = (call.kind, call.present().count());
        let person = call.participant_mut(by)?;
        let this_device = person.device.as_ref() == Some(device);
        if person.standing == Standing::Joined && this_device && seen.is_none_or(|s| next_in(s) == person.generation) {
            return Ok((call, facts));
        }
        if person.standing == Standing::Joined && !this_device && !person.is_away(now) {
            return Err(CallRefused::AnsweredElsewhere);
        }
        match seen {
            Some(seen) if seen != person.generation => return Err(CallRefused::StaleStay(person.generation)),
            _ if person.standing == Standing::Removed => return Err(CallRefused::Gone),
            None if !person.standing.is_present() => return Err(CallRefused::Gone),
            _ if !person.standing.is_present() && present >= limit::CALL_PEOPLE => return Err(CallRefused::TooMany),
            _ => person.come_in(device, kind, now),
        }
        let generation = person.generation;
        if let CallState::Initiated | CallState::Ringing = call.state
            && by != call.caller
        {
            // People who were asked late do not make it live longer than the lines to it.
            let ends_at = (now + call.longest).min(call.gone_by());
            call.state = CallState::Connected { since: now, ends_at, warned: false };
        }
        call.happened(&mut facts, CallEvent::Joined { user: by, generation });
        Ok((call, facts))
    }

    /// A sign of life of this stay: the lease begins anew.
    pub fn renew(self, by: UserId, generation: u32, now: Timestamp) -> Moved {
        let (mut call, facts) = self.live(by, now)?;
        let person = call.participant_mut(by)?;
        if person.standing != Standing::Joined || person.generation != generation {
            return Err(CallRefused::StaleStay(person.generation));
        }
        person.until = person.until.max(Some(now + limit::CALL_LEASE));
        Ok((call, facts))
    }

    /// What this device sends from now on.
    pub fn show(self, by: UserId, device: &DeviceId, media: Media, now: Timestamp) -> Moved {
        let (mut call, facts) = self.live(by, now)?;
        if !call.has_joined(by, device)? {
            return Err(CallRefused::NotJoined);
        }
        call.participant_mut(by)?.media = media;
        Ok((call, facts))
    }

    /// This person hangs up, declines or gives up: the stay that `generation` names, or whichever it is. The call is over
    /// when nobody is left to talk to; leaving twice, or a call that is over, changes nothing.
    pub fn end(self, by: UserId, generation: Option<u32>, goodbye: Goodbye, now: Timestamp) -> Moved {
        let (mut call, mut facts) = self.settle(now);
        let person = call.participant(by)?;
        if call.is_over() || !person.standing.is_present() {
            return Ok((call, facts));
        }
        if generation.is_some_and(|generation| generation != person.generation) {
            return Err(CallRefused::StaleStay(person.generation));
        }
        let (standing, fact, last) = match (person.standing, goodbye) {
            (Standing::Joined, _) => (Standing::Left, CallEvent::Left { user: by }, Last::HungUp(by)),
            (_, Goodbye::Declined) => (Standing::Declined, CallEvent::Declined { user: by }, Last::Declined(by)),
            (_, Goodbye::Busy) => (Standing::Busy, CallEvent::Busy { user: by }, Last::Busy(by)),
        };
        call.leave(by, standing, now, &mut facts);
        call.happened(&mut facts, fact);
        call.conclude(last, now, &mut facts);
        Ok((call, facts))
    }

    /// Takes somebody out, with the recording that they made.
    pub(super) fn leave(&mut self, user: UserId, standing: Standing, at: Timestamp, facts: &mut Vec<CallEvent>) {
        if self.recording.as_ref().is_some_and(|recording| recording.by == user) {
            self.stop_tape(at, facts);
        }
        self.see_off(user, standing, at);
    }
}

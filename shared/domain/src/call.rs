//! A call: who is invited, who talks, how it ended.
//!
//! ```text
//! initiated -> ringing -> connected -> disconnected
//!     \___________\__________________-> failed
//! ```
//!
//! *Initiated*: written, no callee's device knows. *Ringing*: the first callee's device has the
//! invitation. *Connected*: somebody who was invited joined. *Disconnected*: it was connected and is
//! over. *Failed*: it never was connected and never will be.
//!
//! | what moves it | file |
//! |---|---|
//! | the clock: a ring, a lease or the plan's time runs out | `clock.rs` |
//! | one person: rings, joins, is there, leaves | `stay.rs` |
//! | others: invite, remove | `group.rs` |
//! | who may send what to whom | `signal.rs` |
//! | a recording, and everybody's consent to it | `recording.rs` |
//!
//! Every change gives the facts that happened, and each fact has a number: `seq` is that of the newest. Whoever reads a
//! call settles it first, so that nothing depends on a timer being on time. How sound and pictures travel is not this
//! module's concern: it says who is there, and a path between them (now a mesh) is built from that.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{CallId, UserId};
use crate::limit;
use crate::text::{DeviceId, Name};

mod clock;
mod group;
mod in_vain;
mod recording;
mod refused;
mod signal;
mod stay;

pub use in_vain::InVain;
pub use recording::{Consent, Recorder, RecordingState, Says};
pub use refused::CallRefused;
pub use stay::Goodbye;

/// What is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// Sound only.
    #[default]
    Audio,
    /// Sound and picture.
    Video,
    /// Somebody's screen.
    ScreenShare,
}

/// Where one person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Asked, and no device of theirs knows yet.
    Invited,
    /// A device of theirs has the invitation.
    Ringing,
    /// Takes part, with one device.
    Joined,
    /// Said no.
    Declined,
    /// Said no, being in another call.
    Busy,
    /// Did not answer while it rang.
    Missed,
    /// Took part, and left or was lost.
    Left,
    /// Was sent away by the host.
    Removed,
}

impl Standing {
    /// Was asked, and has not answered.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Invited | Self::Ringing)
    }

    /// In the call, or asked and not answered.
    pub fn is_present(self) -> bool {
        self.is_pending() || self == Self::Joined
    }
}

/// What a device sends at the moment.
#[expect(clippy::struct_excessive_bools, reason = "four switches of a device, each on or off by itself")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Sound.
    pub audio: bool,
    /// A picture.
    pub video: bool,
    /// A screen.
    pub screen: bool,
    /// Nothing, because the call is on hold.
    pub hold: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One person of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub user: UserId,
    /// What they were called when they were invited.
    pub name: Name,
    /// Where they stand.
    pub standing: Standing,
    /// Counts their comings and goings: odd while they are in, even while they are not. What a device says names the
    /// generation that it means, so nothing that comes late brings anybody back or sends anybody away.
    #[serde(default, skip_serializing_if = "is_default")]
    pub generation: u32,
    /// The device they joined with: their other devices are told that it was answered elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// While pending, the end of the ring; while joined, of the lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The newest time they joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Timestamp>,
    /// The end of that stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// Milliseconds of their earlier stays.
    #[serde(default, skip_serializing_if = "is_default")]
    pub earlier: i64,
    /// What their device sends.
    #[serde(default, skip_serializing_if = "is_default")]
    pub media: Media,
    /// What they said to the present recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
}

impl Participant {
    fn invited(person: Person, until: Timestamp) -> Self {
        Self {
            user: person.user,
            name: person.name,
            standing: Standing::Invited,
            generation: 0,
            device: None,
            until: Some(until),
            joined_at: None,
            left_at: None,
            earlier: 0,
            media: Media::default(),
            consent: None,
        }
    }

    /// Joined, and without a sign of life for longer than the lease: may still come back.
    pub fn is_away(&self, now: Timestamp) -> bool {
        self.standing == Standing::Joined && self.until.is_some_and(|until| until <= now)
    }

    /// How long they took part, all stays together.
    pub fn talked(&self, now: Timestamp) -> SignedDuration {
        let newest = self.joined_at.map(|from| self.left_at.unwrap_or(now).duration_since(from));
        SignedDuration::from_millis(self.earlier) + newest.unwrap_or_default().max(SignedDuration::ZERO)
    }
}

/// Why a call was never connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailedBecause {
    /// No device of any callee ever had the invitation.
    Unreachable,
    /// It rang, and nobody answered.
    NoAnswer,
    /// The last one who was asked said no.
    Declined,
    /// The last one who was asked is in another call.
    Busy,
    /// The caller gave up.
    Cancelled,
    /// The caller was lost.
    Lost,
}

/// Why a connected call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBecause {
    /// Somebody hung up and nobody was left to talk to.
    HungUp,
    /// Somebody was lost, did not come back, and nobody was left to talk to.
    Lost,
    /// The caller's plan allows no longer call.
    TimeLimit,
}

/// Where the call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CallState {
    /// Written; no callee's device knows.
    Initiated,
    /// The first callee's device has the invitation.
    Ringing,
    /// People talk.
    Connected {
        /// Since the first answer.
        since: Timestamp,
        /// The plan ends it then.
        ends_at: Timestamp,
        /// Everybody was told that it will end.
        #[serde(default, skip_serializing_if = "is_default")]
        warned: bool,
    },
    /// It was connected and is over.
    Disconnected {
        /// The first answer.
        since: Timestamp,
        /// The end.
        at: Timestamp,
        /// Why.
        because: EndedBecause,
        /// Who ended it, if a person did.
        by: Option<UserId>,
    },
    /// It never was connected.
    Failed {
        /// The end.
        at: Timestamp,
        /// Why.
        because: FailedBecause,
        /// Who ended it, if a person did.
        by: Option<UserId>,
    },
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// What is sent.
    pub kind: CallKind,
    /// Addresses of devices are hidden: only relayed ways are handed on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub relay_only: bool,
    /// How long it may last, from the first answer.
    pub longest: SignedDuration,
    /// Who began it; always the first participant.
    pub caller: UserId,
    /// Everybody who was ever asked, the caller first, at most [`limit::CALL_ROSTER`].
    pub people: Vec<Participant>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: CallState,
    /// The recording that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recorder>,
    /// Those that were stopped, the newest last, at most [`limit::RECORDINGS_REMEMBERED`]: what each of them learns of its
    /// end, however that came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<Recorder>,
    /// The calls before it that nobody took up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_vain: Option<InVain>,
    /// When it began.
    pub created_at: Timestamp,
    /// The number of its newest fact, from 1.
    pub seq: u64,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum CallEvent {
    /// It began.
    Began {
        /// Who calls.
        by: UserId,
    },
    /// Somebody was asked.
    Invited {
        /// By whom.
        by: UserId,
        /// Who.
        user: UserId,
    },
    /// A device of this person has the invitation.
    Rang {
        /// Whose.
        user: UserId,
    },
    /// This person joined, or joined again.
    Joined {
        /// Who.
        user: UserId,
        /// Their newest stay.
        generation: u32,
    },
    /// This person said no.
    Declined {
        /// Who.
        user: UserId,
    },
    /// This person is in another call.
    Busy {
        /// Who.
        user: UserId,
    },
    /// This person did not answer.
    Missed {
        /// Who.
        user: UserId,
    },
    /// This person left.
    Left {
        /// Who.
        user: UserId,
    },
    /// This person gave no sign of life and did not come back.
    Lost {
        /// Who.
        user: UserId,
    },
    /// This person was sent away.
    Removed {
        /// By whom.
        by: UserId,
        /// Who.
        user: UserId,
    },
    /// Everybody is told that the plan will end the call.
    Warned,
    /// Everybody was asked for their consent to a recording.
    RecordingAsked {
        /// Who wants to record.
        by: UserId,
    },
    /// Everybody who is there has consented for the first time.
    RecordingStarted,
    /// This person consented.
    Consented {
        /// Who.
        user: UserId,
    },
    /// This person did not consent, or not any more.
    Refused {
        /// Who.
        user: UserId,
    },
    /// The recording is over.
    RecordingStopped,
    /// The call is over.
    Ended,
}

/// What a change gives: the new state, and what happened.
pub type Moved = Result<(Call, Vec<CallEvent>), CallRefused>;

/// A person to invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub name: Name,
}

/// What kind of call it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What is sent.
    pub kind: CallKind,
    /// Whether only relayed ways are handed on.
    pub relay_only: bool,
    /// How long the caller's plan lets it last.
    pub longest: SignedDuration,
    /// The calls before it that nobody took up.
    pub in_vain: Option<InVain>,
}

impl Terms {
    /// A call of somebody on the FREE plan.
    pub fn free(kind: CallKind) -> Self {
        Self { kind, relay_only: false, longest: limit::CALL_FREE, in_vain: None }
    }
}

/// Checks a list of people to ask before anything is read for them.
pub fn check_callees(asker: UserId, callees: &[UserId]) -> Result<(), CallRefused> {
    if callees.is_empty() {
        return Err(CallRefused::Nobody);
    }
    if callees.contains(&asker) {
        return Err(CallRefused::Oneself);
    }
    if callees.len() + 1 > limit::CALL_PEOPLE {
        return Err(CallRefused::TooMany);
    }
    match callees.iter().enumerate().find(|(i, callee)| callees[..*i].contains(callee)) {
        Some((_, twice)) => Err(CallRefused::Twice(*twice)),
        None => Ok(()),
    }
}

impl Call {
    /// A call that begins now.
    pub fn start(
        id: CallId,
        terms: Terms,
        caller: Person,
        device: &DeviceId,
        callees: Vec<Person>,
        now: Timestamp,
    ) -> Moved {
        check_callees(caller.user, &callees.iter().map(|c| c.user).collect::<Vec<_>>())?;
        let by = caller.user;
        let everybody = std::iter::once(caller).chain(callees);
        let mut call = Self {
            id,
            kind: terms.kind,
            relay_only: terms.relay_only,
            longest: terms.longest,
            caller: by,
            people: everybody.map(|person| Participant::invited(person, now + limit::RING)).collect(),
            state: CallState::Initiated,
            recording: None,
            stopped: Vec::new(),
            in_vain: terms.in_vain,
            created_at: now,
            seq: 0,
        };
        call.people[0].come_in(device, call.kind, now);
        let mut facts = Vec::new();
        call.happened(&mut facts, CallEvent::Began { by });
        for user in call.others(by).collect::<Vec<_>>() {
            call.happened(&mut facts, CallEvent::Invited { by, user });
        }
        Ok((call, facts))
    }

    fn happened(&mut self, facts: &mut Vec<CallEvent>, fact: CallEvent) {
        self.seq += 1;
        facts.push(fact);
    }

    /// Nobody who was asked at first can answer from then on.
    pub fn ring_until(&self) -> Timestamp {
        self.created_at + limit::RING
    }

    /// Nothing of it is live from then on, whatever happens.
    pub fn gone_by(&self) -> Timestamp {
        self.ring_until() + self.longest
    }

    /// Whether it is over, as it stands; settle it first.
    pub fn is_over(&self) -> bool {
        matches!(self.state, CallState::Disconnected { .. } | CallState::Failed { .. })
    }

    /// The person's part in it. A stranger learns nothing.
    pub fn participant(&self, user: UserId) -> Result<&Participant, CallRefused> {
        self.people.iter().find(|p| p.user == user).ok_or(CallRefused::Stranger)
    }

    fn participant_mut(&mut self, user: UserId) -> Result<&mut Participant, CallRefused> {
        self.people.iter_mut().find(|p| p.user == user).ok_or(CallRefused::Stranger)
    }

    /// Everybody but one.
    pub fn others(&self, user: UserId) -> impl Iterator<Item = UserId> {
        self.people.iter().map(|p| p.user).filter(move |other| *other != user)
    }

    /// Everybody who is in it or may still join.
    pub fn present(&self) -> impl Iterator<Item = UserId> {
        self.people.iter().filter(|p| p.standing.is_present()).map(|p| p.user)
    }

    fn joined(&self) -> impl Iterator<Item = &Participant> {
        self.people.iter().filter(|p| p.standing == Standing::Joined)
    }

    /// Who may remove others: of those who are in it, the one who was asked first.
    pub fn host(&self) -> Option<UserId> {
        self.joined().next().map(|p| p.user)
    }

    /// The first answer, when there was one.
    pub fn connected_at(&self) -> Option<Timestamp> {
        match self.state {
            CallState::Connected { since, .. } | CallState::Disconnected { since, .. } => Some(since),
            _ => None,
        }
    }

    /// The end, when there was one.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            CallState::Disconnected { at, .. } | CallState::Failed { at, .. } => Some(at),
            _ => None,
        }
    }

    /// How long people could talk, by the server's clock; zero when they never could.
    pub fn duration(&self, now: Timestamp) -> SignedDuration {
        match self.connected_at() {
            Some(since) => self.ended_at().unwrap_or(now).duration_since(since).max(SignedDuration::ZERO),
            None => SignedDuration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests;

//! A call: who is invited, who talks, how it ended.
//!
//! ```text
//! initiated -> ringing -> connected -> disconnected
//!     \___________\__________________-> failed
//! ```
//!
//! *Initiated*: written, no callee's device knows. *Ringing*: the first callee's device has the
//! invitation. *Connected*: the first valid answer to a live offer. *Disconnected*: it was connected and is
//! over. *Failed*: it never was connected and never will be. A ring ends by the clock: whoever reads
//! a call settles it first.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{CallId, RecordingId, UserId};
use crate::limit;
use crate::text::{DeviceId, Name};

mod recording;

pub use recording::{Recorder, RecordingState};

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
    /// Did not answer while it rang.
    Missed,
    /// Took part, and left.
    Left,
}

impl Standing {
    /// May still join.
    fn is_pending(self) -> bool {
        matches!(self, Self::Invited | Self::Ringing)
    }

    /// In the call, or may still join.
    fn is_present(self) -> bool {
        self.is_pending() || self == Self::Joined
    }
}

/// One person of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub user: UserId,
    /// What they were called when the call began.
    pub name: Name,
    /// Where they stand.
    pub standing: Standing,
    /// The device they joined with: their other devices are told that it was answered elsewhere.
    pub device: Option<DeviceId>,
    /// Since when they let themselves be recorded; whoever joins has to say so anew.
    #[serde(default)]
    pub consent: Option<Timestamp>,
}

/// Why a call was never connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailedBecause {
    /// No device of any callee ever had the invitation.
    Unreachable,
    /// It rang, and nobody answered.
    NoAnswer,
    /// Everybody said no.
    Declined,
    /// The caller gave up.
    Cancelled,
}

/// Why a connected call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBecause {
    /// Somebody hung up and nobody was left to talk to.
    HungUp,
    /// Nobody ended it for [`limit::CALL_LONGEST`].
    Expired,
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
    /// Who began it; always the first participant.
    pub caller: UserId,
    /// Everybody, the caller first.
    pub people: Vec<Participant>,
    /// Where it stands.
    #[serde(flatten)]
    pub state: CallState,
    /// When it began.
    pub created_at: Timestamp,
    /// Nobody can answer from then on.
    pub ring_until: Timestamp,
    /// Who records it, or asks to.
    #[serde(default)]
    pub recording: Option<Recorder>,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum CallEvent {
    /// People were invited.
    Invited,
    /// A device of this person has the invitation.
    Rang {
        /// Whose.
        by: UserId,
    },
    /// This person answered.
    Joined {
        /// Who.
        by: UserId,
    },
    /// This person left or declined; the call goes on.
    Left {
        /// Who.
        by: UserId,
    },
    /// This person asked for a recording, consented, revoked or stopped it.
    Recorded {
        /// Who.
        by: UserId,
    },
    /// The call is over.
    Ended,
}

/// Why a call does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallRefused {
    /// Nobody but the caller was named.
    #[error("a call needs somebody else")]
    Nobody,
    /// More people than [`limit::CALL_PEOPLE`].
    #[error("a call has at most {most} people, the caller counted", most = limit::CALL_PEOPLE)]
    TooMany,
    /// The caller named himself.
    #[error("the caller takes part anyway and must not be invited")]
    Oneself,
    /// Somebody was named twice.
    #[error("{0} is named twice")]
    Twice(UserId),
    /// No such person.
    #[error("{0} is not a person here")]
    UnknownPerson(UserId),
    /// Not one of the call's people; to a stranger the call does not exist.
    #[error("there is no such call")]
    Stranger,
    /// The call is over.
    #[error("the call is over")]
    Over,
    /// This person joined with another device.
    #[error("the call was answered on another device")]
    AnsweredElsewhere,
    /// This person declined, left or missed it.
    #[error("this person is no longer in the call")]
    Gone,
    /// Only somebody who joined may do this.
    #[error("answer the call first")]
    NotJoined,
    /// Which of several people is meant?
    #[error("the call has more than two people: say whom it is for")]
    WhomFor,
    /// The addressee is not another person of the call.
    #[error("the addressee is not another person of this call")]
    NotAPeer,
    /// Another recording of it is under way.
    #[error("the call is being recorded already, as {0}")]
    Recorded(RecordingId),
    /// This recording of it is not under way, or somebody else's.
    #[error("there is no such recording under way")]
    NotRecorded,
    /// Somebody who is in the call has not consented.
    #[error("not everybody in the call has consented to the recording")]
    ConsentMissing,
}

/// A person to invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub name: Name,
}

/// Checks a list of callees before anything is read for them.
pub fn check_callees(caller: UserId, callees: &[UserId]) -> Result<(), CallRefused> {
    if callees.is_empty() {
        return Err(CallRefused::Nobody);
    }
    if callees.contains(&caller) {
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
        kind: CallKind,
        caller: Person,
        device: DeviceId,
        callees: Vec<Person>,
        now: Timestamp,
    ) -> Result<(Self, CallEvent), CallRefused> {
        check_callees(caller.user, &callees.iter().map(|c| c.user).collect::<Vec<_>>())?;
        let joined = Participant {
            user: caller.user,
            name: caller.name,
            standing: Standing::Joined,
            device: Some(device),
            consent: None,
        };
        let invited = callees.into_iter().map(|c| Participant {
            user: c.user,
            name: c.name,
            standing: Standing::Invited,
            device: None,
            consent: None,
        });
        let call = Self {
            id,
            kind,
            caller: caller.user,
            people: std::iter::once(joined).chain(invited).collect(),
            state: CallState::Initiated,
            created_at: now,
            ring_until: now + limit::RING,
            recording: None,
        };
        Ok((call, CallEvent::Invited))
    }

    /// Whether it is over, as it stands; settle it first.
    pub fn is_over(&self) -> bool {
        matches!(self.state, CallState::Disconnected { .. } | CallState::Failed { .. })
    }

    /// The person's part in it. A stranger learns nothing.
    pub fn participant(&self, user: UserId) -> Result<&Participant, CallRefused> {
        self.people.iter().find(|p| p.user == user).ok_or(CallRefused::Stranger)
    }

    /// Everybody but one.
    pub fn others(&self, user: UserId) -> impl Iterator<Item = UserId> {
        self.people.iter().map(|p| p.user).filter(move |other| *other != user)
    }

    /// Of two people, the one invited later yields when both offer at once.
    pub fn is_polite(&self, user: UserId, towards: UserId) -> bool {
        let place = |who| self.people.iter().position(|p| p.user == who);
        place(user) > place(towards)
    }

    /// When the clock may end it next, if nothing else happens: the end of the ring, and then of the longest call. A
    /// call that is over is never due.
    pub fn due(&self) -> Option<Timestamp> {
        match self.state {
            CallState::Initiated | CallState::Ringing => Some(self.ring_until),
            CallState::Connected { since } => {
                let talking = self.people.iter().filter(|p| p.standing == Standing::Joined).count();
                Some(if talking < 2 { self.ring_until } else { since + limit::CALL_LONGEST })
            }
            CallState::Disconnected { .. } | CallState::Failed { .. } => None,
        }
    }

    /// What the clock did to it: nothing, or an end.
    pub fn settle(mut self, now: Timestamp) -> (Self, Option<CallEvent>) {
        if self.is_over() {
            return (self, None);
        }
        if now >= self.ring_until {
            for person in &mut self.people {
                if person.standing.is_pending() {
                    person.standing = Standing::Missed;
                }
            }
        }
        let failed = |because| CallState::Failed { at: self.ring_until, because, by: None };
        let talking = self.people.iter().filter(|p| p.standing == Standing::Joined).count();
        let state = match self.state {
            CallState::Initiated if now >= self.ring_until => failed(FailedBecause::Unreachable),
            CallState::Ringing if now >= self.ring_until => failed(FailedBecause::NoAnswer),
            // The ring runs out long before the longest call, and a late reader must not say otherwise.
            CallState::Connected { since } if now >= self.ring_until && talking < 2 => {
                CallState::Disconnected { since, at: self.ring_until, because: EndedBecause::HungUp, by: None }
            }
            CallState::Connected { since } if now >= since + limit::CALL_LONGEST => CallState::Disconnected {
                since,
                at: since + limit::CALL_LONGEST,
                because: EndedBecause::Expired,
                by: None,
            },
            unchanged => unchanged,
        };
        let event = (state != self.state).then_some(CallEvent::Ended);
        self.state = state;
        if event.is_some() {
            self.everybody_leaves();
        }
        (self, event)
    }

    fn everybody_leaves(&mut self) {
        for person in &mut self.people {
            person.standing = match person.standing {
                Standing::Joined => Standing::Left,
                pending if pending.is_pending() => Standing::Missed,
                settled => settled,
            };
        }
        self.recording = None;
    }

    fn live(self, by: UserId, now: Timestamp) -> Result<Self, CallRefused> {
        let (call, _) = self.settle(now);
        call.participant(by)?;
        if call.is_over() { Err(CallRefused::Over) } else { Ok(call) }
    }

    fn set(&mut self, user: UserId, change: impl FnOnce(&mut Participant)) {
        if let Some(person) = self.people.iter_mut().find(|p| p.user == user) {
            change(person);
        }
    }

    /// A device of this person has the invitation. No event when that was known.
    pub fn ring(self, by: UserId, now: Timestamp) -> Result<(Self, Option<CallEvent>), CallRefused> {
        let mut call = self.live(by, now)?;
        if call.participant(by)?.standing != Standing::Invited {
            return Ok((call, None));
        }
        call.set(by, |p| p.standing = Standing::Ringing);
        if call.state == CallState::Initiated {
            call.state = CallState::Ringing;
        }
        Ok((call, Some(CallEvent::Rang { by })))
    }

    /// Whether this person has joined, with this device; false while they may still join. Somebody who joined with
    /// another device or is no longer in the call is refused.
    fn has_joined(&self, by: UserId, device: &DeviceId) -> Result<bool, CallRefused> {
        let person = self.participant(by)?;
        match person.standing {
            Standing::Joined if person.device.as_ref() == Some(device) => Ok(true),
            Standing::Joined => Err(CallRefused::AnsweredElsewhere),
            Standing::Invited | Standing::Ringing => Ok(false),
            Standing::Declined | Standing::Missed | Standing::Left => Err(CallRefused::Gone),
        }
    }

    /// Whether this device may make an offer to this peer; names the peer when there is only one.
    pub fn may_offer(
        &self,
        by: UserId,
        device: &DeviceId,
        to: Option<UserId>,
        now: Timestamp,
    ) -> Result<UserId, CallRefused> {
        let call = self.clone().live(by, now)?;
        if call.has_joined(by, device)? { call.peer(by, to) } else { Err(CallRefused::NotJoined) }
    }

    /// Whether this device may send candidates to this peer; names the peer when there is only one. Somebody who has
    /// not joined yet may: candidates can overtake the answer that they belong to.
    pub fn may_signal(
        &self,
        by: UserId,
        device: &DeviceId,
        to: Option<UserId>,
        now: Timestamp,
    ) -> Result<UserId, CallRefused> {
        let call = self.clone().live(by, now)?;
        call.has_joined(by, device)?;
        call.peer(by, to)
    }

    /// Whom this device may tell what it sends: everybody who is in the call or may still join.
    pub fn may_tell(&self, by: UserId, device: &DeviceId, now: Timestamp) -> Result<Vec<UserId>, CallRefused> {
        let call = self.clone().live(by, now)?;
        if !call.has_joined(by, device)? {
            return Err(CallRefused::NotJoined);
        }
        Ok(call.people.iter().filter(|p| p.user != by && p.standing.is_present()).map(|p| p.user).collect())
    }

    /// The other side of a signal.
    pub fn peer(&self, by: UserId, to: Option<UserId>) -> Result<UserId, CallRefused> {
        let mut others = self.others(by);
        let ((Some(to), ..) | (None, Some(to), None)) = (to, others.next(), others.next()) else {
            return Err(CallRefused::WhomFor);
        };
        match self.people.iter().find(|p| p.user == to && p.user != by) {
            Some(peer) if peer.standing.is_present() => Ok(to),
            Some(_) => Err(CallRefused::Gone),
            None => Err(CallRefused::NotAPeer),
        }
    }

    /// This person answered a live offer with this device. No event when they had joined with it before.
    pub fn answer(
        self,
        by: UserId,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<(Self, Option<CallEvent>), CallRefused> {
        let mut call = self.live(by, now)?;
        if call.has_joined(by, device)? {
            return Ok((call, None));
        }
        call.set(by, |p| {
            p.standing = Standing::Joined;
            p.device = Some(device.clone());
            p.consent = None;
        });
        if !matches!(call.state, CallState::Connected { .. }) {
            call.state = CallState::Connected { since: now };
        }
        Ok((call, Some(CallEvent::Joined { by })))
    }

    /// This person hangs up, declines or gives up. The call is over when nobody is left to talk to;
    /// ending an ended call changes nothing.
    pub fn end(self, by: UserId, now: Timestamp) -> Result<(Self, Option<CallEvent>), CallRefused> {
        let (mut call, settled) = self.settle(now);
        let standing = call.participant(by)?.standing;
        if call.is_over() {
            return Ok((call, settled));
        }
        match standing {
            Standing::Joined => call.set(by, |p| p.standing = Standing::Left),
            Standing::Invited | Standing::Ringing => call.set(by, |p| p.standing = Standing::Declined),
            Standing::Declined | Standing::Missed | Standing::Left => return Ok((call, settled)),
        }
        call.recorder_may_be_gone();
        let joined = call.people.iter().filter(|p| p.standing == Standing::Joined).count();
        let pending = call.people.iter().filter(|p| p.standing.is_pending()).count();
        if joined > 0 && joined + pending >= 2 {
            return Ok((call, Some(CallEvent::Left { by })));
        }
        call.everybody_leaves();
        let by_person = Some(by);
        call.state = match call.state {
            CallState::Connected { since } => {
                CallState::Disconnected { since, at: now, because: EndedBecause::HungUp, by: by_person }
            }
            _ if by == call.caller => CallState::Failed { at: now, because: FailedBecause::Cancelled, by: by_person },
            _ => CallState::Failed { at: now, because: FailedBecause::Declined, by: by_person },
        };
        Ok((call, Some(CallEvent::Ended)))
    }

    /// The first answer, when there was one.
    pub fn connected_at(&self) -> Option<Timestamp> {
        match self.state {
            CallState::Connected { since } | CallState::Disconnected { since, .. } => Some(since),
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

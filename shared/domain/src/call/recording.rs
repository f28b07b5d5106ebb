//! A recording, and everybody's consent to it.
//!
//! Nothing is recorded while somebody who is in the call has not consented. Whoever joins has not, so a recording pauses
//! for everybody who comes, also for who comes again. A consent can be taken back at any time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Call, CallEvent, CallRefused, Moved, Standing};
use crate::id::{RecordingId, UserId};
use crate::limit;
use crate::text::DeviceId;

/// What somebody said to a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Yes or no.
    pub given: bool,
    /// When they said so.
    pub at: Timestamp,
    /// The number of that fact.
    #[serde(default)]
    pub seq: u64,
}

/// What somebody says to being recorded. A yes names what it is about, so that a late one, or a late copy of one, cannot
/// take a later no away. A no is about whatever is recorded, and is never too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// No, or not any more.
    No,
    /// Yes.
    Yes {
        /// To this recording.
        recording: RecordingId,
        /// In this stay.
        generation: u32,
        /// Who says so has seen the call up to this fact.
        seq: u64,
    },
}

/// A recording of a call that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorder {
    /// Its id.
    pub id: RecordingId,
    /// Who records.
    pub by: UserId,
    /// With which device.
    pub device: DeviceId,
    /// When everybody was asked.
    pub asked_at: Timestamp,
    /// When everybody who was there had consented for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Who was in the call while it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<UserId>,
    /// When it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
}

/// How a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Not everybody has answered, and nothing was recorded yet.
    Asking,
    /// Everybody who is in the call has consented.
    Running,
    /// Somebody came, or does not consent any more.
    Paused,
}

impl Call {
    /// Who is in the call and has not consented to the recording.
    pub fn without_consent(&self) -> impl Iterator<Item = UserId> {
        self.joined().filter(|person| !person.consent.is_some_and(|consent| consent.given)).map(|person| person.user)
    }

    /// How the recording stands, when there is one.
    pub fn recording_state(&self) -> Option<RecordingState> {
        let recording = self.recording.as_ref()?;
        Some(match (self.without_consent().next(), recording.started_at) {
            (None, _) => RecordingState::Running,
            (Some(_), None) => RecordingState::Asking,
            (Some(_), Some(_)) => RecordingState::Paused,
        })
    }

    /// Asks everybody for their consent; who asks has given it. No fact when this recording was asked for before.
    pub fn start_recording(self, id: RecordingId, by: UserId, device: &DeviceId, now: Timestamp) -> Moved {
        let (mut call, mut facts) = self.live(by, now)?;
        if !call.has_joined(by, device)? {
            return Err(CallRefused::NotJoined);
        }
        match &call.recording {
            Some(known) if known.id == id && known.by == by => return Ok((call, facts)),
            Some(other) => return Err(CallRefused::Recorded(other.id)),
            None => {}
        }
        let device = device.clone();
        let (people, started_at, stopped_at) = (Vec::new(), None, None);
        call.recording = Some(Recorder { id, by, device, asked_at: now, started_at, people, stopped_at });
        call.happened(&mut facts, CallEvent::RecordingAsked { by });
        call.says(by, true, now, &mut facts);
        Ok((call, facts))
    }

    /// This person consents, refuses, or takes a consent back. No fact when they had consented; each no is one, because a
    /// yes that was said before it is refused by its number.
    pub fn consent(self, by: UserId, says: Says, now: Timestamp) -> Moved {
        let (mut call, mut facts) = self.live(by, now)?;
        let person = call.participant(by)?;
        if person.standing != Standing::Joined {
            return Err(CallRefused::NotJoined);
        }
        let present = call.recording.as_ref().ok_or(CallRefused::NotRecorded)?.id;
        if let Says::Yes { recording, generation, seq } = says {
            match person.consent {
                _ if recording != present => return Err(CallRefused::NotRecorded),
                _ if generation != person.generation => return Err(CallRefused::StaleStay(person.generation)),
                Some(said) if said.given => return Ok((call, facts)),
                Some(said) if seq < said.seq => return Err(CallRefused::StaleConsent),
                _ if seq > call.seq => return Err(CallRefused::StaleConsent),
                _ => {}
            }
        }
        call.says(by, says != Says::No, now, &mut facts);
        Ok((call, facts))
    }

    fn says(&mut self, by: UserId, given: bool, now: Timestamp, facts: &mut Vec<CallEvent>) {
        self.happened(facts, if given { CallEvent::Consented { user: by } } else { CallEvent::Refused { user: by } });
        let seq = self.seq;
        if let Ok(person) = self.participant_mut(by) {
            person.consent = Some(Consent { given, at: now, seq });
        }
        self.run_tape(now, facts);
    }

    /// The recording runs as soon as nobody is there who has not consented: also because they left. Whoever is there then
    /// is recorded.
    pub(super) fn run_tape(&mut self, now: Timestamp, facts: &mut Vec<CallEvent>) {
        let there: Vec<UserId> = self.joined().map(|person| person.user).collect();
        let everybody = self.without_consent().next().is_none();
        let Some(recording) = self.recording.as_mut().filter(|_| everybody) else { return };
        for user in there {
            if !recording.people.contains(&user) {
                recording.people.push(user);
            }
        }
        if recording.started_at.is_none() {
            recording.started_at = Some(now);
            self.happened(facts, CallEvent::RecordingStarted);
        }
    }

    /// What is known of a recording that is under way or was stopped.
    pub fn recorder(&self, id: RecordingId) -> Option<&Recorder> {
        self.recording.iter().chain(&self.stopped).find(|recorder| recorder.id == id)
    }

    /// Ends the recording: who makes it may, and the host. No fact when it is over.
    pub fn stop_recording(self, id: RecordingId, by: UserId, now: Timestamp) -> Moved {
        let (call, _) = self.clone().settle(now);
        call.participant(by)?;
        match &call.recording {
            Some(recording) if recording.id == id && recording.by != by && call.host() != Some(by) => {
                Err(CallRefused::NotRecorded)
            }
            _ => self.cut_recording(id, now),
        }
    }

    /// Ends the recording for somebody who may delete it. No fact when it is over.
    pub fn cut_recording(self, id: RecordingId, now: Timestamp) -> Moved {
        let (mut call, mut facts) = self.settle(now);
        if call.recording.as_ref().is_some_and(|recording| recording.id == id) {
            call.stop_tape(now, &mut facts);
        }
        Ok((call, facts))
    }

    pub(super) fn stop_tape(&mut self, at: Timestamp, facts: &mut Vec<CallEvent>) {
        let Some(recording) = self.recording.take() else { return };
        self.stopped.push(Recorder { stopped_at: Some(at), ..recording });
        let forgotten = self.stopped.len().saturating_sub(limit::RECORDINGS_REMEMBERED);
        self.stopped.drain(..forgotten);
        for person in &mut self.people {
            person.consent = None;
        }
        self.happened(facts, CallEvent::RecordingStopped);
    }

    /// Whether what this person records of the call at this moment may be kept.
    pub fn may_record(&self, id: RecordingId, by: UserId, now: Timestamp) -> Result<(), CallRefused> {
        let (call, _) = self.clone().live(by, now)?;
        match &call.recording {
            Some(recording) if recording.id == id && recording.by == by => {}
            _ => return Err(CallRefused::NotRecorded),
        }
        match call.recording_state() {
            Some(RecordingState::Running) => Ok(()),
            _ => Err(CallRefused::ConsentMissing),
        }
    }
}

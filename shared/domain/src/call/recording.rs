//! Who records a call, and who has consented.
//!
//! It runs while everybody who has joined consents. Whoever joins, or joins again, has not; whoever revokes pauses it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Call, CallEvent, CallRefused, Participant, Standing};
use crate::id::{RecordingId, UserId};
use crate::text::DeviceId;

/// Somebody who records, or asks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorder {
    /// What is recorded.
    pub id: RecordingId,
    /// Who records.
    pub by: UserId,
    /// With which device.
    pub device: DeviceId,
    /// When everybody was asked.
    pub asked_at: Timestamp,
    /// When everybody who was there had consented for the first time.
    pub started_at: Option<Timestamp>,
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

type Moved = Result<(Call, Vec<CallEvent>), CallRefused>;

impl Call {
    /// Everybody who is in the call.
    pub fn joined(&self) -> impl Iterator<Item = &Participant> {
        self.people.iter().filter(|p| p.standing == Standing::Joined)
    }

    /// Who is in the call and has not consented to the recording.
    pub fn without_consent(&self) -> impl Iterator<Item = UserId> {
        self.joined().filter(|p| p.consent.is_none()).map(|p| p.user)
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

    fn says(&mut self, by: UserId, given: bool, now: Timestamp) {
        self.set(by, |p| p.consent = given.then_some(now));
        if self.without_consent().next().is_none()
            && let Some(recording) = &mut self.recording
        {
            recording.started_at = recording.started_at.or(Some(now));
        }
    }

    /// Somebody in the call asks everybody to be recorded with this device; who asks has consented.
    pub fn start_recording(self, id: RecordingId, by: UserId, device: &DeviceId, now: Timestamp) -> Moved {
        let mut call = self.live(by, now)?;
        if !call.has_joined(by, device)? {
            return Err(CallRefused::NotJoined);
        }
        match &call.recording {
            Some(recorder) if recorder.id == id => return Ok((call, Vec::new())),
            Some(other) => return Err(CallRefused::Recorded(other.id)),
            None => {}
        }
        for person in &mut call.people {
            person.consent = None;
        }
        call.recording = Some(Recorder { id, by, device: device.clone(), asked_at: now, started_at: None });
        call.says(by, true, now);
        Ok((call, vec![CallEvent::Recorded { by }]))
    }

    /// Somebody in the call lets themselves be recorded, or no longer does.
    pub fn consent(self, by: UserId, given: bool, now: Timestamp) -> Moved {
        let mut call = self.live(by, now)?;
        match call.participant(by)?.standing {
            Standing::Joined => {}
            Standing::Invited | Standing::Ringing => return Err(CallRefused::NotJoined),
            _ => return Err(CallRefused::Gone),
        }
        if call.recording.is_none() {
            return Err(CallRefused::NotRecorded);
        }
        if call.participant(by)?.consent.is_some() == given {
            return Ok((call, Vec::new()));
        }
        call.says(by, given, now);
        Ok((call, vec![CallEvent::Recorded { by }]))
    }

    /// Its recorder or the call's host stops a recording. No event when another one runs, or none.
    pub fn stop_recording(self, id: RecordingId, by: UserId, now: Timestamp) -> Moved {
        let (mut call, _) = self.settle(now);
        call.participant(by)?;
        match &call.recording {
            Some(recorder) if recorder.id == id => {
                if recorder.by != by && call.caller != by {
                    return Err(CallRefused::NotRecorded);
                }
            }
            _ => return Ok((call, Vec::new())),
        }
        call.recording = None;
        Ok((call, vec![CallEvent::Recorded { by }]))
    }

    /// Whether this recording runs, and is this person's.
    pub fn may_record(&self, id: RecordingId, by: UserId, now: Timestamp) -> Result<(), CallRefused> {
        let call = self.clone().live(by, now)?;
        match &call.recording {
            Some(recorder) if recorder.id == id && recorder.by == by => {}
            _ => return Err(CallRefused::NotRecorded),
        }
        if call.recording_state() == Some(RecordingState::Running) { Ok(()) } else { Err(CallRefused::ConsentMissing) }
    }

    /// Nobody records a call that its recorder has left.
    pub(super) fn recorder_may_be_gone(&mut self) {
        let here = |by: UserId| self.people.iter().any(|p| p.user == by && p.standing == Standing::Joined);
        if self.recording.as_ref().is_some_and(|recorder| !here(recorder.by)) {
            self.recording = None;
        }
    }
}

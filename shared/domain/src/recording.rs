//! A recording of a call: bytes that its recorder uploads part by part, and who may see them.
//!
//! ```text
//! open -> closing -> kept -> deleting -> deleted
//!    \-> abandoned, by the clock
//! ```
//!
//! Who consents and whether it runs at this moment is the call's, see [`crate::call`]. *Open*: parts may come. *Closing*:
//! all parts are known and counted, the object is being made. *Kept*: it can be watched. *Deleting*: gone for everybody,
//! and its bytes may still be there. Whoever dies on the way is followed by a repeat that goes on from there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::id::{CallId, RecordingId, UserId};
use crate::limit;
use crate::storage::Storage;

/// What is recorded, as browsers make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum MediaType {
    /// Sound and picture, `WebM`.
    #[serde(rename = "video/webm")]
    VideoWebm,
    /// Sound, `WebM`.
    #[serde(rename = "audio/webm")]
    AudioWebm,
    /// Sound and picture, MP4.
    #[serde(rename = "video/mp4")]
    VideoMp4,
    /// Sound, MP4.
    #[serde(rename = "audio/mp4")]
    AudioMp4,
}

impl MediaType {
    /// The media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VideoWebm => "video/webm",
            Self::AudioWebm => "audio/webm",
            Self::VideoMp4 => "video/mp4",
            Self::AudioMp4 => "audio/mp4",
        }
    }

    /// How a file's name ends.
    pub fn extension(self) -> &'static str {
        match self {
            Self::VideoWebm | Self::AudioWebm => "webm",
            Self::VideoMp4 => "mp4",
            Self::AudioMp4 => "m4a",
        }
    }
}

/// SHA-256 of a part, base64 with padding, as S3 writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9+/]{43}=$")]
pub struct Sha256(String);

impl Sha256 {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        // 43 digits are 258 bits; the two that are left over must be zero, or two texts would be one sum.
        let whole = text.len() == 44 && text.ends_with('=') && text.bytes().take(43).all(digits);
        if whole && text.as_bytes()[42..43].iter().all(|b| b"AEIMQUYcgkosw048".contains(b)) {
            Ok(Self(text))
        } else {
            Err("must be a SHA-256 in base64: 43 digits and =")
        }
    }
}

impl From<Sha256> for String {
    fn from(sum: Sha256) -> Self {
        sum.0
    }
}

/// The number of a part, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct PartNumber(pub usize);

impl TryFrom<u64> for PartNumber {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        let small = usize::try_from(number).ok().filter(|number| (1..=limit::PARTS).contains(number));
        small.map(Self).ok_or_else(|| format!("must be from 1 to {}", limit::PARTS))
    }
}

/// Bytes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct PartSize(pub u64);

impl TryFrom<u64> for PartSize {
    type Error = String;

    fn try_from(bytes: u64) -> Result<Self, String> {
        let most = *limit::PART.end();
        if (1..=most).contains(&bytes) { Ok(Self(bytes)) } else { Err(format!("must be from 1 to {most}")) }
    }
}

/// A part that may be uploaded: exactly these bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How many bytes.
    pub size: u64,
    /// Their checksum.
    pub sha256: Sha256,
}

/// Where a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Parts may come.
    Open {
        /// It is abandoned from then on.
        until: Timestamp,
    },
    /// All parts are known, and count as kept.
    Closing,
    /// It can be watched.
    Kept {
        /// Since then.
        at: Timestamp,
    },
    /// It is being deleted.
    Deleting {
        /// Whether its bytes count as kept.
        counted: bool,
    },
    /// It is gone.
    Deleted {
        /// Since then.
        at: Timestamp,
    },
    /// Nobody finished it.
    Abandoned {
        /// Since then.
        at: Timestamp,
    },
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Its id.
    pub id: RecordingId,
    /// What is recorded.
    pub call: CallId,
    /// Who records, and whose storage it takes.
    pub owner: UserId,
    /// Whose the call was then.
    pub host: UserId,
    /// What is made.
    pub media: MediaType,
    /// Everybody who was there while it ran: they may see it.
    pub people: Vec<UserId>,
    /// Where it stands.
    #[serde(flatten)]
    pub stage: Stage,
    /// The upload's name at S3, once there is one.
    pub upload: Option<String>,
    /// What may be uploaded, the first part first. Forgotten once it is kept.
    pub parts: Vec<Part>,
    /// Bytes of all parts.
    pub bytes: u64,
    /// When it was asked for.
    pub began_at: Timestamp,
    /// Since it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// How a recording was when it was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// When.
    pub at: Timestamp,
    /// Bytes of all parts that had been granted.
    pub bytes: u64,
}

/// Why a recording does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingRefused {
    /// To whoever was not there it does not exist.
    #[error("there is no such recording")]
    Stranger,
    /// Only its recorder may do this, or the call's host where the rule says so.
    #[error("somebody else records this")]
    NotYours,
    /// It is closing, kept, deleted or abandoned: no parts come any more.
    #[error("the recording is closed")]
    Closed,
    /// Somebody who is there has not consented, or nobody ever ran it.
    #[error("somebody in the call has not consented")]
    ConsentMissing,
    /// A part comes after the one before it, and after a whole one.
    #[error("parts come one after the other, each of 5 MiB at least but the last")]
    OutOfOrder,
    /// It was stopped, and what may follow was granted.
    #[error("the recording was stopped; {} MiB may follow within {} minutes", limit::RECORDING_AFTER >> 20, limit::RECORDING_LATE.as_mins())]
    Stopped,
    /// This part was granted for other bytes.
    #[error("this part was granted for other bytes")]
    Changed,
    /// There is nothing to keep.
    #[error("nothing was uploaded")]
    Empty,
}

/// A part and whether it is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// It was granted before, for the same bytes.
    Before,
    /// It is new: so many bytes more.
    New(u64),
}

impl Recording {
    /// A recording that somebody asks for now. It runs for whoever is there once all of them have consented.
    pub fn begin(id: RecordingId, call: &Call, owner: UserId, media: MediaType, now: Timestamp) -> Self {
        Self {
            id,
            call: call.id,
            owner,
            host: call.host().unwrap_or(call.caller),
            media,
            people: Vec::new(),
            stage: Stage::Open { until: now + limit::RECORDING_IDLE },
            upload: None,
            parts: Vec::new(),
            bytes: 0,
            began_at: now,
            stopped: None,
        }
    }

    /// As the clock leaves it: whoever reads it settles it first.
    #[must_use]
    pub fn settle(mut self, now: Timestamp) -> Self {
        if let Stage::Open { until } = self.stage
            && now >= until
        {
            self.stage = Stage::Abandoned { at: until };
        }
        self
    }

    /// Learns what its call knows: who was there while it ran, and may see it, and when it was stopped. One that the call
    /// has forgotten was stopped long ago.
    #[must_use]
    pub fn follow(mut self, call: &Call) -> Self {
        if !matches!(self.stage, Stage::Open { .. }) {
            return self;
        }
        let recorder = call.recorder(self.id);
        for user in recorder.iter().flat_map(|recorder| &recorder.people) {
            if !self.people.contains(user) {
                self.people.push(*user);
            }
        }
        let stopped_at = recorder.map_or(Some(self.began_at), |recorder| recorder.stopped_at);
        self.stopped = self.stopped.or(stopped_at.map(|at| Stopped { at, bytes: self.bytes }));
        self
    }

    /// Whether parts may come.
    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.clone().settle(now).stage, Stage::Open { .. })
    }

    /// Whether somebody may see it: its recorder, and whoever was there while it ran.
    pub fn shown_to(&self, who: UserId) -> Result<(), RecordingRefused> {
        let known = self.owner == who || self.people.contains(&who);
        if known && !matches!(self.stage, Stage::Deleted { .. }) { Ok(()) } else { Err(RecordingRefused::Stranger) }
    }

    /// Whether it is gone for its recorder or host, who may say so again and again.
    pub fn is_deleted_for(&self, who: UserId) -> bool {
        matches!(self.stage, Stage::Deleted { .. }) && [self.owner, self.host].contains(&who)
    }

    /// Whether somebody is its recorder.
    pub fn recorded_by(&self, who: UserId) -> Result<(), RecordingRefused> {
        self.shown_to(who)?;
        if self.owner == who { Ok(()) } else { Err(RecordingRefused::NotYours) }
    }

    fn of_recorder(self, by: UserId, now: Timestamp) -> Result<Self, RecordingRefused> {
        self.recorded_by(by)?;
        Ok(self.settle(now))
    }

    /// One more part, counted from 1, of exactly these bytes. A part that was granted before is granted again. After a stop
    /// there is room for what was recorded and not sent, and time for it; for no more, since nobody can tell when bytes
    /// were recorded.
    pub fn grant(
        self,
        by: UserId,
        number: usize,
        part: Part,
        now: Timestamp,
    ) -> Result<(Self, Granted), RecordingRefused> {
        let mut recording = self.of_recorder(by, now)?;
        if !matches!(recording.stage, Stage::Open { .. }) {
            return Err(RecordingRefused::Closed);
        }
        if recording.people.is_empty() {
            return Err(RecordingRefused::ConsentMissing);
        }
        if let Some(known) = number.checked_sub(1).and_then(|place| recording.parts.get(place)) {
            let same = *known == part;
            return if same { Ok((recording, Granted::Before)) } else { Err(RecordingRefused::Changed) };
        }
        let whole = recording.parts.last().is_none_or(|last| last.size >= *limit::PART.start());
        if number != recording.parts.len() + 1 || number > limit::PARTS || !whole {
            return Err(RecordingRefused::OutOfOrder);
        }
        let more = part.size;
        let in_time = |stopped: Stopped| {
            now < stopped.at + limit::RECORDING_LATE && recording.bytes + more <= stopped.bytes + limit::RECORDING_AFTER
        };
        if !recording.stopped.is_none_or(in_time) {
            return Err(RecordingRefused::Stopped);
        }
        recording.bytes += more;
        recording.parts.push(part);
        let until = (now + limit::RECORDING_IDLE).min(recording.began_at + limit::RECORDING_LONGEST);
        recording.stage = Stage::Open { until };
        Ok((recording, Granted::New(more)))
    }

    /// Whether completing it would close it: it is open, and there may be something to keep. Closing and kept ones need
    /// nothing more.
    pub fn closes(&self, by: UserId, now: Timestamp) -> Result<bool, RecordingRefused> {
        self.recorded_by(by)?;
        match self.clone().settle(now).stage {
            Stage::Open { .. } if self.parts.is_empty() => Err(RecordingRefused::Empty),
            Stage::Open { .. } => Ok(true),
            Stage::Closing | Stage::Kept { .. } => Ok(false),
            Stage::Deleting { .. } | Stage::Deleted { .. } | Stage::Abandoned { .. } => Err(RecordingRefused::Closed),
        }
    }

    /// No parts come any more; so many of the first ones arrived, and the rest is given up. Closing what is closing or kept
    /// changes nothing.
    pub fn close(self, by: UserId, arrived: usize, now: Timestamp) -> Result<(Self, bool), RecordingRefused> {
        let closes = self.closes(by, now)?;
        let mut recording = self;
        if closes {
            recording.parts.truncate(arrived);
            if recording.parts.is_empty() {
                return Err(RecordingRefused::Empty);
            }
            recording.bytes = recording.parts.iter().map(|part| part.size).sum();
            recording.stage = Stage::Closing;
        }
        Ok((recording, closes))
    }

    /// The object is there.
    #[must_use]
    pub fn keep(mut self, now: Timestamp) -> Self {
        self.stage = Stage::Kept { at: now };
        self.parts = Vec::new();
        self.upload = None;
        self
    }

    /// It is to go: its recorder or the call's host says so, when they may see it.
    pub fn delete(self, by: UserId, now: Timestamp) -> Result<(Self, bool), RecordingRefused> {
        self.shown_to(by)?;
        if ![self.owner, self.host].contains(&by) {
            return Err(RecordingRefused::NotYours);
        }
        let mut recording = self.settle(now);
        if matches!(recording.stage, Stage::Deleting { .. }) {
            return Ok((recording, false));
        }
        let counted = matches!(recording.stage, Stage::Closing | Stage::Kept { .. });
        recording.stage = Stage::Deleting { counted };
        Ok((recording, true))
    }

    /// What the storage of its recorder is like without it, once its bytes are gone.
    #[must_use]
    pub fn give_back(&self, storage: Storage) -> Storage {
        let storage = storage.release(self.id);
        if self.stage == (Stage::Deleting { counted: true }) { storage.give_back(self.bytes) } else { storage }
    }

    /// Its bytes are gone. What is left tells a repeat so, and nothing about anybody else.
    #[must_use]
    pub fn gone(mut self, now: Timestamp) -> Self {
        self.stage = Stage::Deleted { at: now };
        self.parts = Vec::new();
        self.upload = None;
        self.people = Vec::new();
        self
    }

    /// When it may be forgotten; `None`: never.
    pub fn forgotten_at(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::Open { until } => Some(until + limit::RECORDING_MEMORY),
            Stage::Abandoned { at } | Stage::Deleted { at } => Some(at + limit::RECORDING_MEMORY),
            // It is in no list, so that perhaps nobody looks at it again.
            Stage::Deleting { counted: false } => {
                Some(self.began_at + limit::RECORDING_DROPPED + limit::RECORDING_MEMORY)
            }
            Stage::Closing | Stage::Kept { .. } | Stage::Deleting { counted: true } => None,
        }
    }
}

#[cfg(test)]
mod tests;

//! Shapes and steps that several endpoints share.

use domain::id::{CallId, RecordingId, UserId};
use domain::limit;
use domain::recording::{MediaType, Recording, RecordingRefused, Stage};
use jiff::Timestamp;
use serde::Serialize;
use socket::Problem;
use store::Versioned;
use utoipa::ToSchema;

use crate::state::State;

/// Where a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StageName {
    /// Parts may come.
    Open,
    /// All parts are known; whoever looks at it or completes it again goes on.
    Closing,
    /// It can be watched.
    Kept,
    /// It is being deleted; whoever looks at it or deletes it again goes on.
    Deleting,
    /// Nobody finished it.
    Abandoned,
}

/// A recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingItem {
    /// Its id.
    recording_id: RecordingId,
    /// What was recorded.
    call_id: CallId,
    /// Who recorded it.
    recorded_by: UserId,
    /// Everybody who was there while it ran.
    people: Vec<UserId>,
    /// Where it stands.
    state: StageName,
    /// What it is.
    #[serde(rename = "type")]
    media: MediaType,
    /// Bytes of all parts.
    bytes: u64,
    /// How many parts were granted; none once it is kept.
    parts: usize,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// No part is granted from then on, while it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    open_until: Option<Timestamp>,
}

impl RecordingItem {
    /// The recording as it stands at this moment.
    pub(crate) fn of(recording: &Recording, now: Timestamp) -> Self {
        let recording = recording.clone().settle(now);
        let (state, open_until) = match recording.stage {
            Stage::Open { until } => (StageName::Open, Some(until)),
            Stage::Closing => (StageName::Closing, None),
            Stage::Kept { .. } => (StageName::Kept, None),
            Stage::Deleting { .. } | Stage::Deleted { .. } => (StageName::Deleting, None),
            Stage::Abandoned { .. } => (StageName::Abandoned, None),
        };
        Self {
            recording_id: recording.id,
            call_id: recording.call,
            recorded_by: recording.owner,
            people: recording.people,
            state,
            media: recording.media,
            bytes: recording.bytes,
            parts: recording.parts.len(),
            created_at: recording.began_at,
            open_until,
        }
    }
}

/// Where to watch a recording.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordingLink {
    /// Brings the file. Whoever has it can use it.
    pub(crate) url: String,
    /// It is good until then.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

impl std::fmt::Debug for RecordingLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordingLink until {}", self.expires_at)
    }
}

impl State {
    /// A recording that this person may see. To anybody else there is no such recording.
    pub(crate) async fn recording_of(&self, user: UserId, id: RecordingId) -> Result<Versioned<Recording>, Problem> {
        let read = self.recordings.find(id).await?.ok_or(RecordingRefused::Stranger)?;
        self.seen_by(user, read).await
    }

    /// The recording, if this person may see it. Since somebody left it may run for people whom only the call knows.
    pub(crate) async fn seen_by(
        &self,
        user: UserId,
        mut read: Versioned<Recording>,
    ) -> Result<Versioned<Recording>, Problem> {
        if read.value.shown_to(user).is_err() && read.value.stopped.is_none() {
            let call = self.switchboard.calls.find(read.value.call, true).await?.ok_or(RecordingRefused::Stranger)?;
            read.value = read.value.follow(&call.value.settle(self.now()).0);
        }
        read.value.shown_to(user)?;
        Ok(read)
    }

    /// Where somebody may watch a recording for a while.
    pub(crate) async fn link(&self, recording: &Recording) -> Result<RecordingLink, Problem> {
        let file = format!("{}.{}", recording.id, recording.media.extension());
        let key = blobs::Key::Recording(recording.id);
        let url = self.blobs.link(key, &file, recording.media.as_str(), limit::RECORDING_LINK).await?;
        Ok(RecordingLink { url, expires_at: self.now() + limit::RECORDING_LINK })
    }
}

//! Calls and signals as people see them, the same over HTTP and the socket.

use domain::call::{Call, CallKind, CallState, RecordingState, Standing};
use domain::id::{CallId, OfferId, RecordingId, UserId};
use domain::negotiation::{Description, DescriptionKind, Waiting};
use domain::sdp::{IceCandidate, Sdp};
use domain::text::{DeviceId, Name};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The state's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// No callee's device knows yet.
    Initiated,
    /// The first callee's device has the invitation.
    Ringing,
    /// People talk.
    Connected,
    /// It was connected and is over.
    Disconnected,
    /// It never was connected.
    Failed,
}

impl From<CallState> for StateName {
    fn from(state: CallState) -> Self {
        match state {
            CallState::Initiated => Self::Initiated,
            CallState::Ringing => Self::Ringing,
            CallState::Connected { .. } => Self::Connected,
            CallState::Disconnected { .. } => Self::Disconnected,
            CallState::Failed { .. } => Self::Failed,
        }
    }
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Failed: no device of any callee ever had the invitation.
    Unreachable,
    /// Failed: it rang, and nobody answered.
    NoAnswer,
    /// Failed: everybody said no.
    Declined,
    /// Failed: the caller gave up.
    Cancelled,
    /// Disconnected: somebody hung up.
    HungUp,
    /// Disconnected: nobody ended it for twelve hours.
    Expired,
}

/// One person of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ParticipantView {
    /// Who.
    pub user_id: UserId,
    /// What they were called when the call began.
    pub name: Name,
    /// Where they stand.
    pub standing: Standing,
    /// The device they joined with.
    pub device_id: Option<DeviceId>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallView {
    /// Its id.
    pub call_id: CallId,
    /// What is sent.
    #[serde(rename = "type")]
    pub kind: CallKind,
    /// Where it stands.
    pub state: StateName,
    /// Why it is over, once it is.
    pub reason: Option<Reason>,
    /// Who began it.
    pub caller_id: UserId,
    /// Everybody, the caller first; of two, the later one is the polite one.
    pub participants: Vec<ParticipantView>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Nobody can answer from then on.
    #[schema(value_type = String, format = DateTime)]
    pub ring_until: Timestamp,
    /// The first answer.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub start_time: Option<Timestamp>,
    /// The end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
    /// Whole seconds between the first answer and the end, or now.
    pub duration: i64,
    /// Who ended it, if a person did.
    pub ended_by: Option<UserId>,
    /// Whether somebody records it.
    pub recording: Option<RecordingView>,
}

/// Somebody records a call, or asks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordingView {
    /// The recording.
    pub recording_id: RecordingId,
    /// Who records.
    pub by: UserId,
    /// Whether it runs at this moment.
    pub state: RecordingState,
    /// Who has joined and not consented.
    pub missing: Vec<UserId>,
}

impl CallView {
    /// The call as it stands at this moment.
    pub fn of(call: &Call, now: Timestamp) -> Self {
        use domain::call::{EndedBecause, FailedBecause};
        let (reason, ended_by) = match call.state {
            CallState::Failed { because, by, .. } => {
                let reason = match because {
                    FailedBecause::Unreachable => Reason::Unreachable,
                    FailedBecause::NoAnswer => Reason::NoAnswer,
                    FailedBecause::Declined => Reason::Declined,
                    FailedBecause::Cancelled => Reason::Cancelled,
                };
                (Some(reason), by)
            }
            CallState::Disconnected { because, by, .. } => {
                let reason = match because {
                    EndedBecause::HungUp => Reason::HungUp,
                    EndedBecause::Expired => Reason::Expired,
                };
                (Some(reason), by)
            }
            _ => (None, None),
        };
        let participants = call.people.iter().cloned().map(|p| ParticipantView {
            user_id: p.user,
            name: p.name,
            standing: p.standing,
            device_id: p.device,
        });
        Self {
            call_id: call.id,
            kind: call.kind,
            state: call.state.into(),
            reason,
            caller_id: call.caller,
            participants: participants.collect(),
            created_at: call.created_at,
            ring_until: call.ring_until,
            start_time: call.connected_at(),
            end_time: call.ended_at(),
            duration: call.duration(now).as_secs(),
            ended_by,
            recording: call.recording.as_ref().zip(call.recording_state()).map(|(recorder, state)| RecordingView {
                recording_id: recorder.id,
                by: recorder.by,
                state,
                missing: call.without_consent().collect(),
            }),
        }
    }
}

/// An offer or answer on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DescriptionView {
    /// Within which call.
    pub call_id: CallId,
    /// Offer or answer.
    #[serde(rename = "type")]
    pub kind: DescriptionKind,
    /// The offer, or the offer it answers.
    pub offer_id: OfferId,
    /// Who sent it.
    pub from: UserId,
    /// For whom.
    pub to: UserId,
    /// From which device.
    pub device_id: DeviceId,
    /// The description.
    pub sdp: Sdp,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl DescriptionView {
    /// A description of this call.
    pub fn of(call_id: CallId, description: &Description) -> Self {
        let Description { offer_id, kind, from, device, to, sdp, at } = description.clone();
        Self { call_id, kind, offer_id, from, to, device_id: device, sdp, at }
    }
}

/// ICE candidates on their way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CandidatesView {
    /// Within which call.
    pub call_id: CallId,
    /// Who gathered them.
    pub from: UserId,
    /// For whom.
    pub to: UserId,
    /// From which device; unknown for candidates that waited.
    pub device_id: Option<DeviceId>,
    /// The offer they belong to, when the sender said so.
    pub offer_id: Option<OfferId>,
    /// In the order they were gathered.
    pub candidates: Vec<IceCandidate>,
}

impl CandidatesView {
    /// Candidates that waited.
    pub fn waited(call_id: CallId, waiting: Waiting) -> Self {
        let Waiting { from, to, offer_id, candidates } = waiting;
        Self { call_id, from, to, device_id: None, offer_id, candidates }
    }
}

/// What a device sends at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MediaView {
    /// Within which call.
    pub call_id: CallId,
    /// Whose.
    pub from: UserId,
    /// Which device.
    pub device_id: DeviceId,
    /// Sound.
    pub audio: bool,
    /// Picture.
    pub video: bool,
    /// Its screen.
    pub screen: bool,
}

/// Why a connection is about to be closed from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// Its session was signed out: sign in again.
    SessionEnded,
    /// The same person opened newer ones, and this was the oldest.
    TooManyConnections,
    /// It went on saying more than its rate: wait before the next one.
    TooManyFrames,
}

/// A connection is about to be closed from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClosingView {
    /// Why.
    pub reason: Closing,
}

/// Signals that wait for the one who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Signals {
    /// The newest description from each peer.
    pub descriptions: Vec<DescriptionView>,
    /// Candidates that no device took.
    pub candidates: Vec<CandidatesView>,
}

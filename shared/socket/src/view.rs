//! Calls and signals as people see them, the same over HTTP and the socket.

use domain::call::{Call, CallKind, CallState, Media, Participant, RecordingState, Standing};
use domain::ice::IceServers;
use domain::id::{CallId, OfferId, RecordingId, UserId};
use domain::negotiation::{Description, DescriptionKind, Place, Waiting};
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
    /// Failed: the last one who was asked said no.
    Declined,
    /// Failed: the last one who was asked is in another call.
    Busy,
    /// Failed: the caller gave up.
    Cancelled,
    /// Disconnected: somebody hung up and nobody was left to talk to.
    HungUp,
    /// Either: somebody gave no sign of life, did not come back, and nobody was left to talk to.
    Lost,
    /// Disconnected: the caller's plan allows no longer call.
    TimeLimit,
}

/// One person of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ParticipantView {
    /// Who.
    pub user_id: UserId,
    /// What they were called when they were asked.
    pub name: Name,
    /// Where they stand.
    pub standing: Standing,
    /// The device they joined with.
    pub device_id: Option<DeviceId>,
    /// Counts their comings and goings; odd while they are in.
    pub generation: u32,
    /// Joined, and without a sign of life: may come back for half a minute.
    pub away: bool,
    /// While they may answer: until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ring_until: Option<Timestamp>,
    /// Their newest stay.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub joined_at: Option<Timestamp>,
    /// The end of that stay.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub left_at: Option<Timestamp>,
    /// Whole seconds of all their stays.
    pub duration: i64,
    /// What their device sends.
    pub media: Media,
    /// What they said to the recording; null before they did.
    pub consent: Option<bool>,
}

impl ParticipantView {
    fn of(person: Participant, now: Timestamp) -> Self {
        Self {
            away: person.is_away(now),
            duration: person.talked(now).as_secs(),
            user_id: person.user,
            name: person.name,
            standing: person.standing,
            device_id: person.device,
            generation: person.generation,
            ring_until: person.until.filter(|_| person.standing.is_pending()),
            joined_at: person.joined_at,
            left_at: person.left_at,
            media: person.media,
            consent: person.consent.map(|consent| consent.given),
        }
    }
}

/// A recording that is asked for or under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordingView {
    /// Its id.
    pub recording_id: RecordingId,
    /// Who records.
    pub by: UserId,
    /// With which device.
    pub device_id: DeviceId,
    /// How it stands.
    pub state: RecordingState,
    /// Who is in the call and has not consented.
    pub missing: Vec<UserId>,
}

/// A recording that can be watched from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeptView {
    /// Its id.
    pub recording_id: RecordingId,
    /// What was recorded.
    pub call_id: CallId,
    /// Who recorded it.
    pub recorded_by: UserId,
    /// Bytes of what was kept.
    pub bytes: u64,
}

/// How sound and pictures travel between people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaPath {
    /// From everybody to everybody; above four people each sends more than most up-links carry.
    #[default]
    Mesh,
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
    /// The number of the newest fact that is in it: of two views of a call, the greater is the newer.
    pub seq: u64,
    /// Who began it.
    pub caller_id: UserId,
    /// Who may remove others.
    pub host_id: Option<UserId>,
    /// Everybody who was ever asked, the caller first; of two, the later one is the polite one.
    pub participants: Vec<ParticipantView>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Nobody can answer from then on.
    #[schema(value_type = String, format = DateTime)]
    pub ring_until: Timestamp,
    /// The plan ends it then.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
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
    /// Whether only relayed candidates are handed on, so that nobody learns anybody's address.
    pub relay_only: bool,
    /// How sound and pictures travel.
    pub media_path: MediaPath,
    /// The recording, when there is one.
    pub recording: Option<RecordingView>,
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
                    FailedBecause::Busy => Reason::Busy,
                    FailedBecause::Cancelled => Reason::Cancelled,
                    FailedBecause::Lost => Reason::Lost,
                };
                (Some(reason), by)
            }
            CallState::Disconnected { because, by, .. } => {
                let reason = match because {
                    EndedBecause::HungUp => Reason::HungUp,
                    EndedBecause::Lost => Reason::Lost,
                    EndedBecause::TimeLimit => Reason::TimeLimit,
                };
                (Some(reason), by)
            }
            _ => (None, None),
        };
        let recording = call.recording.as_ref().zip(call.recording_state()).map(|(recording, state)| RecordingView {
            recording_id: recording.id,
            by: recording.by,
            device_id: recording.device.clone(),
            state,
            missing: call.without_consent().collect(),
        });
        let ends_at = match call.state {
            CallState::Connected { ends_at, .. } => Some(ends_at),
            _ => None,
        };
        Self {
            call_id: call.id,
            kind: call.kind,
            state: call.state.into(),
            reason,
            seq: call.seq,
            caller_id: call.caller,
            host_id: call.host(),
            participants: call.people.iter().cloned().map(|person| ParticipantView::of(person, now)).collect(),
            created_at: call.created_at,
            ring_until: call.ring_until(),
            ends_at,
            start_time: call.connected_at(),
            end_time: call.ended_at(),
            duration: call.duration(now).as_secs(),
            ended_by,
            relay_only: call.relay_only,
            media_path: MediaPath::Mesh,
            recording,
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
    /// Its place among the pair's descriptions.
    #[serde(flatten)]
    pub place: Place,
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
        let Description { offer_id, place, kind, from, device, to, sdp, at } = description.clone();
        Self { call_id, kind, offer_id, place, from, to, device_id: device, sdp, at }
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
    /// What it sends.
    #[serde(flatten)]
    pub media: Media,
}

/// A stay that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StayView {
    /// In which call.
    pub call_id: CallId,
    /// Which stay.
    pub generation: u32,
    /// Nobody is believed to be there longer without another sign of life.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lease_until: Option<Timestamp>,
    /// The plan ends the call then.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    /// The number of the call's newest fact: whoever knows less asks.
    pub seq: u64,
    /// Servers with a fresh credential, for the next connection that is made anew.
    pub ice: IceServers,
}

impl StayView {
    /// This person's stay in a call.
    pub fn of(call: &Call, user: UserId, ice: IceServers, now: Timestamp) -> Self {
        let CallView { call_id, ends_at, seq, .. } = CallView::of(call, now);
        let person = call.people.iter().find(|person| person.user == user);
        let (generation, lease_until) = person.map_or((0, None), |person| (person.generation, person.until));
        Self { call_id, generation, lease_until, ends_at, seq, ice }
    }
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

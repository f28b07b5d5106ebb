//! The socket's two vocabularies: what clients say and what they hear.

use domain::call::CallEvent;
use domain::id::{CallId, OfferId, UserId};
use domain::inbox::{Entry, Position};
use domain::limit;
use domain::sdp::CandidateBatch;
use domain::text::DeviceId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::problem::{Code, Problem, pointer, wrong};
use crate::view::{CallView, CandidatesView, ClosingView, DescriptionView, KeptView, MediaView, StayView};

/// A stay in a call that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Stay {
    /// Which call.
    pub call_id: CallId,
    /// Which of this person's stays.
    pub generation: u32,
}

/// `ping`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// The call that this device is in.
    #[serde(default)]
    pub call: Option<Stay>,
}

/// How far a client has read, per channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cursors {
    /// The person's own channel.
    #[serde(default)]
    pub inbox: Option<Position>,
}

/// `resume`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// How far the client has read; a missing channel counts as nothing read.
    #[serde(default)]
    pub cursors: Cursors,
}

/// `presence.get`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresenceGet {
    /// At most 20.
    #[schema(max_items = 20)]
    pub people: Vec<UserId>,
}

/// `call.ringing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallRinging {
    /// Which call this device shows.
    pub call_id: CallId,
}

/// `call.candidates`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallCandidates {
    /// Within which call.
    pub call_id: CallId,
    /// One batch.
    pub candidates: CandidateBatch,
    /// For whom; a call of two needs none.
    #[serde(default)]
    pub to: Option<UserId>,
    /// The offer they belong to.
    #[serde(default)]
    pub offer_id: Option<OfferId>,
    /// From which device.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
}

/// `call.media`.
#[expect(clippy::struct_excessive_bools, reason = "four switches of a device, each on or off by itself")]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallMedia {
    /// Within which call.
    pub call_id: CallId,
    /// Sound is sent.
    pub audio: bool,
    /// A picture is sent.
    pub video: bool,
    /// A screen is sent.
    pub screen: bool,
    /// Nothing is sent or played, because the call is on hold.
    #[serde(default)]
    pub hold: bool,
    /// From which device.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
}

/// The envelope of a client's frame; its `data` is read once the action is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    action: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    data: serde_json::Value,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident($data:ty) => $action:literal,)*) => {
        /// What a client says.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum ClientFrame {
            $($(#[$doc])* $name($data),)*
        }

        impl ClientFrame {
            /// Every action.
            pub const ACTIONS: &[&str] = &[$($action,)*];

            /// Its action.
            pub fn action(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $action,)*
                }
            }

            fn of(action: &str, data: serde_json::Value) -> Result<Self, Problem> {
                match action {
                    $($action => read(data).map(Self::$name),)*
                    _ => {
                        Err(Problem::because(Code::ActionUnknown, suggestion(action, Self::ACTIONS)))
                    }
                }
            }

            /// The schema of every action's data, for the published contract.
            pub fn schemas() -> Vec<(&'static str, Schema)> {
                vec![$(($action, Schema::of::<$data>()),)*]
            }
        }
    };
}

actions! {
    /// A sign of life, which renews the lease, and the stay in a call.
    Ping(Ping) => "ping",
    /// What did I miss?
    Resume(Resume) => "resume",
    /// Who is online?
    PresenceGet(PresenceGet) => "presence.get",
    /// This device shows the invitation.
    CallRinging(CallRinging) => "call.ringing",
    /// ICE candidates for a peer.
    CallCandidates(CallCandidates) => "call.candidates",
    /// What this device sends.
    CallMedia(CallMedia) => "call.media",
}

/// What somebody may have meant by a name that is none: the nearest known one, else all.
pub fn suggestion(meant: &str, known: &[&str]) -> String {
    let distance = |known: &&&str| strsim::damerau_levenshtein(known, meant);
    match known.iter().filter(|name| distance(name) <= 3).min_by_key(distance) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("the names are {}", known.join(", ")),
    }
}

/// A schema by its name, with those it refers to.
#[derive(Clone)]
pub struct Schema {
    /// Its own name.
    pub name: String,
    /// Itself and what it refers to.
    pub all: Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
}

impl Schema {
    /// The schema of a type.
    pub fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut all = vec![(name.clone(), T::schema())];
        T::schemas(&mut all);
        Self { name, all }
    }
}

fn read<T: DeserializeOwned>(data: serde_json::Value) -> Result<T, Problem> {
    let data = if data.is_null() { serde_json::json!({}) } else { data };
    let pointed = serde_path_to_error::deserialize(data);
    pointed.map_err(|error| {
        let place = format!("/data{}", pointer(error.path()));
        Problem::new(Code::InvalidFields).at(place, wrong(error.inner()))
    })
}

impl ClientFrame {
    /// Reads a frame: the id to answer with, if it can be found, and what was said.
    pub fn parse(text: &str) -> (Option<String>, Result<Self, Problem>) {
        if text.len() > limit::FRAME {
            return (None, Err(Problem::new(Code::FrameTooLarge)));
        }
        let envelope: Envelope = match serde_json::from_str(text) {
            Ok(envelope) => envelope,
            Err(error) => return (None, Err(Problem::because(Code::FrameMalformed, wrong(&error)))),
        };
        if envelope.id.as_ref().is_some_and(|id| id.len() > 64 || id.chars().any(char::is_control)) {
            let problem = Problem::new(Code::InvalidFields).at("/id", "must have at most 64 characters, all printable");
            return (None, Err(problem));
        }
        (envelope.id, Self::of(&envelope.action, envelope.data))
    }
}

/// How a channel went on while a client was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResumeResult {
    /// `items` is everything since the cursor.
    Full,
    /// `items` is the newest; some before are gone.
    Partial,
    /// The cursor means nothing here.
    Lost,
}

/// One channel's answer to `resume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChannelResumed {
    /// How complete it is.
    pub result: ResumeResult,
    /// What was missed, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Entry>,
}

/// The newest place of each channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Heads {
    /// The person's own channel.
    pub inbox: Position,
}

/// Every channel's answer to `resume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Channels {
    /// The person's own channel.
    pub inbox: ChannelResumed,
}

/// The reply to `ping` and `resume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pong {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Open the next socket then.
    #[schema(value_type = String, format = DateTime)]
    pub rollover_at: Timestamp,
    /// The newest places.
    pub heads: Heads,
    /// Only to a `ping` that names a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Beat>,
    /// Only to `resume`: what was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
}

/// What a `ping` did for the call that it named; the socket's own lease is renewed either way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Beat {
    /// The stay goes on.
    Renewed(Box<StayView>),
    /// It does not.
    Refused(Problem),
}

/// Whether somebody has a live connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Presence {
    /// Who.
    pub user_id: UserId,
    /// Whether a push would reach them.
    pub online: bool,
}

/// The reply to `presence.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PresenceReply {
    /// In the order they were asked for.
    pub people: Vec<Presence>,
}

/// A call in a push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallPush {
    /// As it stands.
    pub call: Box<CallView>,
}

macro_rules! pushes {
    ($($(#[$doc:meta])* $name:ident($data:ty) => $event:literal,)*) => {
        /// What a client hears unasked.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(tag = "event", content = "data")]
        pub enum Push {
            $($(#[$doc])* #[serde(rename = $event)] $name($data),)*
        }

        impl Push {
            /// The schema of every event's data, for the published contract.
            pub fn schemas() -> Vec<(&'static str, Schema)> {
                vec![$(($event, Schema::of::<$data>()),)*]
            }
        }
    };
}

pushes! {
    /// Somebody calls.
    CallInvited(CallPush) => "call.invited",
    /// A call moved.
    CallChanged(CallPush) => "call.changed",
    /// The plan will end the call in five minutes.
    CallEnding(CallPush) => "call.ending",
    /// A call is over.
    CallEnded(CallPush) => "call.ended",
    /// A peer proposes.
    CallOffer(DescriptionView) => "call.offer",
    /// A peer agrees.
    CallAnswer(DescriptionView) => "call.answer",
    /// A peer's ways in.
    CallCandidates(CandidatesView) => "call.candidates",
    /// What a peer sends.
    CallMedia(MediaView) => "call.media",
    /// A recording can be watched.
    RecordingKept(KeptView) => "recording.kept",
    /// This connection is about to be closed from our side.
    ConnectionClosing(ClosingView) => "connection.closing",
}

impl Push {
    /// What happened to a call, as it stands now.
    pub fn call(call: CallView, facts: &[CallEvent]) -> Self {
        let push = CallPush { call: Box::new(call) };
        match facts {
            _ if push.call.end_time.is_some() => Self::CallEnded(push),
            facts if facts.contains(&CallEvent::Warned) => Self::CallEnding(push),
            _ => Self::CallChanged(push),
        }
    }
}

/// What a client hears.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ServerFrame<T: Serialize = ()> {
    /// The answer to a frame.
    Reply {
        /// Always `reply`.
        event: ReplyEvent,
        /// The frame's id.
        id: Option<String>,
        /// The answer.
        data: T,
    },
    /// The refusal of a frame.
    Error {
        /// Always `error`.
        event: ErrorEvent,
        /// The frame's id.
        id: Option<String>,
        /// Why.
        problem: Problem,
    },
    /// Something happened.
    Push {
        /// What.
        #[serde(flatten)]
        push: Push,
        /// When.
        at: Timestamp,
        /// The numbered channel it belongs to.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<&'static str>,
        /// Its place there.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
    },
}

/// The word `reply`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyEvent {
    /// The only one.
    #[default]
    Reply,
}

/// The word `error`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorEvent {
    /// The only one.
    #[default]
    Error,
}

impl<T: Serialize> ServerFrame<T> {
    /// The answer to a frame.
    pub fn reply(id: Option<String>, data: T) -> Self {
        Self::Reply { event: ReplyEvent::Reply, id, data }
    }

    /// The text to send.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("frames have string keys and no failing values")
    }
}

impl ServerFrame {
    /// The refusal of a frame.
    pub fn error(id: Option<String>, problem: Problem) -> Self {
        Self::Error { event: ErrorEvent::Error, id, problem }
    }

    /// Something that is not numbered.
    pub fn push(push: Push, at: Timestamp) -> Self {
        Self::Push { push, at, channel: None, seq: None }
    }

    /// A numbered fact of the inbox.
    pub fn inbox(push: Push, at: Timestamp, seq: u64) -> Self {
        Self::Push { push, at, channel: Some("inbox"), seq: Some(seq) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_order_does_not_matter() {
        let call = "call_00000000000070008000000000000000";
        let one = format!(r#"{{"action":"call.ringing","id":"7","data":{{"call_id":"{call}"}}}}"#);
        let other = format!(r#"{{"data":{{"call_id":"{call}"}},"id":"7","action":"call.ringing"}}"#);
        assert_eq!(ClientFrame::parse(&one), ClientFrame::parse(&other));
        assert!(ClientFrame::parse(&one).1.is_ok());
        assert_eq!(ClientFrame::parse(r#"{"action":"ping"}"#), (None, Ok(ClientFrame::Ping(Ping { call: None }))));
    }

    #[test]
    fn a_bad_frame_is_named_and_keeps_its_id() {
        let code = |text: &str| {
            let (id, result) = ClientFrame::parse(text);
            (id, result.expect_err("a bad frame").code)
        };
        assert_eq!(code("nonsense"), (None, Code::FrameMalformed));
        assert_eq!(code(r#"{"action":"pong","id":"1"}"#), (Some("1".into()), Code::ActionUnknown));
        assert_eq!(code(r#"{"action":"ping","id":"2","data":{"x":1}}"#), (Some("2".into()), Code::InvalidFields));
        assert_eq!(code(r#"{"action":"ping","extra":1}"#), (None, Code::FrameMalformed));
        assert_eq!(code(&format!(r#"{{"action":"ping","id":"{}"}}"#, "x".repeat(65))), (None, Code::InvalidFields));
        assert_eq!(code(&" ".repeat(limit::FRAME + 1)), (None, Code::FrameTooLarge));
    }

    proptest::proptest! {
        /// Whatever a client sends is read or refused by name, and never more than that.
        #[test]
        fn rubbish_is_refused_and_nothing_else_happens(text in ".{0,200}") {
            let (_, said) = ClientFrame::parse(&text);
            assert!(said.is_ok() || !said.expect_err("checked").detail.is_empty());
        }

        /// The same for frames that are nearly right.
        #[test]
        fn nearly_right_frames_are_refused_by_name(
            action in proptest::sample::select(ClientFrame::ACTIONS),
            key in "(call_id|people|cursors|candidates|to|audio|x)",
            value in "(null|true|-1|1e400|\"\"|\"call_1\"|\\[\\]|\\[null\\]|\\{\\}|\"\\PC{0,20}\")",
        ) {
            let text = format!(r#"{{"id":"7","action":"{action}","data":{{"{key}":{value}}}}}"#);
            let (_, said) = ClientFrame::parse(&text);
            if let Err(problem) = said {
                assert!(matches!(problem.code, Code::InvalidFields | Code::FrameMalformed), "{text}: {problem:?}");
            }
        }
    }
}

//! Hands a function's events, the files of `events/<function>/`, to its real program.

use std::collections::BTreeMap;

use api::secret::from_base64url;
use api::token::{Access, Ticket};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::deployment::{Ada, Deployment};
use crate::runtime_api::Sandbox;
use crate::template::root;

/// Who sends an event, and with it what an answer to it must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An HTTP API, payload format 2.0.
    Http,
    /// A WebSocket API.
    Socket,
    /// The stream of a table, whose batches are answered with what failed.
    Stream,
    /// A schedule, which takes any answer.
    Clock,
}

impl Kind {
    /// The kind of this event.
    pub fn of(event: &Value) -> Self {
        if event["version"] == "2.0" && event["requestContext"]["http"].is_object() {
            Self::Http
        } else if event["requestContext"]["connectionId"].is_string() {
            Self::Socket
        } else if event["Records"][0]["eventSource"] == "aws:dynamodb" {
            Self::Stream
        } else if event["timers"] == "due" {
            Self::Clock
        } else {
            panic!("who sends this event, and what must an answer look like? Say so in {}: {event}", file!())
        }
    }

    /// What keeps AWS from taking this answer, or says that the function failed.
    pub fn fault_of(self, answer: &Value) -> Option<String> {
        match self {
            Self::Http | Self::Socket => self.fault_of_response(answer),
            Self::Stream => (!answer["batchItemFailures"].is_array()).then(|| "no batchItemFailures".into()),
            Self::Clock => (!answer.is_object()).then(|| "not an object".into()),
        }
    }

    fn fault_of_response(self, answer: &Value) -> Option<String> {
        let Some(status) = answer["statusCode"].as_u64() else { return Some("no statusCode".into()) };
        if !(200..500).contains(&status) {
            return Some(format!("status {status}"));
        }
        let of_strings = |headers: &Value| headers.as_object().is_some_and(|all| all.values().all(Value::is_string));
        let body = &answer["body"];
        match self {
            Self::Http if !of_strings(&answer["headers"]) => Some("headers are not an object of strings".into()),
            Self::Http if !answer["isBase64Encoded"].is_boolean() => Some("isBase64Encoded is not a boolean".into()),
            _ if !body.is_string() && !body.is_null() => Some("the body is not a string".into()),
            // A compressed body is text only in base64.
            Self::Http if !answer["headers"]["content-encoding"].is_null() && answer["isBase64Encoded"] == false => {
                Some("compressed, and not in base64".into())
            }
            _ => None,
        }
    }
}

/// The events of a function, by the names of their files.
pub fn events(function: &str) -> BTreeMap<String, String> {
    let folder = root().join("events").join(function);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = files.map(|file| file.expect("readable").path());
    let events: BTreeMap<_, _> = paths
        .map(|path| {
            let name = format!("events/{function}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            (name, std::fs::read_to_string(&path).expect("readable"))
        })
        .collect();
    assert!(!events.is_empty(), "no events for {function}");
    events
}

/// Starts a function's program once, hands it every one of its events, and returns the answers by the names of the files.
/// Panics when one has none, or one that its sender could not take. The tokens in the events are made up, so they are
/// signed first: as the same person's, who has an account.
pub async fn play(function: &str, program: &str) -> BTreeMap<String, Value> {
    let deployment = Deployment::new().await;
    let mut sandbox = Sandbox::start(&deployment.function(function, program)).await;
    sandbox.ready().await.unwrap_or_else(|failure| panic!("{function} does not start: {failure}"));
    let mut events: Vec<_> = events(function).into_iter().collect();
    // A socket opens before it speaks, and speaks before it closes.
    events.sort_by_key(|(_, event)| (!event.contains(r#""$connect""#), event.contains(r#""$disconnect""#)));
    let mut known = None;
    let mut answers = BTreeMap::new();
    for (name, text) in events {
        let text = signed(&text, &deployment, &mut known).await;
        let event: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let answer = sandbox.invoke(text).await.unwrap_or_else(|failure| panic!("{name}: {failure}"));
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(fault) = Kind::of(&event).fault_of(&answer) {
            panic!("{name}: {fault}: {answer}\n{}", sandbox.output());
        }
        answers.insert(name, answer);
    }
    answers
}

/// The event with tokens that the deployment's keys signed now. Their person gets an account when she is first met.
async fn signed(event: &str, deployment: &Deployment, known: &mut Option<Ada>) -> String {
    let mut text = event.to_owned();
    for token in event.split(['"', ' ']).filter(|word| word.starts_with("eyJ") && word.matches('.').count() == 2) {
        let (ada, fresh) = if let Some(ticket) = said::<Ticket>(token) {
            (Ada { user: ticket.sub, session: ticket.sid }, deployment.ticket(&ticket))
        } else {
            let access =
                said::<Access>(token).unwrap_or_else(|| panic!("neither an access token nor a ticket: {token}"));
            let ada = Ada { user: access.sub, session: access.sid };
            (ada, deployment.access(ada, Timestamp::now()))
        };
        if known.is_none() {
            deployment.register(ada).await;
        }
        let first = known.get_or_insert(ada);
        assert_eq!(first.user, ada.user, "the events are of one person");
        text = text.replace(token, &fresh);
    }
    text
}

fn said<T: DeserializeOwned>(token: &str) -> Option<T> {
    serde_json::from_slice(&from_base64url(token.split('.').nth(1)?)?).ok()
}

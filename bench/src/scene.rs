//! What is asked: a store with something in it, and the events that read it.

use std::path::Path;

use domain::call::{Call, CallKind, Goodbye, Person, Terms};
use domain::id::{CallId, SessionId, TicketId, UserId};
use domain::lease::{ConnectionId, Lease};
use domain::limit;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{Calls, Connections};
use testkit::bootstrap::events;
use testkit::deployment::{Ada, Deployment};

use api::system::SystemEntropy;

use crate::front::Front;

/// Sockets that pings are spread over: each may say 120 frames at once.
pub(crate) const SOCKETS: usize = 100;

/// A deployment whose store has Ada, a call of hers that is over, and sockets.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) deployment: Deployment,
    pub(crate) front: Front,
    ada: Ada,
    call: CallId,
    sockets: Vec<ConnectionId>,
}

/// How the caller is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    In,
    Expired,
    Not,
}

impl Scene {
    /// A fresh one, whose store is behind TLS with the certificate of this folder.
    pub(crate) async fn new(certificate: &Path) -> Result<Self, String> {
        let deployment = Deployment::new().await;
        let front = Front::start(&deployment.engine, certificate).await?;
        let now = Timestamp::now();
        let someone = || Ada { user: UserId::new(now, &SystemEntropy), session: SessionId::new(now, &SystemEntropy) };
        let ada = someone();
        deployment.register(ada).await;
        let mut scene = Self { deployment, front, ada, call: CallId::new(now, &SystemEntropy), sockets: Vec::new() };
        scene.call(someone().user, now).await.map_err(|error| error.to_string())?;
        for _ in 0..SOCKETS {
            let other = someone();
            scene.deployment.register_as(other, &other.user.to_string()).await;
            let ticket = TicketId::new(now, &SystemEntropy);
            let socket = ConnectionId(ticket.to_string());
            let lease = Lease::open(ticket, socket.clone(), other.user, other.session, now);
            let opened = Connections::new(scene.deployment.db.clone()).open(&lease).await;
            opened.map_err(|error| error.to_string())?;
            scene.sockets.push(socket);
        }
        Ok(scene)
    }

    /// A call from Ada that was answered by nobody and ended, so that reading it writes nothing.
    async fn call(&self, to: UserId, now: Timestamp) -> Result<(), store::StoreError> {
        let person = |user| Person { user, name: "Ada Lovelace".parse().expect("a name") };
        let (from, device) = (person(self.ada.user), "bench".parse().expect("a device"));
        let started = Call::start(self.call, Terms::free(CallKind::Audio), from, &device, vec![person(to)], now);
        let (call, facts) = started.expect("two people");
        let calls = Calls::new(self.deployment.db.clone());
        calls.begin(&call, &facts, &[], None, None).await?;
        let (ended, facts) = call.end(self.ada.user, None, Goodbye::Declined, now).expect("it rings");
        calls.save(&ended, &facts, 1).await
    }

    /// `events/auth/me.json` from Ada.
    pub(crate) fn me(&self, signed: Signed) -> String {
        self.http("auth", "me", signed).to_string()
    }

    /// `events/calls/show.json` from Ada, for her call.
    pub(crate) fn show(&self) -> String {
        let mut event = self.http("calls", "show", Signed::In);
        event["rawPath"] = json!(format!("/api/webrtc/call/{}", self.call));
        event["requestContext"]["http"]["path"] = event["rawPath"].clone();
        event.to_string()
    }

    /// `events/recordings/list.json` from Ada, who has none.
    pub(crate) fn recordings(&self) -> String {
        self.http("recordings", "list", Signed::In).to_string()
    }

    /// `events/realtime/ping.json` from one socket after another.
    pub(crate) fn ping(&self, number: usize) -> String {
        let mut event = read("realtime", "ping");
        event["requestContext"]["connectionId"] = json!(self.sockets[number % self.sockets.len()].0);
        event.to_string()
    }

    fn http(&self, function: &str, name: &str, signed: Signed) -> Value {
        let mut event = read(function, name);
        let headers = event["headers"].as_object_mut().expect("an HTTP event has headers");
        // A problem repeats the request's id, which would be another in each answer.
        headers.insert("x-request-id".into(), json!("bench"));
        let now = Timestamp::now();
        let given = match signed {
            Signed::In => Some(now),
            Signed::Expired => Some(now - limit::ACCESS_TOKEN - limit::ACCESS_TOKEN),
            Signed::Not => None,
        };
        headers.remove("authorization");
        if let Some(given) = given {
            let bearer = format!("Bearer {}", self.deployment.access(self.ada, given));
            headers.insert("authorization".into(), json!(bearer));
        }
        event
    }
}

/// `events/timers/minute.json`.
pub(crate) fn minute() -> String {
    read("timers", "minute").to_string()
}

fn read(function: &str, name: &str) -> Value {
    let text = events(function).remove(&format!("events/{function}/{name}.json"));
    serde_json::from_str(&text.expect("it is one of the files")).expect("events are JSON")
}

//! Steps that several journeys take.

use http::Method;
use serde_json::{Value, json};
use testkit::world::request;
use testkit::{Person, Place, Reply, sdp};

pub(super) async fn offer<P: Place>(person: &Person<P>, call: &str) -> String {
    person.in_call(call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200).text("/offer_id")
}

pub(super) async fn answer<P: Place>(person: &Person<P>, call: &str) {
    let _ = person.in_call(call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
}

pub(super) async fn show<P: Place>(person: &Person<P>, call: &str) -> Value {
    person.get(&format!("/api/webrtc/call/{call}")).await.expect(200).body
}

pub(super) fn candidate(n: usize) -> Value {
    json!({ "candidate": testkit::candidate(n), "sdpMid": "0", "sdpMLineIndex": 0 })
}

pub(super) async fn refresh<P: Place>(world: &P, token: &str, key: Option<&str>) -> Reply {
    let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    world.send(request(Method::POST, "/auth/refresh", &headers, Some(json!({ "refresh_token": token })))).await
}

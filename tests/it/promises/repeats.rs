//! The same request twice is one effect and one answer.

use std::sync::Arc;

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::person::{PASSWORD, code};
use testkit::world::request;
use testkit::{Faults, Person, Reply, World, sdp};

use super::contract;

async fn send(world: &World, path: &str, key: &str, bearer: Option<&Person>, body: Value) -> Reply {
    let token = bearer.map(|person| format!("Bearer {}", person.access_token)).unwrap_or_default();
    let headers = [("idempotency-key", key), ("authorization", token.as_str())];
    let headers = if bearer.is_some() { &headers[..] } else { &headers[..1] };
    world.send(request(Method::POST, path, headers, Some(body))).await
}

/// Sends it twice, then with another body, then 50 at once from processes of their own.
async fn one_effect(world: &Arc<World>, path: &str, bearer: Option<&Person>, body: Value, other: Value) {
    let first = send(world, path, "k1", bearer, body.clone()).await;
    assert!(first.status.is_success(), "{path}: {}", first.body);
    assert_eq!(first.header("idempotency-replayed"), "");
    world.clock.advance(SignedDuration::from_mins(1));
    let again = send(world, path, "k1", bearer, body.clone()).await;
    assert_eq!((again.status, &again.raw), (first.status, &first.raw), "{path}: byte for byte");
    assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
    for header in ["location", "content-type"] {
        assert_eq!(again.header(header), first.header(header), "{path}");
    }
    let mismatch = send(world, path, "k1", bearer, other).await;
    assert_eq!(mismatch.summary(), "422 idempotency_mismatch", "{path}");
}

#[tokio::test]
async fn every_creating_request_can_be_repeated() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let new = json!({ "email": "new@example.com", "password": PASSWORD, "name": "New" });
    let other = json!({ "email": "new@example.com", "password": PASSWORD, "name": "Another" });
    one_effect(&world, "/auth/register", None, new, other).await;

    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    one_effect(&world, "/auth/login", None, login, json!({ "email": "ada@example.com", "password": "wrong horse" }))
        .await;
    let ada = ada.another_device().await;
    let sessions = ada.get("/auth/sessions").await.body["items"].as_array().expect("sessions").len();
    assert_eq!(sessions, 3, "registered, signed in once, and this one");

    let code = code(&world, ada.id).await;
    one_effect(&world, "/auth/token", None, json!({ "code": code }), json!({ "code": code, "code_verifier": "x" }))
        .await;

    let ada = ada.another_device().await;
    let whom = json!({ "participants": [bo.id.to_string()], "type": "video" });
    let otherwise = json!({ "participants": [bo.id.to_string()], "type": "audio" });
    one_effect(&world, "/api/webrtc/call/initiate", Some(&ada), whom, otherwise).await;
    let live = ada.get("/api/webrtc/calls/active").await;
    assert_eq!(live.body["items"].as_array().map(Vec::len), Some(1));

    let call = live.text("/items/0/call_id");
    world.remain(&call, SignedDuration::from_secs(1)).await;
    let _ = bo.in_call(&call, "join", json!({})).await.expect(200);
    let path = format!("/api/webrtc/call/{call}/offer");
    one_effect(&world, &path, Some(&ada), json!({ "sdp": sdp("o") }), json!({ "sdp": sdp("p") })).await;
    world.remain(&call, SignedDuration::from_secs(1)).await;
    let (chidi, dara) = (Person::arrive(&world, "Chidi").await.id, Person::arrive(&world, "Dara").await.id);
    let asked = |who: domain::id::UserId| json!({ "participants": [who.to_string()] });
    one_effect(&world, &format!("/api/webrtc/call/{call}/invite"), Some(&ada), asked(chidi), asked(dara)).await;
}

/// A POST that makes something takes a key; one that does not need it says here why.
#[test]
fn every_post_takes_a_key_or_is_harmless_to_repeat() {
    let harmless = [
        ("logout", "a session ends once"),
        ("wsTicket", "keeps nothing; a ticket that nobody uses is over after 30 s"),
        ("linkedinSync", "brings the same profile"),
        ("linkedinUnlink", "unlinks once"),
        ("answer", "the same answer again is the one that is there"),
        ("iceCandidate", "the same candidate again is the one that is there"),
        ("endCall", "a call ends once"),
        ("reportQuality", "counters are cumulative, and their time is their number"),
        ("consentToRecording", "a yes names what it is about and is good once, and a no is never too late"),
        ("grantPart", "the same part for the same bytes is the one that was granted"),
        ("stopRecording", "a recording stops once"),
        ("completeRecording", "a recording is completed once"),
        ("joinCall", "names the stay that it ends, so it begins the next one once"),
        ("removeFromCall", "who is gone stays gone"),
        ("heartbeat", "the second sign of life says no more than the first"),
    ];
    for (path, item) in contract()["paths"].as_object().expect("paths") {
        let Some(operation) = item.get("post") else { continue };
        let id = operation["operationId"].as_str().expect("an id");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let takes_key = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        assert!(
            takes_key != harmless.iter().any(|(known, _)| *known == id),
            "{id} ({path}) must take an Idempotency-Key"
        );
    }
}

#[tokio::test]
async fn twenty_twins_at_once_are_one_call() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let at_bo = bo.connect().await;
    let body = json!({ "participants": [bo.id.to_string()] });
    let twins: Vec<_> = (0..20)
        .map(|_| {
            let (elsewhere, ada, body) = (world.another_process(&Faults::none()), ada.clone(), body.clone());
            tokio::spawn(async move { send(&elsewhere, "/api/webrtc/call/initiate", "k", Some(&ada), body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for twin in twins {
        let reply = twin.await.expect("no panic");
        match reply.summary().as_str() {
            "201" => answers.push(reply.raw),
            "409 conflict" | "503 busy" | "429 too_many_requests" => {}
            other => panic!("{other}"),
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer");
    let live = ada.get("/api/webrtc/calls/active").await.body["items"].as_array().map(Vec::len);
    assert_eq!(live, Some(1), "one effect");
    let mut seen: Vec<u64> = at_bo.pushes().iter().filter_map(|push| push["seq"].as_u64()).collect();
    seen.dedup();
    assert_eq!(seen, [1], "one invitation, however often it was shown");
}

#[tokio::test]
async fn keys_of_two_people_do_not_meet() {
    let world = World::new().await;
    let [ada, bo, chidi] = world.people(["Ada", "Bo", "Chidi"]).await;
    let body = json!({ "participants": [chidi.id.to_string()] });
    let hers = send(&world, "/api/webrtc/call/initiate", "k", Some(&ada), body.clone()).await.expect(201);
    let his = send(&world, "/api/webrtc/call/initiate", "k", Some(&bo), body).await.expect(201);
    assert_ne!(hers.text("/call_id"), his.text("/call_id"));
    assert_eq!(his.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn a_refused_request_keeps_nothing_and_a_key_is_free_again_after_a_day() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let nobody = json!({ "participants": ["usr_0000000000007000800000000000dead"] });
    let somebody = json!({ "participants": [bo.id.to_string()] });
    let path = "/api/webrtc/call/initiate";
    assert_eq!(send(&world, path, "k", Some(&ada), nobody).await.summary(), "422 person_unknown");
    let first = send(&world, path, "k", Some(&ada), somebody.clone()).await.expect(201);
    world.clock.advance(SignedDuration::from_hours(24));
    let ada = ada.another_device().await;
    let later = send(&world, path, "k", Some(&ada), somebody).await.expect(201);
    assert_ne!(first.text("/call_id"), later.text("/call_id"));
}
/// An answer that gives away tokens cannot be read from the store.
#[tokio::test]
async fn kept_answers_are_sealed() {
    let world = World::new().await;
    let new = json!({ "email": "new@example.com", "password": PASSWORD, "name": "New" });
    let first = send(&world, "/auth/register", "the-key", None, new).await.expect(201);
    let stored = format!("{:?}", world.snapshot().await);
    for secret in [first.text("/access_token"), first.text("/refresh_token"), PASSWORD.to_owned(), "the-key".to_owned()]
    {
        assert!(!stored.contains(&secret), "{secret:.12} is in the store");
    }
    assert!(stored.contains("answer#"), "the answer is kept");
}

//! Whom one may call, who learns of it, and what stays of it.

use http::Method;
use serde_json::{Value, json};
use testkit::{World, sdp};

use crate::journeys::steps::{candidate, offer, show};

#[tokio::test]
async fn whom_one_can_call_is_said_by_name() {
    let world = World::anywhere().await;
    let people = world.people(["A", "B", "C", "D", "E", "F", "G", "H", "I"]).await;
    let ids: Vec<String> = people.iter().map(|person| person.id.to_string()).collect();
    let call = async |participants: &[String]| {
        people[0].post("/api/webrtc/call/initiate", json!({ "participants": participants })).await
    };
    assert_eq!(call(&ids[1..8]).await.summary(), "201", "eight people, the caller counted");
    assert_eq!(call(&ids[1..9]).await.summary(), "422 too_many_people");
    assert_eq!(call(&[]).await.summary(), "422 nobody_called");
    assert_eq!(call(&[ids[1].clone(), ids[0].clone()]).await.summary(), "422 called_oneself");
    let twice = call(&[ids[1].clone(), ids[2].clone(), ids[1].clone()]).await;
    assert_eq!((twice.summary().as_str(), twice.pointers()), ("422 called_twice", vec!["/participants/2"]));
    let unknown = call(&[ids[1].clone(), "usr_0000000000007000800000000000dead".into()]).await;
    assert_eq!((unknown.summary().as_str(), unknown.pointers()), ("422 person_unknown", vec!["/participants/1"]));
    let garbled = call(&["bob".into()]).await;
    assert_eq!((garbled.summary().as_str(), garbled.pointers()), ("422 invalid_fields", vec!["/participants/0"]));
}

#[tokio::test]
async fn in_a_group_one_declines_and_the_others_talk() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let call = alice.call(&[&bob, &carol]).await;
    let to_whom = alice.in_call(&call, "offer", json!({ "sdp": sdp("x") })).await;
    assert_eq!(to_whom.summary(), "422 addressee_missing");
    for peer in [&bob, &carol] {
        let body = json!({ "sdp": sdp("offer"), "to": peer.id.to_string() });
        let _ = alice.in_call(&call, "offer", body).await.expect(200);
    }
    let declined = bob.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!(
        (declined.text("/state"), declined.text("/participants/1/standing")),
        ("initiated".into(), "declined".into())
    );
    let joined = carol.in_call(&call, "answer", json!({ "sdp": sdp("answer"), "to": alice.id.to_string() })).await;
    assert_eq!(joined.text("/state"), "connected");
    let gone = alice.in_call(&call, "offer", json!({ "sdp": sdp("x"), "to": bob.id.to_string() })).await;
    assert_eq!(gone.summary(), "409 left_call");
    let oneself = alice.in_call(&call, "offer", json!({ "sdp": sdp("x"), "to": alice.id.to_string() })).await;
    assert_eq!(oneself.summary(), "422 not_a_peer");
    let left = carol.in_call(&call, "end", json!({})).await;
    assert_eq!(left.text("/state"), "disconnected");
}

#[tokio::test]
async fn in_a_group_everybody_present_hears_who_is_muted() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let (at_alice, at_bob, at_carol) = (alice.connect().await, bob.connect().await, carol.connect().await);
    let call = alice.call(&[&bob, &carol]).await;
    let _ = bob.in_call(&call, "end", json!({})).await.expect(200);
    for socket in [&at_alice, &at_bob, &at_carol] {
        socket.pushes().await;
    }
    let muted = json!({ "call_id": call, "audio": false, "video": true, "screen": false });
    assert_eq!(at_alice.say("call.media", muted.clone()).await["event"], "reply");
    assert_eq!(
        (at_bob.events().await.len(), at_carol.events().await),
        (0, vec!["call.media".to_owned()]),
        "whoever declined hears nothing"
    );
    assert_eq!(at_bob.say("call.media", muted.clone()).await["problem"]["code"], "left_call");
    assert_eq!(at_carol.say("call.media", muted).await["problem"]["code"], "not_joined");
}

#[tokio::test]
async fn a_repeated_initiation_is_one_call() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let at_bob = bob.connect().await;
    let body = json!({ "participants": [bob.id.to_string()], "type": "audio" });
    let path = "/api/webrtc/call/initiate";
    let key = [("idempotency-key", "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"")];
    let first = alice.send(Method::POST, path, &key, Some(body.clone())).await.expect(201);
    let again = alice.send(Method::POST, path, &key, Some(body.clone())).await.expect(201);
    assert_eq!((again.text("/call_id"), again.header("idempotency-replayed")), (first.text("/call_id"), "true"));
    assert_eq!(first.header("location"), format!("/api/webrtc/call/{}", first.text("/call_id")));
    let seqs: Vec<_> = at_bob.pushes().await.iter().map(|push| push["seq"].clone()).collect();
    assert_eq!(seqs, [1, 1], "shown again as long as no device has said that it rings, under the same number");
    at_bob.say("call.ringing", json!({ "call_id": first.text("/call_id") })).await;
    at_bob.pushes().await;
    let _ = alice.send(Method::POST, path, &key, Some(body.clone())).await.expect(201);
    assert_eq!(at_bob.events().await.len(), 0, "and not after that");
    let other = json!({ "participants": [bob.id.to_string()], "type": "video" });
    assert_eq!(alice.send(Method::POST, path, &key, Some(other)).await.summary(), "422 idempotency_mismatch");
    alice.leave(&first.text("/call_id")).await;
    let theirs = bob.send(Method::POST, path, &key, Some(json!({ "participants": [alice.id.to_string()] }))).await;
    assert_eq!(theirs.summary(), "201", "a key is its owner's");
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_changes_nothing() {
    let world = World::anywhere().await;
    let [alice, bob, mallory] = world.people(["Alice", "Bob", "Mallory"]).await;
    let call = alice.call(&[&bob]).await;
    offer(&alice, &call).await;
    let before = show(&alice, &call).await;
    let absent = "call_00000000000070008000000000000bad";
    let at_mallory = mallory.connect().await;
    for what in ["offer", "answer", "end"] {
        let body = if what == "end" { json!({}) } else { json!({ "sdp": sdp("x") }) };
        let (foreign, missing) =
            (mallory.in_call(&call, what, body.clone()).await, mallory.in_call(absent, what, body).await);
        assert_eq!((foreign.summary(), missing.summary()), ("404 call_unknown".into(), "404 call_unknown".into()));
        assert_eq!(foreign.body["detail"], missing.body["detail"]);
    }
    let body = json!({ "candidates": [candidate(1)] });
    assert_eq!(mallory.in_call(&call, "ice-candidate", body).await.summary(), "404 call_unknown");
    assert_eq!(mallory.get(&format!("/api/webrtc/call/{call}")).await.summary(), "404 call_unknown");
    for action in ["call.ringing", "call.candidates", "call.media"] {
        let mut data = json!({ "call_id": call });
        match action {
            "call.candidates" => data["candidates"] = json!([candidate(1)]),
            "call.media" => {
                for kind in ["audio", "video", "screen"] {
                    data[kind] = json!(true);
                }
            }
            _ => {}
        }
        assert_eq!(at_mallory.say(action, data).await["problem"]["code"], "call_unknown", "{action}");
    }
    assert_eq!(show(&alice, &call).await, before);
}

#[tokio::test]
async fn nobody_rings_again_and_again_who_is_not_taken_up() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let again = async || alice.post("/api/webrtc/call/initiate", json!({ "participants": [bob.id.to_string()] })).await;
    for _ in 0..3 {
        alice.call_in_vain(&bob).await;
    }
    let refused = again().await;
    assert_eq!((refused.summary().as_str(), &refused.body["retry"]), ("429 called_in_vain", &json!("later")));
    assert!((500..=600).contains(&refused.body["retry_after"].as_i64().expect("seconds")), "{}", refused.body);
    alice.call_in_vain(&carol).await;
    bob.call_in_vain(&alice).await;
    alice.leave(&again().await.expect(201).text("/call_id")).await;
}

#[tokio::test]
async fn a_history_is_read_page_by_page() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let mut calls = Vec::new();
    for _ in 0..7 {
        let call = alice.talk_to(&bob).await;
        alice.leave(&call).await;
        calls.insert(0, call);
    }
    let ids = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().expect("items");
        items.iter().map(|call| call["call_id"].as_str().expect("an id").to_owned()).collect()
    };
    let (mut seen, mut path) = (Vec::new(), "/api/webrtc/calls/history?limit=3".to_owned());
    loop {
        let page = alice.get(&path).await.expect(200);
        seen.extend(ids(&page.body));
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/webrtc/calls/history?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, calls);
    let skipped = alice.get("/api/webrtc/calls/history?limit=2&offset=3").await.expect(200);
    assert_eq!(ids(&skipped.body), calls[3..5]);
    assert_eq!(skipped.body["pagination"], json!({ "limit": 2, "offset": 3, "has_more": true }));

    let cursor = alice.get("/api/webrtc/calls/history?limit=1").await.text("/next_cursor");
    let foreign = bob.get(&format!("/api/webrtc/calls/history?cursor={cursor}")).await;
    assert_eq!(foreign.summary(), "422 cursor_invalid");
    for (query, pointer) in [
        ("limit=0", "?limit"),
        ("limit=101", "?limit"),
        ("limit=-1", "?limit"),
        ("limit=x", "?limit"),
        ("offset=501", "?offset"),
        ("page=2", "?page"),
    ] {
        let refused = alice.get(&format!("/api/webrtc/calls/history?{query}")).await;
        assert_eq!((refused.summary().as_str(), refused.pointers()), ("422 invalid_fields", vec![pointer]), "{query}");
    }
}

#[tokio::test]
async fn candidates_that_wait_are_bounded() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let call = alice.call(&[&bob]).await;
    let batch =
        |from: usize, count: usize| json!({ "candidates": (from..from + count).map(candidate).collect::<Vec<_>>() });
    for n in 0..4 {
        let _ = alice.in_call(&call, "ice-candidate", batch(n * 32, 32)).await.expect(200);
    }
    assert_eq!(alice.in_call(&call, "ice-candidate", batch(500, 1)).await.summary(), "409 too_many_candidates");
    assert_eq!(alice.in_call(&call, "ice-candidate", batch(0, 33)).await.summary(), "422 invalid_fields");
    let single = alice.in_call(&call, "ice-candidate", candidate(3)).await;
    assert_eq!(single.summary(), "200", "the fields of a single candidate, as the predecessor's clients send it");
    let both = json!({ "candidate": testkit::candidate(1), "candidates": [candidate(1)] });
    assert_eq!(alice.in_call(&call, "ice-candidate", both).await.summary(), "422 invalid_fields");
}

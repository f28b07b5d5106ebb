//! People who call each other.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{Person, World, sdp};

async fn offer(person: &Person, call: &str) -> String {
    person.in_call(call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200).text("/offer_id")
}

async fn answer(person: &Person, call: &str) {
    let _ = person.in_call(call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
}

async fn show(person: &Person, call: &str) -> Value {
    person.get(&format!("/api/webrtc/call/{call}")).await.expect(200).body
}

fn candidate(n: usize) -> Value {
    json!({ "candidate": format!("candidate:{n} 1 udp 2113937151 host.local 5000{n} typ host"), "sdpMid": "0", "sdpMLineIndex": 0 })
}

#[tokio::test]
async fn a_call_rings_connects_and_ends_with_the_servers_duration() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let (at_alice, at_bob) = (alice.connect().await, bob.connect().await);

    let call = alice.call(&[&bob]).await;
    let invited = at_bob.pushes();
    assert_eq!(invited.len(), 1);
    assert_eq!(invited[0]["event"], "call.invited");
    assert_eq!((&invited[0]["channel"], &invited[0]["seq"]), (&json!("inbox"), &json!(1)));
    assert_eq!(invited[0]["data"]["call"]["participants"][0]["name"], "Alice");
    assert_eq!(show(&alice, &call).await["state"], "initiated");

    let rang = at_bob.say("call.ringing", json!({ "call_id": call })).await;
    assert_eq!(rang["data"], json!({ "call_id": call, "state": "ringing" }));
    assert_eq!(at_alice.pushes()[0]["data"]["call"]["state"], "ringing");
    at_bob.pushes();

    let offer_id = offer(&alice, &call).await;
    let offered = at_bob.pushes();
    assert_eq!((&offered[0]["event"], &offered[0]["data"]["sdp"]), (&json!("call.offer"), &json!(sdp("offer"))));
    let answered =
        bob.in_call(&call, "answer", json!({ "sdp": sdp("answer"), "offer_id": offer_id })).await.expect(200);
    assert_eq!(answered.body, json!({ "call_id": call, "offer_id": offer_id, "state": "connected" }));
    assert_eq!(at_alice.events(), ["call.answer", "call.changed"]);
    at_bob.pushes();

    let sent =
        at_alice.say("call.candidates", json!({ "call_id": call, "candidates": [candidate(1), candidate(2)] })).await;
    assert_eq!(sent["data"]["delivered"], true);
    let got = at_bob.pushes();
    assert_eq!(got[0]["data"]["candidates"].as_array().map(Vec::len), Some(2));
    assert_eq!(got[0]["data"]["candidates"][0]["sdpMLineIndex"], 0, "the browser's own spelling");
    at_bob.say("call.media", json!({ "call_id": call, "audio": true, "video": false, "screen": false })).await;
    assert_eq!(at_alice.pushes()[0]["data"]["video"], false);

    world.clock.advance(SignedDuration::from_secs(65));
    let ended = bob.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!((ended.text("/state"), ended.text("/reason")), ("disconnected".into(), "hung_up".into()));
    assert_eq!(ended.body["duration"], 65);
    assert_eq!((at_alice.events(), at_bob.events()), (vec!["call.ended".to_owned()], vec!["call.ended".to_owned()]));
    world.clock.advance(SignedDuration::from_secs(65));
    let again = alice.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!(again.body, ended.body, "ending an ended call changes nothing");
    for person in [&alice, &bob] {
        let history = person.get("/api/webrtc/calls/history").await.expect(200);
        assert_eq!(history.body["items"], json!([ended.body]));
        assert_eq!(person.get("/api/webrtc/calls/active").await.body["items"], json!([]));
    }
    assert_eq!(show(&alice, &call).await["signals"], json!({ "descriptions": [], "candidates": [] }));
}

#[tokio::test]
async fn the_first_device_that_answers_takes_the_call() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let laptop = bob.another_device().await;
    let (at_phone, at_laptop) = (bob.connect().await, laptop.connect().await);
    let call = alice.call(&[&bob]).await;
    assert_eq!(
        (at_phone.events(), at_laptop.events()),
        (vec!["call.invited".to_owned()], vec!["call.invited".to_owned()])
    );
    offer(&alice, &call).await;
    answer(&bob, &call).await;
    let told = at_laptop.pushes();
    let changed = told.iter().find(|push| push["event"] == "call.changed").expect("the other device is told");
    let device = &changed["data"]["call"]["participants"][1]["device_id"];
    assert!(device.is_string(), "{device}");
    let late = laptop.in_call(&call, "answer", json!({ "sdp": sdp("late") })).await;
    assert_eq!(late.summary(), "409 answered_elsewhere");
    let late = laptop.in_call(&call, "offer", json!({ "sdp": sdp("late") })).await;
    assert_eq!(late.summary(), "409 answered_elsewhere");
    let same_device_again = bob.in_call(&call, "answer", json!({ "sdp": sdp("answer") })).await;
    assert_eq!(same_device_again.summary(), "200", "a repeat after a lost answer is the same answer");
}

#[tokio::test]
async fn two_devices_that_answer_at_once_end_with_one_winner() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let devices = [bob.clone(), bob.another_device().await, bob.another_device().await];
    let call = alice.call(&[&bob]).await;
    offer(&alice, &call).await;
    let answers = devices.map(|device| {
        let call = call.clone();
        tokio::spawn(async move {
            device.in_call(&call, "answer", json!({ "sdp": sdp(&device.access_token) })).await.summary()
        })
    });
    let mut summaries = Vec::new();
    for answer in answers {
        summaries.push(answer.await.expect("no panic"));
    }
    summaries.sort();
    assert_eq!(summaries, ["200", "409 answered_elsewhere", "409 answered_elsewhere"]);
}

#[tokio::test]
async fn a_declined_a_cancelled_and_two_missed_calls_say_what_they_were() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let declined = alice.call(&[&bob]).await;
    let reply = bob.in_call(&declined, "end", json!({})).await;
    assert_eq!((reply.text("/state"), reply.text("/reason")), ("failed".into(), "declined".into()));
    let cancelled = alice.call(&[&bob]).await;
    assert_eq!(alice.in_call(&cancelled, "end", json!({})).await.text("/reason"), "cancelled");
    let unreachable = alice.call(&[&bob]).await;
    let unanswered = alice.call(&[&bob]).await;
    assert_eq!(show(&bob, &unanswered).await["state"], "ringing", "a callee's device that asks has the invitation");
    world.clock.advance(SignedDuration::from_secs(89));
    assert_eq!(show(&alice, &unreachable).await["state"], "initiated");
    world.clock.advance(SignedDuration::from_secs(500));
    let late = bob.in_call(&unanswered, "answer", json!({ "sdp": sdp("late") })).await;
    assert_eq!(late.summary(), "409 call_over");
    let history = alice.get("/api/webrtc/calls/history").await.expect(200).body;
    let reasons: Vec<_> =
        history["items"].as_array().expect("items").iter().map(|call| call["reason"].clone()).collect();
    assert_eq!(json!(reasons), json!(["no_answer", "unreachable", "cancelled", "declined"]));
    assert_eq!(history["items"][0]["participants"][1]["standing"], "missed");
    assert_eq!(show(&alice, &unreachable).await["reason"], "unreachable");
}

#[tokio::test]
async fn somebody_who_was_offline_finds_the_offer_and_the_candidates_and_picks_up() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let call = alice.call(&[&bob]).await;
    let offer_id = offer(&alice, &call).await;
    for n in [1, 2, 2] {
        let body = json!({ "candidates": [candidate(n)], "offer_id": offer_id });
        let kept = alice.in_call(&call, "ice-candidate", body).await.expect(200);
        assert_eq!(kept.body["delivered"], false);
    }
    let active = bob.get("/api/webrtc/calls/active").await.expect(200);
    assert_eq!(active.text("/items/0/call_id"), call);
    let at_bob = bob.connect().await;
    let resumed = at_bob.say("resume", json!({})).await;
    assert_eq!(resumed["data"]["channels"]["inbox"]["result"], "lost", "somebody who knows nothing reads the state");
    assert_eq!(resumed["data"]["heads"]["inbox"]["seq"], 1);
    let found = show(&bob, &call).await;
    assert_eq!(found["state"], "ringing");
    assert_eq!(found["signals"]["descriptions"][0]["sdp"], sdp("offer"));
    assert_eq!(
        found["signals"]["candidates"][0]["candidates"].as_array().map(Vec::len),
        Some(2),
        "a repeat is kept once"
    );
    answer(&bob, &call).await;
    let found = show(&alice, &call).await;
    assert_eq!(found["signals"]["descriptions"][0]["type"], "answer");
    assert_eq!(found["state"], "connected");
}

#[tokio::test]
async fn when_both_offer_at_once_the_callers_offer_stands() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let call = alice.call(&[&bob]).await;
    assert_eq!(bob.in_call(&call, "offer", json!({ "sdp": sdp("x") })).await.summary(), "409 not_joined");
    let first = offer(&alice, &call).await;
    answer(&bob, &call).await;
    // Renegotiation, from both sides at once.
    let theirs = offer(&bob, &call).await;
    let ours = offer(&alice, &call).await;
    let polite = bob.in_call(&call, "offer", json!({ "sdp": sdp("again") })).await;
    assert_eq!(polite.summary(), "409 offer_pending");
    let stale = alice.in_call(&call, "answer", json!({ "sdp": sdp("x"), "offer_id": theirs })).await;
    assert_eq!(stale.summary(), "409 stale_offer");
    let stale = bob.in_call(&call, "answer", json!({ "sdp": sdp("x"), "offer_id": first })).await;
    assert_eq!(stale.summary(), "409 stale_offer");
    let agreed = bob.in_call(&call, "answer", json!({ "sdp": sdp("x"), "offer_id": ours })).await;
    assert_eq!(agreed.summary(), "200");
    let twice = bob.in_call(&call, "answer", json!({ "sdp": sdp("y"), "offer_id": ours })).await;
    assert_eq!(twice.summary(), "409 offer_answered");
    let nothing_pending = alice.in_call(&call, "answer", json!({ "sdp": sdp("x") })).await;
    assert_eq!(nothing_pending.summary(), "409 offer_answered");
}

#[tokio::test]
async fn whom_one_can_call_is_said_by_name() {
    let world = World::new().await;
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
    let world = World::new().await;
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
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let (at_alice, at_bob, at_carol) = (alice.connect().await, bob.connect().await, carol.connect().await);
    let call = alice.call(&[&bob, &carol]).await;
    let _ = bob.in_call(&call, "end", json!({})).await.expect(200);
    for socket in [&at_alice, &at_bob, &at_carol] {
        socket.pushes();
    }
    let muted = json!({ "call_id": call, "audio": false, "video": true, "screen": false });
    assert_eq!(at_alice.say("call.media", muted.clone()).await["event"], "reply");
    assert_eq!(
        (at_bob.events().len(), at_carol.events()),
        (0, vec!["call.media".to_owned()]),
        "whoever declined hears nothing"
    );
    assert_eq!(at_bob.say("call.media", muted.clone()).await["problem"]["code"], "left_call");
    assert_eq!(at_carol.say("call.media", muted).await["problem"]["code"], "not_joined");
}

#[tokio::test]
async fn a_call_connects_and_ends_the_same_when_every_push_is_lost() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let (at_alice, at_bob) = (alice.connect().await, bob.connect().await);
    let start = at_bob.say("ping", json!({})).await["data"]["heads"].clone();
    world.mailbox.swallow();
    let call = alice.call(&[&bob]).await;
    offer(&alice, &call).await;
    let missed = at_bob.say("resume", json!({ "cursors": start })).await["data"]["channels"]["inbox"].clone();
    assert_eq!((&missed["result"], &missed["items"][0]["call_id"]), (&json!("full"), &json!(call)));
    assert_eq!(show(&bob, &call).await["signals"]["descriptions"][0]["type"], "offer");
    answer(&bob, &call).await;
    assert_eq!(show(&alice, &call).await["signals"]["descriptions"][0]["type"], "answer");
    let _ = bob.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!(show(&alice, &call).await["reason"], "hung_up");
    assert_eq!((at_alice.events().len(), at_bob.events().len()), (0, 0));
}

#[tokio::test]
async fn a_repeated_initiation_is_one_call() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let at_bob = bob.connect().await;
    let body = json!({ "participants": [bob.id.to_string()], "type": "audio" });
    let path = "/api/webrtc/call/initiate";
    let key = [("idempotency-key", "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"")];
    let first = alice.send(Method::POST, path, &key, Some(body.clone())).await.expect(201);
    let again = alice.send(Method::POST, path, &key, Some(body.clone())).await.expect(201);
    assert_eq!((again.text("/call_id"), again.header("idempotency-replayed")), (first.text("/call_id"), "true"));
    assert_eq!(first.header("location"), format!("/api/webrtc/call/{}", first.text("/call_id")));
    let seqs: Vec<_> = at_bob.pushes().iter().map(|push| push["seq"].clone()).collect();
    assert_eq!(seqs, [1, 1], "shown again as long as no device has said that it rings, under the same number");
    at_bob.say("call.ringing", json!({ "call_id": first.text("/call_id") })).await;
    at_bob.pushes();
    let _ = alice.send(Method::POST, path, &key, Some(body.clone())).await.expect(201);
    assert_eq!(at_bob.events().len(), 0, "and not after that");
    let other = json!({ "participants": [bob.id.to_string()], "type": "video" });
    assert_eq!(alice.send(Method::POST, path, &key, Some(other)).await.summary(), "422 idempotency_mismatch");
    let theirs = bob.send(Method::POST, path, &key, Some(json!({ "participants": [alice.id.to_string()] }))).await;
    assert_eq!(theirs.summary(), "201", "a key is its owner's");
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_changes_nothing() {
    let world = World::new().await;
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
async fn a_history_is_read_page_by_page() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let mut calls = Vec::new();
    for _ in 0..7 {
        let call = alice.call(&[&bob]).await;
        let _ = alice.in_call(&call, "end", json!({})).await.expect(200);
        calls.insert(0, call);
        world.clock.advance(SignedDuration::from_millis(1));
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
async fn a_call_nobody_ends_is_over_after_twelve_hours() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let call = alice.call(&[&bob]).await;
    offer(&alice, &call).await;
    answer(&bob, &call).await;
    world.clock.advance(SignedDuration::from_secs(540));
    let alice = alice.another_device().await;
    assert_eq!(alice.get("/api/webrtc/calls/active").await.body["items"].as_array().map(Vec::len), Some(1));
    world.clock.advance(SignedDuration::from_hours(13));
    let alice = alice.another_device().await;
    assert_eq!(alice.get("/api/webrtc/calls/active").await.body["items"], json!([]));
    let over = show(&alice, &call).await;
    assert_eq!((&over["reason"], &over["duration"]), (&json!("expired"), &json!(12 * 3600)));
}

#[tokio::test]
async fn candidates_that_wait_are_bounded() {
    let world = World::new().await;
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
    let both = json!({ "candidate": "candidate:1", "candidates": [candidate(1)] });
    assert_eq!(alice.in_call(&call, "ice-candidate", both).await.summary(), "422 invalid_fields");
}

//! People who call each other.

use serde_json::json;
use testkit::{World, sdp};

use crate::journeys::steps::{answer, candidate, offer, show};

#[tokio::test]
async fn a_call_rings_connects_and_ends_and_everybody_is_told() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let (at_alice, at_bob) = (alice.connect().await, bob.connect().await);

    let call = alice.call(&[&bob]).await;
    let invited = at_bob.pushes().await;
    assert_eq!(invited.len(), 1);
    assert_eq!(invited[0]["event"], "call.invited");
    assert_eq!((&invited[0]["channel"], &invited[0]["seq"]), (&json!("inbox"), &json!(1)));
    assert_eq!(invited[0]["data"]["call"]["participants"][0]["name"], "Alice");
    assert_eq!(show(&alice, &call).await["state"], "initiated");

    let rang = at_bob.say("call.ringing", json!({ "call_id": call })).await;
    assert_eq!(rang["data"], json!({ "call_id": call, "state": "ringing" }));
    assert_eq!(at_alice.pushes().await[0]["data"]["call"]["state"], "ringing");
    at_bob.pushes().await;

    let offer_id = offer(&alice, &call).await;
    let offered = at_bob.pushes().await;
    assert_eq!((&offered[0]["event"], &offered[0]["data"]["sdp"]), (&json!("call.offer"), &json!(sdp("offer"))));
    let answered =
        bob.in_call(&call, "answer", json!({ "sdp": sdp("answer"), "offer_id": offer_id })).await.expect(200);
    assert_eq!(
        answered.body,
        json!({ "call_id": call, "offer_id": offer_id, "epoch": 0, "generation": 1, "state": "connected" })
    );
    assert_eq!(at_alice.events().await, ["call.answer", "call.changed"]);
    at_bob.pushes().await;

    let sent =
        at_alice.say("call.candidates", json!({ "call_id": call, "candidates": [candidate(1), candidate(2)] })).await;
    assert_eq!(sent["data"]["delivered"], true);
    let got = at_bob.pushes().await;
    assert_eq!(got[0]["data"]["candidates"].as_array().map(Vec::len), Some(2));
    assert_eq!(got[0]["data"]["candidates"][0]["sdpMLineIndex"], 0, "the browser's own spelling");
    at_bob.say("call.media", json!({ "call_id": call, "audio": true, "video": false, "screen": false })).await;
    assert_eq!(at_alice.pushes().await[0]["data"]["video"], false);

    let ended = bob.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!((ended.text("/state"), ended.text("/reason")), ("disconnected".into(), "hung_up".into()));
    let duration = ended.body["duration"].as_u64().expect("whole seconds");
    assert!(duration < 60, "no journey takes {duration} s");
    assert_eq!(
        (at_alice.events().await, at_bob.events().await),
        (vec!["call.ended".to_owned()], vec!["call.ended".to_owned()])
    );
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
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let laptop = bob.another_device().await;
    let (at_phone, at_laptop) = (bob.connect().await, laptop.connect().await);
    let call = alice.call(&[&bob]).await;
    assert_eq!(
        (at_phone.events().await, at_laptop.events().await),
        (vec!["call.invited".to_owned()], vec!["call.invited".to_owned()])
    );
    offer(&alice, &call).await;
    answer(&bob, &call).await;
    let told = at_laptop.pushes().await;
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
    let world = World::anywhere().await;
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
async fn a_declined_and_a_cancelled_call_say_what_they_were() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let declined = alice.call(&[&bob]).await;
    let reply = bob.in_call(&declined, "end", json!({})).await;
    assert_eq!((reply.text("/state"), reply.text("/reason")), ("failed".into(), "declined".into()));
    let cancelled = alice.call(&[&bob]).await;
    assert_eq!(alice.in_call(&cancelled, "end", json!({})).await.text("/reason"), "cancelled");
    let waiting = alice.call(&[&bob]).await;
    assert_eq!(show(&bob, &waiting).await["state"], "ringing", "a callee's device that asks has the invitation");
    let late = bob.in_call(&cancelled, "answer", json!({ "sdp": sdp("late") })).await;
    assert_eq!(late.summary(), "409 call_over");
    let history = alice.get("/api/webrtc/calls/history").await.expect(200).body;
    let reasons: Vec<_> =
        history["items"].as_array().expect("items").iter().map(|call| call["reason"].clone()).collect();
    assert_eq!(json!(reasons), json!(["cancelled", "declined"]));
}

#[tokio::test]
async fn somebody_who_was_offline_finds_the_offer_and_the_candidates_and_picks_up() {
    let world = World::anywhere().await;
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
    at_bob.close().await;
    let newer = offer(&alice, &call).await;
    let at_alice = alice.connect().await;
    for (n, of) in [(3, &newer), (1, &offer_id)] {
        let data = json!({ "call_id": call, "candidates": [candidate(n)], "offer_id": of });
        let kept = at_alice.say("call.candidates", data).await;
        assert_eq!(kept["data"]["delivered"], false);
    }
    let waits = show(&bob, &call).await["signals"]["candidates"].clone();
    assert_eq!(waits[0]["candidates"], json!([candidate(3)]), "a late batch of an older offer is dropped");
    answer(&bob, &call).await;
    let found = show(&alice, &call).await;
    assert_eq!(found["signals"]["descriptions"][0]["type"], "answer");
    assert_eq!(found["state"], "connected");
}

#[tokio::test]
async fn when_both_offer_at_once_the_callers_offer_stands() {
    let world = World::anywhere().await;
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

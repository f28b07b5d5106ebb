//! Calls that time passes over, and pushes that get lost. The others are in `anywhere/`.

use jiff::SignedDuration;
use serde_json::json;
use testkit::{Person, World, sdp};

use super::steps::{answer, offer, show};

#[tokio::test]
async fn a_calls_duration_is_the_servers() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let call = alice.call(&[&bob]).await;
    offer(&alice, &call).await;
    world.clock.advance(SignedDuration::from_secs(20));
    answer(&bob, &call).await;
    world.remain(&call, SignedDuration::from_secs(65)).await;
    let ended = bob.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!(ended.body["duration"], 65, "from the answer on");
    world.clock.advance(SignedDuration::from_secs(65));
    assert_eq!(alice.in_call(&call, "end", json!({})).await.expect(200).body, ended.body, "and it stays so");
}

#[tokio::test]
async fn two_missed_calls_say_what_they_were() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let carol = Person::arrive(&world, "Carol").await;
    let (unreachable, unanswered) = (alice.call(&[&carol]).await, alice.call(&[&bob]).await);
    assert_eq!(show(&bob, &unanswered).await["state"], "ringing", "a callee's device that asks has the invitation");
    world.remain(&unreachable, SignedDuration::from_secs(40)).await;
    world.remain(&unanswered, SignedDuration::from_secs(49)).await;
    world.remain(&unreachable, SignedDuration::ZERO).await;
    assert_eq!(show(&alice, &unreachable).await["state"], "initiated");
    world.clock.advance(SignedDuration::from_secs(500));
    let late = bob.in_call(&unanswered, "answer", json!({ "sdp": sdp("late") })).await;
    assert_eq!(late.summary(), "409 call_over");
    let history = alice.get("/api/webrtc/calls/history").await.expect(200).body;
    let reasons: Vec<_> =
        history["items"].as_array().expect("items").iter().map(|call| call["reason"].clone()).collect();
    assert_eq!(json!(reasons), json!(["no_answer", "unreachable"]));
    assert_eq!(history["items"][0]["participants"][1]["standing"], "missed");
    assert_eq!(show(&alice, &unreachable).await["reason"], "unreachable");
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
async fn a_call_of_the_free_plan_is_over_after_an_hour_and_everybody_is_told_before() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let call = alice.call(&[&bob]).await;
    offer(&alice, &call).await;
    answer(&bob, &call).await;
    world.remain(&call, SignedDuration::from_secs(54 * 60 + 50)).await;
    let (alice, bob) = (alice.another_device().await, bob.another_device().await);
    let at_bob = bob.connect().await;
    assert_eq!(alice.get("/api/webrtc/calls/active").await.body["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(at_bob.events().len(), 0);
    world.clock.advance(SignedDuration::from_secs(10));
    let ending = json!({ "generation": alice.generation(&call).await });
    let beat = alice.in_call(&call, "heartbeat", ending).await.expect(200);
    let told = at_bob.pushes();
    assert_eq!(told.iter().map(|push| &push["event"]).collect::<Vec<_>>(), ["call.ending"], "once");
    assert_eq!(told[0]["data"]["call"]["ends_at"], beat.body["ends_at"]);
    world.remain(&call, SignedDuration::from_secs(299)).await;
    assert_eq!(show(&alice, &call).await["state"], "connected");
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(alice.get("/api/webrtc/calls/active").await.body["items"], json!([]));
    let over = show(&alice, &call).await;
    assert_eq!((&over["reason"], &over["duration"]), (&json!("time_limit"), &json!(3600)));
    assert_eq!(at_bob.events(), ["call.ended"]);
}

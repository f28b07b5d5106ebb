//! Connections that open, are spoken on, and come back.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::anywhere::Socket;
use testkit::{Anywhere, Person, Place as _, World};

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

async fn online(from: &Socket, who: &Person<Anywhere>) -> bool {
    let reply = from.say("presence.get", json!({ "people": [who.id.to_string()] })).await;
    assert_eq!(reply["data"]["people"][0]["user_id"], who.id.to_string());
    reply["data"]["people"][0]["online"] == true
}

/// Refused for what the dialler brought. Which of the two statuses the dialler sees is the gateway's choice; which one the
/// function answers is asked in `journeys/sockets.rs`.
fn refused<T>(dialled: &Result<T, u16>) -> bool {
    matches!(dialled, Err(401 | 403))
}

/// API Gateway tells of a goodbye after the one who said it has gone on.
async fn goes_offline(from: &Socket, who: &Person<Anywhere>) -> bool {
    for _ in 0..50 {
        if !online(from, who).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}

#[tokio::test]
async fn a_ticket_opens_one_connection_from_an_allowed_page() {
    let world = World::anywhere().await;
    let [alice] = world.people(["Alice"]).await;
    let ours = Some(world.origin());
    let ticket = alice.ticket().await;
    let evil = format!("https://evil/{}", world.origin());
    for origin in ["https://app.example.evil", "http://app.example", "https://app.example:444", "null", &evil] {
        assert!(refused(&world.open(Some(&ticket), Some(origin)).await), "{origin}");
    }
    for none in [None, Some("x"), Some(alice.access_token.as_str())] {
        assert!(refused(&world.open(none, ours).await), "{none:?} is no ticket");
    }
    assert!(world.open(Some(&ticket), None).await.is_ok(), "a program that is no browser has no origin");
    assert!(refused(&world.open(Some(&ticket), None).await), "used");
}

#[tokio::test]
async fn of_many_that_use_one_ticket_at_once_one_gets_in() {
    let world = World::anywhere().await;
    let [alice] = world.people(["Alice"]).await;
    let ticket = alice.ticket().await;
    let dials: Vec<_> = (0..50)
        .map(|_| {
            let (world, ticket) = (world.clone(), ticket.clone());
            tokio::spawn(async move { world.open(Some(&ticket), None).await })
        })
        .collect();
    let mut opened = Vec::new();
    for dial in dials {
        match dial.await.expect("no panic") {
            Ok(socket) => opened.push(socket),
            other => assert!(refused(&other)),
        }
    }
    assert_eq!(opened.len(), 1);
}

#[tokio::test]
async fn closing_does_not_give_the_ticket_back() {
    let world = World::anywhere().await;
    let [alice] = world.people(["Alice"]).await;
    let ticket = alice.ticket().await;
    world.open(Some(&ticket), None).await.expect("a fresh ticket").close().await;
    assert!(refused(&world.open(Some(&ticket), None).await));
}

#[tokio::test]
async fn presence_follows_who_comes_and_goes() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let at_alice = alice.connect().await;
    assert!(!online(&at_alice, &bob).await);
    let (phone, laptop) = (bob.connect().await, bob.connect().await);
    assert!(online(&at_alice, &bob).await);
    phone.close().await;
    assert!(online(&at_alice, &bob).await, "one of two devices is still there");
    laptop.close().await;
    assert!(goes_offline(&at_alice, &bob).await);
    let too_many: Vec<String> = std::iter::repeat_n(bob.id.to_string(), 21).collect();
    assert_eq!(at_alice.say("presence.get", json!({ "people": too_many })).await["problem"]["code"], "invalid_fields");
}

#[tokio::test]
async fn resume_gives_what_was_missed_or_says_that_it_cannot() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let socket = bob.connect().await;
    let start = socket.say("ping", json!({})).await["data"]["heads"]["inbox"].clone();
    assert_eq!(start["seq"], 0);
    socket.close().await;
    let mut calls = Vec::new();
    for _ in 0..3 {
        let call = alice.talk_to(&bob).await;
        alice.leave(&call).await;
        calls.push(call);
    }
    let socket = bob.connect().await;
    let resume = async |cursors: Value| {
        socket.say("resume", json!({ "cursors": cursors })).await["data"]["channels"]["inbox"].clone()
    };
    let missed = resume(json!({ "inbox": start })).await;
    assert_eq!(missed["result"], "full");
    let items = missed["items"].as_array().expect("items");
    assert_eq!(items.iter().map(|item| item["seq"].clone()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((&items[2]["fact"], &items[2]["call_id"]), (&json!("call_invited"), &json!(calls[2])));
    assert_eq!(resume(json!({ "inbox": start })).await, missed, "twice in a row");
    let newest = json!({ "epoch": start["epoch"], "seq": 3 });
    assert_eq!(resume(json!({ "inbox": newest })).await, json!({ "result": "full", "items": [] }));
    for _ in 0..8 {
        let call = alice.talk_to(&bob).await;
        alice.leave(&call).await;
    }
    let partial = resume(json!({ "inbox": start })).await;
    assert_eq!((&partial["result"], &partial["items"][0]["seq"]), (&json!("partial"), &json!(4)));
    let other_epoch = json!({ "epoch": "epo_00000000000070008000000000000bad", "seq": 3 });
    assert_eq!(resume(json!({ "inbox": other_epoch })).await["result"], "lost");
    assert_eq!(resume(json!({ "inbox": { "epoch": start["epoch"], "seq": 99 } })).await["result"], "lost");
    assert_eq!(resume(json!({})).await["result"], "lost");
}

#[tokio::test]
async fn a_rollover_is_announced_before_the_two_hours_are_over() {
    let world = World::anywhere().await;
    let [alice] = world.people(["Alice"]).await;
    let socket = alice.connect().await;
    let pong = socket.say("ping", json!({})).await["data"].clone();
    let time = |value: &Value| value.as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
    let left = time(&pong["rollover_at"]).duration_since(time(&pong["at"]));
    assert!((seconds(104 * 60)..seconds(115 * 60)).contains(&left), "{left:?}");
}

#[tokio::test]
async fn frames_that_are_none_of_ours_are_refused_by_name() {
    let world = World::anywhere().await;
    let [alice] = world.people(["Alice"]).await;
    let socket = alice.connect().await;
    for (text, code) in [
        ("fly", "frame_malformed"),
        ("[]", "frame_malformed"),
        ("{\"action\":7}", "frame_malformed"),
        ("{\"action\":\"fly\",\"id\":\"1\"}", "action_unknown"),
        ("{\"action\":\"ping\",\"data\":{\"extra\":1}}", "invalid_fields"),
        ("{\"action\":\"call.ringing\",\"data\":{\"call_id\":\"usr_1\"}}", "invalid_fields"),
        ("{\"action\":\"resume\",\"data\":{\"cursors\":{\"inbox\":{\"epoch\":\"x\",\"seq\":-1}}}}", "invalid_fields"),
        (&format!("{{\"action\":\"ping\",\"data\":{}}}", "[".repeat(2_000)), "frame_malformed"),
    ] {
        let refused = socket.say_text(text).await;
        assert_eq!((&refused["event"], &refused["problem"]["code"]), (&json!("error"), &json!(code)), "{text:.60}");
        assert!(refused["problem"]["remedy"].is_string());
    }
    assert_eq!(socket.say("ping", json!({})).await["event"], "reply", "and it stays open");
}

//! Connections that open, go silent, vanish and come back.

use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::world::ORIGIN;
use testkit::{Person, Socket, World};

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

async fn online(from: &Socket, who: &Person) -> bool {
    let reply = from.say("presence.get", json!({ "people": [who.id.to_string()] })).await;
    assert_eq!(reply["data"]["people"][0]["user_id"], who.id.to_string());
    reply["data"]["people"][0]["online"] == true
}

#[tokio::test]
async fn a_ticket_opens_one_connection_within_thirty_seconds_from_an_allowed_page() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let dial = async |ticket: Option<String>, origin: Option<&str>| Socket::open(&world, ticket, origin).await.0;

    let ticket = alice.ticket().await;
    for origin in [
        "https://app.example.evil",
        "http://app.example",
        "https://app.example:444",
        "null",
        "https://evil/https://app.example",
    ] {
        assert_eq!(dial(Some(ticket.clone()), Some(origin)).await, 403, "{origin}");
    }
    assert_eq!(dial(None, Some(ORIGIN)).await, 401);
    assert_eq!(dial(Some("x".into()), Some(ORIGIN)).await, 401);
    assert_eq!(dial(Some(alice.access_token.clone()), Some(ORIGIN)).await, 401, "an access token is no ticket");
    assert_eq!(dial(Some(ticket.clone()), None).await, 200, "a program that is no browser has no origin");
    assert_eq!(dial(Some(ticket), None).await, 401, "used");
    let old = alice.ticket().await;
    world.clock.advance(seconds(30));
    assert_eq!(dial(Some(old), Some(ORIGIN)).await, 401, "too old");
}

#[tokio::test]
async fn of_many_that_use_one_ticket_at_once_one_gets_in() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let ticket = alice.ticket().await;
    let dials: Vec<_> = (0..50)
        .map(|_| {
            let (world, ticket) = (world.clone(), ticket.clone());
            tokio::spawn(async move { Socket::open(&world, Some(ticket), None).await.0 })
        })
        .collect();
    let mut opened = 0;
    for dial in dials {
        opened += usize::from(dial.await.expect("no panic") == 200);
    }
    assert_eq!(opened, 1);
}

#[tokio::test]
async fn closing_does_not_give_the_ticket_back() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let ticket = alice.ticket().await;
    let (_, socket) = Socket::open(&world, Some(ticket.clone()), None).await;
    socket.close().await;
    assert_eq!(Socket::open(&world, Some(ticket), None).await.0, 401);
}

#[tokio::test]
async fn presence_follows_the_leases() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let at_alice = alice.connect().await;
    assert!(!online(&at_alice, &bob).await);
    let (phone, laptop) = (bob.connect().await, bob.connect().await);
    assert!(online(&at_alice, &bob).await);
    phone.close().await;
    assert!(online(&at_alice, &bob).await, "one of two devices is still there");
    laptop.close().await;
    assert!(!online(&at_alice, &bob).await);

    // Nobody said goodbye: the lease ends by the clock, unless it is renewed.
    let silent = bob.connect().await;
    world.clock.advance(seconds(400));
    assert_eq!(silent.say("ping", json!({})).await["event"], "reply");
    assert_eq!(at_alice.say("ping", json!({})).await["event"], "reply");
    world.clock.advance(seconds(400));
    assert!(online(&at_alice, &bob).await, "renewed");
    at_alice.say("ping", json!({})).await;
    world.clock.advance(seconds(400));
    assert!(!online(&at_alice, &bob).await, "silent for too long");
    assert_eq!(silent.say("ping", json!({})).await["problem"]["code"], "connection_unknown");
    let too_many: Vec<String> = std::iter::repeat_n(bob.id.to_string(), 21).collect();
    assert_eq!(at_alice.say("presence.get", json!({ "people": too_many })).await["problem"]["code"], "invalid_fields");
}

#[tokio::test]
async fn a_post_that_finds_nobody_removes_that_connection_only() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let (gone, there) = (bob.connect().await, bob.connect().await);
    gone.vanish();
    let before = world.mailbox.posts();
    alice.call(&[&bob]).await;
    assert_eq!(world.mailbox.posts() - before, 2, "one post per connection");
    assert_eq!(there.events(), ["call.invited"]);
    alice.call(&[&bob]).await;
    assert_eq!(world.mailbox.posts() - before, 3, "the gone one is forgotten");
    // Its goodbye comes late and removes nothing else.
    gone.close().await;
    alice.call(&[&bob]).await;
    assert_eq!(there.events(), ["call.invited", "call.invited"]);
}

#[tokio::test]
async fn resume_gives_what_was_missed_or_says_that_it_cannot() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let socket = bob.connect().await;
    let start = socket.say("ping", json!({})).await["data"]["heads"]["inbox"].clone();
    assert_eq!(start["seq"], 0);
    socket.close().await;
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(alice.call(&[&bob]).await);
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
        alice.call(&[&bob]).await;
    }
    let partial = resume(json!({ "inbox": start })).await;
    assert_eq!((&partial["result"], &partial["items"][0]["seq"]), (&json!("partial"), &json!(4)));
    let other_epoch = json!({ "epoch": "epo_00000000000070008000000000000bad", "seq": 3 });
    assert_eq!(resume(json!({ "inbox": other_epoch })).await["result"], "lost");
    assert_eq!(resume(json!({ "inbox": { "epoch": start["epoch"], "seq": 99 } })).await["result"], "lost");
    assert_eq!(resume(json!({})).await["result"], "lost");
}

#[tokio::test]
async fn the_oldest_of_too_many_sockets_is_closed() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let mut sockets = Vec::new();
    for _ in 0..12 {
        sockets.push(bob.connect().await);
        world.clock.advance(seconds(1));
    }
    for oldest in &sockets[..2] {
        assert_eq!(oldest.pushes()[0]["data"], json!({ "reason": "too_many_connections" }));
        assert!(world.mailbox.is_closed(&oldest.connection));
        assert_eq!(oldest.say("ping", json!({})).await["problem"]["code"], "connection_unknown");
    }
    alice.call(&[&bob]).await;
    assert!(sockets[2..].iter().all(|socket| socket.events() == ["call.invited"]));
}

#[tokio::test]
async fn a_rollover_is_announced_before_the_two_hours_are_over() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let socket = alice.connect().await;
    let pong = socket.say("ping", json!({})).await["data"].clone();
    let time = |value: &Value| value.as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
    let left = time(&pong["rollover_at"]).duration_since(time(&pong["at"]));
    assert!((seconds(105 * 60)..seconds(115 * 60)).contains(&left), "{left:?}");
}

#[tokio::test]
async fn frames_that_are_none_of_ours_are_refused_by_name_and_cost_no_write() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let socket = alice.connect().await;
    world.meter().take();
    for (text, code) in [
        ("", "frame_malformed"),
        ("[]", "frame_malformed"),
        ("{\"action\":7}", "frame_malformed"),
        ("{\"action\":\"fly\",\"id\":\"1\"}", "action_unknown"),
        ("{\"action\":\"ping\",\"data\":{\"extra\":1}}", "invalid_fields"),
        ("{\"action\":\"call.ringing\",\"data\":{\"call_id\":\"usr_1\"}}", "invalid_fields"),
        ("{\"action\":\"resume\",\"data\":{\"cursors\":{\"inbox\":{\"epoch\":\"x\",\"seq\":-1}}}}", "invalid_fields"),
        (&format!("{{\"action\":\"ping\",\"data\":{}}}", "[".repeat(2_000)), "frame_malformed"),
        (&format!("{{\"action\":\"{}\"}}", "x".repeat(40_000)), "frame_too_large"),
    ] {
        let refused = socket.say_text(text).await;
        assert_eq!((&refused["event"], &refused["problem"]["code"]), (&json!("error"), &json!(code)), "{text:.60}");
        assert!(refused["problem"]["remedy"].is_string());
    }
    assert!(world.meter().take().write_units < 0.5);
}

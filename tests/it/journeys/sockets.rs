//! Connections that go silent, vanish and are too many. Those that simply open and close are in `anywhere/`.

use jiff::SignedDuration;
use serde_json::json;
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
async fn whoever_may_not_open_a_socket_is_told_by_the_status() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let dial = async |ticket: Option<&str>, origin: &str| {
        Socket::open(&world, ticket.map(str::to_owned), Some(origin)).await.0
    };
    let ticket = alice.ticket().await;
    assert_eq!(dial(Some(&ticket), "https://app.example.evil").await, 403);
    for none in [None, Some("x"), Some(alice.access_token.as_str())] {
        assert_eq!(dial(none, ORIGIN).await, 401, "{none:?} is no ticket");
    }
    assert_eq!(dial(Some(&ticket), ORIGIN).await, 200);
    assert_eq!(dial(Some(&ticket), ORIGIN).await, 401, "used");
}

#[tokio::test]
async fn a_ticket_is_too_old_after_thirty_seconds() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let (young, old) = (alice.ticket().await, alice.ticket().await);
    world.clock.advance(SignedDuration::from_millis(29_999));
    assert_eq!(Socket::open(&world, Some(young), Some(ORIGIN)).await.0, 200);
    world.clock.advance(SignedDuration::from_millis(1));
    assert_eq!(Socket::open(&world, Some(old), Some(ORIGIN)).await.0, 401);
}

#[tokio::test]
async fn presence_follows_the_leases_of_those_who_go_silent() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let at_alice = alice.connect().await;
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
}

#[tokio::test]
async fn a_post_that_finds_nobody_removes_that_connection_only() {
    let world = World::new().await;
    let [alice, bob, carol, dora] = world.people(["Alice", "Bob", "Carol", "Dora"]).await;
    let (gone, there) = (bob.connect().await, bob.connect().await);
    gone.vanish();
    let before = world.mailbox.posts();
    alice.call(&[&bob]).await;
    assert_eq!(world.mailbox.posts() - before, 2, "one post per connection");
    assert_eq!(there.events(), ["call.invited"]);
    carol.call(&[&bob]).await;
    assert_eq!(world.mailbox.posts() - before, 3, "the gone one is forgotten");
    // Its goodbye comes late and removes nothing else.
    gone.close().await;
    dora.call(&[&bob]).await;
    assert_eq!(there.events(), ["call.invited", "call.invited"]);
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
async fn a_refused_frame_costs_no_write() {
    let world = World::new().await;
    let [alice] = world.people(["Alice"]).await;
    let socket = alice.connect().await;
    world.meter().take();
    for (text, code) in [
        ("", "frame_malformed"),
        ("{\"action\":\"fly\",\"id\":\"1\"}", "action_unknown"),
        ("{\"action\":\"ping\",\"data\":{\"extra\":1}}", "invalid_fields"),
        (&format!("{{\"action\":\"{}\"}}", "x".repeat(40_000)), "frame_too_large"),
    ] {
        let refused = socket.say_text(text).await;
        assert_eq!((&refused["event"], &refused["problem"]["code"]), (&json!("error"), &json!(code)), "{text:.60}");
    }
    assert!(world.meter().take().write_units < 0.5);
}

//! A session that was signed out is out: its sockets at once, its tokens within a minute, keys and ways in at once.

use domain::limit;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{Fault, Faults, Socket, World};

#[tokio::test]
async fn its_sockets_are_closed_at_once_and_only_its() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let stolen = ada.another_device().await;
    let (hers, theirs) = (ada.connect().await, stolen.connect().await);
    let unused = stolen.ticket().await;
    let sessions = ada.get("/auth/sessions").await.expect(200);
    let id = sessions.body["items"].as_array().expect("sessions").iter().find(|s| s["current"] == false);
    let id = id.expect("another one")["id"].as_str().expect("an id").to_owned();
    assert_eq!(ada.delete(&format!("/auth/sessions/{id}")).await.summary(), "204");

    assert!(world.mailbox.is_closed(&theirs.connection) && !world.mailbox.is_closed(&hers.connection));
    assert_eq!(theirs.pushes().last().expect("a goodbye")["data"], json!({ "reason": "session_ended" }));
    assert_eq!(theirs.say("ping", json!({})).await["problem"]["code"], "connection_unknown");
    assert_eq!(hers.say("ping", json!({})).await["event"], "reply");
    assert_eq!(Socket::open(&world, Some(unused), None).await.0, 401, "a ticket from before opens nothing");
    assert_eq!(stolen.post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
    for way_in in ["/auth/linkedin/unlink", "/auth/linkedin/sync"] {
        assert_eq!(stolen.post(way_in, json!({})).await.summary(), "401 session_revoked", "{way_in}");
    }
    assert_eq!(stolen.delete(&format!("/auth/sessions/{id}")).await.summary(), "401 session_revoked");
    assert_eq!(stolen.get("/auth/linkedin/auth-url").await.summary(), "401 session_revoked", "no way in is added");
}

#[tokio::test]
async fn its_tokens_are_refused_within_a_minute_everywhere() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let stolen = ada.another_device().await;
    let elsewhere = stolen.at(&world.another_process(&Faults::none()));
    let call = elsewhere.call(&[&bo]).await;
    assert_eq!(stolen.post("/auth/logout", json!({})).await.summary(), "204");
    assert_eq!(stolen.post("/auth/logout", json!({})).await.summary(), "204", "signing out can be repeated");
    let path = format!("/api/webrtc/call/{call}");
    for second in 0..=60 {
        let seen = elsewhere.get(&path).await.summary();
        let late = SignedDuration::from_secs(second) >= limit::REVOCATION;
        assert!(seen == "401 session_revoked" || (!late && seen == "200"), "{seen} after {second} s");
        world.clock.advance(SignedDuration::from_secs(1));
    }
    world.meter().take();
    assert_eq!(stolen.get("/auth/me").await.summary(), "401 session_revoked");
    assert_eq!(stolen.get("/auth/me").await.summary(), "401 session_revoked");
    assert!(world.meter().take().requests <= 1, "and whoever goes on with them costs the store nothing");
    assert_eq!(ada.get("/auth/me").await.summary(), "200", "the other device goes on");
}

#[tokio::test]
async fn a_thief_takes_the_session_down_with_its_sockets() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let socket = ada.connect().await;
    for generation in 0..2 {
        let body = json!({ "refresh_token": ada.refresh_token });
        let expected = if generation == 0 { "200" } else { "401 refresh_reused" };
        assert_eq!(ada.post("/auth/refresh", body).await.summary(), expected);
        world.clock.advance(SignedDuration::from_secs(11));
    }
    assert!(world.mailbox.is_closed(&socket.connection));
}

/// The one who signs a session out dies at any point: after a repeat no socket of it is left.
#[tokio::test]
async fn a_death_in_between_is_healed_by_a_repeat() {
    for place in 0..8 {
        for fault in [Fault::DiesBefore, Fault::DiesAfter] {
            let world = World::new().await;
            let [ada] = world.people(["Ada"]).await;
            let socket = ada.connect().await;
            let faults = Faults::at(vec![(place, fault)]);
            let dying = ada.at(&world.another_process(&faults));
            let _ = faults.invoke(dying.post("/auth/logout", json!({}))).await;
            assert_eq!(ada.post("/auth/logout", json!({})).await.summary(), "204");
            assert!(world.mailbox.is_closed(&socket.connection), "{place} {fault:?}");
            assert_eq!(ada.post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
        }
    }
}

/// Whoever opens a socket while the session is signed out: in every order it ends closed.
#[tokio::test]
async fn a_socket_that_opens_meanwhile_is_refused_or_closed() {
    for place in 0..3 {
        let world = World::new().await;
        let [ada] = world.people(["Ada"]).await;
        let ticket = ada.ticket().await;
        // The dialling process stops after its write number `place`; the session ends; a push or a frame meets the rest.
        let faults = Faults::at(vec![(place, Fault::DiesAfter)]);
        let process = world.another_process(&faults);
        let dialled = Box::pin(faults.invoke(Socket::open(&process, Some(ticket), None))).await;
        assert!(dialled.is_none());
        assert_eq!(ada.post("/auth/logout", json!({})).await.summary(), "204");
        let rooms = store::Connections::new(world.db.clone());
        let now = domain::clock::Clock::now(&*world.clock);
        let left = rooms.room(ada.id, true, now).await.expect("answers").leases;
        assert!(left.is_empty(), "{place}: {left:?}");
    }
}

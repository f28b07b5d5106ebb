//! Every rate of `domain::limit` holds where it is said to, whoever refuses, and costs a refused flood nothing.

use std::net::IpAddr;
use std::sync::Arc;

use api::Source;
use axum::body::Body;
use domain::limit::Rate;
use http::{Method, Request};
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::person::PASSWORD;
use testkit::world::request;
use testkit::{Fault, Faults, Reply, World};

fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let address: IpAddr = address.parse().expect("an address");
    request.extensions_mut().insert(Source::of(address));
    request
}

async fn post(world: &World, address: &str, path: &str, body: Value) -> Reply {
    world.send(from(address, request(Method::POST, path, &[], Some(body)))).await
}

async fn login(world: &World, address: &str, email: &str, password: &str, device: Option<&str>) -> Reply {
    let mut body = json!({ "email": email, "password": password });
    if let Some(device) = device {
        body["device_token"] = json!(device);
    }
    post(world, address, "/auth/login", body).await
}

/// Does it until it is refused: how often it went well, and the refusal.
async fn until_refused(mut again: impl AsyncFnMut() -> Reply) -> (u32, Reply) {
    for done in 0..500 {
        let reply = again().await;
        if reply.status.as_u16() == 429 {
            return (done, reply);
        }
    }
    panic!("never refused");
}

fn is_told(reply: &Reply, rate: Rate) {
    let window = rate.window().as_secs();
    let policy = format!("\"{}\";q={};w={window}", rate.as_str(), rate.burst());
    assert!(reply.header("ratelimit-policy").contains(&policy), "{}", reply.header("ratelimit-policy"));
    assert!(reply.header("ratelimit").contains(&format!("\"{}\";r=", rate.as_str())), "{}", reply.header("ratelimit"));
    if reply.status.as_u16() == 429 {
        assert_eq!(reply.summary(), "429 too_many_requests");
        assert_eq!(reply.header("retry-after"), reply.body["retry_after"].to_string());
        assert_eq!(reply.body["retry"], "later");
        let wait = reply.body["retry_after"].as_i64().expect("seconds");
        assert!((1..=rate.refill().as_secs().max(1)).contains(&wait), "{wait}");
    }
}

#[tokio::test]
async fn a_place_may_guess_five_passwords_and_then_one_every_twenty_seconds() {
    let world = World::new().await;
    let [_ada, bo] = world.people(["Ada", "Bo"]).await;
    let mut number = 0;
    let guess = async || {
        number += 1;
        login(&world, "192.0.2.1", &format!("somebody{number}@example.com"), "wrong horse", None).await
    };
    let (tried, refused) = until_refused(guess).await;
    assert_eq!(tried, Rate::Login.burst());
    is_told(&refused, Rate::Login);
    world.meter().take();
    for neighbour in ["192.0.2.1", "192.0.2.77"] {
        assert_eq!(
            login(&world, neighbour, "ada@example.com", PASSWORD, None).await.summary(),
            "429 too_many_requests"
        );
    }
    assert_eq!(world.meter().take().requests, 0, "whoever was just refused costs the store nothing");
    is_told(&login(&world, "198.51.100.1", "ada@example.com", PASSWORD, None).await.expect(200), Rate::Login);
    world.clock.advance(SignedDuration::from_secs(20));
    assert_eq!(login(&world, "192.0.2.1", "ada@example.com", PASSWORD, None).await.summary(), "200");
    assert_eq!(login(&world, "192.0.2.1", "ada@example.com", PASSWORD, None).await.summary(), "429 too_many_requests");
    assert_eq!(bo.get("/auth/me").await.summary(), "200", "others notice nothing");
}

#[tokio::test]
async fn guesses_from_everywhere_stop_at_the_address_and_do_not_lock_its_owner_out() {
    let world = World::new().await;
    let [_ada] = world.people(["Ada"]).await;
    let known = login(&world, "203.0.113.9", "ada@example.com", PASSWORD, None).await.expect(200).text("/device_token");
    let mut network = 0;
    let guess = async || {
        network += 1;
        login(&world, &format!("10.{}.{}.1", network / 250, network % 250), "ada@example.com", "wrong horse", None)
            .await
    };
    let (tried, refused) = until_refused(guess).await;
    assert_eq!(tried, Rate::LoginAddress.burst() - 1, "one was the owner\'s, from a device nobody knew");
    is_told(&refused, Rate::LoginAddress);
    let owner = login(&world, "203.0.113.9", "ada@example.com", PASSWORD, Some(&known)).await;
    assert_eq!(owner.summary(), "200", "a device that has been here before counts for itself");
    for made_up in ["x", "a.b", &format!("{known}x"), &known.replace('.', "x.")] {
        let reply = login(&world, "203.0.114.9", "ada@example.com", PASSWORD, Some(made_up)).await;
        assert_eq!(reply.summary(), "429 too_many_requests", "{made_up}");
    }
}

#[tokio::test]
async fn an_unknown_address_is_limited_like_a_known_one() {
    let world = World::new().await;
    let [_ada] = world.people(["Ada"]).await;
    let mut seen = Vec::new();
    for address in ["ada@example.com", "nobody@example.com"] {
        let mut network = 0;
        let guess = async || {
            network += 1;
            login(&world, &format!("10.1.{network}.1"), address, "wrong horse", None).await
        };
        let (tried, refused) = until_refused(guess).await;
        let headers: Vec<String> =
            ["ratelimit", "ratelimit-policy", "retry-after"].map(|h| refused.header(h).to_owned()).into();
        seen.push((tried, refused.summary(), headers));
        world.clock.advance(SignedDuration::from_hours(1));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn everything_that_is_limited_says_so_and_stops() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let mut number = 0;
    let (made, refused) = until_refused(async || {
        number += 1;
        let new = json!({ "email": format!("new{number}@example.com"), "password": PASSWORD, "name": "New" });
        post(&world, "192.0.2.1", "/auth/register", new).await
    })
    .await;
    assert_eq!(made, Rate::Registration.burst());
    is_told(&refused, Rate::Registration);

    let begin =
        async || world.send(from("192.0.2.1", request(Method::GET, "/auth/linkedin/auth-url", &[], None))).await;
    let (begun, refused) = until_refused(begin).await;
    assert_eq!(begun, Rate::SignIn.burst());
    is_told(&refused, Rate::SignIn);

    let (given, refused) = until_refused(async || ada.post("/auth/ws-ticket", json!({})).await).await;
    assert_eq!(given, Rate::Ticket.burst());
    is_told(&refused, Rate::Ticket);

    let refresh = json!({ "refresh_token": ada.refresh_token });
    let (refreshed, refused) = until_refused(async || ada.post("/auth/refresh", refresh.clone()).await).await;
    assert_eq!(refreshed, Rate::Refresh.burst());
    is_told(&refused, Rate::Refresh);

    let whom = json!({ "participants": [bo.id.to_string()] });
    let (called, refused) = until_refused(async || ada.post("/api/webrtc/call/initiate", whom.clone()).await).await;
    assert_eq!(called, Rate::CallSetup.burst());
    is_told(&refused, Rate::CallSetup);

    let (listed, refused) = until_refused(async || ada.get("/api/webrtc/ice-servers").await).await;
    assert_eq!(listed, Rate::IceServers.burst());
    is_told(&refused, Rate::IceServers);

    let signal = async || {
        ada.in_call(
            "call_0000000000007000800000000000dead",
            "ice-candidate",
            json!({ "candidates": [{ "candidate": testkit::candidate(1) }] }),
        )
        .await
    };
    let (signalled, refused) = until_refused(signal).await;
    assert_eq!(signalled, Rate::Signal.burst());
    is_told(&refused, Rate::Signal);

    let report = json!({ "peers": [testkit::report(bo.id, 0, 0)] });
    let tell = async || ada.in_call("call_0000000000007000800000000000dead", "quality", report.clone()).await;
    let (told, refused) = until_refused(tell).await;
    assert_eq!(told, Rate::Quality.burst());
    is_told(&refused, Rate::Quality);
    let nobodys = "rec_0000000000007000800000000000dead";
    let grant = async || ada.of_recording(nobodys, "parts", testkit::recorder::part(1, b"x")).await;
    let (granted, refused) = until_refused(grant).await;
    assert_eq!(granted, Rate::RecordingPart.burst());
    is_told(&refused, Rate::RecordingPart);
    let complete = async || ada.of_recording(nobodys, "complete", json!({})).await;
    let (completed, refused) = until_refused(complete).await;
    assert_eq!(completed, Rate::Recording.burst());
    is_told(&refused, Rate::Recording);
    for refused in
        [ada.of_recording(nobodys, "stop", json!({})).await, ada.delete(&format!("/api/recordings/{nobodys}")).await]
    {
        is_told(&refused, Rate::Recording);
    }
}

#[tokio::test]
async fn fifty_at_once_from_several_processes_are_counted_together() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let asks: Vec<_> = (0..50)
        .map(|_| {
            let elsewhere = ada.at(&world.another_process(&Faults::none()));
            tokio::spawn(async move { elsewhere.post("/auth/ws-ticket", json!({})).await.status.as_u16() })
        })
        .collect();
    let mut given = 0;
    for ask in asks {
        given += u32::from(ask.await.expect("no panic") == 200);
    }
    assert!(given <= Rate::Ticket.burst(), "{given}");
    assert!(given >= Rate::Ticket.burst() / 2, "{given}: a crowd must not lock out whoever may");
}

#[tokio::test]
async fn fifty_tabs_whose_requests_meet_in_fifty_processes_are_no_flood() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let body = json!({ "refresh_token": ada.refresh_token });
    let tabs: Vec<_> = (0..50)
        .map(|_| {
            let (elsewhere, body) = (ada.at(&world.another_process(&Faults::none())), body.clone());
            tokio::spawn(async move { elsewhere.post("/auth/refresh", body).await.summary() })
        })
        .collect();
    for tab in tabs {
        assert_eq!(tab.await.expect("no panic"), "200", "{} may refresh", Rate::Refresh.burst());
    }
}

/// A limiter that cannot count refuses whoever guesses, and nobody else.
#[tokio::test]
async fn without_a_store_to_count_in_passwords_are_refused_and_tickets_are_not() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let down: Arc<World> = world.another_process(&Faults::new(|_, operation| {
        (operation == "PutItem").then_some(Fault::Refused("ThrottlingException"))
    }));
    assert_eq!(ada.at(&down).post("/auth/ws-ticket", json!({})).await.summary(), "200");
    let guess = login(&down, "192.0.2.1", "ada@example.com", "wrong horse", None).await;
    assert_eq!(guess.summary(), "503 busy");
}

#[tokio::test]
async fn a_connection_that_says_too_much_is_refused_at_no_cost_and_then_cut() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let (flooder, honest) = (ada.connect().await, bo.connect().await);
    for _ in 0..Rate::Frame.burst() {
        assert_eq!(flooder.say("ping", json!({})).await["event"], "reply");
    }
    world.meter().take();
    for _ in 0..2 {
        let refused = flooder.say("ping", json!({})).await;
        assert_eq!((&refused["problem"]["code"], &refused["id"]), (&json!("too_many_requests"), &json!("1")));
        assert_eq!(refused["problem"]["retry_after"], 1);
    }
    let rubbish = flooder.say_text("x").await;
    assert_eq!(rubbish["problem"]["code"], "too_many_requests");
    assert!(world.mailbox.is_closed(&flooder.connection), "the third refusal in a row is the last");
    assert_eq!(flooder.pushes().last().expect("a goodbye")["data"]["reason"], "too_many_frames");
    world.meter().take();
    for _ in 0..50 {
        assert_eq!(flooder.say("ping", json!({})).await["problem"]["code"], "too_many_requests");
    }
    assert_eq!(world.meter().take().requests, 0, "refused frames cost the store nothing");
    assert_eq!(honest.say("ping", json!({})).await["event"], "reply");
}

#[tokio::test]
async fn the_limits_are_published() {
    let world = World::new().await;
    for path in ["/api/limits", "/api/v1/limits"] {
        let published = world.anonymous(Method::GET, path, None).await.expect(200);
        let rates = published.body["rates"].as_array().expect("rates");
        assert_eq!(rates.len(), Rate::ALL.len());
        let login = json!({ "name": "login", "burst": 5, "refill_ms": 20_000, "per": "source network", "counted": "together", "when_down": "closed" });
        assert!(rates.contains(&login), "{rates:?}");
    }
}

/// Whoever floods one address does not slow a person down who signs in elsewhere: the store is asked as often as ever.
#[tokio::test]
async fn a_person_pays_nothing_for_others_guesses() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let _ = ada.get("/auth/me").await;
    world.meter().take();
    let _ = login(&world, "203.0.113.1", "ada@example.com", PASSWORD, None).await.expect(200);
    let calm = world.meter().take();
    for _ in 0..100 {
        let _ = login(&world, "192.0.2.1", "nobody@example.com", "wrong horse", None).await;
    }
    world.meter().take();
    let _ = login(&world, "203.0.113.1", "ada@example.com", PASSWORD, None).await.expect(200);
    assert_eq!(world.meter().take(), calm);
}

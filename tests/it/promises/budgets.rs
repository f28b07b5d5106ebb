//! What an operation costs at the store: requests, read units, write units. `docs/tables.md` shows the same numbers.

use domain::limit;
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::Spent;
use testkit::{Person, World, sdp};

fn within(what: &str, spent: Spent, requests: u32, read_units: f64, write_units: f64) {
    let text = format!("{what}: {} requests, {} RRU, {} WRU", spent.requests, spent.read_units, spent.write_units);
    println!("{text}");
    assert!(spent.requests <= requests, "{text}; at most {requests} requests");
    assert!(spent.read_units <= read_units, "{text}; at most {read_units} RRU");
    assert!(spent.write_units <= write_units, "{text}; at most {write_units} WRU");
}

/// The size of descriptions in this test, as browsers make them for sound and picture.
fn browser_sdp() -> String {
    let head = sdp("x");
    format!("{head}a={}\r\n", "x".repeat(2_900 - head.len()))
}

#[tokio::test]
async fn no_operation_costs_more_than_its_budget() {
    let world = World::new().await;
    let [ada, bo, chidi] = world.people(["Ada Lovelace", "Bo Diddley", "Chidi Anagonye"]).await;
    let meter = world.meter();
    meter.take();

    let _ = ada.get("/api/webrtc/health").await.expect(200);
    within("what needs no token", meter.take(), 0, 0.0, 0.0);
    let _ = ada.get("/auth/me").await.expect(200);
    within("me, and the minute's look whether the session was ended", meter.take(), 1 + 1, 1.0 + 0.5, 0.0);
    let _ = (ada.get("/api/webrtc/calls/active").await, bo.get("/api/webrtc/calls/active").await);
    meter.take();
    let _ = ada.get("/auth/me").await.expect(200);
    within("me", meter.take(), 1, 1.0, 0.0);
    let _ = ada.get("/api/webrtc/ice-servers").await.expect(200);
    within("ice-servers", meter.take(), 0, 0.0, 0.0);
    let refreshed = ada.post("/auth/refresh", json!({ "refresh_token": ada.refresh_token })).await.expect(200);
    within("refresh, counted", meter.take(), 2 + 1, 0.5, 2.0 + 1.0);
    let _ = ada.post("/auth/refresh", json!({ "refresh_token": ada.refresh_token })).await.expect(200);
    within("refresh, repeated", meter.take(), 2 + 1, 1.5, 1.0);
    drop(refreshed);
    let typed = json!({ "email": "ada.lovelace@example.com", "password": testkit::person::PASSWORD });
    let _ = world.anonymous(Method::POST, "/auth/login", Some(typed)).await.expect(200);
    within("login, counted twice", meter.take(), 3 + 2, 2.0, 1.0 + 2.0);

    let ticket = ada.ticket().await;
    within("ws-ticket, counted", meter.take(), 1 + 1, 1.0, 1.0);
    let (_, at_ada) = testkit::Socket::open(&world, Some(ticket), None).await;
    within("$connect, and a look at the person's other connections", meter.take(), 2 + 1, 1.0, 2.0);
    let at_bo = bo.connect().await;
    meter.take();
    at_ada.say("ping", json!({})).await;
    at_bo.say("ping", json!({})).await;
    meter.take();
    at_ada.say("ping", json!({})).await;
    within("ping", meter.take(), 3, 1.0, 1.0);
    at_ada.say("resume", json!({})).await;
    within("resume, which must miss nothing", meter.take(), 3, 1.5, 1.0);
    at_ada.say("presence.get", json!({ "people": [bo.id.to_string()] })).await;
    within("presence of one", meter.take(), 2, 1.0, 0.0);

    let call = ada.call(&[&bo]).await;
    within("initiate 1:1, counted, and 1 request per callee told", meter.take(), 2 + 1 + 1, 0.5 + 1.0, 8.0 + 1.0);
    let (key, whom) = ([("idempotency-key", "k")], json!({ "participants": [chidi.id.to_string()], "type": "video" }));
    let keyed = ada.send(Method::POST, "/api/webrtc/call/initiate", &key, Some(whom)).await.expect(201);
    within("the same with a key, its answer of 2 KB kept", meter.take(), 2 + 1 + 1, 0.5 + 1.0, 8.0 + 1.0 + 4.0);
    drop(keyed);
    ada.leave(&call).await;
    meter.take();
    let call = ada.call(&[&bo]).await;
    within("initiate again within the hour, after a look at the last call", meter.take(), 6 + 1 + 1, 4.5, 8.0 + 1.0);
    at_bo.say("call.ringing", json!({ "call_id": call })).await;
    within("ringing, and 1 request per person told", meter.take(), 3 + 2, 1.0 + 1.0, 1.0);
    let offered = ada.in_call(&call, "offer", json!({ "sdp": browser_sdp() })).await.expect(200);
    within("relay of an offer of 3 KB", meter.take(), 3, 1.0, 4.0);
    drop(offered);
    let _ = bo.in_call(&call, "answer", json!({ "sdp": browser_sdp() })).await.expect(200);
    within(
        "first answer of 3 KB: kept with the call it connects, everybody told",
        meter.take(),
        2 + 3,
        0.5 + 1.5,
        10.0,
    );
    let candidates = json!({ "candidates": [{ "candidate": testkit::candidate(1) }] });
    let _ = ada.in_call(&call, "ice-candidate", candidates.clone()).await.expect(200);
    within("relay of ICE to a connected peer", meter.take(), 2, 1.0, 0.0);
    let _ = chidi.get("/api/webrtc/calls/active").await;
    world.clock.advance(limit::CALL_HEARTBEAT);
    meter.take();
    let _ = ada.in_call(&call, "heartbeat", json!({ "generation": 1 })).await.expect(200);
    within("heartbeat", meter.take(), 2, 0.5, 1.0);
    world.clock.advance(limit::CALL_HEARTBEAT);
    at_ada.say("ping", json!({ "call": { "call_id": call, "generation": 1 } })).await;
    within("ping that is a heartbeat", meter.take(), 3 + 2, 1.5, 1.0 + 1.0);
    at_ada.say("call.media", json!({ "call_id": call, "audio": false, "video": true, "screen": false })).await;
    within("mute, and 1 request per person told", meter.take(), 3 + 1, 1.0 + 0.5, 1.0);
    let _ = ada.in_call(&call, "invite", json!({ "participants": [chidi.id.to_string()] })).await.expect(200);
    within("invite, counted, 1 request per person told", meter.take(), 3 + 1 + 3, 1.5 + 1.5, 6.0 + 1.0);
    let _ = chidi.in_call(&call, "join", json!({})).await.expect(200);
    within("join, and 1 request per person told", meter.take(), 2 + 3, 0.5 + 1.5, 2.0);
    let _ = ada.in_call(&call, "remove", json!({ "user_id": chidi.id.to_string() })).await.expect(200);
    within("remove, and 1 request per person told", meter.take(), 2 + 3, 0.5 + 1.5, 2.0);
    let over_socket = json!({ "call_id": call, "candidates": candidates["candidates"] });
    at_bo.say("call.candidates", over_socket).await;
    within("the same over the socket, whose owner is looked up first", meter.take(), 2 + 1, 1.5, 0.0);

    let _ = ada.get("/api/webrtc/calls/active").await.expect(200);
    within("active calls: two, one of them of two people", meter.take(), 2, 2.0, 0.0);
    let _ = ada.in_call(&call, "end", json!({})).await.expect(200);
    within("end of three, one gone, and 1 request per person told", meter.take(), 2 + 2, 0.5 + 1.0, 16.0);
    at_ada.close().await;
    within("$disconnect", meter.take(), 2, 0.5, 2.0);
    let call = chidi.call(&[&bo]).await;
    meter.take();
    bo.leave(&call).await;
    within("end 1:1, and 1 request per person told", meter.take(), 2 + 2, 0.5 + 1.0, 6.0);
}

/// Everybody has offered to everybody, so the call has 28 descriptions of 3 KB; nobody pays for all of them.
#[tokio::test]
async fn no_signal_in_a_call_of_eight_costs_more_than_its_budget() {
    let world = World::new().await;
    let mut people = Vec::new();
    for name in ["Ada", "Bo", "Chidi", "Dara", "Eve", "Femi", "Gita", "Hana"] {
        people.push(Person::arrive(&world, name).await);
    }
    let call = people[0].call(&people[1..].iter().collect::<Vec<_>>()).await;
    for person in &people[1..] {
        let _ = person.in_call(&call, "join", json!({})).await.expect(200);
    }
    let said = |to: &Person| json!({ "sdp": browser_sdp(), "to": to.id.to_string() });
    for (n, one) in people.iter().enumerate() {
        for other in &people[n + 1..] {
            let _ = other.in_call(&call, "offer", said(one)).await.expect(200);
        }
    }
    let (meter, [ada, .., hana]) = (world.meter(), &people[..]) else { unreachable!("eight") };
    meter.take();
    let _ = hana.in_call(&call, "offer", said(ada)).await.expect(200);
    within("an offer of 3 KB in a call of eight", meter.take(), 3, 1.0 + 0.5, 4.0);
    let _ = ada.in_call(&call, "answer", said(hana)).await.expect(200);
    within("its answer", meter.take(), 3, 1.0 + 0.5, 4.0);
    let shown = hana.get(&format!("/api/webrtc/call/{call}")).await.expect(200).body;
    assert_eq!(shown["signals"]["descriptions"].as_array().map(Vec::len), Some(1), "the answer");
    within("the call of eight, with what waits", meter.take(), 3, 4.0 + 7.0 + 1.0, 0.0);
    world.clock.advance(limit::CALL_HEARTBEAT);
    let _ = ada.in_call(&call, "heartbeat", json!({ "generation": 1 })).await.expect(200);
    within("heartbeat in a call of eight", meter.take(), 2, 0.5, 3.0);
}

#[tokio::test]
async fn no_recording_costs_more_than_its_budget() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada Lovelace", "Bo Diddley"]).await;
    let call = ada.talk_to(&bo).await;
    let _ = (ada.get("/api/recordings").await, bo.get("/api/recordings").await);
    let meter = world.meter();
    meter.take();
    let recording = ada.ask_to_record(&call).await;
    within("ask to record, and 1 request per person told", meter.take(), 2 + 2, 1.0 + 1.0, 6.0);
    let _ = bo.consent(&call, true).await.expect(200);
    within("consent that makes it run, and 1 request per person told", meter.take(), 3 + 2, 2.0 + 1.0, 6.0);
    let part = testkit::recorder::part(1, b"what was said");
    let _ = ada.of_recording(&recording, "parts", part.clone()).await.expect(200);
    within("a part", meter.take(), 4, 3.5, 6.0);
    let _ = ada.of_recording(&recording, "parts", part).await.expect(200);
    within("the same part again", meter.take(), 3, 2.5, 0.0);
    assert_eq!(ada.upload(&recording, 1, b"what was said").await, "200");
    meter.take();
    let _ = ada.of_recording(&recording, "stop", json!({})).await.expect(200);
    within("stop, and 1 request per person told", meter.take(), 3 + 2, 2.0 + 1.0, 6.0);
    let _ = ada.of_recording(&recording, "complete", json!({})).await.expect(200);
    within("complete", meter.take(), 6, 4.5, 9.0);
    let _ = bo.get(&format!("/api/recordings/{recording}")).await.expect(200);
    within("watch", meter.take(), 1, 1.0, 0.0);
    let _ = bo.get("/api/recordings").await.expect(200);
    within("a page of one recording", meter.take(), 2, 1.0, 0.0);
    let _ = ada.delete(&format!("/api/recordings/{recording}")).await.expect(204);
    within("delete", meter.take(), 6, 4.5, 9.0);
}

#[tokio::test]
async fn no_timer_costs_more_than_its_budget() {
    let world = World::new().await;
    let (ada, bo) = (Person::arrive(&world, "Ada").await, Person::arrive(&world, "Bo").await);
    let run = async |event| timers::serve(&world.timers, event).await.expect("an answer");
    ada.call(&[&bo]).await;
    let begun = world.calls_begun().await;
    world.meter().take();
    run(begun).await;
    within("a call's timer, made", world.meter().take(), 1, 0.0, 1.0);
    run(json!({ "timers": "due" })).await;
    within("a minute with nothing to do", world.meter().take(), 2, 1.0, 0.0);
    world.clock.advance(SignedDuration::from_secs(90));
    run(json!({ "timers": "due" })).await;
    within("a ring ended by the clock, and 1 request per person told", world.meter().take(), 5 + 2, 1.5 + 1.0, 7.0);
}

#[tokio::test]
async fn no_report_of_quality_costs_more_than_its_budget() {
    let world = World::new().await;
    let (ada, bo) = (Person::arrive(&world, "Ada").await, Person::arrive(&world, "Bo").await);
    let call = ada.call(&[&bo]).await;
    let _ = ada.in_call(&call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200);
    let _ = bo.in_call(&call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
    let tell = async |tens: u32| {
        world.meter().take();
        let body = json!({ "peers": [testkit::report(bo.id, tens, 0)] });
        let _ = ada.in_call(&call, "quality", body).await.expect(200);
        world.meter().take()
    };
    within("a report of quality", tell(0).await, 3, 0.5 + 1.0, 1.0);
    within("the same again", tell(0).await, 2, 0.5 + 1.0, 0.0);
    for tens in 1..6 {
        within("a later one", tell(tens).await, 3, 0.5 + 1.0, 1.0);
    }
    within("once a minute, with the person's day", tell(6).await, 5, 0.5 + 1.0 + 1.0 + 1.0, 2.0 * (2.0 + 1.0));
    let _ = ada.get(&format!("/api/webrtc/call/{call}/quality")).await.expect(200);
    within("the quality of a call", world.meter().take(), 2, 0.5 + 1.0, 0.0);
    let _ = ada.get("/api/webrtc/quality/summary").await.expect(200);
    within("a summary", world.meter().take(), 1, 0.5, 0.0);
}

/// A history of this many calls, each like the one that is there.
async fn grow(world: &World, person: &Person, from: usize, to: usize) {
    let snapshot = world.snapshot().await;
    let (owner, rows) =
        (person.id.to_string(), |item: &&Value| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("call#")));
    let row = snapshot.items().filter(rows).find(|item| item["pk"]["S"] == owner).expect("a call that is over").clone();
    let many: Vec<Value> = (from..to)
        .map(|n| {
            let mut row = row.clone();
            let id = format!("call_0198000000007000800000000{n:07x}");
            (row["id"]["S"], row["sk"]["S"]) = (json!(id), json!(format!("call#{:013}#{id}", 1_700_000_000_000 + n)));
            row
        })
        .collect();
    world.put("calls", &many).await;
}

#[tokio::test]
async fn a_page_of_history_costs_the_same_after_ten_calls_and_after_ten_thousand() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    ada.call_in_vain(&bo).await;
    let (mut costs, mut known) = (Vec::new(), 0);
    for count in [20, 10_000] {
        grow(&world, &ada, known, count).await;
        known = count;
        let mut path = "/api/webrtc/calls/history?limit=10".to_owned();
        for page in ["newest page of ten, and a look for live calls", "page of ten"] {
            world.meter().take();
            let reply = ada.get(&path).await.expect(200);
            let (spent, newest) = (world.meter().take(), u8::from(page != "page of ten"));
            let bytes = f64::from(u32::try_from(reply.body["items"].to_string().len().div_ceil(4096)).expect("small"));
            within(page, spent, 1 + u32::from(newest), bytes / 2.0 + f64::from(newest) / 2.0, 0.0);
            path = format!("/api/webrtc/calls/history?limit=10&cursor={}", reply.text("/next_cursor"));
            costs.push(spent);
        }
        world.meter().take();
        let missed = ada.get("/api/webrtc/calls/history?limit=10&missed=true").await.expect(200);
        assert_eq!((&missed.body["items"], missed.body["pagination"]["has_more"] == true), (&json!([]), count > 200));
        within("a look for missed calls among 200", world.meter().take(), 3, 25.0, 0.0);
    }
    assert_eq!(costs[..2], costs[2..]);
}

#[tokio::test]
async fn a_frame_to_eight_devices_is_eight_posts() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(bo.connect().await);
    }
    let before = world.mailbox.posts();
    ada.call(&[&bo]).await;
    assert_eq!(world.mailbox.posts() - before, 8);
    assert!(sockets.iter().all(|socket| socket.events() == ["call.invited"]));
}

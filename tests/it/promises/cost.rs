//! What using Dchat costs at list prices, from what is counted: `docs/cost.md` is written by this test
//! (`UPDATE_COST=1 cargo test -p tests cost`) and compared by every other run.

mod page;

use std::sync::Arc;

use domain::limit;
use jiff::SignedDuration;
use serde_json::json;
use store::Spent;
use testkit::recorder::{part, whole_part};
use testkit::{Log, Person, Socket, World, sdp};
use tracing::Level;

use super::root;
use page::{Bill, LINE, page};

/// Counts what one step asks for.
struct Counter {
    world: Arc<World>,
    log: Log,
    posts: usize,
}

impl Counter {
    fn new(world: &Arc<World>, log: Log) -> Self {
        world.meter().take();
        log.metrics();
        Self { world: Arc::clone(world), log, posts: world.mailbox.posts() }
    }

    /// The bill since the last time, which was so many HTTP requests, frames and other occasions. A frame's reply is a
    /// message too.
    fn bill(&mut self, http: u32, frames: u32, occasions: u32) -> Bill {
        let (spent, posts) = (self.world.meter().take(), self.world.mailbox.posts());
        let lines = self.log.metrics();
        let longest = lines.iter().map(|line| line.to_string().len()).max().unwrap_or(0);
        let lines = u32::try_from(lines.len()).expect("few");
        let pushed = posts - std::mem::replace(&mut self.posts, posts);
        let invocations = f64::from(http + frames + occasions);
        assert!(lines == http + frames + occasions, "{lines} lines of log for {invocations} invocations");
        assert!(longest <= usize::from(LINE), "a line of {longest} bytes");
        let pushed = f64::from(u32::try_from(pushed).expect("few"));
        Bill {
            http: http.into(),
            frames: f64::from(frames) * 2.0 + pushed,
            minutes: 0.0,
            invocations,
            scheduled: 0.0,
            spent,
            lines: lines.into(),
            ..Bill::default()
        }
    }
}

fn browser_sdp() -> String {
    let head = sdp("x");
    format!("{head}a={}\r\n", "x".repeat(2_900 - head.len()))
}

async fn candidates(from: &Socket, call: &str) {
    let one = |n: u32| json!({ "candidate": format!("candidate:{n} 1 udp 2113937151 4a1f0c6e-0000-4000-8000-000000000000.local 50000 typ host"), "sdpMid": "0", "sdpMLineIndex": 0 });
    let said = json!({ "call_id": call, "candidates": (0..8).map(one).collect::<Vec<_>>() });
    assert_eq!(from.say("call.candidates", said).await["data"]["delivered"], true);
}

/// A call between two people who are connected: two batches of candidates from each side, a ring, an end, its timer.
async fn a_call(counter: &mut Counter, alice: (&Person, &Socket), bob: (&Person, &Socket)) -> Bill {
    let world = Arc::clone(&counter.world);
    let call = alice.0.call(&[bob.0]).await;
    let rung = counter.bill(1, 0, 0);
    timers::serve(&world.timers, world.calls_begun().await).await.expect("a batch");
    let armed = counter.bill(0, 0, 1);
    bob.1.say("call.ringing", json!({ "call_id": call })).await;
    let _ = alice.0.in_call(&call, "offer", json!({ "sdp": browser_sdp() })).await.expect(200);
    let _ = bob.0.in_call(&call, "answer", json!({ "sdp": browser_sdp() })).await.expect(200);
    for socket in [alice.1, bob.1, alice.1, bob.1] {
        candidates(socket, &call).await;
    }
    let _ = alice.0.in_call(&call, "end", json!({})).await.expect(200);
    let talked = counter.bill(3, 5, 0);
    world.clock.advance(SignedDuration::from_secs(90));
    timers::serve(&world.timers, json!({ "timers": "due" })).await.expect("a minute");
    rung.and(armed).and(talked).and(counter.bill(0, 0, 1)).and(PREFLIGHT.times(4.0))
}

/// A minute of a call of two, on an average of six: their signs of life, and the clock that looks at the call.
async fn a_minute(counter: &mut Counter, alice: (&Person, &Socket), bob: (&Person, &Socket)) -> Bill {
    let world = Arc::clone(&counter.world);
    let call = alice.0.call(&[bob.0]).await;
    let _ = bob.0.in_call(&call, "join", json!({})).await.expect(200);
    timers::serve(&world.timers, world.calls_begun().await).await.expect("a batch");
    counter.bill(2, 0, 1);
    let mut all = Bill::default();
    let beats = 60 / limit::CALL_HEARTBEAT.as_secs();
    for _ in 0..6 {
        for _ in 0..beats {
            world.clock.advance(limit::CALL_HEARTBEAT);
            for socket in [alice.1, bob.1] {
                let pong = socket.say("ping", json!({ "call": { "call_id": call, "generation": 1 } })).await;
                assert!(pong["data"]["call"]["renewed"].is_object(), "{pong}");
            }
        }
        let clock = timers::serve(&world.timers, json!({ "timers": "due" })).await.expect("a minute");
        let looked = u32::from(clock != timers::Answer::Minute { fired: 0 });
        all = all.and(counter.bill(0, 2 * u32::try_from(beats).expect("few"), looked));
    }
    alice.0.leave(&call).await;
    counter.bill(1, 0, 0);
    all.times(1.0 / 6.0)
}

/// An hour of a call, recorded: a part every 40 seconds. Each part is a PUT of the bucket's, as are its begin and its end.
async fn a_recorded_hour(counter: &mut Counter, alice: &Person, bob: &Person) -> Bill {
    const PARTS: u32 = 90;
    let world = counter.world.without_limits();
    let (alice, bob) = (alice.at(&world), bob.at(&world));
    let call = alice.get("/api/webrtc/calls/active").await.expect(200).text("/items/0/call_id");
    let _ = bob.in_call(&call, "join", json!({})).await.expect(200);
    let _ = (alice.get("/api/recordings").await, bob.get("/api/recordings").await);
    counter.bill(4, 0, 0);
    let recording = alice.ask_to_record(&call).await;
    let asking = counter.bill(1, 0, 0);
    // A client was told of the call, and reads nothing before it says yes.
    let yes = bob.yes(&call).await;
    counter.bill(1, 0, 0);
    let _ = bob.in_call(&call, "recording/consent", yes).await.expect(200);
    let bytes = whole_part();
    for number in 1..=PARTS {
        let part = part(usize::try_from(number).expect("few"), &bytes);
        let _ = alice.of_recording(&recording, "parts", part).await.expect(200);
    }
    let _ = alice.of_recording(&recording, "stop", json!({})).await.expect(200);
    let _ = bob.get(&format!("/api/recordings/{recording}")).await.expect(200);
    let asked = asking.and(counter.bill(PARTS + 3, 0, 0));
    // Completed is one of a single part: nobody sends 450 MB in a test, and what it asks for does not grow with the parts.
    let short = alice.ask_to_record(&call).await;
    let _ = bob.consent(&call, true).await.expect(200);
    assert_eq!(alice.upload(&short, 1, b"x").await, "200");
    let _ = alice.of_recording(&short, "stop", json!({})).await.expect(200);
    counter.bill(5, 0, 0);
    let _ = alice.of_recording(&short, "complete", json!({})).await.expect(200);
    let asked = asked.and(counter.bill(1, 0, 0)).and(PREFLIGHT.times(8.0));
    let gigabytes = f64::from(PARTS) * 5.0 * 1.048_576 / 1000.0;
    Bill { puts: f64::from(PARTS) + 6.0, stored: gigabytes, out: gigabytes, ..asked }
}

/// A page asks first whether it may, once for each address: the call's id is in most of them. It is answered without a
/// line in the log and without the store.
const PREFLIGHT: Bill = Bill {
    http: 1.0,
    frames: 0.0,
    minutes: 0.0,
    invocations: 1.0,
    scheduled: 0.0,
    spent: Spent { requests: 0, read_units: 0.0, write_units: 0.0 },
    lines: 0.0,
    puts: 0.0,
    stored: 0.0,
    out: 0.0,
};

#[tokio::test]
async fn the_cost_page_is_what_is_counted() {
    let world = World::new().await;
    let (alice, bob) = (Person::arrive(&world, "Alice Liddell").await, Person::arrive(&world, "Bob Dylan").await);
    let (at_alice, at_bob) = (alice.connect().await, bob.connect().await);
    let _ = (alice.get("/auth/me").await.expect(200), bob.get("/auth/me").await.expect(200));
    let (log, _guard) = Log::catch(Level::INFO);
    let mut counter = Counter::new(&world, log);

    let call = a_call(&mut counter, (&alice, &at_alice), (&bob, &at_bob)).await;
    let minute_of_talk = a_minute(&mut counter, (&alice, &at_alice), (&bob, &at_bob)).await;
    let again = alice.call(&[&bob]).await;
    counter.bill(1, 0, 0);
    at_bob.pushes();
    candidates(&at_alice, &again).await;
    let delivered = counter.bill(0, 1, 0);
    at_alice.say("ping", json!({})).await;
    let ping = counter.bill(0, 1, 0);
    let socket = alice.connect().await;
    socket.say("resume", json!({})).await;
    let opened = counter.bill(1, 1, 1);
    socket.close().await;
    let rollover = opened.and(counter.bill(0, 0, 1)).and(PREFLIGHT);

    let recorded = a_recorded_hour(&mut counter, &alice, &bob).await;
    timers::serve(&world.timers, json!({ "timers": "due" })).await.expect("a minute");
    let minute = Bill { scheduled: 1.0, invocations: 1.0, ..counter.bill(0, 0, 0) };
    let month = 30.0 * 24.0 * 60.0;
    let open = Bill { minutes: month, ..Bill::default() };
    let idle = open.and(ping.times(month / PING)).and(rollover.times(month / ROLLOVER));
    let page = page(&[
        (
            "A million calls set up",
            "two people who are connected; ring, offer, answer, two batches of candidates each, end, the timer",
            call.times(1e6),
        ),
        (
            "A million minutes talked",
            "two people, each with a sign of life every 20 s, and the clock that looks at the call",
            minute_of_talk.times(1e6),
        ),
        (
            "A million messages delivered",
            "a frame over the socket to one connected device, answered and pushed",
            delivered.times(1e6),
        ),
        ("A stack that nobody uses, for a month", "the schedule's one invocation a minute", minute.times(month)),
        (
            "A recorded hour",
            "450 MB in 90 parts, asked for, consented to, completed, watched once; kept for a month",
            recorded,
        ),
        (
            "A person connected for a month",
            "a socket that is always open: a ping every 4 minutes, a new socket every 110",
            idle,
        ),
    ]);
    let path = root().join("docs/cost.md");
    if std::env::var_os("UPDATE_COST").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, page, "docs/cost.md is not what is counted: UPDATE_COST=1 cargo test -p tests cost");
}

/// Minutes between two pings of the client, and between two sockets.
const PING: f64 = 4.0;
const ROLLOVER: f64 = 110.0;

/// The client's word for how often it pings is what the page counts with.
#[test]
fn the_client_pings_as_often_as_the_cost_page_says() {
    let client = std::fs::read_to_string(root().join("clients/js/socket.js")).expect("readable");
    assert!(
        client.contains("PING_EVERY = 4 * 60_000") || client.contains("PING_EVERY = 240_000"),
        "the client pings otherwise"
    );
    let (earliest, latest) = domain::limit::ROLLOVER;
    assert_eq!((earliest + latest) / 2, SignedDuration::from_mins(110));
}

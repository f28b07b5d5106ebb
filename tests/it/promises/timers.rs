//! What time does to a call that nobody asks about, whatever happens to the function that does it.

use std::sync::Arc;

use domain::call::{self, Call, CallKind, Goodbye, Terms};
use domain::clock::Clock as _;
use domain::id::{CallId, UserId};
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::Calls;
use testkit::{Fault, Faults, Person, World, sdp};
use timers::{Answer, Failure};

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

async fn begun(world: &World) -> Answer {
    timers::serve(&world.timers, world.calls_begun().await).await.expect("a batch is answered")
}

async fn minute(world: &World) -> usize {
    match timers::serve(&world.timers, json!({ "timers": "due" })).await {
        Ok(Answer::Minute { fired }) => fired,
        other => panic!("{other:?}"),
    }
}

/// The calls and timers that are stored, by their keys, past everything that settles a call by reading it.
async fn stored(world: &World, prefix: &str) -> Vec<Value> {
    let snapshot = world.snapshot().await;
    let items = snapshot.items().filter(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with(prefix)));
    items.cloned().collect()
}

async fn two(world: &Arc<World>) -> (Person, Person) {
    (Person::arrive(world, "Alice").await, Person::arrive(world, "Bob").await)
}

#[tokio::test]
async fn a_ring_that_nobody_asks_about_ends_and_everybody_is_told() {
    let world = World::new().await;
    let (alice, bob) = two(&world).await;
    let (at_alice, at_bob) = (alice.connect().await, bob.connect().await);
    let call = alice.call(&[&bob]).await;
    at_bob.say("call.ringing", json!({ "call_id": call })).await;
    at_alice.pushes();
    at_bob.pushes();
    assert_eq!(begun(&world).await, Answer::Batch { batch_item_failures: vec![] });
    assert_eq!(begun(&world).await, Answer::Batch { batch_item_failures: vec![] }, "records come twice");
    assert_eq!(stored(&world, "timers#").await.len(), 1);

    world.remain(&call, seconds(89)).await;
    assert_eq!(minute(&world).await, 1, "it still rings");
    assert_eq!(stored(&world, "timers#").await.len(), 1, "the clock looks again");
    world.clock.advance(seconds(1));
    assert_eq!(minute(&world).await, 1);
    for socket in [&at_alice, &at_bob] {
        let told = socket.pushes();
        assert_eq!((told.len(), &told[0]["event"]), (1, &json!("call.ended")));
        assert_eq!(told[0]["data"]["call"]["reason"], "no_answer");
    }
    let rows = stored(&world, &bob.id.to_string()).await;
    assert!(rows.iter().any(|row| row["state"]["S"] == "failed"), "the history has its end: {rows:?}");
    assert_eq!(stored(&world, "timers#").await.len(), 0);
    assert_eq!(minute(&world).await, 0);
}

/// What the laptop's engine hands over is what the template's event source would.
#[tokio::test]
async fn the_stream_of_a_laptop_tells_of_calls_that_began_and_of_nothing_else() {
    let (db, mut stream) = local::engine::start(None).await.expect("the engine starts");
    let (world, calls) = (World::new().await, Calls::new(db.clone()));
    let now = world.clock.now();
    let person = |n| call::Person { user: UserId::derived([n; 16]), name: "Somebody".parse().expect("a name") };
    let begin = async |n: u8| {
        let (id, device) = (CallId::derived([n; 16]), "d".parse().expect("a device"));
        let begun = Call::start(id, Terms::free(CallKind::Audio), person(n), &device, vec![person(2)], now)
            .expect("two people");
        calls.begin(&begun.0, &begun.1, &[], None, None).await.expect("nobody has it");
        let (ended, facts) = begun.0.end(person(n).user, None, Goodbye::Declined, now).expect("it rings");
        calls.save(&ended, &facts, 1).await.expect("nobody else wrote");
    };
    // What came before it was read is not told: so calls begin until one is.
    let mut n = 9;
    while stream.is_empty() {
        n += 1;
        begin(n).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for last in [n + 1, n + 2] {
        begin(last).await;
    }
    let mut told = Vec::new();
    while !told.contains(&CallId::derived([n + 2; 16])) {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), stream.recv()).await;
        let event = event.expect("the stream tells").expect("the engine runs");
        for record in event["Records"].as_array().expect("records") {
            assert!(store::stream::sequence_number(record).is_some());
            told.push(store::stream::call(record).expect("a call").0.id);
        }
    }
    let first = n + 3 - u8::try_from(told.len()).expect("few");
    assert_eq!(told, (first..=n + 2).map(|n| CallId::derived([n; 16])).collect::<Vec<_>>(), "each once, in order");
}

#[tokio::test]
async fn a_call_that_was_answered_goes_on_until_everybody_in_it_is_lost() {
    let world = World::new().await;
    let (alice, bob) = two(&world).await;
    let call = alice.call(&[&bob]).await;
    begun(&world).await;
    let _ = alice.in_call(&call, "offer", json!({ "sdp": sdp("o") })).await.expect(200);
    let _ = bob.in_call(&call, "answer", json!({ "sdp": sdp("a") })).await.expect(200);
    world.remain(&call, seconds(90)).await;
    assert_eq!(minute(&world).await, 1);
    assert_eq!(alice.get(&format!("/api/webrtc/call/{call}")).await.text("/state"), "connected");
    assert_eq!(stored(&world, "timers#").await.len(), 1, "the next end is awaited");
    world.clock.advance(SignedDuration::from_hours(12));
    assert_eq!(minute(&world).await, 1, "also across midnight");
    let call = &stored(&world, &call).await[0];
    assert_eq!((&call["state"]["S"], &call["because"]["S"]), (&json!("disconnected"), &json!("lost")));
    assert_eq!(stored(&world, "timers#").await.len(), 0);
}

#[tokio::test]
async fn a_minute_that_was_missed_is_made_up_for_and_many_calls_are_seen_to_at_once() {
    let world = World::new().await.without_limits();
    let ((alice, bob), carol) = (two(&world).await, Person::arrive(&world, "Carol").await);
    for _ in 0..105 {
        alice.call(&[&bob, &carol]).await;
    }
    begun(&world).await;
    world.clock.advance(SignedDuration::from_hours(23));
    assert_eq!(minute(&world).await, 105);
    assert_eq!(stored(&world, "timers#").await.len(), 0);
}

#[tokio::test]
async fn timers_that_fail_hold_up_no_other_and_stay() {
    let world = World::new().await.without_limits();
    let (alice, bob) = two(&world).await;
    alice.call(&[&bob]).await;
    let good = stored(&world, "call_").await.remove(0);
    begun(&world).await;
    let timers = store::Timers::new(world.db.clone());
    let mut calls = Vec::new();
    for n in 0..101_u8 {
        // Older than the good one, and more than a page.
        let (id, at) = (CallId::derived([n; 16]), world.clock.now() + seconds(1));
        timers.arm(store::timers::Timer { at, call: id }).await.expect("kept");
        let mut bad = good.clone();
        bad["pk"]["S"] = json!(id.to_string());
        bad["state"]["S"] = json!("on holiday");
        calls.push(bad);
    }
    world.put("calls", &calls).await;
    world.clock.advance(seconds(90));
    let minute = timers::serve(&world.timers, json!({ "timers": "due" })).await;
    assert_eq!(minute.expect_err("somebody must look").to_string(), "101 timers could not be seen to");
    assert_eq!(stored(&world, "timers#").await.len(), 101, "the good one was seen to");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_reported_and_holds_up_no_other() {
    let world = World::new().await;
    let ((alice, bob), carol) = (two(&world).await, Person::arrive(&world, "Carol").await);
    for _ in 0..3 {
        alice.call(&[&bob, &carol]).await;
    }
    let mut event = world.calls_begun().await;
    let broken = &mut event["Records"][1]["dynamodb"]["NewImage"];
    broken["state"]["S"] = json!("on holiday");
    let answer = timers::serve(&world.timers, event.clone()).await.expect("a batch is answered");
    let failures = vec![Failure { item_identifier: "2".into() }];
    assert_eq!(answer, Answer::Batch { batch_item_failures: failures });
    assert_eq!(
        serde_json::to_value(&answer).expect("JSON"),
        json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] })
    );
    assert_eq!(stored(&world, "timers#").await.len(), 2);
    event["Records"][1]["dynamodb"].as_object_mut().expect("an object").remove("SequenceNumber");
    assert!(timers::serve(&world.timers, event).await.is_err(), "what cannot be named is an error of the whole batch");
    assert!(timers::serve(&world.timers, json!({ "source": "aws.s3" })).await.is_err());
}

/// Arming and firing, struck by every fault at each of its calls, end as without it once the event comes again.
#[tokio::test]
async fn whatever_strikes_it_the_next_time_heals() {
    let home = World::new().await;
    let (alice, bob) = two(&home).await;
    let at_bob = bob.connect().await;
    alice.call(&[&bob]).await;
    let fresh = home.snapshot().await;
    begun(&home).await;
    let armed = home.snapshot().await;
    home.clock.advance(seconds(91));
    let run = async |world: &World, event: Value| timers::serve(&world.timers, event).await;
    let due = json!({ "timers": "due" });
    for (start, event) in [(&fresh, home.calls_begun().await), (&armed, due.clone())] {
        home.restore(start).await;
        let calm = Faults::none();
        run(&home.another_process(&calm), event.clone()).await.expect("nothing goes wrong");
        let clean = home.snapshot().await;
        for place in 0..calm.operations().len() {
            for fault in Fault::ALL {
                home.restore(start).await;
                at_bob.pushes();
                let faults = Faults::at(vec![(place, fault)]);
                let world = home.another_process(&faults);
                let first = faults.invoke(run(&world, event.clone())).await;
                run(&home, event.clone()).await.expect("the next time");
                let now = home.snapshot().await;
                let wrong = clean.changes(&now);
                assert!(wrong.is_empty(), "{fault:?} at {place}: {first:?} {:?}, then {wrong:?}", faults.operations());
            }
        }
    }
}

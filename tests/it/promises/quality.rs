//! Reports of quality: believed as far as they can be true, kept in a room that does not grow, summed exactly.

use std::sync::Arc;

use domain::clock::Clock as _;
use domain::id::CallId;
use domain::quality::report::Report;
use domain::quality::track::Heard;
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::Quality;
use testkit::{Person, World, report, sdp};

async fn connected(ada: &Person, bo: &Person) -> String {
    let call = ada.call(&[bo]).await;
    let _ = ada.in_call(&call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200);
    let _ = bo.in_call(&call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
    call
}

async fn tell(who: &Person, call: &str, about: &Person, tens: u32, percent: u32) -> String {
    who.in_call(call, "quality", json!({ "peers": [report(about.id, tens, percent)] })).await.summary()
}

async fn sum(who: &Person) -> Value {
    who.get("/api/webrtc/quality/summary").await.expect(200).body
}

async fn two() -> (Arc<World>, Person, Person) {
    let world = World::new().await;
    let (ada, bo) = (Person::arrive(&world, "Ada").await, Person::arrive(&world, "Bo").await);
    (world, ada, bo)
}

#[tokio::test]
async fn a_day_is_exact_however_late_and_however_often_it_is_told() {
    let (world, ada, bo) = two().await;
    let call = connected(&ada, &bo).await;
    for tens in 0..=12 {
        world.clock.advance(SignedDuration::from_secs(10));
        for person in [&ada, &bo] {
            let _ = person.in_call(&call, "heartbeat", json!({ "generation": 1 })).await.expect(200);
        }
        assert_eq!(tell(&ada, &call, &bo, tens, 0).await, "200");
    }
    let during = sum(&ada).await;
    assert_eq!((&during["calls"], &during["minutes"]), (&json!(1), &json!(2)), "once a minute");
    let _ = bo.in_call(&call, "end", json!({})).await.expect(200);
    for _ in 0..3 {
        for tens in [13, 14, 13, 18] {
            assert_eq!(tell(&ada, &call, &bo, tens, 0).await, "200");
        }
    }
    let after = sum(&ada).await;
    assert_eq!(
        (&after["calls"], &after["minutes"], &after["mos"]),
        (&json!(1), &json!(3), &json!({ "median": 4.4, "worst": 4.4 }))
    );
    assert_eq!(after["levels"][4], json!({ "level": "excellent", "share": 100.0 }));
    assert_eq!(after["verdicts"][0], json!({ "verdict": "none", "count": 1 }));
    assert_eq!(sum(&bo).await["calls"], 0, "Bo has said nothing");
    world.clock.advance(SignedDuration::from_secs(299));
    assert_eq!(tell(&ada, &call, &bo, 19, 0).await, "200");
    world.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(tell(&ada, &call, &bo, 20, 0).await, "409 call_over");
}

#[tokio::test]
async fn what_one_person_says_costs_the_same_after_ten_reports_and_after_a_hundred() {
    let (world, ada, bo) = two().await;
    let call: CallId = connected(&ada, &bo).await.parse().expect("an id");
    let (quality, now) = (Quality::new(world.db.clone()), world.clock.now());
    let items = world.snapshot().await.items().count();
    let mut heard = Heard::nothing(ada.id);
    let mut sizes = Vec::new();
    for tens in 0..=400 {
        let said: Report = serde_json::from_value(report(bo.id, tens, 1)).expect("a report");
        heard = heard.take(&[said]).expect("it can be true").0;
        quality.save(call, &heard, tens.into(), now).await.expect("nobody else writes");
        world.meter().take();
        let path = format!("/api/webrtc/call/{call}/quality");
        if [100, 400].contains(&tens) {
            let shown = ada.get(&path).await.expect(200).body;
            assert_eq!(shown["directions"][0]["points"].as_array().map(Vec::len), Some(60));
            let spent = world.meter().take();
            assert!(spent.read_units <= 1.5 && spent.write_units <= 0.0, "{spent:?}");
            sizes.push(heard.tally().seconds);
        }
    }
    assert_eq!(sizes, [1_000, 4_000], "and no second is lost");
    assert_eq!(world.snapshot().await.items().count(), items + 1, "one item, however much is said");
}

#[tokio::test]
async fn nothing_is_taken_of_a_request_that_holds_one_absurd_report() {
    let (world, ada, bo) = two().await;
    let call = connected(&ada, &bo).await;
    assert_eq!(tell(&ada, &call, &bo, 0, 0).await, "200");
    let before = world.snapshot().await;
    for (pointer, value) in [
        ("/round_trip_ms", json!(60_001)),
        ("/audio/jitter_ms", json!(60_001)),
        ("/audio/concealed", json!(9_999_999)),
        ("/audio/bytes", json!(9_999_999_999_u64)),
        ("/video/frames", json!(1_u64 << 53)),
        ("/sent/lost", json!(9_999_999)),
        ("/sent/available_kbps", json!(1_000_001)),
    ] {
        let mut absurd = report(bo.id, 2, 0);
        *absurd.pointer_mut(pointer).expect("a field") = value;
        let both = json!({ "peers": [report(bo.id, 1, 0), absurd] });
        assert_eq!(ada.in_call(&call, "quality", both).await.summary(), "422 quality_absurd", "{pointer}");
    }
    for (pointer, value) in [("/round_trip_ms", json!(1.5)), ("/audio/lost", json!(-1)), ("/audio/bytes", json!("9"))] {
        let mut wrong = report(bo.id, 2, 0);
        *wrong.pointer_mut(pointer).expect("a field") = value;
        let refused = ada.in_call(&call, "quality", json!({ "peers": [wrong] })).await;
        assert_eq!(
            (refused.summary().as_str(), refused.pointers()),
            ("422 invalid_fields", vec![format!("/peers/0{pointer}").as_str()])
        );
    }
    for peers in [json!([]), json!(vec![report(bo.id, 1, 0); 8])] {
        let refused = ada.in_call(&call, "quality", json!({ "peers": peers })).await;
        assert_eq!((refused.summary().as_str(), refused.pointers()), ("422 invalid_fields", vec!["/peers"]));
    }
    assert!(before.changes(&world.snapshot().await).is_empty());
}

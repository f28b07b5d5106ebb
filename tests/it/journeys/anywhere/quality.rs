//! Two people talk, and each says how the other sounds.

use serde_json::{Value, json};
use testkit::{Person, Place, World, report};

use crate::journeys::steps::{answer, offer};

async fn tell<P: Place>(who: &Person<P>, call: &str, about: &Person<P>, tens: u32, percent: u32) -> Value {
    let body = json!({ "peers": [report(about.id, tens, percent)] });
    who.in_call(call, "quality", body).await.expect(200).body
}

#[tokio::test]
async fn both_sides_report_and_everybody_in_the_call_sees_both_directions() {
    let world = World::anywhere().await;
    let [ada, bo, eve] = world.people(["Ada", "Bo", "Eve"]).await;
    let call = ada.call(&[&bo]).await;
    offer(&ada, &call).await;
    let early = bo.in_call(&call, "quality", json!({ "peers": [report(ada.id, 0, 0)] })).await;
    assert_eq!(early.summary(), "409 not_joined");
    answer(&bo, &call).await;
    let first = tell(&ada, &call, &bo, 0, 0).await;
    assert_eq!(
        (&first["taken"], &first["peers"][0]["now"]),
        (&json!(1), &Value::Null),
        "the first is what is counted from"
    );
    let second = tell(&ada, &call, &bo, 1, 0).await;
    assert_eq!(
        (&second["peers"][0]["now"]["mos"], &second["peers"][0]["now"]["level"]),
        (&json!(4.41), &json!("excellent"))
    );
    assert_eq!(tell(&ada, &call, &bo, 1, 50).await["taken"], 0, "its number was used");
    for tens in 0..3 {
        tell(&bo, &call, &ada, tens, 12).await;
    }
    let path = format!("/api/webrtc/call/{call}/quality");
    let seen = bo.get(&path).await.expect(200).body;
    assert_eq!(ada.get(&path).await.expect(200).body, seen, "everybody sees the same");
    let direction = |listener: &str| {
        let all = seen["directions"].as_array().expect("directions");
        all.iter().find(|one| one["listener"] == listener).expect("it was reported").clone()
    };
    let (at_ada, at_bo) = (direction(&ada.id.to_string()), direction(&bo.id.to_string()));
    assert!(at_ada["mos"]["median"].as_f64().expect("a MOS") > 4.0);
    assert_eq!((&at_ada["level"], &at_ada["verdict"]), (&json!("excellent"), &json!("none")));
    assert_eq!(
        (&at_bo["level"], &at_bo["verdict"], &at_bo["speaker"]),
        (&json!("bad"), &json!("network"), &json!(ada.id.to_string()))
    );
    assert_eq!(at_bo["points"].as_array().map(Vec::len), Some(2));
    assert_eq!(eve.get(&path).await.summary(), "404 call_unknown");
    let _ = ada.in_call(&call, "end", json!({})).await.expect(200);
    tell(&bo, &call, &ada, 3, 12).await;
    let sum = bo.get("/api/webrtc/quality/summary").await.expect(200).body;
    assert_eq!((&sum["calls"], &sum["verdicts"][2]), (&json!(1), &json!({ "verdict": "network", "count": 1 })));
}

#[tokio::test]
async fn a_summary_is_of_days_and_of_90_at_most() {
    let world = World::anywhere().await;
    let [ada] = world.people(["Ada"]).await;
    let ask = async |query: &str| ada.get(&format!("/api/webrtc/quality/summary{query}")).await;
    let empty = ask("?to=2026-11-20").await.expect(200).body;
    assert_eq!(
        (&empty["from"], &empty["calls"], &empty["mos"]["median"]),
        (&json!("2026-11-14"), &json!(0), &Value::Null)
    );
    assert_eq!(ask("?from=2026-01-01&to=2026-03-31").await.summary(), "200");
    for (query, pointer) in [
        ("?from=2026-01-01&to=2026-04-01", "?from"),
        ("?from=2026-01-02&to=2026-01-01", "?from"),
        ("?from=yesterday", "?from"),
        ("?to=2026-13-01", "?to"),
    ] {
        let refused = ask(query).await;
        assert_eq!((refused.summary().as_str(), refused.pointers()), ("422 invalid_fields", vec![pointer]), "{query}");
    }
}

//! The program that Lambda starts, and its events.

use serde_json::Value;

#[tokio::test]
async fn every_event_gets_an_answer_from_the_real_program() {
    let answers = testkit::bootstrap::play("realtime", env!("CARGO_BIN_EXE_realtime")).await;
    assert_eq!(answers["events/realtime/connect.json"]["statusCode"], 200);
    let pong = &answers["events/realtime/ping.json"];
    let frame: Value = serde_json::from_str(pong["body"].as_str().expect("text")).expect("JSON");
    assert_eq!(frame["event"], "reply", "{pong}");
}

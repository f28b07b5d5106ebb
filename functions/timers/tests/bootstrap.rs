//! The program that Lambda starts, and its events.

use serde_json::json;

#[tokio::test]
async fn every_event_gets_an_answer_from_the_real_program() {
    let answers = testkit::bootstrap::play("timers", env!("CARGO_BIN_EXE_timers")).await;
    assert_eq!(answers["events/timers/call-began.json"], json!({ "batchItemFailures": [] }));
    assert_eq!(answers["events/timers/record-broken.json"]["batchItemFailures"][0]["itemIdentifier"], "300");
    assert!(answers["events/timers/minute.json"]["fired"].is_u64());
}

//! The program that Lambda starts, and its events.

use serde_json::Value;

#[tokio::test]
async fn every_event_gets_an_answer_from_the_real_program() {
    let answers = testkit::bootstrap::play("calls", env!("CARGO_BIN_EXE_calls")).await;
    for (event, status) in [("health", 200), ("active", 200), ("ice-servers", 200), ("show", 404)] {
        let answer: &Value = &answers[&format!("events/calls/{event}.json")];
        assert_eq!(answer["statusCode"], status, "{event}: {answer}");
    }
}

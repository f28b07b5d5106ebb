//! The program that Lambda starts, and its events.

use serde_json::Value;

#[tokio::test]
async fn every_event_gets_an_answer_from_the_real_program() {
    let answers = testkit::bootstrap::play("recordings", env!("CARGO_BIN_EXE_recordings")).await;
    for (event, status) in [("list", 200), ("show", 404), ("ask", 404), ("delete", 404)] {
        let answer: &Value = &answers[&format!("events/recordings/{event}.json")];
        assert_eq!(answer["statusCode"], status, "{event}: {answer}");
    }
}

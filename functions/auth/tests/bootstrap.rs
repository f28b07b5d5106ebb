//! The program that Lambda starts, and its events.

use serde_json::Value;

#[tokio::test]
async fn every_event_gets_an_answer_from_the_real_program() {
    let answers = testkit::bootstrap::play("auth", env!("CARGO_BIN_EXE_auth")).await;
    let me = &answers["events/auth/me.json"];
    assert_eq!(me["statusCode"], 200, "{me}");
    let body: Value = serde_json::from_str(me["body"].as_str().expect("text")).expect("JSON");
    assert_eq!(body["name"], "Ada Lovelace");
}

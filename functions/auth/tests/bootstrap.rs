//! The program that Lambda starts, and its events.

use serde_json::Value;
use testkit::deployment::Deployment;
use testkit::runtime_api::{Failure, Sandbox};

#[tokio::test]
async fn every_event_gets_an_answer_from_the_real_program() {
    let answers = testkit::bootstrap::play("auth", env!("CARGO_BIN_EXE_auth")).await;
    let me = &answers["events/auth/me.json"];
    assert_eq!(me["statusCode"], 200, "{me}");
    let body: Value = serde_json::from_str(me["body"].as_str().expect("text")).expect("JSON");
    assert_eq!(body["name"], "Ada Lovelace");
}

#[tokio::test]
async fn a_program_without_its_variables_ends_and_names_them() {
    let mut function = Deployment::new().await.function("auth", env!("CARGO_BIN_EXE_auth"));
    function.environment.clear();
    let ended = Sandbox::start(&function).await.ready().await.expect_err("it cannot start");
    assert!(matches!(&ended, Failure::Ended(..)) && ended.to_string().contains("TOKEN_KEYS is not set"), "{ended}");
}

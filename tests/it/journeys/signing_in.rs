//! Tokens that time passes over. Whatever needs no clock is in `anywhere/`.

use jiff::SignedDuration;
use serde_json::json;
use testkit::{Person, World};

use super::steps::refresh;

fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

#[tokio::test]
async fn tokens_age_and_are_renewed() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    world.clock.advance(seconds(599));
    assert_eq!(ada.get("/auth/me").await.summary(), "200");
    world.clock.advance(seconds(1));
    assert_eq!(ada.get("/auth/me").await.summary(), "401 token_expired");
    let renewed = Person::of(&world, &refresh(&world, &ada.refresh_token, None).await.expect(200));
    assert_eq!(renewed.get("/auth/me").await.summary(), "200");
    world.clock.advance(SignedDuration::from_hours(24 * 60));
    assert_eq!(refresh(&world, &renewed.refresh_token, None).await.summary(), "401 session_expired");
}

#[tokio::test]
async fn a_lost_answer_is_repeated_hours_later_with_the_key_and_a_thief_has_none() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let first = refresh(&world, &ada.refresh_token, Some("key-of-1")).await.expect(200);
    world.clock.advance(SignedDuration::from_hours(5));
    let again = refresh(&world, &ada.refresh_token, Some("key-of-1")).await.expect(200);
    assert_eq!(again.text("/refresh_token"), first.text("/refresh_token"));
    // Somebody else comes with the used token.
    let stolen = refresh(&world, &ada.refresh_token, Some("another")).await;
    assert_eq!(stolen.summary(), "401 refresh_reused");
    let victim = refresh(&world, &first.text("/refresh_token"), Some("key-of-2")).await;
    assert_eq!(victim.summary(), "401 refresh_reused", "the whole session is over");
    assert_eq!(Person::of(&world, &again).post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
}

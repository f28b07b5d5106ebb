//! People who come in with a password, stay, and leave.

use domain::limit::REFRESH_MEMORY;
use http::Method;
use serde_json::{Value, json};
use testkit::person::PASSWORD;
use testkit::{Anywhere, Person, Place as _, Reply, World};

use crate::journeys::steps::refresh;

async fn post(world: &Anywhere, path: &str, body: Value) -> Reply {
    world.anonymous(Method::POST, path, Some(body)).await
}

#[tokio::test]
async fn somebody_registers_signs_in_and_is_themselves() {
    let world = World::anywhere().await;
    let email = world.email("Ada");
    let new = json!({ "email": format!(" {}", email.to_uppercase()), "password": PASSWORD, "name": " Ada Lovelace " });
    let made = post(&world, "/auth/register", new.clone()).await.expect(201);
    assert_eq!(made.header("location"), "/auth/me");
    assert_eq!(made.body["token_type"], "Bearer");
    assert_eq!(made.body["expires_in"], 600);
    let ada = Person::of(&world, &made);
    let me = ada.get("/auth/me").await.expect(200).body;
    assert_eq!(
        (&me["name"], &me["email"], &me["email_verified"]),
        (&json!("Ada Lovelace"), &json!(email), &json!(false))
    );
    assert_eq!(me["ways_in"], json!(["password"]));
    let created: jiff::Timestamp = me["created_at"].as_str().expect("a time").parse().expect("RFC 3339");
    assert_eq!(me["created_at"], created.to_string(), "UTC, with a Z");
    assert_eq!(post(&world, "/auth/register", new).await.summary(), "409 email_taken");

    let signed_in =
        post(&world, "/auth/login", json!({ "email": email.to_uppercase(), "password": PASSWORD })).await.expect(200);
    assert_eq!(signed_in.text("/user/id"), ada.id.to_string());
    let wrong = post(&world, "/auth/login", json!({ "email": email, "password": "wrong horse" })).await;
    let nobody = post(&world, "/auth/login", json!({ "email": world.email("Bob"), "password": "wrong horse" })).await;
    assert_eq!((wrong.summary(), nobody.summary()), ("401 wrong_credentials".into(), "401 wrong_credentials".into()));
    let without_id = |reply: &Reply| {
        let mut body = reply.body.clone();
        body["instance"] = Value::Null;
        body
    };
    assert_eq!(without_id(&wrong), without_id(&nobody), "nobody learns who has an account");
}

#[tokio::test]
async fn two_people_who_want_one_address_at_once_make_one_account() {
    let world = World::anywhere().await;
    let tries: Vec<_> = (0..8)
        .map(|n| {
            let world = world.clone();
            let body = json!({ "email": world.email("Ada"), "password": PASSWORD, "name": format!("Ada {n}") });
            tokio::spawn(async move { post(&world, "/auth/register", body).await.summary() })
        })
        .collect();
    let mut summaries = Vec::new();
    for one in tries {
        summaries.push(one.await.expect("no panic"));
    }
    summaries.sort();
    assert_eq!(summaries[0], "201");
    assert!(summaries[1..].iter().all(|summary| summary == "409 email_taken"), "{summaries:?}");
}

#[tokio::test]
async fn fifty_tabs_that_refresh_at_once_get_fifty_equal_successors() {
    let world = World::anywhere().await;
    let [ada] = world.people(["Ada"]).await;
    let tabs: Vec<_> = (0..50)
        .map(|_| {
            let (world, token) = (world.clone(), ada.refresh_token.clone());
            tokio::spawn(async move { refresh(&world, &token, None).await })
        })
        .collect();
    let mut successors = Vec::new();
    for tab in tabs {
        successors.push(tab.await.expect("no panic").expect(200).text("/refresh_token"));
    }
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn a_refresh_token_from_long_ago_ends_the_session_it_was_stolen_from() {
    let world = World::anywhere().await;
    let [ada] = world.people(["Ada"]).await;
    let at_ada = ada.connect().await;
    let mut newest = ada.refresh_token.clone();
    for _ in 0..=REFRESH_MEMORY {
        newest = refresh(&world, &newest, None).await.expect(200).text("/refresh_token");
    }
    assert_eq!(refresh(&world, &ada.refresh_token, None).await.summary(), "401 refresh_reused");
    assert_eq!(refresh(&world, &newest, None).await.summary(), "401 refresh_reused", "the whole session is over");
    let _ = ada.post("/auth/ws-ticket", json!({})).await.expect(401);
    assert_eq!(at_ada.pushes().await[0]["data"], json!({ "reason": "session_ended" }));
    at_ada.expect_closed().await;
}

#[tokio::test]
async fn refresh_tokens_cannot_be_made_up() {
    let world = World::anywhere().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let (said, tag) = ada.refresh_token.rsplit_once('.').expect("a token");
    let next_generation = format!("{}2.{tag}", &said[..said.len() - 1]);
    let (_, foreign_tag) = bo.refresh_token.rsplit_once('.').expect("a token");
    for forged in
        ["", "x", &next_generation, &format!("{said}.{foreign_tag}"), &format!("{said}.01.{tag}"), &ada.access_token]
    {
        assert_eq!(refresh(&world, forged, None).await.summary(), "401 refresh_invalid", "{forged}");
    }
    let bad_key = refresh(&world, &ada.refresh_token, Some("a b")).await;
    assert_eq!(
        (bad_key.summary().as_str(), bad_key.pointers()),
        ("422 invalid_fields", vec!["header:idempotency-key"])
    );
    assert_eq!(refresh(&world, &ada.refresh_token, None).await.summary(), "200", "and nothing was used up");
}

#[tokio::test]
async fn devices_are_listed_and_signed_out() {
    let world = World::anywhere().await;
    let [ada, mallory] = world.people(["Ada", "Mallory"]).await;
    let phone = ada.another_device().await;
    let list = phone.get("/auth/sessions").await.expect(200);
    let items = list.body["items"].as_array().expect("items");
    assert_eq!(items.iter().map(|item| item["current"].clone()).collect::<Vec<_>>(), [true, false]);
    let (second, first) = (list.text("/items/0/id"), list.text("/items/1/id"));

    let foreign = mallory.delete(&format!("/auth/sessions/{first}")).await;
    let absent = mallory.delete("/auth/sessions/ses_00000000000070008000000000000bad").await;
    assert_eq!((foreign.summary(), absent.summary()), ("404 session_unknown".into(), "404 session_unknown".into()));
    assert_eq!(phone.delete(&format!("/auth/sessions/{first}")).await.summary(), "204");
    assert_eq!(phone.delete(&format!("/auth/sessions/{first}")).await.summary(), "404 session_unknown");
    assert_eq!(refresh(&world, &ada.refresh_token, None).await.summary(), "401 session_revoked");
    assert_eq!(ada.post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
    assert_eq!(phone.get("/auth/sessions").await.text("/items/0/id"), second);

    assert_eq!(phone.post("/auth/logout", json!({})).await.summary(), "204");
    assert_eq!(phone.post("/auth/logout", json!({})).await.summary(), "204", "twice is harmless");
    assert_eq!(refresh(&world, &phone.refresh_token, None).await.summary(), "401 session_revoked");
}

#[tokio::test]
async fn whoever_signs_a_device_out_closes_its_socket_and_no_other() {
    let world = World::anywhere().await;
    let [ada] = world.people(["Ada"]).await;
    let phone = ada.another_device().await;
    let (at_ada, at_phone) = (ada.connect().await, phone.connect().await);
    let lost = phone.get("/auth/sessions").await.expect(200).text("/items/1/id");
    assert_eq!(phone.delete(&format!("/auth/sessions/{lost}")).await.summary(), "204");
    let told = at_ada.pushes().await;
    assert_eq!(
        (told.len(), &told[0]["event"], &told[0]["data"]),
        (1, &json!("connection.closing"), &json!({ "reason": "session_ended" }))
    );
    at_ada.expect_closed().await;
    assert_eq!(at_phone.say("ping", json!({})).await["event"], "reply");
    assert_eq!(at_phone.events().await.len(), 0);
}

#[tokio::test]
async fn anybody_can_check_a_token_with_the_published_key() {
    let world = World::anywhere().await;
    let [ada] = world.people(["Ada"]).await;
    let keys = world.anonymous(Method::GET, "/.well-known/jwks.json", None).await.expect(200);
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys.body).expect("a JWKS");
    let header = jsonwebtoken::decode_header(&ada.access_token).expect("a JWT");
    assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), jsonwebtoken::Algorithm::EdDSA));
    let key = keys.find(&header.kid.expect("a kid")).expect("the key is published");
    let key = jsonwebtoken::DecodingKey::from_jwk(key).expect("a usable key");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.set_audience(&["dchat"]);
    let claims = jsonwebtoken::decode::<Value>(&ada.access_token, &key, &validation).expect("a good signature").claims;
    assert_eq!((&claims["sub"], &claims["ver"]), (&json!(ada.id.to_string()), &json!(1)));
    assert!(claims["iss"].as_str().is_some_and(|issuer| !issuer.is_empty()), "{claims}");
    let [issued, expires] = ["iat", "exp"].map(|name| claims[name].as_i64().expect("seconds"));
    assert_eq!(expires - issued, 600);
}

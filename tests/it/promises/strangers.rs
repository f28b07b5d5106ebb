//! Nobody gets in without a good token.

use http::Method;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use testkit::World;
use testkit::world::request;

/// Operations that need no token. This list may only shrink.
const PUBLIC: [&str; 9] =
    ["limits", "register", "login", "exchangeCode", "refresh", "linkedinAuthUrl", "linkedinCallback", "jwks", "health"];

/// Every operation of the contract: its id, method, and path with made-up ids.
pub(super) fn operations() -> Vec<(String, Method, String)> {
    let contract: Value = serde_json::from_str(&local::contract::openapi_text()).expect("JSON");
    let mut operations = Vec::new();
    for (path, item) in contract["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operation_id"));
            let kinds = [("/sessions/", "ses"), ("/recordings/", "rec")];
            let kind = kinds.into_iter().find(|(part, _)| path.contains(part)).map_or("call", |(_, kind)| kind);
            let path = path.replace("{id}", &format!("{kind}_0000000000007000800000000000dead"));
            operations.push((id.to_owned(), method.to_uppercase().parse().expect("a method"), path));
        }
    }
    assert!(operations.len() >= 24, "{}", operations.len());
    operations
}

#[tokio::test]
async fn every_operation_refuses_whoever_has_no_good_token() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let public = World::new().await;
    let [foreign] = public.people(["Ada"]).await;
    let ticket = ada.ticket().await;

    let kid = jsonwebtoken::decode_header(&ada.access_token).expect("a JWT").kid;
    let claims: Value = json!({ "iss": "test", "aud": "dchat", "sub": ada.id.to_string(), "name": "Ada", "sid": "ses_00000000000070008000000000000001", "ver": 1, "iat": 0, "exp": 9_999_999_999_u64 });
    let sign = |algorithm, key: &EncodingKey| {
        let mut header = Header::new(algorithm);
        header.typ = Some("at+jwt".into());
        header.kid.clone_from(&kid);
        jsonwebtoken::encode(&header, &claims, key).expect("signs")
    };
    let published = world.keys.token_keys.keys[0].x.clone();
    let unsigned = |header: &Value| {
        format!("{}.{}.", api::secret::base64url(header.to_string()), api::secret::base64url(claims.to_string()))
    };
    let bad: Vec<(String, &str)> = vec![
        ("rubbish".into(), "token_invalid"),
        (format!("{}x", ada.access_token), "token_invalid"),
        (foreign.access_token.clone(), "token_invalid"),
        (ticket, "token_invalid"),
        (ada.refresh_token.clone(), "token_invalid"),
        (sign(Algorithm::HS256, &EncodingKey::from_secret(published.as_bytes())), "token_invalid"),
        (unsigned(&json!({ "alg": "none", "typ": "at+jwt" })), "token_invalid"),
        (unsigned(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "../../etc/passwd" })), "token_invalid"),
        (unsigned(&json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid })), "token_invalid"),
    ];
    world.meter().take();
    let mut guarded = 0;
    for (id, method, path) in operations() {
        if PUBLIC.contains(&id.as_str()) {
            continue;
        }
        guarded += 1;
        let none = world.anonymous(method.clone(), &path, Some(json!({}))).await;
        assert_eq!(
            none.summary(),
            "401 token_missing",
            "{id} must take a Caller; if it is public on purpose, say so in PUBLIC"
        );
        assert_eq!(none.header("www-authenticate"), "Bearer");
        for (token, code) in &bad {
            let bearer = format!("Bearer {token}");
            let reply =
                world.send(request(method.clone(), &path, &[("authorization", &bearer)], Some(json!({})))).await;
            assert_eq!(reply.summary(), format!("401 {code}"), "{id} with {token:.60}");
        }
    }
    assert!(guarded >= 16, "{guarded}");
    assert_eq!(world.meter().take().requests, 0, "and nobody's word costs a request");
    world.clock.advance(SignedDuration::from_secs(601));
    for (id, method, path) in operations() {
        if !PUBLIC.contains(&id.as_str()) {
            assert_eq!(ada.send(method, &path, &[], Some(json!({}))).await.summary(), "401 token_expired", "{id}");
        }
    }
}

#[test]
fn every_public_operation_exists() {
    let ids: Vec<String> = operations().into_iter().map(|(id, ..)| id).collect();
    for public in PUBLIC {
        assert!(ids.iter().any(|id| id == public), "{public} is gone: take it off PUBLIC");
    }
}

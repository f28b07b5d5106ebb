//! Whatever is wrong with a request, it is named, and nothing happens.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use testkit::{Person, World, sdp};

use super::strangers::operations;

/// A good body for every operation that takes one, and the fields that it must have.
fn bodies(ada: &Person) -> Vec<(&'static str, Value, Vec<&'static str>)> {
    vec![
        (
            "register",
            json!({ "email": "new@example.com", "password": "long enough", "name": "New" }),
            vec!["email", "password", "name"],
        ),
        ("login", json!({ "email": "ada@example.com", "password": "long enough" }), vec!["email", "password"]),
        ("exchangeCode", json!({ "code": "x" }), vec!["code"]),
        ("refresh", json!({ "refresh_token": ada.refresh_token }), vec!["refresh_token"]),
        ("initiateCall", json!({ "participants": ["usr_0000000000007000800000000000dead"] }), vec!["participants"]),
        ("offer", json!({ "sdp": sdp("x") }), vec!["sdp"]),
        ("answer", json!({ "sdp": sdp("x") }), vec!["sdp"]),
        (
            "reportQuality",
            json!({ "peers": [{ "user_id": "usr_0000000000007000800000000000dead", "at_ms": 0 }] }),
            vec!["peers"],
        ),
        ("joinCall", json!({ "device_id": "d", "generation": 0 }), vec![]),
        ("invite", json!({ "participants": [ada.id.to_string()] }), vec!["participants"]),
        ("removeFromCall", json!({ "user_id": ada.id.to_string() }), vec!["user_id"]),
        ("heartbeat", json!({ "generation": 1 }), vec!["generation"]),
        ("endCall", json!({ "reason": "busy" }), vec![]),
        ("askToRecord", json!({ "type": "video/webm" }), vec![]),
        ("consentToRecording", json!({ "given": false }), vec!["given"]),
        ("grantPart", testkit::recorder::part(1, b"x"), vec!["part", "size", "checksum_sha256"]),
        ("iceCandidate", json!({ "candidates": [{ "candidate": testkit::candidate(1) }] }), vec![]),
    ]
}

#[tokio::test]
async fn every_body_is_checked_and_every_fault_is_named() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    let operations = operations();
    let bearer = format!("Bearer {}", ada.access_token);
    let send = async |method: &Method, path: &str, kind: &str, body: String| {
        let request =
            Request::builder().method(method).uri(path).header("authorization", &bearer).header("content-type", kind);
        world.send(request.body(Body::from(body)).expect("a request")).await
    };
    let contract: Value = serde_json::from_str(&local::contract::openapi_text()).expect("JSON");
    let all = contract["paths"].as_object().expect("paths").values();
    let all = all.flat_map(|item| item.as_object().expect("operations").values());
    let with_body: Vec<&Value> = all.filter(|operation| operation.get("requestBody").is_some()).collect();
    assert_eq!(bodies(&ada).len(), with_body.len(), "an operation with a body is missing in bodies()");
    let is_needed = |id: &str| with_body.iter().any(|o| o["operationId"] == id && o["requestBody"]["required"] == true);

    // The first request of a session asks whether it was signed out, in each group.
    let _ = (ada.get("/auth/sessions").await, ada.get("/api/webrtc/calls/active").await);
    let _ = ada.get("/api/recordings").await;
    for (id, good, required) in bodies(&ada) {
        let (_, method, path) = operations.iter().find(|(known, ..)| known == id).expect("an operation");
        world.meter().take();
        for (kind, body, summary) in [
            ("application/json", "{".to_owned(), "400 malformed_json"),
            ("application/json", String::new(), "400 malformed_json"),
            ("application/json", "[]".into(), "400 malformed_json"),
            ("application/json", "null".into(), "400 malformed_json"),
            ("application/json", "[".repeat(100_000), "400 malformed_json"),
            ("application/json", "\u{feff}{}".into(), "400 malformed_json"),
            ("text/plain", good.to_string(), "415 unsupported_media_type"),
            ("", good.to_string(), "415 unsupported_media_type"),
            ("application/json", format!("\"{}\"", "x".repeat(200_000)), "413 body_too_large"),
        ] {
            if body.is_empty() && !is_needed(id) {
                continue;
            }
            let reply = send(method, path, kind, body).await;
            assert_eq!(reply.summary(), summary, "{id}");
            assert_eq!(reply.header("content-type"), "application/problem+json");
            assert_eq!(reply.body["instance"], reply.header("x-request-id"));
        }
        let mut unknown = good.clone();
        unknown["colour"] = json!("blue");
        let reply = send(method, path, "application/json", unknown.to_string()).await;
        assert_eq!((reply.summary().as_str(), reply.pointers()), ("422 invalid_fields", vec!["/colour"]), "{id}");

        // Missing and of the wrong type: all of them at once.
        if !required.is_empty() {
            let pointers: Vec<String> = required.iter().map(|name| format!("/{name}")).collect();
            let reply = send(method, path, "application/json", "{}".into()).await;
            assert_eq!(
                (reply.summary().as_str(), reply.pointers()),
                ("422 invalid_fields", pointers.iter().map(String::as_str).collect()),
                "{id}"
            );
        }
        let wrong: Value = good
            .as_object()
            .expect("an object")
            .keys()
            .map(|name| (name.clone(), json!({ "x": 1 })))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let reply = send(method, path, "application/json", wrong.to_string()).await;
        assert_eq!(
            (reply.summary().as_str(), reply.pointers().len()),
            ("422 invalid_fields", good.as_object().expect("an object").len()),
            "{id}"
        );
        assert_eq!(world.meter().take().requests, 0, "{id}: a bad request reached the store");
    }
}

#[tokio::test]
async fn ids_that_are_none_and_ids_of_nobody_are_the_same() {
    let world = World::new().await;
    let [ada] = world.people(["Ada"]).await;
    for id in
        ["call_0000000000007000800000000000dead", "usr_0000000000007000800000000000dead", "x", "%00", "..%2f", "call_"]
    {
        let reply = ada.get(&format!("/api/webrtc/call/{id}")).await;
        assert_eq!(reply.summary(), "404 call_unknown", "{id}");
        assert_eq!(ada.in_call(id, "end", json!({})).await.summary(), "404 call_unknown", "{id}");
        assert_eq!(ada.get(&format!("/api/recordings/{id}")).await.summary(), "404 recording_unknown", "{id}");
        assert_eq!(ada.delete(&format!("/auth/sessions/{id}")).await.summary(), "404 session_unknown", "{id}");
    }
    assert_eq!(ada.get("/api/webrtc/nothing").await.summary(), "404 route_unknown");
    assert_eq!(ada.get("/auth/nothing").await.summary(), "404 route_unknown");
    assert_eq!(ada.get("/auth/login").await.summary(), "405 method_not_allowed");
    assert_eq!(ada.get("/auth/login").await.header("allow"), "POST");
}

#[tokio::test]
async fn descriptions_and_candidates_have_their_limits() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let call = ada.call(&[&bo]).await;
    let offer = async |text: String| ada.in_call(&call, "offer", json!({ "sdp": text })).await;
    let padded = |bytes: usize| {
        let head = sdp("x");
        format!("{head}a={}\r\n", "x".repeat(bytes - head.len() - 4))
    };
    assert_eq!(offer(padded(64 * 1024)).await.summary(), "200", "64 KB exactly");
    for bad in
        [padded(64 * 1024 + 1), "hello".into(), String::new(), "v=0\r\na=\u{0}\r\n".into(), "v=0\r\nno\r\n".into()]
    {
        let refused = offer(bad).await;
        assert_eq!((refused.summary().as_str(), refused.pointers()), ("422 invalid_fields", vec!["/sdp"]));
    }
    let wrong_place = ada.in_call(&call, "offer", json!({ "sdp": sdp("x"), "type": "answer" })).await;
    assert_eq!((wrong_place.summary().as_str(), wrong_place.pointers()), ("422 invalid_fields", vec!["/type"]));
    for candidate in [
        json!({ "candidate": "x" }),
        json!({ "candidate": format!("candidate:{}", "x".repeat(1_100)) }),
        json!({}),
        json!({ "candidate": testkit::candidate(1), "port": 1 }),
    ] {
        let refused = ada.in_call(&call, "ice-candidate", json!({ "candidates": [candidate] })).await;
        assert_eq!(refused.summary(), "422 invalid_fields");
        assert!(refused.pointers()[0].starts_with("/candidates/0"), "{:?}", refused.pointers());
    }
    let device = ada.in_call(&call, "offer", json!({ "sdp": sdp("x"), "device_id": "a b" })).await;
    assert_eq!(device.pointers(), ["/device_id"]);
}

#[tokio::test]
async fn pages_of_other_origins_are_not_let_in() {
    let world = World::new().await;
    let preflight = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        world.send(testkit::world::request(Method::OPTIONS, "/auth/login", &headers, None)).await
    };
    let allowed = preflight("https://app.example").await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    for other in ["https://evil.example", "null", "https://app.example.evil", "http://localhost:3000"] {
        assert_eq!(preflight(other).await.header("access-control-allow-origin"), "", "{other}");
    }
}

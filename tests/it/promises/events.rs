//! Every event under `events/` is one that Lambda could send, and reaches its handler.

use std::collections::BTreeSet;

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use axum::body::Body;
use lambda_http::request::LambdaRequest;
use realtime::Occasion;
use socket::ClientFrame;
use testkit::World;

use super::root;
use super::strangers::operations;

fn events(function: &str) -> Vec<(String, String)> {
    let folder = root().join("events").join(function);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut events: Vec<_> = files
        .map(|file| {
            let path = file.expect("readable").path();
            (path.display().to_string(), std::fs::read_to_string(&path).expect("readable"))
        })
        .collect();
    events.sort();
    assert!(!events.is_empty(), "no events for {function}");
    events
}

#[tokio::test]
async fn every_http_event_reaches_a_route_and_every_route_has_an_event() {
    let world = World::new().await;
    let mut reached = BTreeSet::new();
    for function in ["auth", "calls", "recordings"] {
        for (name, text) in events(function) {
            let event: LambdaRequest = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let request: http::Request<lambda_http::Body> = event.into();
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            assert_eq!(testkit::world::group_of(&path), function, "{name} is for another function");
            let reply = world.send(request.map(|body| Body::from(body.to_vec()))).await;
            let code = reply.body["code"].as_str().unwrap_or_default();
            let lost =
                ["route_unknown", "method_not_allowed", "malformed_json", "unsupported_media_type", "invalid_fields"];
            assert!(!lost.contains(&code) && reply.status.as_u16() < 500, "{name}: {} {}", reply.summary(), reply.body);
            let shape = |path: &str| {
                let path = path.replacen("/api/v1/", "/api/", 1);
                path.split('/').map(|part| if part.contains('_') { "{id}" } else { part }).collect::<Vec<_>>().join("/")
            };
            for (id, known, route) in operations() {
                if known == method && shape(&route) == shape(&path) {
                    reached.insert(id);
                }
            }
        }
    }
    for (id, method, path) in operations() {
        assert!(reached.contains(&id), "{id} has no event: add events/<function>/….json for {method} {path}");
    }
}

#[test]
fn every_socket_event_is_an_occasion_and_every_action_has_an_event() {
    let mut said = BTreeSet::new();
    let (mut opened, mut closed) = (0, 0);
    for (name, text) in events("realtime") {
        let event: ApiGatewayWebsocketProxyRequest =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        match Occasion::try_from(event).unwrap_or_else(|problem| panic!("{name}: {}", problem.detail)) {
            Occasion::Opened { ticket, origin, .. } => {
                assert!(ticket.is_some() && origin.is_some(), "{name}");
                opened += 1;
            }
            Occasion::Closed { .. } => closed += 1,
            Occasion::Said { text, .. } => {
                let frame: serde_json::Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
                said.insert(frame["action"].as_str().expect("an action").to_owned());
                let (_, parsed) = ClientFrame::parse(&text);
                assert!(parsed.is_ok(), "{name}: {parsed:?}");
            }
        }
    }
    assert!(opened > 0 && closed > 0);
    for action in ClientFrame::ACTIONS {
        assert!(said.contains(*action), "{action} has no event under events/realtime/");
    }
}

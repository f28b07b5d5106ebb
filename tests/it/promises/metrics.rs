//! One line of the log per request, and CloudWatch makes metrics of it that somebody can pay for.
//!
//! The embedded metric format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use socket::Code;
use testkit::world::request;
use testkit::{Log, Person, World, sdp};
use tracing::Level;

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap_or_else(|| panic!("no text {name} in {line}"))
}

/// The metrics of a line, as `group/route latency`, after CloudWatch's rules were checked.
fn metrics(line: &Value) -> Vec<String> {
    assert!(line["_aws"]["Timestamp"].as_i64().is_some_and(|millis| millis > 1_700_000_000_000));
    let mut names = Vec::new();
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
        assert_eq!(directive["Namespace"], "dchat-test");
        for dimensions in directive["Dimensions"].as_array().expect("sets of dimensions") {
            let by: Vec<&str> =
                dimensions.as_array().expect("a set").iter().map(|name| name.as_str().expect("text")).collect();
            let values: Vec<&str> = by.iter().map(|name| text(line, name)).collect();
            assert!(values.iter().all(|value| (1..=1024).contains(&value.len()) && value.is_ascii()));
            for metric in directive["Metrics"].as_array().expect("metrics") {
                let name = text(metric, "Name");
                assert!(line[name].is_number(), "{name} is no number in {line}");
                names.push(format!("{} {name}", values.join("/")));
            }
        }
    }
    names
}

#[tokio::test]
async fn a_request_a_refusal_a_repeat_a_frame_and_a_minute_are_one_line_each() {
    let world = World::new().await;
    let (alice, bob) = (Person::arrive(&world, "Alice").await, Person::arrive(&world, "Bob").await);
    let at_bob = bob.connect().await;
    let (log, _guard) = Log::catch(Level::INFO);
    let call = json!({ "participants": [bob.id.to_string()] });
    let trace = "ab12".repeat(8);
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let key = [("idempotency-key", "k1"), ("traceparent", traceparent.as_str())];
    let mut said = Vec::new();
    for _ in 0..2 {
        let begun =
            alice.send(Method::POST, "/api/v1/webrtc/call/initiate", &key, Some(call.clone())).await.expect(201);
        let line = log.metrics().pop().expect("a line");
        assert_eq!((text(&line, "request.id"), text(&line, "trace")), (begun.header("x-request-id"), trace.as_str()));
        assert_eq!(
            (&line["http.status"], &line["level"], &line["message"]),
            (&json!(201), &json!("INFO"), &json!("answered"))
        );
        said.push(metrics(&line));
    }
    let refused = alice.in_call("call_00000000000070008000000000000bad", "offer", json!({ "sdp": sdp("x") })).await;
    assert_eq!(refused.summary(), "404 call_unknown");
    at_bob.say("ping", json!({})).await;
    at_bob.say("fly", json!({})).await;
    timers::serve(&world.timers, json!({ "timers": "due" })).await.expect("a minute in which nothing is due");
    timers::serve(&world.timers, world.calls_begun().await).await.expect("a batch");
    world.clock.advance(jiff::SignedDuration::from_secs(90));
    timers::serve(&world.timers, json!({ "timers": "due" })).await.expect("a minute");
    said.extend(log.metrics().iter().map(metrics));
    assert_eq!(
        json!(said),
        json!([
            ["calls/POST /api/webrtc/call/initiate latency"],
            ["calls/POST /api/webrtc/call/initiate latency", "calls/POST /api/webrtc/call/initiate replayed"],
            ["calls/POST /api/webrtc/call/{id}/offer latency", "calls/call_unknown refused"],
            ["realtime/ping latency"],
            ["realtime/unknown latency", "realtime/action_unknown refused"],
            ["timers/stream latency"],
            ["timers/minute latency"],
        ])
    );
}

/// What the dashboard draws of calls: the worst of what one request reports, by route and nothing else.
#[tokio::test]
async fn a_report_of_quality_is_metrics_of_its_line() {
    let world = World::new().await;
    let (alice, bob) = (Person::arrive(&world, "Alice").await, Person::arrive(&world, "Bob").await);
    let call = alice.call(&[&bob]).await;
    let _ = alice.in_call(&call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200);
    let _ = bob.in_call(&call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
    let (log, _guard) = Log::catch(Level::INFO);
    let route = "calls/POST /api/webrtc/call/{id}/quality";
    for (tens, measured) in [(0, false), (2, true), (2, false)] {
        let report = json!({ "peers": [testkit::report(bob.id, tens, 10)] });
        let _ = alice.in_call(&call, "quality", report).await.expect(200);
        let line = log.metrics().pop().expect("a line");
        let all = ["latency", "mos", "round_trip", "lost"].map(|name| format!("{route} {name}"));
        assert_eq!(metrics(&line), all[..if measured { 4 } else { 1 }]);
        if measured {
            assert_eq!((&line["round_trip"], &line["lost"]), (&json!(40), &json!(3.5)));
            assert!((2.0..4.0).contains(&line["mos"].as_f64().expect("a number")), "{line}");
        }
    }
}

fn route_templates() -> BTreeSet<String> {
    let contract = super::contract();
    contract["paths"].as_object().expect("paths").keys().cloned().collect()
}

/// A metric is billed by its name and dimensions, so nobody from outside may make one.
#[tokio::test]
async fn no_path_method_or_id_makes_a_metric_of_its_own() {
    let world = World::new().await;
    let alice = Person::arrive(&world, "Alice").await;
    let (log, _guard) = Log::catch(Level::INFO);
    for n in 0..20 {
        for path in [
            format!("/api/webrtc/x{n}"),
            format!("/api/webrtc/call/call_{n}"),
            format!("/auth/{n}/%0a"),
            "/docs/x".into(),
        ] {
            for method in [Method::GET, Method::PUT, Method::from_bytes(format!("M{n}").as_bytes()).expect("a method")]
            {
                world.send(request(method, &path, &[], None)).await;
            }
        }
        let _ = alice.get(&format!("/api/webrtc/call/call_0000000000007000800000000000{n:04}")).await.expect(404);
    }
    let lines = log.metrics();
    assert_eq!(lines.len(), 20 * 13, "one line each");
    let names: BTreeSet<String> = lines.iter().flat_map(metrics).collect();
    let known: BTreeSet<String> = route_templates();
    for name in &names {
        let (group, rest) = name.split_once('/').expect("a group");
        let by = rest.rsplit_once(' ').expect("a metric").0;
        let path = by.split_once(' ').map_or(by, |(_, path)| path);
        let code = Code::ALL.iter().any(|code| code.as_str() == by);
        let of_docs = path.starts_with("/docs") || path == "/openapi.json";
        assert!(
            ["auth", "calls"].contains(&group) && (code || by == "unknown" || of_docs || known.contains(path)),
            "{name}"
        );
    }
    assert!(names.len() < 20, "{names:?}");
}

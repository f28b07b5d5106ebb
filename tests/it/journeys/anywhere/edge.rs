//! What every path has in common.

use http::Method;
use serde_json::json;
use testkit::world::request;
use testkit::{Place as _, World};

#[tokio::test]
async fn routes_and_methods_that_are_none_are_refused_as_problems() {
    let world = World::anywhere().await;
    for (method, path, summary) in [
        (Method::GET, "/auth/nothing", "404 route_unknown"),
        (Method::POST, "/api/webrtc/nothing", "404 route_unknown"),
        (Method::DELETE, "/api/v1/webrtc/call", "404 route_unknown"),
        (Method::GET, "/auth/login", "405 method_not_allowed"),
        (Method::PUT, "/auth/me", "405 method_not_allowed"),
        (Method::PATCH, "/api/webrtc/call/initiate", "405 method_not_allowed"),
    ] {
        let refused = world.anonymous(method.clone(), path, None).await;
        assert_eq!(refused.summary(), summary, "{method} {path}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{method} {path}");
        assert_eq!(refused.text("/instance"), refused.header("x-request-id"), "{method} {path}");
        assert!(!refused.text("/remedy").is_empty());
    }
    let login = world.anonymous(Method::GET, "/auth/login", None).await;
    assert_eq!(login.header("allow"), "POST");
}

#[tokio::test]
async fn a_version_in_the_path_changes_nothing() {
    let world = World::anywhere().await;
    let limits = world.anonymous(Method::GET, "/api/limits", None).await.expect(200);
    assert_eq!(world.anonymous(Method::GET, "/api/v1/limits", None).await.expect(200).body, limits.body);
    let [ada] = world.people(["Ada"]).await;
    let active = ada.get("/api/v1/webrtc/calls/active").await.expect(200);
    assert_eq!(active.body["items"], json!([]));
}

#[tokio::test]
async fn pages_of_our_own_origin_may_call_and_others_are_not_let_in() {
    let world = World::anywhere().await;
    for path in ["/auth/login", "/api/webrtc/call/initiate"] {
        let preflight = async |origin: &str| {
            let asks = ("access-control-request-headers", "authorization,content-type,idempotency-key,traceparent");
            let headers = [("origin", origin), ("access-control-request-method", "POST"), asks];
            world.send(request(Method::OPTIONS, path, &headers, None)).await
        };
        let allowed = preflight(world.origin()).await;
        assert!(allowed.status.is_success(), "{path}: {}", allowed.status);
        assert_eq!(allowed.header("access-control-allow-origin"), world.origin(), "{path}");
        assert_eq!(allowed.header("access-control-allow-credentials"), "true", "{path}");
        assert!(allowed.header("access-control-allow-methods").contains("POST"), "{path}");
        for header in ["idempotency-key", "traceparent"] {
            assert!(allowed.header("access-control-allow-headers").contains(header), "{path}: {header}");
        }
        for other in ["https://elsewhere.example", "null"] {
            assert_eq!(preflight(other).await.header("access-control-allow-origin"), "", "{path} {other}");
        }
    }
    let headers = [("origin", world.origin())];
    let read = world.send(request(Method::GET, "/.well-known/jwks.json", &headers, None)).await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), world.origin(), "an answer too, not its preflight alone");
}

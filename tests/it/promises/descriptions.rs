//! What is wrong with a description or a candidate is said, and what a peer's browser must not knock at never reaches it.
//! Every way to be wrong is in `shared/domain/src/sdp/tests`; here are a few of them on their way through the endpoints.

use serde_json::{Value, json};
use testkit::{Person, Socket, World, candidate, sdp};

/// Two people in a call, the second one online.
async fn two(world: &std::sync::Arc<World>) -> (Person, Person, Socket, String) {
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let at_bo = bo.connect().await;
    let call = ada.call(&[&bo]).await;
    at_bo.pushes();
    (ada, bo, at_bo, call)
}

fn to(address: &str, port: u16) -> String {
    format!("candidate:7 1 udp 2113937151 {address} {port} typ host")
}

fn with(line: &str) -> String {
    format!("{}{line}\r\n", sdp("x"))
}

#[tokio::test]
async fn a_description_that_is_wrong_is_refused_with_the_reason() {
    let world = World::new().await;
    let (ada, bo, at_bo, call) = two(&world).await;
    let good = sdp("x");
    for (text, reason) in [
        (good.replace("t=0 0\r\n", ""), "t= before any m="),
        (good.replace("a=mid:0", "a=mid:0\ra=x"), "session description"),
        (with("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x"), "must not carry keys"),
        (good.replace("sha-256", "sha-1"), "only fingerprints of sha-256"),
        (good.replace("a=fingerprint", "a=x-fingerprint"), "must have a=fingerprint:sha-256"),
        (good.replace("a=setup:active", "a=setup:holdconn"), "must have a=setup"),
        (good.replace("a=ice-ufrag:made", "a=ice-ufrag:x"), "ice-ufrag of 4 to 256"),
        (good.replace("a=ice-pwd:", "a=x:"), "ice-pwd of 22 to 256"),
        (with("m=audio 0 RTP/AVP 0\r\n".repeat(16).trim_end()), "at most 16 media sections, this has 17"),
        (with(""), "session description"),
        (with(["a=", &candidate(1), "\r\n"].concat().repeat(129).trim_end()), "at most 128 candidates, this has 129"),
        (with("a=candidate:1"), "ICE candidate line"),
        (with(&format!("a={}", to("evil.example.com", 5000))), "no other names"),
    ] {
        for part in ["offer", "answer"] {
            let refused = ada.in_call(&call, part, json!({ "sdp": text })).await;
            assert_eq!(
                (refused.summary().as_str(), refused.pointers()),
                ("422 invalid_fields", vec!["/sdp"]),
                "{reason}"
            );
            let detail = refused.text("/errors/0/detail");
            assert!(detail.contains(reason), "{detail}");
        }
    }
    let open = good.replace("a=setup:active", "a=setup:actpass");
    let _ = ada.in_call(&call, "offer", json!({ "sdp": open })).await.expect(200);
    let refused = bo.in_call(&call, "answer", json!({ "sdp": open })).await;
    assert_eq!((refused.summary().as_str(), refused.pointers()), ("422 invalid_fields", vec!["/sdp"]));
    assert_eq!(at_bo.events(), ["call.offer"], "nothing that was refused was told");
}

#[tokio::test]
async fn a_description_arrives_without_what_must_not_be_knocked_at() {
    let world = World::new().await;
    let (ada, bo, at_bo, call) = two(&world).await;
    let good = with(&format!("a={}", to("192.168.1.2", 5000)));
    let mut text = good.clone();
    for (address, port) in [("127.0.0.1", 5000), ("169.254.169.254", 8080), ("::ffff:10.0.0.1", 5000), ("10.0.0.1", 22)]
    {
        text += &["a=", &to(address, port), "\r\n"].concat();
    }
    let _ = ada.in_call(&call, "offer", json!({ "sdp": text })).await.expect(200);
    assert_eq!(at_bo.pushes()[0]["data"]["sdp"], good);
    let shown = bo.get(&format!("/api/webrtc/call/{call}")).await.expect(200);
    assert_eq!(shown.body["signals"]["descriptions"][0]["sdp"], good);
    let _ = bo.in_call(&call, "answer", json!({ "sdp": text })).await.expect(200);
    let shown = ada.get(&format!("/api/webrtc/call/{call}")).await.expect(200);
    assert_eq!(shown.body["signals"]["descriptions"][0]["sdp"], good);
}

#[tokio::test]
async fn candidates_arrive_without_those_that_must_not_be_knocked_at() {
    let world = World::new().await;
    let (ada, bo, at_bo, call) = two(&world).await;
    let at_ada = ada.connect().await;
    let list = |lines: &[String]| -> Value { lines.iter().map(|line| json!({ "candidate": line })).collect() };
    let (bad, good) =
        (vec![to("127.0.0.1", 5000), to("8.8.8.8", 53)], vec![candidate(1), to("10.0.0.1", 5000), String::new()]);
    let mixed = list(&[bad.clone(), good.clone()].concat());
    let sent = ada.in_call(&call, "ice-candidate", json!({ "candidates": mixed })).await.expect(200);
    assert_eq!(sent.body["delivered"], true);
    assert_eq!(at_bo.pushes()[0]["data"]["candidates"], list(&good));
    let said = at_ada.say("call.candidates", json!({ "call_id": call, "candidates": mixed })).await;
    assert_eq!(said["data"]["delivered"], true);
    assert_eq!(at_bo.pushes()[0]["data"]["candidates"], list(&good));

    let alone = ada.in_call(&call, "ice-candidate", json!({ "candidate": bad[0] })).await.expect(200);
    assert_eq!(alone.body["delivered"], true, "nothing is left that could wait");
    assert!(at_bo.pushes().is_empty());
    at_bo.close().await;
    let _ = ada.in_call(&call, "ice-candidate", json!({ "candidates": list(&bad) })).await.expect(200);
    let kept = bo.get(&format!("/api/webrtc/call/{call}")).await.expect(200);
    assert_eq!(kept.body["signals"]["candidates"], json!([]));
    let _ = ada.in_call(&call, "ice-candidate", json!({ "candidates": mixed })).await.expect(200);
    let kept = bo.get(&format!("/api/webrtc/call/{call}")).await.expect(200);
    assert_eq!(kept.body["signals"]["candidates"][0]["candidates"], list(&good));
}

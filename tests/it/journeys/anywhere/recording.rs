//! People who record a call, with everybody's consent.

use http::Method;
use serde_json::{Value, json};
use testkit::recorder::{part, put, watch, whole_part};
use testkit::{Person, Place, World};

use crate::journeys::steps::{answer, offer, show};

async fn listed<P: Place>(person: &Person<P>) -> Vec<Value> {
    person.get("/api/v1/recordings").await.expect(200).body["items"].as_array().expect("items").clone()
}

async fn state<P: Place>(person: &Person<P>, recording: &str) -> String {
    person.get(&format!("/api/v1/recordings/{recording}")).await.expect(200).text("/state")
}

#[tokio::test]
async fn a_call_is_recorded_with_consent_watched_by_both_and_deleted() {
    let world = World::anywhere().await;
    let [ada, bo, chidi] = world.people(["Ada", "Bo", "Chidi"]).await;
    let at_bo = bo.connect().await;
    let call = ada.talk_to(&bo).await;
    at_bo.pushes().await;
    let recording = ada.ask_to_record(&call).await;
    let asked = at_bo.pushes().await;
    let told = &asked.last().expect("everybody is asked")["data"]["call"]["recording"];
    let missing = json!([bo.id.to_string()]);
    assert_eq!(
        told,
        &json!({ "recording_id": recording, "by": ada.id.to_string(), "device_id": told["device_id"], "state": "asking", "missing": missing })
    );
    assert_eq!(told["device_id"], show(&bo, &call).await["participants"][0]["device_id"]);
    assert_eq!(ada.upload(&recording, 1, b"too early").await, "409 consent_missing");
    assert_eq!(bo.consent(&call, true).await.expect(200).text("/recording/state"), "running");

    let first = whole_part();
    assert_eq!(ada.upload(&recording, 1, &first).await, "200");
    assert_eq!(ada.upload(&recording, 1, &first).await, "200", "a part may be sent again");
    assert_eq!(bo.upload(&recording, 2, b"x").await, "403 not_recorder");
    assert_eq!(chidi.upload(&recording, 2, b"x").await, "404 recording_unknown");
    let _ = ada.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!(ada.upload(&recording, 2, b"the end").await, "200", "what was recorded before the end may follow");
    assert_eq!((listed(&ada).await, state(&bo, &recording).await), (vec![], "open".into()));
    for _ in 0..2 {
        let kept = ada.of_recording(&recording, "complete", json!({})).await.expect(200).body;
        assert_eq!((&kept["state"], &kept["bytes"]), (&json!("kept"), &json!(first.len() + 7)));
    }
    let pushes = at_bo.pushes().await;
    let kept: Vec<&Value> = pushes.iter().filter(|push| push["event"] == "recording.kept").collect();
    let (bytes, by) = (first.len() + 7, ada.id.to_string());
    let what = json!({ "recording_id": recording, "call_id": call, "recorded_by": by, "bytes": bytes });
    assert_eq!(kept.iter().map(|push| &push["data"]).collect::<Vec<_>>(), [&what], "everybody is told, once");
    assert_eq!(ada.upload(&recording, 3, b"too late").await, "409 recording_closed");

    for person in [&ada, &bo] {
        assert_eq!(listed(person).await[0]["recording_id"], recording);
        assert!(person.get(&format!("/api/v1/recordings/{recording}")).await.expect(200).body["link"].is_object());
    }
    assert_eq!(listed(&chidi).await, Vec::<Value>::new());
    let path = format!("/api/recordings/{recording}");
    assert_eq!(chidi.get(&path).await.summary(), "404 recording_unknown");
    assert_eq!(
        (bo.delete(&path).await.summary(), chidi.delete(&path).await.summary()),
        ("403 not_recorder".into(), "404 recording_unknown".into())
    );
    for _ in 0..2 {
        assert_eq!(ada.delete(&path).await.summary(), "204");
    }
    for person in [&ada, &bo] {
        assert_eq!(person.get(&path).await.summary(), "404 recording_unknown");
        assert_eq!(listed(person).await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn a_short_recording_plays_what_was_recorded() {
    let world = World::anywhere().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let call = ada.talk_to(&bo).await;
    let recording = ada.ask_to_record(&call).await;
    let _ = bo.consent(&call, true).await.expect(200);
    let _ = ada.of_recording(&recording, "stop", json!({})).await.expect(200);
    assert_eq!(show(&bo, &call).await["recording"], Value::Null, "for everybody it is over");
    assert_eq!(ada.upload(&recording, 1, b"a short recording").await, "200");
    let _ = ada.of_recording(&recording, "complete", json!({})).await.expect(200);
    let shown = bo.get(&format!("/api/v1/recordings/{recording}")).await.expect(200).body;
    assert_eq!(watch(&shown).await, ("video/webm".into(), b"a short recording".to_vec()));
}

#[tokio::test]
async fn whoever_comes_or_revokes_pauses_it_and_no_part_is_granted() {
    let world = World::anywhere().await;
    let [ada, bo, chidi] = world.people(["Ada", "Bo", "Chidi"]).await;
    let call = ada.call(&[&bo, &chidi]).await;
    let to_bo = json!({ "sdp": testkit::sdp("o"), "to": bo.id.to_string() });
    let _ = ada.in_call(&call, "offer", to_bo).await.expect(200);
    let _ =
        bo.in_call(&call, "answer", json!({ "sdp": testkit::sdp("a"), "to": ada.id.to_string() })).await.expect(200);
    let recording = ada.ask_to_record(&call).await;
    let _ = bo.consent(&call, true).await.expect(200);
    let first = whole_part();
    assert_eq!(ada.upload(&recording, 1, &first).await, "200");

    let to_chidi = json!({ "sdp": testkit::sdp("o"), "to": chidi.id.to_string() });
    let _ = ada.in_call(&call, "offer", to_chidi).await.expect(200);
    let back = json!({ "sdp": testkit::sdp("a"), "to": ada.id.to_string() });
    let _ = chidi.in_call(&call, "answer", back).await.expect(200);
    let shown = show(&ada, &call).await;
    assert_eq!(
        (&shown["recording"]["state"], &shown["recording"]["missing"][0]),
        (&json!("paused"), &json!(chidi.id.to_string()))
    );
    assert_eq!(ada.upload(&recording, 2, &first).await, "409 consent_missing");
    assert_eq!(chidi.get(&format!("/api/v1/recordings/{recording}")).await.summary(), "404 recording_unknown");
    let _ = chidi.consent(&call, true).await.expect(200);
    assert_eq!(ada.upload(&recording, 2, &first).await, "200");
    let revoked = bo.consent(&call, false).await.expect(200);
    assert_eq!(revoked.text("/recording/state"), "paused");
    assert_eq!(ada.upload(&recording, 3, b"x").await, "409 consent_missing");
    assert_eq!(
        bo.in_call(&call, "end", json!({})).await.expect(200).text("/recording/state"),
        "running",
        "who left is not recorded"
    );
    assert_eq!(ada.upload(&recording, 3, b"x").await, "200");
    let _ = ada.of_recording(&recording, "complete", json!({})).await.expect(200);
    for person in [&ada, &bo, &chidi] {
        assert_eq!(listed(person).await.len(), 1, "all of them were there while it ran");
    }
}

#[tokio::test]
async fn who_is_recorded_while_nothing_is_asked_for_may_see_it_and_the_host_it_was_asked_under_may_delete_it() {
    let world = World::anywhere().await;
    let [ada, bo, chidi] = world.people(["Ada", "Bo", "Chidi"]).await;
    let call = ada.call(&[&bo, &chidi]).await;
    for person in [&bo, &chidi] {
        let _ = person.in_call(&call, "join", json!({})).await.expect(200);
    }
    let recording = bo.ask_to_record(&call).await;
    let path = format!("/api/v1/recordings/{recording}");
    let _ = ada.consent(&call, true).await.expect(200);
    assert_eq!(ada.get(&path).await.summary(), "404 recording_unknown", "Chidi has said nothing");
    let _ = chidi.in_call(&call, "end", json!({})).await.expect(200);
    assert_eq!(ada.get(&path).await.expect(200).text("/state"), "open", "it runs since Chidi left");
    // Ada leaves, and Bo is the host: of those who are there, the one who was asked first.
    let generation = show(&ada, &call).await["participants"][0]["generation"].clone();
    let _ = ada.in_call(&call, "invite", json!({ "participants": [chidi.id.to_string()] })).await.expect(200);
    let _ = ada.in_call(&call, "end", json!({ "generation": generation })).await.expect(200);
    assert_eq!(show(&bo, &call).await["recording"]["state"], "running");
    assert_eq!(chidi.delete(&path).await.summary(), "404 recording_unknown");
    assert_eq!(ada.of_recording(&recording, "stop", json!({})).await.summary(), "403 not_recorder", "no host any more");
    assert_eq!(ada.delete(&path).await.summary(), "204", "whose call it was when it was asked for");
    assert_eq!(show(&bo, &call).await["recording"], Value::Null, "and it does not go on");
    assert_eq!(bo.get(&path).await.summary(), "404 recording_unknown");
}

#[tokio::test]
async fn a_grant_takes_its_own_bytes_and_nothing_else() {
    let world = World::anywhere().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let call = ada.talk_to(&bo).await;
    let recording = ada.ask_to_record(&call).await;
    let _ = bo.consent(&call, true).await.expect(200);
    let granted = ada.of_recording(&recording, "parts", part(1, b"what I said")).await.expect(200).body;
    assert!(put(&granted, b"what I s*id").await >= 400);
    assert_eq!(ada.of_recording(&recording, "complete", json!({})).await.summary(), "409 recording_empty");
    assert_eq!(put(&granted, b"what I said").await, 200);
    assert_eq!(ada.of_recording(&recording, "parts", part(1, b"something else")).await.summary(), "409 part_changed");
    assert_eq!(ada.of_recording(&recording, "complete", json!({})).await.summary(), "200");
}

#[tokio::test]
async fn a_part_that_never_arrived_costs_what_follows_it_and_no_more() {
    let world = World::anywhere().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let call = ada.talk_to(&bo).await;
    let recording = ada.ask_to_record(&call).await;
    let _ = bo.consent(&call, true).await.expect(200);
    let whole = whole_part();
    assert_eq!(ada.upload(&recording, 1, &whole).await, "200");
    let _ = ada.of_recording(&recording, "parts", part(2, &whole)).await.expect(200);
    assert_eq!(ada.upload(&recording, 3, b"the end").await, "200");
    let kept = ada.of_recording(&recording, "complete", json!({})).await.expect(200).body;
    assert_eq!((&kept["state"], &kept["bytes"]), (&json!("kept"), &json!(whole.len())));
    let shown = bo.get(&format!("/api/v1/recordings/{recording}")).await.expect(200).body;
    assert!(shown["link"].is_object());
}

#[tokio::test]
async fn a_call_has_one_recording_at_a_time_and_its_host_may_stop_it() {
    let world = World::anywhere().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let call = ada.call(&[&bo]).await;
    assert_eq!(bo.in_call(&call, "recording", json!({})).await.summary(), "409 not_joined");
    assert_eq!(ada.consent(&call, true).await.summary(), "409 not_recorded");
    offer(&ada, &call).await;
    answer(&bo, &call).await;
    let key = [("idempotency-key", "once")];
    let path = format!("/api/webrtc/call/{call}/recording");
    let asked = bo.send(Method::POST, &path, &key, Some(json!({}))).await.expect(201);
    let again = bo.send(Method::POST, &path, &key, Some(json!({}))).await.expect(201);
    assert_eq!((asked.raw, again.header("idempotency-replayed")), (again.raw.clone(), "true"));
    let recording = again.text("/recording_id");
    assert_eq!(ada.in_call(&call, "recording", json!({})).await.summary(), "409 recording_under_way");
    let _ = ada.of_recording(&recording, "stop", json!({})).await.expect(200);
    assert_eq!(show(&bo, &call).await["recording"], Value::Null);
    assert_eq!(bo.upload(&recording, 1, b"nobody consented").await, "409 consent_missing");
    assert_eq!(bo.of_recording(&recording, "complete", json!({})).await.summary(), "409 recording_empty");
    assert_ne!(ada.ask_to_record(&call).await, recording);
}

//! Recordings: consents, parts, completes and deletes at the same moment.

use std::sync::Arc;

use serde_json::{Value, json};
use store::Recordings;
use testkit::recorder::part;
use testkit::{Orders, World, sdp};

use super::{Scene, connected, sorted, summaries, told, two};

/// A recording of two people that runs; `extra` is the recording.
async fn running(home: &Arc<World>) -> Scene {
    let scene = connected(&two(home).await).await;
    let extra = scene.people[0].ask_to_record(&scene.call).await;
    let _ = scene.people[1].consent(&scene.call, true).await.expect(200);
    Scene { extra, ..scene }
}

/// The same with a part in the bucket.
async fn uploaded(home: &Arc<World>) -> Scene {
    let scene = running(home).await;
    assert_eq!(scene.people[0].upload(&scene.extra, 1, b"what was said").await, "200");
    scene
}

async fn taken(home: &World, scene: &Scene) -> (u64, u64) {
    let storage = Recordings::new(home.db.clone()).storage(scene.people[0].id).await.expect("the store answers").value;
    (storage.kept, storage.used() - storage.kept)
}

#[tokio::test]
async fn of_two_who_ask_one_records() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { connected(&two(&home).await).await },
            |scene: Arc<Scene>, turn| async move { scene.say(&turn, turn.task, "recording", json!({})).await },
            |scene, said| async move {
                assert_eq!(sorted(&said), ["201", "409 recording_under_way"]);
                let winner = said.iter().find(|reply| reply.status == 201).expect("one of them");
                assert_eq!(scene.show(0).await["recording"]["recording_id"], winner.body["recording_id"]);
            },
        )
        .await;
    told("of two who ask, one records", walked);
}

#[tokio::test]
async fn no_part_is_granted_after_a_revocation_that_was_answered() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { running(&home).await },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => scene.at(&turn, 0).of_recording(&scene.extra, "parts", part(1, b"x")).await,
                    _ => scene.at(&turn, 1).consent(&scene.call, false).await,
                }
            },
            |scene, said| async move {
                assert_eq!(said[1].summary(), "200");
                assert!(["200", "409 consent_missing"].contains(&said[0].summary().as_str()), "{:?}", summaries(&said));
                assert_eq!(scene.show(0).await["recording"]["state"], "paused");
                assert_eq!(scene.people[0].upload(&scene.extra, 2, b"y").await, "409 consent_missing");
            },
        )
        .await;
    told("a part and a revocation at once", walked);
}

#[tokio::test]
async fn whoever_joins_while_another_consents_has_not_consented() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let [ada, bo] = two(&home).await;
                let chidi = testkit::Person::arrive(&home, "Chidi").await;
                let scene = Scene::of(&[ada, bo, chidi], String::new()).await;
                for other in [1, 2] {
                    let body = json!({ "sdp": sdp("offer"), "to": scene.people[other].id.to_string() });
                    let _ = scene.people[0].in_call(&scene.call, "offer", body).await.expect(200);
                }
                let back = json!({ "sdp": sdp("answer"), "to": scene.people[0].id.to_string() });
                let _ = scene.people[1].in_call(&scene.call, "answer", back).await.expect(200);
                let extra = scene.people[0].ask_to_record(&scene.call).await;
                Scene { extra, ..scene }
            },
            |scene: Arc<Scene>, turn| async move {
                if turn.task == 0 {
                    let yes = scene.people[1].yes(&scene.call).await;
                    return scene.say(&turn, 1, "recording/consent", yes).await;
                }
                let back = json!({ "sdp": sdp("answer"), "to": scene.people[0].id.to_string() });
                scene.say(&turn, 2, "answer", back).await
            },
            |scene, said| async move {
                assert_eq!(summaries(&said), ["200", "200"]);
                let recording = scene.show(0).await["recording"].clone();
                assert_eq!(recording["missing"], json!([scene.people[2].id.to_string()]));
                assert_eq!(scene.people[0].upload(&scene.extra, 1, b"x").await, "409 consent_missing");
            },
        )
        .await;
    told("somebody joins while another consents", walked);
}

#[tokio::test]
async fn two_parts_at_once_are_counted_one_after_the_other() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { running(&home).await },
            |scene: Arc<Scene>, turn| async move {
                let bytes = [b"what was said".as_slice(), b"something else"][turn.task];
                scene.at(&turn, 0).of_recording(&scene.extra, "parts", part(1, bytes)).await
            },
            |scene, said| {
                let home = Arc::clone(&home);
                async move {
                    assert_eq!(sorted(&said), ["200", "409 part_changed"]);
                    let bytes = if said[0].status == 200 { 13 } else { 14 };
                    assert_eq!(taken(&home, &scene).await, (0, bytes));
                }
            },
        )
        .await;
    told("two parts at once", walked);
}

#[tokio::test]
async fn two_completes_count_once() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .at_most(60)
        .each(
            || async { uploaded(&home).await },
            |scene: Arc<Scene>, turn| async move {
                scene.at(&turn, 0).of_recording(&scene.extra, "complete", json!({})).await
            },
            |scene, said| {
                let home = Arc::clone(&home);
                async move {
                    assert_eq!(summaries(&said), ["200", "200"]);
                    assert_eq!(taken(&home, &scene).await, (13, 0));
                    assert_eq!(scene.people[1].get("/api/recordings").await.text("/items/0/state"), "kept");
                }
            },
        )
        .await;
    told("two completes", walked);
}

#[tokio::test]
async fn what_is_deleted_while_it_is_completed_is_gone() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .at_most(60)
        .each(
            || async { uploaded(&home).await },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => scene.at(&turn, 0).of_recording(&scene.extra, "complete", json!({})).await,
                    _ => scene.at(&turn, 0).delete(&format!("/api/recordings/{}", scene.extra)).await,
                }
            },
            |scene, said| {
                let home = Arc::clone(&home);
                async move {
                    let completed = said[0].summary();
                    let fine = ["200", "404 recording_unknown", "409 recording_closed", "409 recording_incomplete"];
                    assert!(fine.contains(&completed.as_str()), "{completed}");
                    // A crowd of two may wear a delete out; it is told so and repeats.
                    if said[1].summary() != "204" {
                        assert_eq!(said[1].summary(), "409 conflict");
                        let again = scene.people[0].delete(&format!("/api/recordings/{}", scene.extra)).await;
                        assert_eq!(again.summary(), "204");
                    }
                    let key = blobs::Key::Recording(scene.extra.parse().expect("an id"));
                    assert_eq!(home.blobs.size(key).await.expect("the bucket answers"), None);
                    assert_eq!(taken(&home, &scene).await, (0, 0));
                    assert_eq!(scene.people[1].get("/api/recordings").await.body["items"], Value::Array(vec![]));
                }
            },
        )
        .await;
    told("deleted while it is completed", walked);
}

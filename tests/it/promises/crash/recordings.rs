//! Recordings, their parts and the room they take.

use store::Recordings;
use testkit::recorder::{part, watch};

use super::*;

/// Ada asks to record, which `extra` names.
async fn asked(world: &Arc<World>) -> Scene {
    let scene = talking(world).await;
    let recording = scene.ada.ask_to_record(&scene.call).await;
    scene.with(async { recording }).await
}

async fn running(world: &Arc<World>) -> Scene {
    let scene = asked(world).await;
    let _ = scene.bo.consent(&scene.call, true).await.expect(200);
    scene
}

async fn uploaded(world: &Arc<World>) -> Scene {
    let scene = running(world).await;
    assert_eq!(scene.ada.upload(&scene.extra, 1, b"what was said").await, "200");
    scene
}

/// Bytes that Ada keeps, and that she has reserved.
async fn taken(scene: &Scene) -> (u64, u64) {
    let storage = Recordings::new(scene.world.db.clone()).storage(scene.ada.id).await.expect("the store answers").value;
    (storage.kept, storage.used() - storage.kept)
}

/// Nothing is left of a recording: not for anybody, not in the bucket, not in the count.
async fn gone(scene: Arc<Scene>) {
    let path = format!("/api/recordings/{}", scene.extra);
    assert_eq!(scene.bo.get(&path).await.summary(), "404 recording_unknown");
    assert_eq!(scene.bo.get("/api/recordings").await.expect(200).body["items"], json!([]));
    let key = blobs::Key::Recording(scene.extra.parse().expect("an id"));
    assert_eq!(scene.world.blobs.size(key).await.expect("the bucket answers"), None);
    assert_eq!(taken(&scene).await, (0, 0), "its room came back");
}

rows! {
    "askToRecord" somebody_asks_to_record {
        prepare: |world: Arc<World>| async move { talking(&world).await },
        act: |scene, world| async move {
            let (path, key) = (format!("/api/webrtc/call/{}/recording", scene.call), [("idempotency-key", "k")]);
            scene.ada.at(&world).send(Method::POST, &path, &key, Some(json!({}))).await.summary()
        },
        fine: ["201"],
        audit: |scene| async move {
            let recording = scene.show(&scene.bo).await["recording"]["recording_id"].clone();
            let path = format!("/api/recordings/{}", recording.as_str().expect("it is asked for"));
            assert_eq!(scene.ada.get(&path).await.expect(200).body["state"], "open", "and is there");
        },
    }
    "consentToRecording" everybody_consents {
        prepare: |world: Arc<World>| async move { asked(&world).await },
        act: |scene, world| async move { scene.bo.at(&world).consent(&scene.call, true).await.summary() },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(scene.show(&scene.ada).await["recording"]["state"], "running");
            let shown = scene.bo.get(&format!("/api/recordings/{}", scene.extra)).await.expect(200);
            assert_eq!(shown.body["people"].as_array().map(Vec::len), Some(2), "who is recorded may see it");
        },
    }
    "stopRecording" a_recording_is_stopped {
        prepare: |world: Arc<World>| async move { running(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).of_recording(&scene.extra, "stop", json!({})).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.bo).await["recording"], Value::Null) },
    }
    "grantPart" a_part_is_granted {
        prepare: |world: Arc<World>| async move { running(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).of_recording(&scene.extra, "parts", part(1, b"what was said")).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(scene.ada.upload(&scene.extra, 1, b"what was said").await, "200");
            assert_eq!(taken(&scene).await, (0, 13), "counted once");
        },
    }
    "completeRecording" a_recording_is_completed {
        prepare: |world: Arc<World>| async move { uploaded(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).of_recording(&scene.extra, "complete", json!({})).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(taken(&scene).await, (13, 0), "counted once");
            let shown = scene.bo.get(&format!("/api/recordings/{}", scene.extra)).await.expect(200).body;
            assert_eq!(watch(&shown).await.1, b"what was said");
            assert_eq!(scene.bo.get("/api/recordings").await.expect(200).text("/items/0/recording_id"), scene.extra);
        },
    }
    "deleteRecording" a_recording_is_deleted {
        prepare: |world: Arc<World>| async move {
            let scene = uploaded(&world).await;
            let _ = scene.ada.of_recording(&scene.extra, "complete", json!({})).await.expect(200);
            scene
        },
        act: |scene, world| async move { scene.ada.at(&world).delete(&format!("/api/recordings/{}", scene.extra)).await.summary() },
        fine: ["204"],
        audit: gone,
    }
    "deleteRecording" an_upload_is_deleted {
        prepare: |world: Arc<World>| async move { uploaded(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).delete(&format!("/api/recordings/{}", scene.extra)).await.summary() },
        fine: ["204"],
        audit: gone,
    }
}

//! Reports of how a call sounded.

use super::*;

/// They have talked; Ada reported twice and was gone before her day was brought up to date.
async fn heard(scene: Scene) -> Scene {
    let _ = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200);
    let _ = scene.bo.in_call(&scene.call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
    for tens in 0..2 {
        let report = json!({ "peers": [testkit::report(scene.bo.id, tens, 0)] });
        let _ = scene.ada.in_call(&scene.call, "quality", report).await.expect(200);
    }
    let _ = scene.bo.in_call(&scene.call, "end", json!({})).await.expect(200);
    assert_eq!(summed(&scene.ada).await, (0, 0, 0));
    scene
}

/// Calls, the levels' shares in thousandths, and verdicts of somebody's days.
async fn summed(who: &Person) -> (u64, u64, u64) {
    let sum = who.get("/api/webrtc/quality/summary").await.expect(200).body;
    let all = |list: &Value, name: &str| {
        list.as_array().expect("a list").iter().filter_map(|one| one[name].as_f64()).sum::<f64>()
    };
    let [shares, verdicts] = [all(&sum["levels"], "share") * 10.0, all(&sum["verdicts"], "count")];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
    let [shares, verdicts] = [shares.round() as u64, verdicts as u64];
    (sum["calls"].as_u64().expect("a number"), shares, verdicts)
}

rows! {
    "reportQuality" somebody_reports_how_a_finished_call_sounded {
        prepare: |world: Arc<World>| async move { heard(Scene::of(&world).await).await },
        act: |scene, world| async move {
            let report = json!({ "peers": [testkit::report(scene.bo.id, 2, 0)] });
            scene.ada.at(&world).in_call(&scene.call, "quality", report).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(summed(&scene.ada).await, (1, 1_000, 1), "one call, each second of it once");
        },
    }
    "showQuality" somebody_looks_at_a_call_whose_end_was_not_reported {
        prepare: |world: Arc<World>| async move { heard(Scene::of(&world).await).await },
        act: |scene, world| async move {
            scene.ada.at(&world).get(&format!("/api/webrtc/call/{}/quality", scene.call)).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(summed(&scene.ada).await, (1, 1_000, 1)) },
    }
}

//! Calls and their signals.

use super::*;

rows! {
    "initiateCall" somebody_calls {
        prepare: |world: Arc<World>| async move {
            let (ada, bo) = (Person::arrive(&world, "Ada").await, Person::arrive(&world, "Bo").await);
            Scene { world, ada, bo, call: String::new(), extra: String::new() }
        },
        act: |scene, world| async move {
            let body = json!({ "participants": [scene.bo.id.to_string()], "type": "video" });
            let key = [("idempotency-key", "k")];
            scene.ada.at(&world).send(Method::POST, "/api/webrtc/call/initiate", &key, Some(body)).await.summary()
        },
        fine: ["201"],
        audit: |scene| async move {
            let socket = scene.bo.connect().await;
            let head = socket.say("ping", json!({})).await["data"]["heads"]["inbox"]["seq"].clone();
            assert_eq!(head, 1, "one invitation");
            for person in [&scene.ada, &scene.bo] {
                let live = person.get("/api/webrtc/calls/active").await.expect(200).body["items"].as_array().map(Vec::len);
                assert_eq!((scene.history(person).await.len(), live), (0, Some(1)));
            }
        },
    }
    "offer" an_offer_is_made {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.summary() },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(scene.show(&scene.bo).await["signals"]["descriptions"][0]["sdp"], sdp("o"));
        },
    }
    "answer" an_offer_is_answered {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let offered = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.expect(200);
            scene.with(async { offered.text("/offer_id") }).await
        },
        act: |scene, world| async move {
            let body = json!({ "sdp": sdp("a"), "offer_id": scene.extra });
            scene.bo.at(&world).in_call(&scene.call, "answer", body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let call = scene.show(&scene.ada).await;
            assert_eq!((&call["state"], &call["signals"]["descriptions"][0]["type"]), (&json!("connected"), &json!("answer")));
        },
    }
    "iceCandidate" candidates_wait_for_somebody_offline {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            let body = json!({ "candidates": [{ "candidate": testkit::candidate(1) }, { "candidate": testkit::candidate(2) }] });
            scene.ada.at(&world).in_call(&scene.call, "ice-candidate", body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let kept = scene.show(&scene.bo).await["signals"]["candidates"][0]["candidates"].clone();
            assert_eq!(kept.as_array().map(Vec::len), Some(2), "each once");
        },
    }
    "joinCall" somebody_joins {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            scene.bo.at(&world).in_call(&scene.call, "join", json!({ "generation": 0 })).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!((scene.bo.generation(&scene.call).await, scene.show(&scene.ada).await["state"].clone()), (1, json!("connected")));
        },
    }
    "heartbeat" a_stay_is_renewed {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).in_call(&scene.call, "heartbeat", json!({ "generation": 1 })).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.ada).await["seq"], 2, "a sign of life is no fact") },
    }
    "invite" somebody_is_asked_in {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let _ = scene.bo.in_call(&scene.call, "join", json!({})).await.expect(200);
            let chidi = Person::arrive(&world, "Chidi").await;
            let socket = chidi.connect().await;
            scene.with(async { format!("{} {}", chidi.id, socket.connection.0) }).await
        },
        act: |scene, world| async move {
            let (key, path) = ([("idempotency-key", "k")], format!("/api/webrtc/call/{}/invite", scene.call));
            let body = Some(json!({ "participants": [scene.extra.split(' ').next()] }));
            scene.ada.at(&world).send(Method::POST, &path, &key, body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let call = scene.show(&scene.bo).await;
            assert_eq!((&call["participants"][2]["standing"], &call["seq"]), (&json!("invited"), &json!(4)), "once");
            let socket = Socket::named(&scene.world, scene.extra.split(' ').next_back().expect("a connection"));
            assert!(socket.events().contains(&"call.invited".to_owned()), "and it rings");
        },
    }
    "removeFromCall" somebody_is_sent_away {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let chidi = Person::arrive(&world, "Chidi").await;
            let call = scene.bo.call(&[&scene.ada, &chidi]).await;
            Scene { call, ..scene }
        },
        act: |scene, world| async move {
            let body = json!({ "user_id": scene.ada.id.to_string() });
            scene.bo.at(&world).in_call(&scene.call, "remove", body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let call = scene.show(&scene.bo).await;
            assert_eq!((&call["participants"][1]["standing"], &call["seq"]), (&json!("removed"), &json!(4)), "once");
        },
    }
    "call.media" somebody_mutes {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            let data = json!({ "call_id": scene.call, "audio": false, "video": true, "screen": false });
            frame_summary(&socket(&scene, &world).say("call.media", data).await)
        },
        fine: ["reply"],
        audit: |scene| async move {
            assert_eq!(scene.show(&scene.bo).await["participants"][0]["media"]["audio"], false, "who comes later knows");
        },
    }
    "endCall" somebody_hangs_up {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let _ = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.expect(200);
            let _ = scene.bo.in_call(&scene.call, "answer", json!({ "sdp": sdp("a") })).await.expect(200);
            scene
        },
        act: |scene, world| async move { scene.bo.at(&world).in_call(&scene.call, "end", json!({})).await.summary() },
        fine: ["200"],
        audit: |scene| async move {
            let shown = scene.ada.in_call(&scene.call, "end", json!({})).await.expect(200).body;
            assert_eq!((&shown["reason"], &shown["ended_by"]), (&json!("hung_up"), &json!(scene.bo.id.to_string())));
            assert_eq!((scene.history(&scene.ada).await, scene.history(&scene.bo).await), (vec![shown.clone()], vec![shown]));
        },
    }
    "showCall" a_callee_looks_and_it_rings {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.bo.at(&world).get(&format!("/api/webrtc/call/{}", scene.call)).await.summary() },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.ada).await["state"], "ringing") },
    }
    "call.candidates" candidates_come_over_the_socket {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            let list = json!([{ "candidate": testkit::candidate(1) }, { "candidate": testkit::candidate(2) }]);
            let data = json!({ "call_id": scene.call, "candidates": list });
            frame_summary(&socket(&scene, &world).say("call.candidates", data).await)
        },
        fine: ["reply"],
        audit: |scene| async move {
            let kept = scene.show(&scene.bo).await["signals"]["candidates"][0]["candidates"].clone();
            assert_eq!(kept.as_array().map(Vec::len), Some(2), "each once");
        },
    }
    "call.ringing" a_device_says_that_it_rings {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.bo.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            frame_summary(&socket(&scene, &world).say("call.ringing", json!({ "call_id": scene.call })).await)
        },
        fine: ["reply"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.ada).await["state"], "ringing") },
    }
}

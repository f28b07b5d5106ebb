//! Connections.

use super::*;

rows! {
    "wsTicket, $connect" a_socket_opens {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let ticket = scene.ada.ticket().await;
            scene.with(async { ticket }).await
        },
        act: |scene, world| async move { match Socket::open(&world, Some(scene.extra.clone()), None).await.0 {
                503 => "503 busy".into(),
                status => status.to_string(),
            } },
        fine: ["200", "401"],
        audit: |scene| async move {
            assert_eq!(Socket::open(&scene.world, Some(scene.extra.clone()), None).await.0, 401, "a ticket opens one");
            assert_eq!(scene.ada.connect().await.say("ping", json!({})).await["event"], "reply", "and the next one works");
        },
    }
    "$disconnect" a_socket_closes {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            socket(&scene, &world).close().await;
            "closed".into()
        },
        fine: ["closed"],
        audit: |scene| async move {
            assert_eq!(frame_summary(&socket(&scene, &scene.world).say("ping", json!({})).await), "401 connection_unknown");
        },
    }
    "ping, resume" a_lease_is_renewed {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move { frame_summary(&socket(&scene, &world).say("resume", json!({})).await) },
        fine: ["reply"],
        audit: |_| async {},
    }
}

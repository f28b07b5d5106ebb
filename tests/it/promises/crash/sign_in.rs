//! Accounts and sessions.

use super::*;

rows! {
    "register" somebody_registers {
        prepare: |world: Arc<World>| async move {
            let mail = format!("{}@example.com", api::secret::base64url(world.entropy().bytes::<8>()).to_lowercase());
            Scene::of(&world).await.with(async { mail }).await
        },
        act: |scene, world| async move {
            post(&world, "/auth/register", json!({ "email": scene.extra, "password": PASSWORD, "name": "New" })).await
        },
        fine: ["201", "409 email_taken"],
        audit: |scene| async move {
            let login = json!({ "email": scene.extra, "password": PASSWORD });
            assert_eq!(post(&scene.world, "/auth/login", login).await, "200", "registered means that one can sign in");
        },
    }
    "login" somebody_signs_in {
        prepare: |world: Arc<World>| async move {
            let mail = format!("{}@example.com", api::secret::base64url(world.entropy().bytes::<8>()).to_lowercase());
            let scene = Scene::of(&world).await.with(async { mail }).await;
            let new = json!({ "email": scene.extra, "password": PASSWORD, "name": "New" });
            assert_eq!(post(&world, "/auth/register", new).await, "201");
            scene
        },
        act: |scene, world| async move {
            post(&world, "/auth/login", json!({ "email": scene.extra, "password": PASSWORD })).await
        },
        fine: ["200"],
        audit: |_| async {},
    }
    "exchangeCode" a_code_is_exchanged {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let code = code(&world, scene.ada.id).await;
            scene.with(async { code }).await
        },
        act: |scene, world| async move { post(&world, "/auth/token", json!({ "code": scene.extra })).await },
        fine: ["200", "400 code_refused"],
        audit: |scene| async move {
            assert_eq!(post(&scene.world, "/auth/token", json!({ "code": scene.extra })).await, "400 code_refused");
            let sessions = scene.ada.get("/auth/sessions").await.expect(200);
            assert_eq!(sessions.body["items"].as_array().map(Vec::len), Some(2), "one code is one session");
        },
    }
    "refresh" a_session_is_refreshed {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            let body = json!({ "refresh_token": scene.ada.refresh_token });
            world.send(request(Method::POST, "/auth/refresh", &[("idempotency-key", "k")], Some(body))).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let body = json!({ "refresh_token": scene.ada.refresh_token });
            let next = scene.world.send(request(Method::POST, "/auth/refresh", &[("idempotency-key", "k")], Some(body))).await;
            let next = Person::of(&scene.world, &next.expect(200));
            assert!(next.refresh_token.contains(".2."), "one use is one rotation: {}", next.refresh_token);
            assert_eq!(next.post("/auth/ws-ticket", json!({})).await.summary(), "200", "nobody is logged out");
        },
    }
    "logout" a_device_signs_out {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).post("/auth/logout", json!({})).await.summary() },
        fine: ["204"],
        audit: |scene| async move {
            assert_eq!(scene.ada.post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
        },
    }
    "revokeSession" a_device_is_signed_out {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let id = scene.ada.get("/auth/sessions").await.expect(200).text("/items/0/id");
            scene.with(async { id }).await
        },
        act: |scene, world| async move { scene.ada.at(&world).delete(&format!("/auth/sessions/{}", scene.extra)).await.summary() },
        fine: ["204", "401 session_revoked"],
        audit: |scene| async move {
            assert_eq!(scene.ada.post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
        },
    }
}

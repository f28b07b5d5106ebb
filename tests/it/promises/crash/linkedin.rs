//! Ways in by LinkedIn.

use jiff::SignedDuration;

use crate::journeys::linkedin::{Browser, pick, query, sign_in};
use crate::promises::interleavings::sign_in::forget;

use super::*;

/// A browser that LinkedIn has just sent back, as text: its cookies and where it was sent.
async fn sent_back(world: &Arc<World>, bearer: Option<&str>, handle: &str) -> String {
    let mut browser = Browser::default();
    let callback = pick(&browser.begin(world, bearer).await, handle).await;
    json!([browser.cookies, callback]).to_string()
}

/// What the callback says to that browser: a status and a problem, or what it tells the app.
async fn come_back(world: &World, browser: &str) -> String {
    let (cookies, callback) = serde_json::from_str::<(_, String)>(browser).expect("as written");
    match (Browser { cookies }).come_back(world, &callback).await {
        Err(refused) => refused,
        Ok(app) => {
            let said = |name: &str| query(&app, name).map(|value| format!("303 {name}={value}"));
            query(&app, "code").map(|_| "303 code".to_owned()).or(said("linked")).or(said("error")).unwrap_or_default()
        }
    }
}

/// Asks for the newest profile, at some process.
async fn sync(scene: &Scene, world: &Arc<World>) -> String {
    let reply = scene.ada.at(world).post("/auth/linkedin/sync", json!({})).await;
    match (reply.status.as_u16(), &reply.body["synced"]) {
        (200, Value::Bool(true)) => "200 synced".into(),
        (200, _) => "200 asks again".into(),
        _ => reply.summary(),
    }
}

rows! {
    "linkedinAuthUrl" a_sign_in_begins {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |_, world| async move { world.anonymous(Method::GET, "/auth/linkedin/auth-url", None).await.summary() },
        fine: ["200"],
        audit: |_| async {},
    }
    /// Its state is used up by the first try that got so far; what remains is a new sign-in, which finds one account.
    "linkedinCallback" somebody_comes_back_from_linkedin {
        prepare: |world: Arc<World>| async move {
            forget(&world, "ada").await;
            let back = sent_back(&world, None, "ada").await;
            Scene::of(&world).await.with(async { back }).await
        },
        act: |scene, world| async move { come_back(&world, &scene.extra).await },
        fine: ["303 code", "400 sign_in_refused"],
        audit: |scene| async move {
            assert_eq!(come_back(&scene.world, &scene.extra).await, "400 sign_in_refused", "a state is used once");
            let first = sign_in(&scene.world, "ada").await;
            assert_eq!(sign_in(&scene.world, "ada").await.id, first.id, "one person is one account");
            let profile = first.get("/auth/linkedin/profile").await.expect(200).body;
            assert_eq!((&profile["is_linked"], &profile["linkedin_id"]), (&json!(true), &json!("ada")));
        },
    }
    "linkedinCallback" somebody_links_linkedin {
        prepare: |world: Arc<World>| async move {
            forget(&world, "bo").await;
            let scene = Scene::of(&world).await;
            let mail = format!("{}@example.com", api::secret::base64url(world.entropy().bytes::<8>()).to_lowercase());
            let new = json!({ "email": mail, "password": PASSWORD, "name": "New" });
            let tokens = world.anonymous(Method::POST, "/auth/register", Some(new)).await.expect(201);
            let ada = Person::of(&world, &tokens);
            let back = sent_back(&world, Some(&ada.access_token), "bo").await;
            Scene { ada, ..scene }.with(async { back }).await
        },
        act: |scene, world| async move { come_back(&world, &scene.extra).await },
        fine: ["303 linked=linkedin", "400 sign_in_refused"],
        audit: |scene| async move {
            let again = sent_back(&scene.world, Some(&scene.ada.access_token), "bo").await;
            assert_eq!(come_back(&scene.world, &again).await, "303 linked=linkedin", "nobody else has it");
            assert_eq!(sign_in(&scene.world, "bo").await.id, scene.ada.id, "and it is a way into the account");
        },
    }
    "linkedinSync" a_profile_is_brought_up_to_date {
        prepare: |world: Arc<World>| async move {
            let ada = sign_in(&world, "chidi").await;
            Scene { ada, ..Scene::of(&world).await }
        },
        act: |scene, world| async move { sync(&scene, &world).await },
        fine: ["200 synced"],
        audit: |scene| async move {
            let profile = scene.ada.get("/auth/linkedin/profile").await.expect(200).body;
            assert_eq!((&profile["is_linked"], &profile["given_name"]), (&json!(true), &json!("Chidi")));
        },
    }
    "linkedinSync" a_profile_that_needs_consent_asks_for_it {
        prepare: |world: Arc<World>| async move {
            let ada = sign_in(&world, "dara").await;
            world.clock.advance(SignedDuration::from_secs(3_601));
            let body = json!({ "refresh_token": ada.refresh_token });
            let tokens = world.anonymous(Method::POST, "/auth/refresh", Some(body)).await.expect(200);
            Scene { ada: Person::of(&world, &tokens), ..Scene::of(&world).await }
        },
        act: |scene, world| async move { sync(&scene, &world).await },
        fine: ["200 asks again"],
        audit: |scene| async move {
            let back = sent_back(&scene.world, Some(&scene.ada.access_token), "dara").await;
            assert_eq!(come_back(&scene.world, &back).await, "303 linked=linkedin");
            assert_eq!(sync(&scene, &scene.world).await, "200 synced", "consent is enough");
        },
    }
    "linkedinUnlink" the_last_way_in_stays {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).post("/auth/linkedin/unlink", json!({})).await.summary() },
        fine: ["409 last_way_in"],
        audit: |scene| async move {
            assert_eq!(scene.ada.get("/auth/linkedin/profile").await.expect(200).body["is_linked"], true);
        },
    }
}

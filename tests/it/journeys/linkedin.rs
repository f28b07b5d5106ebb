//! People who come in with LinkedIn, here with its stand-in over real HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Method, Request};
use jiff::SignedDuration;
use partners::http::Http;
use serde_json::{Value, json};
use testkit::world::request;
use testkit::{Person, Reply, World};
use url::Url;

/// A browser: its cookies, and nothing else.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: HashMap<String, String>,
}

pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

impl Browser {
    fn keep(&mut self, reply: &Reply) {
        for cookie in reply.headers.get_all("set-cookie") {
            let text = cookie.to_str().expect("text");
            assert!(text.contains("; HttpOnly; SameSite=Lax") && text.contains("; Path=/;"), "{text}");
            let (name, value) = text.split(';').next().expect("a pair").split_once('=').expect("a pair");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    async fn get(&mut self, world: &World, path: &str, bearer: Option<&str>) -> Reply {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (cookies, bearer) = (cookies.join("; "), bearer.map(|token| format!("Bearer {token}")));
        let mut headers = vec![("cookie", cookies.as_str())];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let reply = world.send(request(Method::GET, path, &headers, None)).await;
        self.keep(&reply);
        reply
    }

    /// Begins a sign-in; where LinkedIn is.
    pub(crate) async fn begin(&mut self, world: &World, bearer: Option<&str>) -> Url {
        let begun = self.get(world, "/auth/linkedin/auth-url?return_to=/calls", bearer).await.expect(200);
        assert!(begun.text("/state").len() >= 43, "32 random bytes");
        begun.text("/auth_url").parse().expect("a URL")
    }

    /// Comes back with what LinkedIn sent along; where the app is.
    pub(crate) async fn come_back(&mut self, world: &World, callback: &str) -> Result<Url, String> {
        let reply = self.get(world, callback, None).await;
        match reply.status.as_u16() {
            303 => Ok(reply.header("location").parse().expect("a URL")),
            _ => Err(reply.summary()),
        }
    }
}

/// Picks a person at LinkedIn; the callback's path and query.
pub(crate) async fn pick(auth_url: &Url, person: &str) -> String {
    let mut url = auth_url.clone();
    url.set_path("/stand-in/choose");
    url.query_pairs_mut().append_pair("person", person);
    let answer =
        Http::default().send(Request::get(url.as_str()).body(Vec::new()).expect("a request")).await.expect("an answer");
    let location = answer.headers()["location"].to_str().expect("text");
    let back: Url = location.parse().expect("a URL");
    format!("{}?{}", back.path(), back.query().unwrap_or_default())
}

pub(crate) async fn exchange(world: &Arc<World>, app: &Url) -> Reply {
    let code = query(app, "code").expect("a one-time code");
    world.anonymous(Method::POST, "/auth/token", Some(json!({ "code": code }))).await
}

pub(crate) async fn sign_in(world: &Arc<World>, person: &str) -> Person {
    let mut browser = Browser::default();
    let auth_url = browser.begin(world, None).await;
    let app = browser.come_back(world, &pick(&auth_url, person).await).await.expect("the app");
    assert!(browser.cookies.is_empty(), "the cookie is gone");
    Person::of(world, &exchange(world, &app).await.expect(200))
}

#[tokio::test]
async fn a_first_sign_in_makes_an_account_and_a_later_one_finds_it() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let auth_url = browser.begin(&world, None).await;
    assert_eq!(query(&auth_url, "scope").as_deref(), Some("openid profile email"));
    assert_eq!(query(&auth_url, "response_type").as_deref(), Some("code"));
    assert_eq!(query(&auth_url, "nonce"), None, "LinkedIn returns none");
    let app = browser.come_back(&world, &pick(&auth_url, "ada").await).await.expect("the app");
    assert_eq!((app.origin().ascii_serialization().as_str(), app.path()), ("https://app.example", "/calls"));
    assert!(!app.as_str().contains("eyJ"), "no token travels in a URL");
    let tokens = exchange(&world, &app).await.expect(200);
    assert_eq!(exchange(&world, &app).await.summary(), "400 code_refused", "a code works once");
    let ada = Person::of(&world, &tokens);
    let me = ada.get("/auth/me").await.expect(200).body;
    assert_eq!((&me["name"], &me["ways_in"]), (&json!("Ada Lovelace"), &json!(["linkedin"])));
    assert_eq!(me["email_verified"], true, "although LinkedIn says it as a string");
    let profile = ada.get("/auth/linkedin/profile").await.expect(200).body;
    assert_eq!(
        (&profile["linkedin_id"], &profile["is_linked"], &profile["given_name"]),
        (&json!("ada"), &json!(true), &json!("Ada"))
    );
    assert_eq!(sign_in(&world, "ada").await.id, ada.id);
    assert_ne!(sign_in(&world, "bo").await.id, ada.id);
}

#[tokio::test]
async fn a_code_is_worth_nothing_to_an_app_that_did_not_begin_the_sign_in() {
    let world = World::new().await;
    let (mut browser, verifier) = (Browser::default(), "a secret that the app keeps");
    let path = format!("/auth/linkedin/auth-url?code_challenge={}", api::secret::hash(verifier));
    let begun = browser.get(&world, &path, None).await.expect(200);
    let auth_url: Url = begun.text("/auth_url").parse().expect("a URL");
    let app = browser.come_back(&world, &pick(&auth_url, "ada").await).await.expect("the app");
    let code = query(&app, "code").expect("a code");
    for wrong in [json!({ "code": code }), json!({ "code": code, "code_verifier": "another" })] {
        assert_eq!(world.anonymous(Method::POST, "/auth/token", Some(wrong)).await.summary(), "400 code_refused");
    }
    let right = json!({ "code": code, "code_verifier": verifier });
    assert_eq!(world.anonymous(Method::POST, "/auth/token", Some(right)).await.summary(), "200");
    let auth_url = browser.begin(&world, None).await;
    let app = browser.come_back(&world, &pick(&auth_url, "ada").await).await.expect("the app");
    let foreign = json!({ "code": query(&app, "code"), "code_verifier": verifier });
    let refused = world.anonymous(Method::POST, "/auth/token", Some(foreign)).await;
    assert_eq!(refused.summary(), "400 code_refused", "begun elsewhere, brought to a tab that began another one");
    let short = browser.get(&world, "/auth/linkedin/auth-url?code_challenge=x", None).await;
    assert_eq!(short.pointers(), ["?code_challenge"]);
}

#[tokio::test]
async fn what_linkedin_sends_besides_is_ignored() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let auth_url = browser.begin(&world, None).await;
    let callback = format!("{}&scope=openid&session_state=x&authuser=0", pick(&auth_url, "ada").await);
    let app = browser.come_back(&world, &callback).await.expect("the app");
    assert_eq!(exchange(&world, &app).await.summary(), "200");
}

#[tokio::test]
async fn over_https_the_cookie_is_the_hosts_own() {
    let world = World::behind(Some("https://api.example")).await;
    let mut browser = Browser::default();
    let reply = browser.get(&world, "/auth/linkedin/auth-url", None).await.expect(200);
    assert!(reply.header("set-cookie").starts_with("__Host-dchat-sign-in-"), "{}", reply.header("set-cookie"));
    assert!(reply.header("set-cookie").ends_with("; Secure"));
    let auth_url: Url = reply.text("/auth_url").parse().expect("a URL");
    assert_eq!(query(&auth_url, "redirect_uri").as_deref(), Some("https://api.example/auth/linkedin/callback"));
    let state = query(&auth_url, "state").expect("a state");
    let app = browser.come_back(&world, &format!("/auth/linkedin/callback?state={state}&error=access_denied")).await;
    assert_eq!(query(&app.expect("the app"), "error").as_deref(), Some("access_denied"), "and it is found again");
}

#[tokio::test]
async fn a_code_is_too_old_after_a_minute() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let auth_url = browser.begin(&world, None).await;
    let app = browser.come_back(&world, &pick(&auth_url, "ada").await).await.expect("the app");
    world.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(exchange(&world, &app).await.summary(), "400 code_refused");
}

#[tokio::test]
async fn a_callback_counts_once_in_its_own_browser_and_in_time() {
    let world = World::new().await;
    let mut alice = Browser::default();
    let auth_url = alice.begin(&world, None).await;
    let callback = pick(&auth_url, "ada").await;
    let mut mallory = Browser::default();
    assert_eq!(mallory.come_back(&world, &callback).await, Err("400 sign_in_refused".into()), "no cookie");
    mallory.begin(&world, None).await;
    assert_eq!(
        mallory.come_back(&world, &callback).await,
        Err("400 sign_in_refused".into()),
        "another sign-in's cookie"
    );
    let name = alice.cookies.keys().next().expect("a cookie").clone();
    mallory.cookies.insert(name, "a guess".into());
    assert_eq!(mallory.come_back(&world, &callback).await, Err("400 sign_in_refused".into()), "a wrong cookie");

    let before = alice.cookies.clone();
    assert!(alice.come_back(&world, &callback).await.is_ok(), "and none of it used Alice's sign-in up");
    alice.cookies = before;
    assert_eq!(alice.come_back(&world, &callback).await, Err("400 sign_in_refused".into()), "used");

    let auth_url = alice.begin(&world, None).await;
    world.clock.advance(SignedDuration::from_secs(600));
    let late = pick(&auth_url, "ada").await;
    assert_eq!(alice.come_back(&world, &late).await, Err("400 sign_in_expired".into()));
    for broken in
        ["/auth/linkedin/callback", "/auth/linkedin/callback?code=x", "/auth/linkedin/callback?state=x&code=x"]
    {
        assert_eq!(alice.come_back(&world, broken).await, Err("400 sign_in_refused".into()), "{broken}");
    }
}

#[tokio::test]
async fn two_tabs_do_not_disturb_each_other() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (one, other) = (browser.begin(&world, None).await, browser.begin(&world, None).await);
    assert_eq!(browser.cookies.len(), 2);
    let (one, other) = (pick(&one, "ada").await, pick(&other, "bo").await);
    assert!(browser.come_back(&world, &other).await.is_ok());
    assert!(browser.come_back(&world, &one).await.is_ok());
}

#[tokio::test]
async fn somebody_who_says_no_at_linkedin_comes_back_with_an_answer() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let auth_url = browser.begin(&world, None).await;
    let app = browser.come_back(&world, &pick(&auth_url, "").await).await.expect("the app");
    assert_eq!(query(&app, "error").as_deref(), Some("user_cancelled_authorize"));
    assert!(query(&app, "code").is_none() && query(&app, "error_description").is_some());
    let auth_url = browser.begin(&world, None).await;
    let state = query(&auth_url, "state").expect("a state");
    let strange = format!("/auth/linkedin/callback?state={state}&error=%3Cscript%3E");
    let app = browser.come_back(&world, &strange).await.expect("the app");
    assert_eq!(query(&app, "error").as_deref(), Some("provider_error"), "nobody else's words in our URL");
}

#[tokio::test]
async fn a_code_that_linkedin_does_not_know_makes_no_account() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let auth_url = browser.begin(&world, None).await;
    let state = query(&auth_url, "state").expect("a state");
    let app = browser
        .come_back(&world, &format!("/auth/linkedin/callback?state={state}&code=invented"))
        .await
        .expect("the app");
    assert_eq!(query(&app, "error").as_deref(), Some("provider_refused"));
}

#[tokio::test]
async fn linkedin_is_linked_to_an_account_and_unlinked_but_never_as_the_last_way_in() {
    let world = World::new().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let mut browser = Browser::default();
    let auth_url = browser.begin(&world, Some(&alice.access_token)).await;
    let app = browser.come_back(&world, &pick(&auth_url, "ada").await).await.expect("the app");
    assert_eq!((query(&app, "linked").as_deref(), query(&app, "code")), (Some("linkedin"), None));
    let me = alice.get("/auth/me").await.body;
    assert_eq!((&me["ways_in"], &me["name"]), (&json!(["password", "linkedin"]), &json!("Ada Lovelace")));
    assert_eq!(sign_in(&world, "ada").await.id, alice.id);

    // It belongs to one account only, and an account has one only.
    let auth_url = browser.begin(&world, Some(&bob.access_token)).await;
    let app = browser.come_back(&world, &pick(&auth_url, "ada").await).await.expect("the app");
    assert_eq!(query(&app, "error").as_deref(), Some("linkedin_taken"));
    let auth_url = browser.begin(&world, Some(&alice.access_token)).await;
    let app = browser.come_back(&world, &pick(&auth_url, "bo").await).await.expect("the app");
    assert_eq!(query(&app, "error").as_deref(), Some("linked_otherwise"));

    let unlinked = alice.post("/auth/linkedin/unlink", json!({})).await.expect(200);
    assert_eq!((&unlinked.body["is_linked"], &unlinked.body["linkedin_id"]), (&json!(false), &Value::Null));
    assert_eq!(alice.post("/auth/linkedin/unlink", json!({})).await.summary(), "200", "twice is harmless");
    let new_account = sign_in(&world, "ada").await;
    assert_ne!(new_account.id, alice.id);
    assert_eq!(new_account.post("/auth/linkedin/unlink", json!({})).await.summary(), "409 last_way_in");
    assert_eq!(new_account.get("/auth/linkedin/profile").await.body["is_linked"], true);
}

#[tokio::test]
async fn a_profile_is_synced_while_the_kept_token_works_and_else_asks_for_consent() {
    let world = World::new().await;
    let ada = sign_in(&world, "ada").await;
    let synced = ada.post("/auth/linkedin/sync", json!({})).await.expect(200).body;
    assert_eq!(
        (&synced["synced"], &synced["auth_required"], &synced["auth_url"]),
        (&json!(true), &json!(false), &Value::Null)
    );
    assert_eq!(synced["profile"]["given_name"], "Ada");
    world.clock.advance(SignedDuration::from_secs(3_601));
    let refreshed =
        world.anonymous(Method::POST, "/auth/refresh", Some(json!({ "refresh_token": ada.refresh_token }))).await;
    let ada = Person::of(&world, &refreshed.expect(200));
    let mut browser = Browser::default();
    let reply = ada.post("/auth/linkedin/sync", json!({})).await.expect(200);
    assert_eq!((&reply.body["synced"], &reply.body["auth_required"]), (&json!(false), &json!(true)));
    browser.keep(&reply);
    let auth_url: Url = reply.text("/auth_url").parse().expect("a URL");
    let app = browser.come_back(&world, &pick(&auth_url, "ada").await).await.expect("the app");
    assert_eq!(query(&app, "linked").as_deref(), Some("linkedin"));
    assert_eq!(ada.post("/auth/linkedin/sync", json!({})).await.body["synced"], true);
    let [alice] = world.people(["Alice"]).await;
    assert_eq!(alice.post("/auth/linkedin/sync", json!({})).await.summary(), "409 not_linked");
}

#[tokio::test]
async fn a_browser_can_simply_follow_a_link_and_never_leaves_the_app() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let reply = browser.get(&world, "/auth/linkedin/auth-url?redirect=true", None).await.expect(303);
    assert!(reply.header("location").starts_with(&world.provider));
    assert_eq!(browser.cookies.len(), 1);
    for evil in ["//evil.example", "/%5cevil", "https://evil.example", "/a/../../b", "/%2Fevil"] {
        let refused = browser.get(&world, &format!("/auth/linkedin/auth-url?return_to={evil}"), None).await;
        assert_eq!(
            (refused.summary().as_str(), refused.pointers()),
            ("422 invalid_fields", vec!["?return_to"]),
            "{evil}"
        );
    }
    let refused = browser.get(&world, "/auth/linkedin/auth-url?redirect=maybe", None).await;
    assert_eq!(refused.pointers(), ["?redirect"]);
}

#[tokio::test]
async fn two_first_sign_ins_at_once_make_one_account() {
    let world = World::new().await;
    let sign_ins: Vec<_> = (0..6)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { sign_in(&world, "chidi").await.id })
        })
        .collect();
    let mut ids = Vec::new();
    for one in sign_ins {
        ids.push(one.await.expect("no panic"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

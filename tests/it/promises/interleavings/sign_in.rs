//! Sessions, sign-ins, codes and tickets that are used at the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::account::{Account, Subject};
use domain::id::UserId;
use http::Method;
use jiff::SignedDuration;
use serde_json::json;
use store::Accounts;
use testkit::interleave::Walked;
use testkit::person::{PASSWORD, code};
use testkit::world::request;
use testkit::{Orders, Person, Reply, Socket, Turn, World};

use super::{another_device, sorted, summaries, told};
use crate::journeys::linkedin::{Browser, exchange, pick, query};

async fn refresh(world: &Arc<World>, token: &str, key: Option<&str>) -> Reply {
    let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    world.send(request(Method::POST, "/auth/refresh", &headers, Some(json!({ "refresh_token": token })))).await
}

/// Whoever holds these tokens is signed in, and stays so.
async fn is_signed_in(world: &Arc<World>, tokens: &Reply) {
    let person = Person::of(world, tokens);
    assert_eq!(person.post("/auth/ws-ticket", json!({})).await.summary(), "200");
    assert_eq!(
        refresh(world, &person.refresh_token, Some("next")).await.summary(),
        "200",
        "nobody is logged out for nothing"
    );
}

/// Three clients refresh with the same token; these are their keys.
async fn three_clients_refresh(keys: [&'static str; 3]) -> Walked {
    let home = World::new().await;
    Orders::of(&home, 3)
        .each(
            || Person::arrive(&home, "Ada"),
            |ada: Arc<Person>, turn| async move { refresh(&turn.world, &ada.refresh_token, Some(keys[turn.task])).await },
            |ada, said| async move {
                assert_eq!(summaries(&said), ["200", "200", "200"]);
                let tokens: BTreeSet<String> = said.iter().map(|reply| reply.text("/refresh_token")).collect();
                assert_eq!(tokens.len(), 1, "all of them hold the same next token: {tokens:?}");
                is_signed_in(&ada.world(), &said[0]).await;
            },
        )
        .await
}

#[tokio::test]
async fn three_tabs_that_refresh_with_one_key_stay_signed_in() {
    told("three refreshes with one key", three_clients_refresh(["k", "k", "k"]).await);
}

#[tokio::test]
async fn three_clients_that_refresh_with_keys_of_their_own_stay_signed_in() {
    told("three refreshes with three keys", three_clients_refresh(["k", "l", "m"]).await);
}

#[tokio::test]
async fn clients_whose_answers_are_lost_stay_signed_in_however_late_they_repeat() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || Person::arrive(&home, "Ada"),
            |ada: Arc<Person>, turn| async move {
                let refresh = async || refresh(&turn.world, &ada.refresh_token, Some("k")).await;
                // The first answer is lost on its way back.
                let _ = refresh().await;
                if turn.task == 1 {
                    turn.step("eleven seconds pass", || turn.world.clock.advance(SignedDuration::from_secs(11))).await;
                }
                refresh().await
            },
            |ada, said| async move {
                assert_eq!(summaries(&said), ["200", "200"]);
                assert_eq!(said[0].text("/refresh_token"), said[1].text("/refresh_token"));
                is_signed_in(&ada.world(), &said[0]).await;
            },
        )
        .await;
    told("lost answers and late repeats", walked);
}

#[tokio::test]
async fn a_thief_and_the_owner_do_not_both_keep_a_token_after_both_used_it() {
    let home = World::new().await;
    let turns = AtomicUsize::new(0);
    let walked = Orders::of(&home, 2)
        .each(
            || Person::arrive(&home, "Ada"),
            |ada: Arc<Person>, turn| async move {
                if turn.task == 1 {
                    turn.step("eleven seconds pass", || turn.world.clock.advance(SignedDuration::from_secs(11))).await;
                    return refresh(&turn.world, &ada.refresh_token, None).await;
                }
                let _ = refresh(&turn.world, &ada.refresh_token, Some("k")).await;
                refresh(&turn.world, &ada.refresh_token, Some("k")).await
            },
            |ada, said| {
                let (world, owner_first) = (ada.world(), turns.fetch_add(1, Ordering::Relaxed).is_multiple_of(2));
                async move {
                    let late = || world.clock.advance(SignedDuration::from_secs(11));
                    let mut tokens: Vec<Option<String>> =
                        said.iter().map(|reply| (reply.status == 200).then(|| reply.text("/refresh_token"))).collect();
                    // They go on using what they have, more than a moment apart.
                    for round in 0..3 {
                        late();
                        let who = usize::from(owner_first == (round % 2 == 1));
                        if let Some(token) = &tokens[who] {
                            let key = (who == 0).then(|| format!("k{round}"));
                            let next = refresh(&world, token, key.as_deref()).await;
                            tokens[who] = (next.status == 200).then(|| next.text("/refresh_token"));
                        }
                    }
                    let mut alive = 0;
                    for token in tokens.iter().flatten() {
                        alive += usize::from(refresh(&world, token, Some("last")).await.status == 200);
                    }
                    assert!(alive == 0, "a session that two parties used is ended for both: {:?}", summaries(&said));
                }
            },
        )
        .await;
    told("a thief and the owner", walked);
}

/// Forgets who has this LinkedIn account, so that the next sign-in is a first one.
pub(in crate::promises) async fn forget(world: &Arc<World>, handle: &str) {
    let subject = Subject { issuer: local::provider::ISSUER.into(), sub: handle.into() };
    let accounts = Accounts::new(world.db.clone());
    if let Some(user) = accounts.by_linkedin(&subject).await.expect("answers") {
        let read = accounts.find(user).await.expect("answers").expect("an account");
        let account = Account { linkedin: None, ..read.value };
        accounts.unlink(&account, read.version, &subject).await.expect("it is its own");
    }
}

/// Sign-ins that have been to LinkedIn and are on their way back, each with its browser.
struct Returning {
    world: Arc<World>,
    tabs: Vec<(Browser, String)>,
}

async fn return_in(returning: &Returning, turn: &Turn) -> Result<url::Url, String> {
    let (mut browser, callback) = returning.tabs[turn.task].clone();
    browser.come_back(&turn.world, &callback).await
}

#[tokio::test]
async fn a_callback_that_comes_twice_at_once_signs_in_once() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                forget(&home, "ada").await;
                let mut browser = Browser::default();
                let callback = pick(&browser.begin(&home, None).await, "ada").await;
                let tab = (browser, callback);
                Returning { world: Arc::clone(&home), tabs: vec![tab.clone(), tab] }
            },
            |returning: Arc<Returning>, turn| async move { return_in(&returning, &turn).await },
            |returning, said| async move {
                let (came, refused): (Vec<_>, Vec<_>) = said.into_iter().partition(Result::is_ok);
                assert_eq!(refused, [Err("400 sign_in_refused".to_owned())]);
                let app = came.into_iter().flatten().next().expect("the other one");
                assert_eq!(exchange(&returning.world, &app).await.summary(), "200");
            },
        )
        .await;
    told("one callback twice at once", walked);
}

#[tokio::test]
async fn two_tabs_of_a_first_sign_in_make_one_account() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                forget(&home, "bo").await;
                let mut browser = Browser::default();
                let (one, other) = (browser.begin(&home, None).await, browser.begin(&home, None).await);
                let (one, other) = (pick(&one, "bo").await, pick(&other, "bo").await);
                Returning { world: Arc::clone(&home), tabs: vec![(browser.clone(), one), (browser, other)] }
            },
            |returning: Arc<Returning>, turn| async move { return_in(&returning, &turn).await },
            |returning, said| async move {
                let mut ids: BTreeSet<UserId> = BTreeSet::new();
                for app in said {
                    let tokens = exchange(&returning.world, &app.expect("the app")).await.expect(200);
                    ids.insert(Person::of(&returning.world, &tokens).id);
                }
                assert_eq!(ids.len(), 1, "one person is one account: {ids:?}");
            },
        )
        .await;
    told("two tabs of a first sign-in", walked);
}

#[tokio::test]
async fn one_linkedin_account_is_linked_to_one_of_two_accounts() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                forget(&home, "chidi").await;
                let fresh = api::secret::base64url(home.entropy().bytes::<8>());
                let people = home.people([&format!("Alice {fresh}"), &format!("Bob {fresh}")]).await;
                let mut tabs = Vec::new();
                for person in &people {
                    let mut browser = Browser::default();
                    let callback = pick(&browser.begin(&home, Some(&person.access_token)).await, "chidi").await;
                    tabs.push((browser, callback));
                }
                (people, Returning { world: Arc::clone(&home), tabs })
            },
            |scene: Arc<([Person; 2], Returning)>, turn| async move { return_in(&scene.1, &turn).await },
            |scene, said| async move {
                let (people, world) = (&scene.0, &scene.1.world);
                let said: Vec<_> = said.into_iter().map(|app| app.expect("the app")).collect();
                let won = |app: &url::Url| query(app, "linked").as_deref() == Some("linkedin");
                let winner = said.iter().position(won).expect("one of them is linked");
                assert_eq!(query(&said[1 - winner], "error").as_deref(), Some("linkedin_taken"));
                for (number, person) in people.iter().enumerate() {
                    let profile = person.get("/auth/linkedin/profile").await.expect(200).body;
                    assert_eq!(profile["is_linked"], number == winner, "{profile}");
                }
                let subject = Subject { issuer: local::provider::ISSUER.into(), sub: "chidi".into() };
                let owner = Accounts::new(world.db.clone()).by_linkedin(&subject).await.expect("answers");
                assert_eq!(owner, Some(people[winner].id));
            },
        )
        .await;
    told("one LinkedIn account linked to two accounts", walked);
}

#[tokio::test]
async fn a_link_and_an_unlink_at_once_leave_the_login_and_the_account_agreed() {
    let home = World::new().await;
    let [alice] = home.people(["Alice"]).await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let mut tabs = Vec::new();
                for _ in 0..2 {
                    let mut browser = Browser::default();
                    let callback = pick(&browser.begin(&home, Some(&alice.access_token)).await, "dara").await;
                    tabs.push((browser, callback));
                }
                // The first has linked; the second brings it up to date while it is removed.
                let (mut browser, callback) = tabs.remove(0);
                browser.come_back(&home, &callback).await.expect("the app");
                (alice.clone(), Returning { world: Arc::clone(&home), tabs })
            },
            |scene: Arc<(Person, Returning)>, turn| async move {
                if turn.task == 1 {
                    return scene.0.at(&turn.world).post("/auth/linkedin/unlink", json!({})).await.summary();
                }
                let (mut browser, callback) = scene.1.tabs[0].clone();
                let app = browser.come_back(&turn.world, &callback).await.expect("the app");
                query(&app, "linked").or_else(|| query(&app, "error")).unwrap_or_default()
            },
            |scene, said| async move {
                let (alice, world) = (&scene.0, &scene.1.world);
                assert_eq!((said[0].as_str(), said[1].as_str()), ("linkedin", "200"));
                let linked = alice.get("/auth/linkedin/profile").await.expect(200).body["is_linked"] == true;
                let subject = Subject { issuer: local::provider::ISSUER.into(), sub: "dara".into() };
                let owner = Accounts::new(world.db.clone()).by_linkedin(&subject).await.expect("answers");
                assert_eq!(owner, linked.then_some(alice.id), "the login and the account say the same");
                let _ = alice.post("/auth/linkedin/unlink", json!({})).await.expect(200);
            },
        )
        .await;
    told("linked and unlinked at once", walked);
}

#[tokio::test]
async fn a_ticket_that_is_used_twice_at_once_opens_one_socket() {
    let home = World::new().await;
    let ada = Person::arrive(&home, "Ada").await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { (ada.clone(), ada.ticket().await) },
            |scene: Arc<(Person, String)>, turn| async move {
                let (status, socket) = Socket::open(&turn.world, Some(scene.1.clone()), None).await;
                (status, socket.connection.0)
            },
            |scene, said| async move {
                let mut statuses = [said[0].0, said[1].0];
                statuses.sort_unstable();
                assert_eq!(statuses, [200, 401]);
                for (status, connection) in said {
                    let socket = Socket::named(&scene.0.world(), &connection);
                    let pong = socket.say("ping", json!({})).await;
                    assert_eq!(pong["event"] == "reply", status == 200, "nobody is half connected: {pong}");
                    if status == 200 {
                        socket.close().await;
                    }
                }
            },
        )
        .await;
    told("one ticket used twice", walked);
}

#[tokio::test]
async fn a_code_that_is_exchanged_twice_at_once_is_one_session() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let ada = Person::arrive(&home, "Ada").await;
                let code = code(&home, ada.id).await;
                (ada, code)
            },
            |scene: Arc<(Person, String)>, turn| async move {
                turn.world.anonymous(Method::POST, "/auth/token", Some(json!({ "code": scene.1 }))).await
            },
            |scene, said| async move {
                assert_eq!(sorted(&said), ["200", "400 code_refused"]);
                let sessions = scene.0.get("/auth/sessions").await.expect(200).body;
                assert_eq!(sessions["items"].as_array().map(Vec::len), Some(2), "one code is one session");
            },
        )
        .await;
    told("one code exchanged twice", walked);
}

#[tokio::test]
async fn an_address_that_is_registered_twice_at_once_has_one_owner() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { format!("{}@example.com", api::secret::base64url(home.entropy().bytes::<8>()).to_lowercase()) },
            |mail: Arc<String>, turn| async move {
                let body = json!({ "email": *mail, "password": PASSWORD, "name": format!("Number {}", turn.task) });
                turn.world.anonymous(Method::POST, "/auth/register", Some(body)).await
            },
            |mail, said| {
                let home = Arc::clone(&home);
                async move {
                    assert_eq!(sorted(&said), ["201", "409 email_taken"]);
                    let winner = said.iter().find(|reply| reply.status == 201).expect("one of them");
                    let login = json!({ "email": *mail, "password": PASSWORD });
                    let login = home.anonymous(Method::POST, "/auth/login", Some(login)).await.expect(200);
                    assert_eq!(login.text("/user/id"), winner.text("/user/id"));
                }
            },
        )
        .await;
    told("one address registered twice", walked);
}

/// A person with two devices, of which the first signs the second out by its session's id.
async fn two_devices(home: &Arc<World>) -> (Person, Person, String) {
    let ada = Person::arrive(home, "Ada").await;
    let phone = another_device(home, &ada).await;
    let sessions = phone.get("/auth/sessions").await.expect(200).body;
    let current = sessions["items"].as_array().expect("items").iter().find(|session| session["current"] == true);
    let id = current.expect("its own")["id"].as_str().expect("an id").to_owned();
    (ada, phone, id)
}

#[tokio::test]
async fn a_device_that_refreshes_while_it_is_signed_out_is_signed_out() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || two_devices(&home),
            |scene: Arc<(Person, Person, String)>, turn| async move {
                match turn.task {
                    0 => scene.0.at(&turn.world).delete(&format!("/auth/sessions/{}", scene.2)).await,
                    _ => refresh(&turn.world, &scene.1.refresh_token, Some("k")).await,
                }
            },
            |scene, said| async move {
                assert_eq!(said[0].summary(), "204");
                let refused = "401 session_revoked";
                assert!(["200", refused].contains(&said[1].summary().as_str()), "{}", said[1].summary());
                let world = scene.1.world();
                let newest = if said[1].status == 200 { Person::of(&world, &said[1]) } else { scene.1.clone() };
                assert_eq!(refresh(&world, &newest.refresh_token, Some("l")).await.summary(), refused);
                assert_eq!(newest.post("/auth/ws-ticket", json!({})).await.summary(), refused);
            },
        )
        .await;
    told("a refresh against signing the device out", walked);
}

#[tokio::test]
async fn a_device_that_opens_a_socket_while_it_is_signed_out_opens_no_further_one() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || two_devices(&home),
            |scene: Arc<(Person, Person, String)>, turn| async move {
                if turn.task == 0 {
                    return scene.0.at(&turn.world).delete(&format!("/auth/sessions/{}", scene.2)).await.summary();
                }
                let asked = scene.1.at(&turn.world).post("/auth/ws-ticket", json!({})).await;
                match asked.status.as_u16() {
                    200 => Socket::open(&turn.world, Some(asked.text("/ticket")), None).await.0.to_string(),
                    _ => asked.summary(),
                }
            },
            |scene, said| async move {
                assert_eq!(said[0], "204");
                assert!(["200", "401", "401 session_revoked"].contains(&said[1].as_str()), "{}", said[1]);
                let again = scene.1.post("/auth/ws-ticket", json!({})).await;
                assert_eq!(again.summary(), "401 session_revoked");
            },
        )
        .await;
    told("a ticket and a socket against signing the device out", walked);
}

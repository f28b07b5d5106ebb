//! People who call each other at once, and groups whose people come, go, are asked and sent away at the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use testkit::{Orders, Person, World};

use super::{Scene, people, sorted, summaries, told, two};

/// Three people who talk; the first is the host.
async fn three(world: &Arc<World>) -> Scene {
    let [ada, bo] = two(world).await;
    let people = [ada, bo, Person::arrive(world, "Chidi").await];
    let scene = Scene::of(&people, String::new()).await;
    for person in &people[1..] {
        let _ = person.in_call(&scene.call, "join", json!({ "generation": 0 })).await.expect(200);
    }
    scene
}

#[tokio::test]
async fn two_who_call_each_other_at_once_have_one_call() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { Scene { people: two(&home).await.to_vec(), call: String::new(), extra: String::new() } },
            |scene: Arc<Scene>, turn| async move {
                let other = scene.people[1 - turn.task].id.to_string();
                scene.at(&turn, turn.task).post("/api/webrtc/call/initiate", json!({ "participants": [other] })).await
            },
            |scene, said| async move {
                assert_eq!(sorted(&said), ["201", "409 superseded"]);
                let winner = said.iter().position(|reply| reply.status == 201).expect("one of them");
                let call = said[winner].text("/call_id");
                assert_eq!(said[1 - winner].text("/superseded_by"), call, "the other one is told which");
                let joined = scene.people[1 - winner].in_call(&call, "join", json!({})).await.expect(200);
                assert_eq!(joined.text("/state"), "connected", "and joins it");
                let scene = Scene { people: scene.people.clone(), call, extra: String::new() };
                scene.agreed().await;
                for person in &scene.people {
                    let active = person.get("/api/webrtc/calls/active").await.expect(200);
                    assert_eq!(active.body["items"].as_array().map(Vec::len), Some(1));
                }
            },
        )
        .await;
    told("two who call each other at once have one call", walked);
}

#[tokio::test]
async fn whoever_gives_up_while_the_other_calls_leaves_one_call_or_none() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { Scene::of(&two(&home).await, String::new()).await },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => scene.say(&turn, 0, "end", json!({})).await,
                    _ => {
                        let ada = json!({ "participants": [scene.people[0].id.to_string()] });
                        scene.at(&turn, 1).post("/api/webrtc/call/initiate", ada).await
                    }
                }
            },
            |scene, said| async move {
                let first = scene.agreed().await;
                assert_eq!(first["reason"], "cancelled");
                let live = match said[1].summary().as_str() {
                    "201" => vec![said[1].text("/call_id")],
                    "409 superseded" => vec![],
                    other => panic!("{other}"),
                };
                for person in &scene.people {
                    let active = person.get("/api/webrtc/calls/active").await.expect(200).body;
                    let items = active["items"].as_array().expect("items").iter();
                    let found: Vec<&str> = items.map(|call| call["call_id"].as_str().expect("an id")).collect();
                    assert_eq!(found, live, "{}", person.name);
                }
            },
        )
        .await;
    told("one gives up while the other calls back", walked);
}

#[tokio::test]
async fn who_is_sent_away_while_they_leave_or_come_back_is_out_or_in_for_everybody() {
    let home = World::new().await;
    for (what, body) in [
        ("end", json!({ "generation": 1 })),
        ("join", json!({ "generation": 1 })),
        ("heartbeat", json!({ "generation": 1 })),
    ] {
        let walked = Orders::of(&home, 2)
            .each(
                || three(&home),
                |scene: Arc<Scene>, turn| {
                    let body = body.clone();
                    async move {
                        match turn.task {
                            0 => {
                                let chidi = json!({ "user_id": scene.people[2].id.to_string(), "generation": 1 });
                                scene.say(&turn, 0, "remove", chidi).await
                            }
                            _ => scene.say(&turn, 2, what, body).await,
                        }
                    }
                },
                |scene, said| async move {
                    let call = scene.agreed().await;
                    let standing = call["participants"][2]["standing"].as_str().expect("a standing");
                    let expected: &[(&str, &str, &str)] = match what {
                        "end" => &[("200", "200", "removed"), ("200", "200", "left")],
                        "join" => &[
                            ("200", "409 left_call", "removed"),
                            ("200", "409 stale_generation", "removed"),
                            ("409 stale_generation", "200", "joined"),
                        ],
                        _ => &[("200", "409 stale_generation", "removed"), ("200", "200", "removed")],
                    };
                    let now = (said[0].summary(), said[1].summary());
                    let fits = expected
                        .iter()
                        .any(|(one, other, last)| (now.0.as_str(), now.1.as_str(), standing) == (*one, *other, *last));
                    assert!(fits, "{what}: {now:?}, and is {standing}");
                },
            )
            .await;
        told(&format!("somebody is sent away against their {what}"), walked);
    }
}

#[tokio::test]
async fn of_two_invitations_for_the_last_place_one_is_taken() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let [ada, bo] = two(&home).await;
                let mut everybody = vec![ada, bo];
                for name in ["C", "D", "E", "F", "G"] {
                    everybody.push(Person::arrive(&home, name).await);
                }
                let scene = Scene::of(&everybody, String::new()).await;
                let _ = everybody[1].in_call(&scene.call, "join", json!({})).await.expect(200);
                let (yves, zoe) = (Person::arrive(&home, "Yves").await, Person::arrive(&home, "Zoe").await);
                (scene, [yves, zoe])
            },
            |scene: Arc<(Scene, [Person; 2])>, turn| async move {
                let (scene, more) = &*scene;
                scene.say(&turn, turn.task, "invite", json!({ "participants": [more[turn.task].id.to_string()] })).await
            },
            |scene, said| async move {
                assert_eq!(sorted(&said), ["200", "422 too_many_people"]);
                let call = scene.0.agreed().await;
                assert_eq!(people(&call).count(), 8);
            },
        )
        .await;
    told("two invitations for the last place", walked);
}

#[tokio::test]
async fn who_is_asked_while_the_last_other_leaves_is_in_a_call_or_in_none() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let people = two(&home).await;
                let scene = Scene::of(&people, String::new()).await;
                let _ = people[1].in_call(&scene.call, "join", json!({})).await.expect(200);
                (scene, Person::arrive(&home, "Chidi").await)
            },
            |scene: Arc<(Scene, Person)>, turn| async move {
                let (scene, chidi) = &*scene;
                match turn.task {
                    0 => scene.say(&turn, 0, "invite", json!({ "participants": [chidi.id.to_string()] })).await,
                    _ => scene.say(&turn, 1, "end", json!({})).await,
                }
            },
            |scene, said| async move {
                let (scene, chidi) = &*scene;
                let active = chidi.get("/api/webrtc/calls/active").await.expect(200).body["items"].clone();
                match said[0].summary().as_str() {
                    "200" => assert_eq!(active[0]["call_id"], json!(scene.call), "Ada waits for Chidi"),
                    "409 call_over" => assert_eq!(active, json!([])),
                    other => panic!("{other}"),
                }
                assert_eq!(said[1].summary(), "200");
                scene.agreed().await;
            },
        )
        .await;
    told("somebody is asked while the last other leaves", walked);
}

/// Everybody's signs of life meet: none is lost, and whoever is told that it came too late comes again.
#[tokio::test]
async fn signs_of_life_at_the_same_moment_all_count() {
    let home = World::new().await;
    let walked = Orders::of(&home, 3)
        .each(
            || async {
                let scene = three(&home).await;
                home.clock.advance(domain::limit::CALL_HEARTBEAT);
                scene
            },
            |scene: Arc<Scene>, turn| async move {
                scene.say(&turn, turn.task, "heartbeat", json!({ "generation": 1 })).await
            },
            |scene, said| async move {
                assert_eq!(summaries(&said), ["200", "200", "200"]);
                // Until just before the newest leases are over.
                let left = domain::limit::CALL_LEASE - jiff::SignedDuration::from_secs(1);
                scene.people[0].world().clock.advance(left);
                let away: BTreeSet<String> =
                    people(&scene.show(0).await).map(|person| person["away"].to_string()).collect();
                assert_eq!(away, BTreeSet::from(["false".to_owned()]));
            },
        )
        .await;
    told("three signs of life at once", walked);
}

//! Calls: answers, ends, offers, candidates and devices that come and go at the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use store::Connections;
use testkit::interleave::Walked;
use testkit::{Orders, Person, Socket, World, sdp};

use super::{Scene, another_device, candidates, connected, offered, sorted, summaries, told, two};

#[tokio::test]
async fn of_two_devices_that_answer_one_takes_the_call() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                // The callee is one person with two devices, and once in the call.
                let mut scene = offered(&two(&home).await).await;
                scene.people.push(another_device(&home, &scene.people[1]).await);
                scene
            },
            |scene: Arc<Scene>, turn| async move {
                scene.say(&turn, 1 + turn.task, "answer", json!({ "sdp": sdp(&format!("device {}", turn.task)) })).await
            },
            |scene, said| async move {
                assert_eq!(sorted(&said), ["200", "409 answered_elsewhere"]);
                let winner = said.iter().position(|reply| reply.status == 200).expect("one of them");
                let answer = scene.show(0).await["signals"]["descriptions"][0].clone();
                assert_eq!(
                    answer["sdp"],
                    sdp(&format!("device {winner}")),
                    "the winner's answer is the one that is kept"
                );
                let call = Scene { people: scene.people[..2].to_vec(), call: scene.call.clone(), extra: String::new() };
                let call = call.agreed().await;
                assert_eq!(
                    (&call["state"], &call["participants"][1]["device_id"]),
                    (&json!("connected"), &answer["device_id"])
                );
            },
        )
        .await;
    told("of two devices that answer, one takes the call", walked);
}

#[tokio::test]
async fn two_devices_answer_while_the_caller_gives_up_and_nobody_is_half_in() {
    let home = World::new().await;
    let walked = Orders::of(&home, 3)
        .each(
            || async {
                let scene = offered(&two(&home).await).await;
                let laptop = another_device(&home, &scene.people[1]).await;
                (scene, laptop)
            },
            |scene: Arc<(Scene, Person)>, turn| async move {
                let (scene, laptop) = &*scene;
                let answer = json!({ "sdp": sdp("answer") });
                match turn.task {
                    0 => scene.say(&turn, 0, "end", json!({})).await,
                    1 => scene.say(&turn, 1, "answer", answer).await,
                    _ => laptop.at(&turn.world).in_call(&scene.call, "answer", answer).await,
                }
            },
            |scene, said| async move {
                let call = scene.0.agreed().await;
                let took = said[1..].iter().filter(|reply| reply.status == 200).count();
                assert_eq!(said[0].summary(), "200");
                assert!(took <= 1, "{:?}", summaries(&said));
                assert_eq!(call["reason"], if took == 1 { "hung_up" } else { "cancelled" });
            },
        )
        .await;
    told("two devices answer while the caller gives up", walked);
}

/// Somebody ends the call while the callee answers: it is over, as one of the two orders says.
async fn end_against_answer(ends: usize, before: &str) -> Walked {
    let home = World::new().await;
    Orders::of(&home, 2)
        .each(
            || async { offered(&two(&home).await).await },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => scene.say(&turn, ends, "end", json!({})).await,
                    _ => scene.say(&turn, 1, "answer", json!({ "sdp": sdp("answer") })).await,
                }
            },
            |scene, said| async move {
                let call = scene.agreed().await;
                let answered = said[1].summary() == "200";
                assert!(answered || said[1].summary() == "409 call_over", "{}", said[1].summary());
                let reason = if answered { "hung_up" } else { before };
                assert_eq!((said[0].summary().as_str(), &call["reason"]), ("200", &json!(reason)));
            },
        )
        .await
}

#[tokio::test]
async fn a_call_that_is_declined_on_one_device_and_answered_on_another_is_over() {
    told("declined and answered at once", end_against_answer(1, "declined").await);
}

#[tokio::test]
async fn a_call_that_is_given_up_while_it_is_answered_is_over() {
    told("given up and answered at once", end_against_answer(0, "cancelled").await);
}

#[tokio::test]
async fn when_both_offer_at_once_the_callers_offer_stands() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { connected(&two(&home).await).await },
            |scene: Arc<Scene>, turn| async move {
                scene.say(&turn, turn.task, "offer", json!({ "sdp": sdp(&format!("offer {}", turn.task)) })).await
            },
            |scene, said| async move {
                assert_eq!(said[0].summary(), "200", "the caller's offer is never refused");
                assert!(["200", "409 offer_pending"].contains(&said[1].summary().as_str()), "{}", said[1].summary());
                let (to_ada, to_bo) = (scene.show(0).await, scene.show(1).await);
                assert_eq!(to_ada["signals"]["descriptions"], json!([]), "the other's offer is gone");
                assert_eq!(to_bo["signals"]["descriptions"][0]["sdp"], sdp("offer 0"));
                let body = json!({ "sdp": sdp("agreed"), "offer_id": said[0].text("/offer_id") });
                assert_eq!(scene.people[1].in_call(&scene.call, "answer", body).await.summary(), "200");
                assert_eq!(scene.agreed().await["state"], "connected");
            },
        )
        .await;
    told("both offer at once", walked);
}

#[tokio::test]
async fn late_candidates_do_not_outlive_the_end() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async { connected(&two(&home).await).await },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => scene.say(&turn, 1, "end", json!({})).await,
                    _ => scene.say(&turn, 0, "ice-candidate", candidates(&[1, 2])).await,
                }
            },
            |scene, said| async move {
                assert_eq!(said[0].summary(), "200");
                assert!(["200", "409 call_over"].contains(&said[1].summary().as_str()), "{}", said[1].summary());
                assert_eq!(scene.agreed().await["reason"], "hung_up");
                assert_eq!(scene.show(1).await["signals"], json!({ "descriptions": [], "candidates": [] }));
            },
        )
        .await;
    told("late candidates against the end", walked);
}

#[tokio::test]
async fn candidates_from_both_sides_and_an_answer_lose_nothing() {
    let home = World::new().await;
    let walked = Orders::of(&home, 3)
        .each(
            || async { offered(&two(&home).await).await },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => scene.say(&turn, 1, "answer", json!({ "sdp": sdp("answer") })).await,
                    1 => scene.say(&turn, 0, "ice-candidate", candidates(&[1, 2])).await,
                    _ => scene.say(&turn, 0, "ice-candidate", candidates(&[2, 3])).await,
                }
            },
            |scene, said| async move {
                assert_eq!(summaries(&said), ["200", "200", "200"]);
                let kept = scene.show(1).await["signals"]["candidates"][0]["candidates"].clone();
                let kept: BTreeSet<&str> =
                    kept.as_array().expect("kept").iter().map(|c| c["candidate"].as_str().expect("text")).collect();
                assert_eq!(kept, BTreeSet::from(["candidate:1", "candidate:2", "candidate:3"]), "each, and each once");
                assert_eq!(scene.agreed().await["state"], "connected");
            },
        )
        .await;
    told("two batches of candidates against the answer", walked);
}

#[tokio::test]
async fn candidates_find_a_device_that_is_just_coming_online() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let [ada, bo] = two(&home).await;
                let ticket = bo.ticket().await;
                Scene { extra: ticket, ..offered(&[ada, bo]).await }
            },
            |scene: Arc<Scene>, turn| async move {
                if turn.task == 0 {
                    let (status, socket) = Socket::open(&turn.world, Some(scene.extra.clone()), None).await;
                    assert_eq!(status, 200);
                    return (true, socket.connection.0);
                }
                let sent = scene.say(&turn, 0, "ice-candidate", candidates(&[1])).await.expect(200);
                (sent.body["delivered"] == true, String::new())
            },
            |scene, said| async move {
                let socket = Socket::named(&scene.people[1].world(), &said[0].1);
                let (heard, kept) = (socket.events(), scene.show(1).await["signals"]["candidates"].clone());
                let delivered = said[1].0;
                assert_eq!(
                    heard.contains(&"call.candidates".to_owned()),
                    delivered,
                    "delivered means that it was heard"
                );
                assert_eq!(kept == json!([]), delivered, "and otherwise it waits");
            },
        )
        .await;
    told("candidates against a device that comes online", walked);
}

/// A device says that it rings while something else happens to the call.
async fn ringing_against(what: &'static str, by: usize) -> Walked {
    let home = World::new().await;
    Orders::of(&home, 2)
        .each(
            || async {
                let people = two(&home).await;
                let extra = people[1].connect().await.connection.0;
                Scene { extra, ..offered(&people).await }
            },
            |scene: Arc<Scene>, turn| async move {
                if turn.task == 0 {
                    let socket = Socket::named(&turn.world, &scene.extra);
                    let answer = socket.say("call.ringing", json!({ "call_id": scene.call })).await;
                    return answer["problem"]["code"].as_str().unwrap_or("rings").to_owned();
                }
                let body = if what == "end" { json!({}) } else { json!({ "sdp": sdp("answer") }) };
                scene.say(&turn, by, what, body).await.summary()
            },
            |scene, said| async move {
                assert_eq!(said[1], "200");
                assert!(["rings", "call_over"].contains(&said[0].as_str()), "{}", said[0]);
                let call = scene.agreed().await;
                let after = if what == "end" { "failed" } else { "connected" };
                assert_eq!(call["state"], after, "ringing never goes back");
            },
        )
        .await
}

#[tokio::test]
async fn a_call_that_is_answered_does_not_ring_again() {
    told("ringing against the answer", ringing_against("answer", 1).await);
}

#[tokio::test]
async fn a_call_that_is_given_up_does_not_ring_again() {
    told("ringing against the end", ringing_against("end", 0).await);
}

#[tokio::test]
async fn in_a_group_joining_declining_and_leaving_at_once_leave_nobody_half_in() {
    let home = World::new().await;
    let walked = Orders::of(&home, 3)
        .each(
            || async {
                let [ada, bo] = two(&home).await;
                offered(&[ada, bo, Person::arrive(&home, "Chidi").await]).await
            },
            |scene: Arc<Scene>, turn| async move {
                let answer = json!({ "sdp": sdp("answer"), "to": scene.people[0].id.to_string() });
                match turn.task {
                    0 => scene.say(&turn, 0, "end", json!({})).await,
                    1 => scene.say(&turn, 1, "answer", answer).await,
                    _ => scene.say(&turn, 2, "end", json!({})).await,
                }
            },
            |scene, said| async move {
                let call = scene.agreed().await;
                assert_eq!((said[0].summary().as_str(), said[2].summary().as_str()), ("200", "200"));
                // Bo cannot stay alone: whoever is left last ends it.
                assert!(!call["reason"].is_null(), "{call}");
                let joined = said[1].summary() == "200";
                assert!(
                    joined || ["409 call_over", "409 left_call"].contains(&said[1].summary().as_str()),
                    "{}",
                    said[1].summary()
                );
                let standing = if joined { "left" } else { "missed" };
                assert_eq!(call["participants"][1]["standing"], standing);
            },
        )
        .await;
    told("a group in which one joins, one declines and one leaves", walked);
}

#[tokio::test]
async fn an_answer_in_the_last_moment_counts_or_is_late_for_everybody() {
    let home = World::new().await;
    let walked = Orders::of(&home, 3)
        .each(
            || async {
                let scene = offered(&two(&home).await).await;
                home.remain(&scene.call, domain::limit::RING - domain::limit::CALL_HEARTBEAT).await;
                scene
            },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => {
                        turn.step("the ring ends", || turn.world.clock.advance(domain::limit::CALL_HEARTBEAT)).await;
                        "passed".to_owned()
                    }
                    1 => scene.say(&turn, 1, "answer", json!({ "sdp": sdp("answer") })).await.summary(),
                    _ => scene
                        .at(&turn, 0)
                        .get(&format!("/api/webrtc/call/{}", scene.call))
                        .await
                        .expect(200)
                        .text("/state"),
                }
            },
            |scene, said| async move {
                let call = scene.agreed().await;
                match said[1].as_str() {
                    "200" => assert_eq!(call["state"], "connected"),
                    "409 call_over" => assert_eq!(call["state"], "failed"),
                    other => panic!("{other}"),
                }
                if said[2] == "failed" {
                    assert_eq!(call["state"], "failed", "what somebody was told stays true");
                }
            },
        )
        .await;
    told("the ring runs out while somebody answers and somebody looks", walked);
}

#[tokio::test]
async fn two_people_who_call_a_third_leave_two_numbered_invitations() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let [ada, bo] = two(&home).await;
                let chidi = Person::arrive(&home, "Chidi").await;
                let socket = chidi.connect().await.connection.0;
                Scene { people: vec![ada, bo, chidi], call: String::new(), extra: socket }
            },
            |scene: Arc<Scene>, turn| async move {
                let body = json!({ "participants": [scene.people[2].id.to_string()] });
                scene.at(&turn, turn.task).post("/api/webrtc/call/initiate", body).await
            },
            |scene, said| async move {
                assert_eq!(summaries(&said), ["201", "201"]);
                let calls: BTreeSet<String> = said.iter().map(|reply| reply.text("/call_id")).collect();
                let chidi = &scene.people[2];
                let (world, connections) = (chidi.world(), Connections::new(chidi.world().db.clone()));
                let room = connections.room(chidi.id, true, domain::clock::Clock::now(&*world.clock)).await;
                let inbox = room.expect("answers").card.expect("a card").value.inbox;
                let found: BTreeSet<String> = inbox
                    .kept
                    .iter()
                    .map(|entry| match entry.fact {
                        domain::inbox::InboxFact::CallInvited { call } => call.to_string(),
                    })
                    .collect();
                assert_eq!((inbox.head, found), (2, calls));
                let pushes = Socket::named(&chidi.world(), &scene.extra).pushes();
                let seqs: BTreeSet<u64> = pushes.iter().filter_map(|push| push["seq"].as_u64()).collect();
                assert_eq!(seqs, BTreeSet::from([1, 2]), "and each is shown with its own number");
            },
        )
        .await;
    told("two people call a third at once", walked);
}

#[tokio::test]
async fn somebody_who_comes_online_while_they_are_called_learns_of_it() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let people = two(&home).await;
                let extra = people[1].ticket().await;
                Scene { people: people.to_vec(), call: String::new(), extra }
            },
            |scene: Arc<Scene>, turn| async move {
                if turn.task == 0 {
                    return (scene.at(&turn, 0).call(&[&scene.people[1]]).await, Vec::new());
                }
                let (status, socket) = Socket::open(&turn.world, Some(scene.extra.clone()), None).await;
                assert_eq!(status, 200);
                let missed = socket.say("resume", json!({})).await["data"]["channels"]["inbox"].clone();
                assert_eq!(missed["result"], "lost", "it has never read anything, so it reads the state");
                let active = scene.at(&turn, 1).get("/api/webrtc/calls/active").await.expect(200).body;
                let active = active["items"].as_array().expect("items").iter();
                (socket.connection.0, active.map(|call| call["call_id"].as_str().expect("an id").to_owned()).collect())
            },
            |scene, said| async move {
                let (call, found) = (&said[0].0, &said[1].1);
                let pushes = Socket::named(&scene.people[1].world(), &said[1].0).pushes();
                let pushed = pushes.iter().any(|push| push["data"]["call"]["call_id"] == json!(call));
                assert!(pushed || found.contains(call), "neither pushed nor found: {found:?}");
            },
        )
        .await;
    told("somebody comes online while they are called", walked);
}

/// Somebody who was called comes online and looks while something happens to the call.
async fn coming_online_against(what: &'static str, push: &'static str) -> Walked {
    let home = World::new().await;
    Orders::of(&home, 2)
        .each(
            || async {
                let people = two(&home).await;
                let extra = people[1].ticket().await;
                Scene { extra, ..Scene::of(&people, String::new()).await }
            },
            |scene: Arc<Scene>, turn| async move {
                if turn.task == 0 {
                    let body = if what == "end" { json!({}) } else { json!({ "sdp": sdp("offer") }) };
                    let _ = scene.say(&turn, 0, what, body).await.expect(200);
                    return (String::new(), Value::Null);
                }
                let (status, socket) = Socket::open(&turn.world, Some(scene.extra.clone()), None).await;
                assert_eq!(status, 200);
                let path = format!("/api/webrtc/call/{}", scene.call);
                (socket.connection.0, scene.at(&turn, 1).get(&path).await.expect(200).body)
            },
            |scene, said| async move {
                let (connection, seen) = &said[1];
                let pushed = Socket::named(&scene.people[1].world(), connection).events().contains(&push.to_owned());
                let found = seen["state"] == "failed" || seen["signals"]["descriptions"][0]["type"] == "offer";
                assert!(pushed || found, "neither pushed nor found: {seen}");
            },
        )
        .await
}

#[tokio::test]
async fn somebody_who_comes_online_while_an_offer_is_made_learns_of_it() {
    told("an offer against coming online", coming_online_against("offer", "call.offer").await);
}

#[tokio::test]
async fn somebody_who_comes_online_while_the_caller_gives_up_learns_of_it() {
    told("giving up against coming online", coming_online_against("end", "call.ended").await);
}

#[tokio::test]
async fn a_socket_that_closes_during_a_ping_is_closed() {
    let home = World::new().await;
    let watcher = Person::arrive(&home, "Bo").await.connect().await.connection.0;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let ada = Person::arrive(&home, "Ada").await;
                let socket = ada.connect().await.connection.0;
                (ada, socket, watcher.clone())
            },
            |scene: Arc<(Person, String, String)>, turn| async move {
                let socket = Socket::named(&turn.world, &scene.1);
                if turn.task == 0 {
                    socket.close().await;
                } else {
                    let _ = socket.say("ping", json!({})).await;
                }
            },
            |scene, _| async move {
                let watcher = Socket::named(&scene.0.world(), &scene.2);
                let asked = watcher.say("presence.get", json!({ "people": [scene.0.id.to_string()] })).await;
                assert_eq!(asked["data"]["people"][0]["online"], false, "it said goodbye");
            },
        )
        .await;
    told("a goodbye against a ping", walked);
}

#[tokio::test]
async fn a_call_that_is_begun_twice_with_one_key_is_one_call() {
    let home = World::new().await;
    let walked = Orders::of(&home, 2)
        .each(
            || async {
                let people = two(&home).await;
                Scene { people: people.to_vec(), call: String::new(), extra: String::new() }
            },
            |scene: Arc<Scene>, turn| async move {
                let body = json!({ "participants": [scene.people[1].id.to_string()] });
                let key = [("idempotency-key", "k")];
                scene.at(&turn, 0).send(Method::POST, "/api/webrtc/call/initiate", &key, Some(body)).await
            },
            |scene, said| async move {
                assert_eq!(summaries(&said), ["201", "201"]);
                assert_eq!(said[0].text("/call_id"), said[1].text("/call_id"));
                let scene =
                    Scene { people: scene.people.clone(), call: said[0].text("/call_id"), extra: String::new() };
                scene.agreed().await;
                let head =
                    scene.people[1].connect().await.say("ping", json!({})).await["data"]["heads"]["inbox"]["seq"]
                        .clone();
                assert_eq!(head, 1, "one invitation");
            },
        )
        .await;
    told("one call begun twice with one key", walked);
}

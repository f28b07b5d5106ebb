//! Calls: answers, ends, offers, candidates and devices that come and go at the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;
use serde_json::json;
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
                let lines = [1, 2, 3].map(testkit::candidate);
                assert_eq!(kept, lines.iter().map(String::as_str).collect(), "each, and each once");
                assert_eq!(scene.agreed().await["state"], "connected");
            },
        )
        .await;
    told("two batches of candidates against the answer", walked);
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

/// Both sides report a finished call, and one of them twice, from two pages: each day has its call once.
#[tokio::test]
async fn two_who_report_at_once_are_both_heard_and_counted_once() {
    let home = World::new().await;
    let walked = Orders::of(&home, 3)
        .each(
            || async {
                let scene = connected(&two(&home).await).await;
                for (by, about) in [(0, 1), (1, 0)] {
                    let first = json!({ "peers": [testkit::report(scene.people[about].id, 0, 0)] });
                    let _ = scene.people[by].in_call(&scene.call, "quality", first).await.expect(200);
                }
                let _ = scene.people[0].in_call(&scene.call, "end", json!({})).await.expect(200);
                scene
            },
            |scene: Arc<Scene>, turn| async move {
                let (by, about) = if turn.task == 0 { (0, 1) } else { (1, 0) };
                let report = testkit::report(scene.people[about].id, 1, 0);
                scene.say(&turn, by, "quality", json!({ "peers": [report] })).await
            },
            |scene, said| async move {
                assert_eq!(sorted(&said), ["200", "200", "200"]);
                for person in &scene.people {
                    let path = format!("/api/webrtc/call/{}/quality", scene.call);
                    let shown = person.get(&path).await.expect(200).body;
                    let points = |n: usize| shown["directions"][n]["points"].as_array().map(Vec::len);
                    assert_eq!((points(0), points(1)), (Some(1), Some(1)), "each direction once: {shown}");
                    let sum = person.get("/api/webrtc/quality/summary").await.expect(200).body;
                    assert_eq!((&sum["calls"], &sum["verdicts"][0]["count"]), (&json!(1), &json!(1)), "{sum}");
                }
            },
        )
        .await;
    told("two who report at once", walked);
}

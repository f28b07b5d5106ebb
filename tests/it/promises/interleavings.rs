//! What people do at the same moment, in every order of its calls to the store: both sides see one state, one of two
//! wins, nobody is half in. How many orders there were is printed (`cargo test -p tests interleavings -- --nocapture`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::account::{Account, Subject};
use domain::id::UserId;
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::{Accounts, Calls, Connections};
use testkit::interleave::Walked;
use testkit::person::{PASSWORD, code};
use testkit::world::request;
use testkit::{Orders, Person, Reply, Socket, Turn, World, sdp};

use crate::journeys::linkedin::{Browser, exchange, pick, query};

/// A call from the first of some people to the others.
struct Scene {
    people: Vec<Person>,
    call: String,
    extra: String,
}

impl Scene {
    async fn of(people: &[Person], extra: String) -> Self {
        let callees: Vec<&Person> = people[1..].iter().collect();
        Self { people: people.to_vec(), call: people[0].call(&callees).await, extra }
    }

    /// A person at the process whose turn it is.
    fn at(&self, turn: &Turn, person: usize) -> Person {
        self.people[person].at(&turn.world)
    }

    async fn say(&self, turn: &Turn, person: usize, what: &str, body: Value) -> Reply {
        self.at(turn, person).in_call(&self.call, what, body).await
    }

    async fn show(&self, person: usize) -> Value {
        self.people[person].get(&format!("/api/webrtc/call/{}", self.call)).await.expect(200).body
    }

    /// Everybody sees the same call, their histories say the same, and nobody is half in.
    async fn agreed(&self) -> Value {
        // A callee's first look is a device that rings.
        for person in 1..self.people.len() {
            self.show(person).await;
        }
        let mut seen: Vec<Value> = Vec::new();
        for (number, person) in self.people.iter().enumerate() {
            let mut call = self.show(number).await;
            call.as_object_mut().expect("a call").remove("signals");
            let history = person.get("/api/webrtc/calls/history?limit=1").await.expect(200).body;
            assert_eq!(history["items"], json!([call]), "{}'s history says what the call says", person.name);
            let active = person.get("/api/webrtc/calls/active").await.expect(200).body;
            let listed = active["items"].as_array().expect("items").contains(&call);
            assert_eq!(listed, call["reason"].is_null(), "{}'s active calls are those that are not over", person.name);
            seen.push(call);
        }
        assert!(seen.iter().all(|call| *call == seen[0]), "everybody sees the same: {seen:?}");
        let call = seen.swap_remove(0);
        let standings: Vec<&str> = people(&call).map(|p| p["standing"].as_str().expect("a standing")).collect();
        let in_it = standings.iter().filter(|s| ["joined", "invited", "ringing"].contains(*s)).count();
        let joined = standings.iter().filter(|s| **s == "joined").count();
        if call["reason"].is_null() {
            assert!(joined >= 1 && in_it >= 2, "a call that goes on has somebody to talk to: {standings:?}");
            assert_eq!(call["state"] == "connected", !call["start_time"].is_null(), "{call}");
        } else {
            assert_eq!(in_it, 0, "nobody is in a call that is over: {standings:?}");
        }
        for person in people(&call) {
            let with_device = ["joined", "left"].contains(&person["standing"].as_str().expect("a standing"));
            assert_eq!(!person["device_id"].is_null(), with_device, "who took part did so with a device: {person}");
        }
        call
    }
}

fn people(call: &Value) -> impl Iterator<Item = &Value> {
    call["participants"].as_array().expect("people").iter()
}

fn summaries(said: &[Reply]) -> Vec<String> {
    said.iter().map(Reply::summary).collect()
}

fn sorted(said: &[Reply]) -> Vec<String> {
    let mut summaries = summaries(said);
    summaries.sort();
    summaries
}

fn told(promise: &str, walked: Walked) {
    println!("{promise}: {walked}");
    assert!(walked.orders > 1, "{promise}: one order is no race");
}

async fn two(world: &Arc<World>) -> [Person; 2] {
    [Person::arrive(world, "Ada").await, Person::arrive(world, "Bo").await]
}

/// Signs in again, without a password: another device.
async fn another_device(world: &Arc<World>, person: &Person) -> Person {
    let code = code(world, person.id).await;
    let tokens = world.anonymous(Method::POST, "/auth/token", Some(json!({ "code": code }))).await;
    Person::of(world, &tokens.expect(200))
}

/// A ringing call with an offer; `extra` is the offer.
async fn offered(people: &[Person]) -> Scene {
    let scene = Scene::of(people, String::new()).await;
    let body = json!({ "sdp": sdp("offer"), "to": people[1].id.to_string() });
    let extra = people[0].in_call(&scene.call, "offer", body).await.expect(200).text("/offer_id");
    Scene { extra, ..scene }
}

async fn connected(people: &[Person]) -> Scene {
    let scene = offered(people).await;
    let _ = people[1].in_call(&scene.call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
    scene
}

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

fn candidates(numbers: &[usize]) -> Value {
    let list: Vec<Value> = numbers.iter().map(|n| json!({ "candidate": format!("candidate:{n}") })).collect();
    json!({ "candidates": list })
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
            || async { offered(&two(&home).await).await },
            |scene: Arc<Scene>, turn| async move {
                match turn.task {
                    0 => {
                        turn.step("90 seconds pass", || turn.world.clock.advance(domain::limit::RING)).await;
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
pub(super) async fn forget(world: &Arc<World>, handle: &str) {
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

/// Answers without deciding again after a lost race: it saves what it had decided over whatever is there.
async fn answer_blindly(scene: Arc<Scene>, turn: Turn) -> bool {
    let (me, now) = (scene.people[1].id, domain::clock::Clock::now(&*turn.world.clock));
    let device = format!("device-{}", turn.task).parse().expect("a device");
    let calls = Calls::new(turn.world.db.clone());
    let id = scene.call.parse().expect("an id");
    let mut read = calls.find(id, true).await.expect("answers").expect("a call");
    let Ok((answered, Some(event))) = read.value.answer(me, &device, now) else { return false };
    while calls.save(&answered, event, read.version).await.is_err() {
        read = calls.find(id, true).await.expect("answers").expect("a call");
    }
    true
}

/// The alarm is tested too.
#[tokio::test]
#[should_panic(expected = "one of two devices takes the call")]
async fn a_planted_race_is_found() {
    let home = World::new().await;
    Orders::of(&home, 2)
        .each(
            || async { Scene::of(&two(&home).await, String::new()).await },
            answer_blindly,
            |_, said| async move { assert_ne!(said[0], said[1], "one of two devices takes the call") },
        )
        .await;
}

/// Leaving out what differs in nothing hides nothing: the ends that all orders have are the ends that are walked.
#[tokio::test]
async fn orders_that_are_left_out_have_an_end_that_is_walked() {
    let home = World::new().await;
    let ends = async |orders: Orders| {
        let ends = std::sync::Mutex::new(BTreeSet::new());
        let walked = orders
            .each(
                || async { connected(&two(&home).await).await },
                |scene: Arc<Scene>, turn| async move {
                    match turn.task {
                        0 => scene.say(&turn, 1, "end", json!({})).await,
                        _ => scene.say(&turn, 0, "ice-candidate", candidates(&[1, 2])).await,
                    }
                },
                |scene, said| {
                    let ends = &ends;
                    async move {
                        let call = scene.show(0).await;
                        let end = format!("{:?} {} {}", summaries(&said), call["state"], call["reason"]);
                        ends.lock().expect("no panic inside").insert(end);
                    }
                },
            )
            .await;
        (walked, ends.into_inner().expect("no panic inside"))
    };
    let (few, few_ends) = ends(Orders::of(&home, 2)).await;
    let (all, all_ends) = ends(Orders::of(&home, 2).all()).await;
    println!("without leaving out: {all}; with: {few}");
    assert_eq!(few_ends, all_ends);
    assert!(few.orders * 2 < all.orders, "{few} of {all}");
    let (sample, sample_ends) = ends(Orders::of(&home, 2).all().at_most(16)).await;
    assert_eq!((sample.every, sample.orders), (false, 16), "beyond the most it says that it is a sample: {sample}");
    assert!(sample_ends.is_subset(&all_ends));
}

//! Devices that come and go while something happens to a call.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use store::Connections;
use testkit::interleave::Walked;
use testkit::{Orders, Person, Socket, World, sdp};

use super::{Scene, candidates, offered, summaries, told, two};

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

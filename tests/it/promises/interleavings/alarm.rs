//! The alarm is tested too: a planted race is found, and orders that are left out hide nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use store::Calls;
use testkit::{Orders, Turn, World};

use super::{Scene, candidates, connected, summaries, two};

/// Answers without deciding again after a lost race: it saves what it had decided over whatever is there.
async fn answer_blindly(scene: Arc<Scene>, turn: Turn) -> bool {
    let (me, now) = (scene.people[1].id, domain::clock::Clock::now(&*turn.world.clock));
    let device = format!("device-{}", turn.task).parse().expect("a device");
    let calls = Calls::new(turn.world.db.clone());
    let id = scene.call.parse().expect("an id");
    let mut read = calls.find(id, true).await.expect("answers").expect("a call");
    let Ok((answered, facts)) = read.value.join(me, &device, None, now) else { return false };
    if facts.is_empty() {
        return false;
    }
    while calls.save(&answered, &facts, read.version).await.is_err() {
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

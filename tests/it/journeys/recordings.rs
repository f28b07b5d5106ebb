//! Recordings that time passes over, and what died halfway. The others are in `anywhere/`.

use std::sync::Arc;

use domain::clock::Clock as _;
use domain::limit;
use serde_json::{Value, json};
use store::{Recordings, Versioned};
use testkit::recorder::whole_part;
use testkit::{Person, World};

async fn stored(world: &World, recording: &str) -> Versioned<domain::recording::Recording> {
    let recordings = Recordings::new(world.db.clone());
    recordings.find(recording.parse().expect("an id")).await.expect("the store answers").expect("it is there")
}

/// Bytes that count.
async fn used(world: &World, person: &Person) -> u64 {
    let storage = Recordings::new(world.db.clone()).storage(person.id).await.expect("the store answers");
    storage.value.settle(world.clock.now()).used()
}

async fn recorded(ada: &Person, bo: &Person, bytes: &[u8]) -> String {
    let call = ada.talk_to(bo).await;
    let recording = ada.ask_to_record(&call).await;
    let _ = bo.consent(&call, true).await.expect(200);
    assert_eq!(ada.upload(&recording, 1, bytes).await, "200");
    recording
}

async fn arrived(world: &World, recording: &str) -> usize {
    let read = stored(world, recording).await.value;
    let upload = read.upload.as_deref().expect("it has begun");
    let arrived = world.blobs.arrived(blobs::Key::Recording(read.id), upload, &read.parts).await;
    arrived.expect("the bucket answers").count()
}

#[tokio::test]
async fn an_abandoned_upload_counts_until_the_bucket_has_dropped_it() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let whole = whole_part();
    let bytes = whole.len() as u64;
    let left = recorded(&ada, &bo, &whole).await;
    world.clock.advance(limit::RECORDING_IDLE + limit::RECORDING_LATE);
    let (ada, bo) = (testkit::person::back(&ada).await, testkit::person::back(&bo).await);
    assert_eq!(ada.get(&format!("/api/recordings/{left}")).await.expect(200).text("/state"), "abandoned");
    assert_eq!((used(&world, &ada).await, arrived(&world, &left).await), (bytes, 1), "the bucket has it");
    assert_eq!(ada.of_recording(&left, "complete", json!({})).await.summary(), "409 recording_closed");

    recorded(&ada, &bo, b"something else").await;
    assert_eq!((used(&world, &ada).await, arrived(&world, &left).await), (14, 0), "the next upload clears it away");
    world.clock.advance(limit::RECORDING_DROPPED);
    assert_eq!(used(&world, &ada).await, 0, "and the bucket does so itself");
}

#[tokio::test]
async fn whoever_deletes_what_was_abandoned_has_its_room_at_once() {
    let world = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let left = recorded(&ada, &bo, b"never mind").await;
    world.clock.advance(limit::RECORDING_IDLE);
    let ada = testkit::person::back(&ada).await;
    assert_eq!(ada.delete(&format!("/api/recordings/{left}")).await.summary(), "204");
    assert_eq!(used(&world, &ada).await, 0);
}

#[tokio::test]
async fn a_look_goes_on_where_a_deletion_died() {
    let world: Arc<World> = World::new().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    let recording = recorded(&ada, &bo, b"what was said").await;
    let _ = ada.of_recording(&recording, "complete", json!({})).await.expect(200);
    let Versioned { value, version } = stored(&world, &recording).await;
    let (deleting, _) = value.delete(ada.id, world.clock.now()).expect("her own");
    Recordings::new(world.db.clone()).save(&deleting, version).await.expect("nobody else writes");
    assert_eq!(bo.get("/api/recordings").await.expect(200).text("/items/0/state"), "deleting");
    assert_eq!(bo.get(&format!("/api/recordings/{recording}")).await.summary(), "404 recording_unknown");
    assert_eq!(bo.get("/api/recordings").await.expect(200).body["items"], Value::Array(vec![]));
    assert_eq!(used(&world, &ada).await, 0);
    assert_eq!(world.blobs.size(blobs::Key::Recording(deleting.id)).await.expect("the bucket answers"), None);
}

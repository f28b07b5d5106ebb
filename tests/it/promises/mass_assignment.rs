//! Nobody sets what is not theirs to set: every name of everything stored, put into every body and every frame.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::Snapshot;

use super::access::requests::{Operation, Sent, Values, operations};
use super::access::scene::{Role, Scene};

/// What would be found in the store if it got there.
const PLANTED: &str = "planted-in-a-body";

/// Every name in an item as DynamoDB writes it, at any depth, with a value that was stored under it.
fn names(item: &Value, found: &mut BTreeMap<String, Value>) {
    let plain = |value: &Value| match value.as_object().and_then(|typed| typed.iter().next()) {
        Some((kind, text)) if kind == "N" => {
            text.as_str().and_then(|n| n.parse::<u64>().ok()).map_or(json!(0), Value::from)
        }
        Some((kind, value)) if kind == "S" || kind == "BOOL" => value.clone(),
        _ => json!({}),
    };
    for (name, value) in item.as_object().into_iter().flatten() {
        found.insert(name.clone(), plain(value));
        let nested = [&value["M"]].into_iter().chain(value["L"].as_array().into_iter().flatten().map(|one| &one["M"]));
        nested.for_each(|map| names(map, found));
    }
}

fn stored(snapshot: &Snapshot) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    snapshot.items().for_each(|item| names(item, &mut found));
    found
}

/// The same request with one more field in its body.
fn with(sent: &Sent, name: &str, value: &Value) -> Sent {
    let mut sent = sent.clone();
    let body = match &mut sent {
        Sent::Http(.., body) => body.get_or_insert(json!({})),
        Sent::Frame(.., data) => data,
        Sent::Dial(..) => return sent,
    };
    body[name] = value.clone();
    sent
}

fn request(operation: &Operation, scene: &Scene) -> Sent {
    let actor = scene.actor(Role::Caller);
    let own = |kind: &str| {
        if operation.id == "register" && kind == "email" { "new@example.com".into() } else { actor.own(kind) }
    };
    operation.request(&Values { own: &own, instead: None }, &actor.credentials)
}

/// What is wrong when a body with one more field is not refused by that field's name, or has done something.
async fn fault(scene: &Scene, good: &Sent, name: &str, value: &Value) -> Option<String> {
    let answer = with(good, name, value).through(&scene.world).await;
    let errors = answer.body["errors"].to_string();
    if answer.summary() != "422 invalid_fields" || !errors.contains(name) {
        return Some(format!("{} {}", answer.summary(), answer.body));
    }
    let after = scene.world.snapshot().await;
    scene.ready.changes(&after).first().map(|change| format!("wrote {}", change.key))
}

/// The alarm is tested too: a field that is taken is noticed.
#[tokio::test]
async fn a_field_that_is_taken_is_noticed() {
    let scene = Scene::new().await;
    let operations = operations().expect("every operation can be derived");
    let register = operations.iter().find(|operation| operation.id == "register").expect("an operation");
    let good = request(register, &scene);
    assert!(fault(&scene, &good, "name", &json!("Mallory")).await.is_some());
}

#[tokio::test]
async fn no_attribute_of_the_store_is_a_field_that_nobody_documented() {
    let scene = Scene::new().await;
    let names = stored(&scene.ready);
    assert!(
        names.len() >= 40 && ["version", "generation", "standing", "hash"].iter().all(|name| names.contains_key(*name))
    );
    let (mut refused, mut documented, mut ignored) = (0, 0, 0);
    for operation in operations().expect("every operation can be derived") {
        let good = request(&operation, &scene);
        if matches!(good, Sent::Dial(..)) {
            continue;
        }
        for (name, value) in &names {
            if operation.documented().contains(name) {
                documented += 1;
                continue;
            }
            let story = format!("{} with {name}", operation.id);
            if operation.body.is_some() {
                assert_eq!(fault(&scene, &good, name, value).await, None, "{story}");
                refused += 1;
            }
        }
        if operation.body.is_none() {
            // It takes no body: whatever comes is not read.
            let all = names.keys().fold(good, |sent, name| with(&sent, name, &json!(PLANTED)));
            all.through(&scene.world).await;
            let after = scene.world.snapshot().await;
            let found = after.items().find(|item| item.to_string().contains(PLANTED));
            assert!(found.is_none(), "{} kept {found:?}", operation.id);
            scene.world.restore(&scene.ready).await;
            ignored += 1;
        }
    }
    println!(
        "mass assignment: {} names; {refused} requests refused by name, {documented} documented fields, {ignored} operations without a body",
        names.len()
    );
    assert!(refused > 300, "{refused}");
}

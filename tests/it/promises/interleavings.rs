//! What people do at the same moment, in every order of its calls to the store: both sides see one state, one of two
//! wins, nobody is half in. How many orders there were is printed (`cargo test -p tests interleavings -- --nocapture`).

mod alarm;
mod calls;
mod devices;
mod groups;
mod recordings;
pub(super) mod sign_in;

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use testkit::interleave::Walked;
use testkit::person::code;
use testkit::{Person, Reply, Turn, World, sdp};

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
            let remembered = history["items"].as_array().expect("items").contains(&call);
            assert_eq!(remembered, !call["reason"].is_null(), "{}'s history has the call once it is over", person.name);
            let active = person.get("/api/webrtc/calls/active").await.expect(200).body;
            let listed = active["items"].as_array().expect("items").contains(&call);
            let standing = people(&call).find(|p| p["user_id"] == person.id.to_string()).expect("in the call");
            let present = ["joined", "invited", "ringing"].iter().any(|present| standing["standing"] == *present);
            assert_eq!(listed, present, "{}'s active calls are those that they are in or asked into", person.name);
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
            let with_device = ["joined", "left", "removed"].contains(&person["standing"].as_str().expect("a standing"));
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

fn candidates(numbers: &[usize]) -> Value {
    let list: Vec<Value> = numbers.iter().map(|n| json!({ "candidate": testkit::candidate(*n) })).collect();
    json!({ "candidates": list })
}

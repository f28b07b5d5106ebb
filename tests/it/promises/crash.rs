//! Every writing operation, struck by each fault at each of its calls to the store, and then repeated by another
//! process: a single fault heals unnoticed, more are told honestly, the repeat succeeds, and the world is whole.

#[macro_use]
mod table;

mod calls;
mod linkedin;
mod quality;
mod recordings;
mod sign_in;
mod sockets;

use std::future::Future;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use testkit::person::{PASSWORD, code};
use testkit::world::request;
use testkit::{Fault, Faults, Person, Socket, World, sdp};

use super::strangers::operations;

/// With `DCHAT_CRASH_DEPTH=2`, as in CI, also struck by two faults in one invocation, in every combination (2 minutes).
const DEEP: [&str; 6] = ["exchangeCode", "refresh", "initiateCall", "offer", "answer", "endCall"];

/// What an invocation may say when a fault lasts: nothing false, and what to do.
const HONEST: [&str; 3] = ["503 busy", "409 conflict", "303 error=busy"];

/// Two people, a call from one to the other, and whatever a row prepared.
struct Scene {
    world: Arc<World>,
    ada: Person,
    bo: Person,
    call: String,
    extra: String,
}

impl Scene {
    async fn of(world: &Arc<World>) -> Self {
        let (ada, bo) = (Person::arrive(world, "Ada").await, Person::arrive(world, "Bo").await);
        let call = ada.call(&[&bo]).await;
        Self { world: Arc::clone(world), ada, bo, call, extra: String::new() }
    }

    async fn with(mut self, extra: impl Future<Output = String>) -> Self {
        self.extra = extra.await;
        self
    }

    async fn show(&self, who: &Person) -> Value {
        who.get(&format!("/api/webrtc/call/{}", self.call)).await.expect(200).body
    }

    async fn history(&self, who: &Person) -> Vec<Value> {
        let page = who.get("/api/webrtc/calls/history").await.expect(200);
        page.body["items"].as_array().expect("items").clone()
    }
}

/// Ada and Bo talk.
async fn talking(world: &Arc<World>) -> Scene {
    let scene = Scene::of(world).await;
    let _ = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.expect(200);
    let _ = scene.bo.in_call(&scene.call, "answer", json!({ "sdp": sdp("a") })).await.expect(200);
    scene
}

fn frame_summary(answer: &Value) -> String {
    match answer["problem"]["code"].as_str() {
        Some(code) => format!("{} {code}", answer["problem"]["status"]),
        None => answer["event"].as_str().unwrap_or_default().to_owned(),
    }
}

/// The connection that `extra` names.
fn socket(scene: &Scene, world: &Arc<World>) -> Socket {
    Socket::named(world, &scene.extra)
}

/// Runs a row: `act` is the operation at some process, `fine` what its repeat may say, `audit` the world afterwards.
async fn row<P, A, U>(
    deep: bool,
    prepare: impl Fn(Arc<World>) -> P,
    act: impl Fn(Arc<Scene>, Arc<World>) -> A,
    fine: &[&str],
    audit: impl Fn(Arc<Scene>) -> U,
) where
    P: Future<Output = Scene>,
    A: Future<Output = String>,
    U: Future<Output = ()>,
{
    let home = World::new().await;
    let calm = Faults::none();
    let scene = Arc::new(prepare(Arc::clone(&home)).await);
    let clean = act(Arc::clone(&scene), home.another_process(&calm)).await;
    assert!(fine.contains(&clean.as_str()), "without any fault: {clean}");
    audit(Arc::clone(&scene)).await;
    let calls = calm.operations().len();
    assert!(calls > 0, "the operation asks the store nothing");

    for plan in plans(calls, deep) {
        let scene = Arc::new(prepare(Arc::clone(&home)).await);
        let faults = match &plan {
            Plan::These(faults) => Faults::at(faults.clone()),
            Plan::From(place, fault) => Faults::from(*place, *fault),
        };
        let first = faults.invoke(act(Arc::clone(&scene), home.another_process(&faults))).await;
        let story = format!("{plan:?}: {first:?} {:?}", faults.operations());
        if let Some(first) = &first {
            // A single fault heals unnoticed; more than one is told honestly.
            let single = matches!(&plan, Plan::These(faults) if faults.len() == 1);
            let honest = if single { *first == clean } else { HONEST.contains(&first.as_str()) };
            assert!(honest || !single && fine.contains(&first.as_str()), "{story}");
        }
        let again = act(Arc::clone(&scene), home.another_process(&Faults::none())).await;
        assert!(fine.contains(&again.as_str()), "{story}, then {again}");
        audit(scene).await;
    }
}

fn is_deep(operation: &str) -> bool {
    DEEP.contains(&operation) && std::env::var("DCHAT_CRASH_DEPTH").is_ok_and(|depth| depth == "2")
}

/// What strikes one run.
#[derive(Debug)]
enum Plan {
    These(Vec<(usize, Fault)>),
    From(usize, Fault),
}

/// Every fault at every call, and those that last; deep, also every second fault at every later call. The SDK's own
/// repeats are calls too, so the second fault reaches a few places beyond the clean run's end.
fn plans(calls: usize, deep: bool) -> Vec<Plan> {
    let mut plans = Vec::new();
    for place in 0..calls {
        for fault in Fault::ALL {
            plans.push(Plan::These(vec![(place, fault)]));
            let dead = matches!(fault, Fault::DiesBefore | Fault::DiesAfter);
            if deep && !dead {
                for (later, second) in (place + 1..calls + 2).flat_map(|later| Fault::ALL.map(|second| (later, second)))
                {
                    plans.push(Plan::These(vec![(place, fault), (later, second)]));
                }
            }
        }
        for fault in [Fault::Conflict, Fault::RequestLost, Fault::ReplyLost] {
            plans.push(Plan::From(place, fault));
        }
    }
    plans
}

async fn post(world: &Arc<World>, path: &str, body: Value) -> String {
    world.send(request(Method::POST, path, &[], Some(body))).await.summary()
}

/// What a socket can do by its contract, and that it opens and closes.
fn occasions() -> Vec<String> {
    let contract: Value = serde_json::from_str(&local::contract::asyncapi_text()).expect("JSON");
    let said = contract["operations"]["say"]["messages"].as_array().expect("messages").iter();
    let actions = said.map(|message| {
        let pointer = message["$ref"].as_str().expect("a reference").trim_start_matches('#');
        contract.pointer(pointer).expect("it is there")["name"].as_str().expect("a name").to_owned()
    });
    actions.chain(["$connect".to_owned(), "$disconnect".to_owned()]).collect()
}

#[test]
fn every_writing_operation_has_a_row() {
    let reads = [
        "me",
        "listSessions",
        "linkedinProfile",
        "activeCalls",
        "callHistory",
        "iceServers",
        "qualitySummary",
        "jwks",
        "health",
        "limits",
        "listRecordings",
        "showRecording",
    ];
    let tells = ["presence.get"];
    let ids: Vec<String> = operations().into_iter().map(|(id, ..)| id).chain(occasions()).collect();
    let rows = [calls::ROWS, linkedin::ROWS, quality::ROWS, recordings::ROWS, sign_in::ROWS, sockets::ROWS].concat();
    for id in &ids {
        let known = rows.iter().any(|row| row.split(", ").any(|name| name == id));
        let writes = !reads.contains(&id.as_str()) && !tells.contains(&id.as_str());
        assert_eq!(known, writes, "{id} needs a row in rows! if it writes, or else a place in one of the lists");
    }
    for name in rows.iter().flat_map(|row| row.split(", ")).chain(reads).chain(tells) {
        assert!(ids.iter().any(|id| id == name), "{name} is in no contract: take it off");
    }
}

/// The alarm is tested too: an operation of two writes without a transaction must be found out.
#[tokio::test]
#[should_panic(expected = "one code is one session")]
async fn a_planted_bug_is_found() {
    row(
        false,
        |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let code = code(&world, scene.ada.id).await;
            scene.with(async { code }).await
        },
        |scene, world| async move {
            // Two sessions from one code, as if using it up and beginning the session were two steps.
            let _ = code(&world, scene.ada.id).await;
            let other = code(&world, scene.ada.id).await;
            let _ = post(&world, "/auth/token", json!({ "code": other })).await;
            post(&world, "/auth/token", json!({ "code": scene.extra })).await
        },
        &["200", "400 code_refused"],
        |scene| async move {
            let sessions = scene.ada.get("/auth/sessions").await.expect(200);
            assert_eq!(sessions.body["items"].as_array().map(Vec::len), Some(2), "one code is one session");
        },
    )
    .await;
}

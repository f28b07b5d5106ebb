//! Every writing operation, struck by each fault at each of its calls to the store, and then repeated by another
//! process: a single fault heals unnoticed, more are told honestly, the repeat succeeds, and the world is whole.

use std::future::Future;
use std::sync::Arc;

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::person::{PASSWORD, code};
use testkit::recorder::{part, watch};
use testkit::world::request;
use testkit::{Fault, Faults, Person, Socket, World, sdp};

use super::interleavings::sign_in::forget;
use super::strangers::operations;
use crate::journeys::linkedin::{Browser, pick, query, sign_in};
use store::Recordings;

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

/// They have talked; Ada reported twice and was gone before her day was brought up to date.
async fn heard(scene: Scene) -> Scene {
    let _ = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200);
    let _ = scene.bo.in_call(&scene.call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
    for tens in 0..2 {
        let report = json!({ "peers": [testkit::report(scene.bo.id, tens, 0)] });
        let _ = scene.ada.in_call(&scene.call, "quality", report).await.expect(200);
    }
    let _ = scene.bo.in_call(&scene.call, "end", json!({})).await.expect(200);
    assert_eq!(summed(&scene.ada).await, (0, 0, 0));
    scene
}

/// Calls, the levels' shares in thousandths, and verdicts of somebody's days.
async fn summed(who: &Person) -> (u64, u64, u64) {
    let sum = who.get("/api/webrtc/quality/summary").await.expect(200).body;
    let all = |list: &Value, name: &str| {
        list.as_array().expect("a list").iter().filter_map(|one| one[name].as_f64()).sum::<f64>()
    };
    let [shares, verdicts] = [all(&sum["levels"], "share") * 10.0, all(&sum["verdicts"], "count")];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and not negative")]
    let [shares, verdicts] = [shares.round() as u64, verdicts as u64];
    (sum["calls"].as_u64().expect("a number"), shares, verdicts)
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

macro_rules! rows {
    ($($(#[$doc:meta])* $operation:literal $name:ident { prepare: $prepare:expr, act: $act:expr, fine: $fine:expr, audit: $audit:expr, })*) => {
        const ROWS: &[&str] = &[$($operation,)*];

        $(
            $(#[$doc])*
            #[tokio::test]
            async fn $name() {
                row(is_deep($operation), $prepare, $act, &$fine, $audit).await;
            }
        )*
    };
}

/// Ada and Bo talk.
async fn talking(world: &Arc<World>) -> Scene {
    let scene = Scene::of(world).await;
    let _ = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.expect(200);
    let _ = scene.bo.in_call(&scene.call, "answer", json!({ "sdp": sdp("a") })).await.expect(200);
    scene
}

/// Ada asks to record, which `extra` names.
async fn asked(world: &Arc<World>) -> Scene {
    let scene = talking(world).await;
    let recording = scene.ada.ask_to_record(&scene.call).await;
    scene.with(async { recording }).await
}

async fn running(world: &Arc<World>) -> Scene {
    let scene = asked(world).await;
    let _ = scene.bo.consent(&scene.call, true).await.expect(200);
    scene
}

async fn uploaded(world: &Arc<World>) -> Scene {
    let scene = running(world).await;
    assert_eq!(scene.ada.upload(&scene.extra, 1, b"what was said").await, "200");
    scene
}

/// Bytes that Ada keeps, and that she has reserved.
async fn taken(scene: &Scene) -> (u64, u64) {
    let storage = Recordings::new(scene.world.db.clone()).storage(scene.ada.id).await.expect("the store answers").value;
    (storage.kept, storage.used() - storage.kept)
}

/// Nothing is left of a recording: not for anybody, not in the bucket, not in the count.
async fn gone(scene: Arc<Scene>) {
    let path = format!("/api/recordings/{}", scene.extra);
    assert_eq!(scene.bo.get(&path).await.summary(), "404 recording_unknown");
    assert_eq!(scene.bo.get("/api/recordings").await.expect(200).body["items"], json!([]));
    let key = blobs::Key::Recording(scene.extra.parse().expect("an id"));
    assert_eq!(scene.world.blobs.size(key).await.expect("the bucket answers"), None);
    assert_eq!(taken(&scene).await, (0, 0), "its room came back");
}

/// A browser that LinkedIn has just sent back, as text: its cookies and where it was sent.
async fn sent_back(world: &Arc<World>, bearer: Option<&str>, handle: &str) -> String {
    let mut browser = Browser::default();
    let callback = pick(&browser.begin(world, bearer).await, handle).await;
    json!([browser.cookies, callback]).to_string()
}

/// What the callback says to that browser: a status and a problem, or what it tells the app.
async fn come_back(world: &World, browser: &str) -> String {
    let (cookies, callback) = serde_json::from_str::<(_, String)>(browser).expect("as written");
    match (Browser { cookies }).come_back(world, &callback).await {
        Err(refused) => refused,
        Ok(app) => {
            let said = |name: &str| query(&app, name).map(|value| format!("303 {name}={value}"));
            query(&app, "code").map(|_| "303 code".to_owned()).or(said("linked")).or(said("error")).unwrap_or_default()
        }
    }
}

/// Asks for the newest profile, at some process.
async fn sync(scene: &Scene, world: &Arc<World>) -> String {
    let reply = scene.ada.at(world).post("/auth/linkedin/sync", json!({})).await;
    match (reply.status.as_u16(), &reply.body["synced"]) {
        (200, Value::Bool(true)) => "200 synced".into(),
        (200, _) => "200 asks again".into(),
        _ => reply.summary(),
    }
}

async fn post(world: &Arc<World>, path: &str, body: Value) -> String {
    world.send(request(Method::POST, path, &[], Some(body))).await.summary()
}

rows! {
    "register" somebody_registers {
        prepare: |world: Arc<World>| async move {
            let mail = format!("{}@example.com", api::secret::base64url(world.entropy().bytes::<8>()).to_lowercase());
            Scene::of(&world).await.with(async { mail }).await
        },
        act: |scene, world| async move {
            post(&world, "/auth/register", json!({ "email": scene.extra, "password": PASSWORD, "name": "New" })).await
        },
        fine: ["201", "409 email_taken"],
        audit: |scene| async move {
            let login = json!({ "email": scene.extra, "password": PASSWORD });
            assert_eq!(post(&scene.world, "/auth/login", login).await, "200", "registered means that one can sign in");
        },
    }
    "login" somebody_signs_in {
        prepare: |world: Arc<World>| async move {
            let mail = format!("{}@example.com", api::secret::base64url(world.entropy().bytes::<8>()).to_lowercase());
            let scene = Scene::of(&world).await.with(async { mail }).await;
            let new = json!({ "email": scene.extra, "password": PASSWORD, "name": "New" });
            assert_eq!(post(&world, "/auth/register", new).await, "201");
            scene
        },
        act: |scene, world| async move {
            post(&world, "/auth/login", json!({ "email": scene.extra, "password": PASSWORD })).await
        },
        fine: ["200"],
        audit: |_| async {},
    }
    "exchangeCode" a_code_is_exchanged {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let code = code(&world, scene.ada.id).await;
            scene.with(async { code }).await
        },
        act: |scene, world| async move { post(&world, "/auth/token", json!({ "code": scene.extra })).await },
        fine: ["200", "400 code_refused"],
        audit: |scene| async move {
            assert_eq!(post(&scene.world, "/auth/token", json!({ "code": scene.extra })).await, "400 code_refused");
            let sessions = scene.ada.get("/auth/sessions").await.expect(200);
            assert_eq!(sessions.body["items"].as_array().map(Vec::len), Some(2), "one code is one session");
        },
    }
    "refresh" a_session_is_refreshed {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            let body = json!({ "refresh_token": scene.ada.refresh_token });
            world.send(request(Method::POST, "/auth/refresh", &[("idempotency-key", "k")], Some(body))).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let body = json!({ "refresh_token": scene.ada.refresh_token });
            let next = scene.world.send(request(Method::POST, "/auth/refresh", &[("idempotency-key", "k")], Some(body))).await;
            let next = Person::of(&scene.world, &next.expect(200));
            assert!(next.refresh_token.contains(".2."), "one use is one rotation: {}", next.refresh_token);
            assert_eq!(next.post("/auth/ws-ticket", json!({})).await.summary(), "200", "nobody is logged out");
        },
    }
    "logout" a_device_signs_out {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).post("/auth/logout", json!({})).await.summary() },
        fine: ["204"],
        audit: |scene| async move {
            assert_eq!(scene.ada.post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
        },
    }
    "revokeSession" a_device_is_signed_out {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let id = scene.ada.get("/auth/sessions").await.expect(200).text("/items/0/id");
            scene.with(async { id }).await
        },
        act: |scene, world| async move { scene.ada.at(&world).delete(&format!("/auth/sessions/{}", scene.extra)).await.summary() },
        fine: ["204", "401 session_revoked"],
        audit: |scene| async move {
            assert_eq!(scene.ada.post("/auth/ws-ticket", json!({})).await.summary(), "401 session_revoked");
        },
    }
    "linkedinAuthUrl" a_sign_in_begins {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |_, world| async move { world.anonymous(Method::GET, "/auth/linkedin/auth-url", None).await.summary() },
        fine: ["200"],
        audit: |_| async {},
    }
    /// Its state is used up by the first try that got so far; what remains is a new sign-in, which finds one account.
    "linkedinCallback" somebody_comes_back_from_linkedin {
        prepare: |world: Arc<World>| async move {
            forget(&world, "ada").await;
            let back = sent_back(&world, None, "ada").await;
            Scene::of(&world).await.with(async { back }).await
        },
        act: |scene, world| async move { come_back(&world, &scene.extra).await },
        fine: ["303 code", "400 sign_in_refused"],
        audit: |scene| async move {
            assert_eq!(come_back(&scene.world, &scene.extra).await, "400 sign_in_refused", "a state is used once");
            let first = sign_in(&scene.world, "ada").await;
            assert_eq!(sign_in(&scene.world, "ada").await.id, first.id, "one person is one account");
            let profile = first.get("/auth/linkedin/profile").await.expect(200).body;
            assert_eq!((&profile["is_linked"], &profile["linkedin_id"]), (&json!(true), &json!("ada")));
        },
    }
    "linkedinCallback" somebody_links_linkedin {
        prepare: |world: Arc<World>| async move {
            forget(&world, "bo").await;
            let scene = Scene::of(&world).await;
            let mail = format!("{}@example.com", api::secret::base64url(world.entropy().bytes::<8>()).to_lowercase());
            let new = json!({ "email": mail, "password": PASSWORD, "name": "New" });
            let tokens = world.anonymous(Method::POST, "/auth/register", Some(new)).await.expect(201);
            let ada = Person::of(&world, &tokens);
            let back = sent_back(&world, Some(&ada.access_token), "bo").await;
            Scene { ada, ..scene }.with(async { back }).await
        },
        act: |scene, world| async move { come_back(&world, &scene.extra).await },
        fine: ["303 linked=linkedin", "400 sign_in_refused"],
        audit: |scene| async move {
            let again = sent_back(&scene.world, Some(&scene.ada.access_token), "bo").await;
            assert_eq!(come_back(&scene.world, &again).await, "303 linked=linkedin", "nobody else has it");
            assert_eq!(sign_in(&scene.world, "bo").await.id, scene.ada.id, "and it is a way into the account");
        },
    }
    "linkedinSync" a_profile_is_brought_up_to_date {
        prepare: |world: Arc<World>| async move {
            let ada = sign_in(&world, "chidi").await;
            Scene { ada, ..Scene::of(&world).await }
        },
        act: |scene, world| async move { sync(&scene, &world).await },
        fine: ["200 synced"],
        audit: |scene| async move {
            let profile = scene.ada.get("/auth/linkedin/profile").await.expect(200).body;
            assert_eq!((&profile["is_linked"], &profile["given_name"]), (&json!(true), &json!("Chidi")));
        },
    }
    "linkedinSync" a_profile_that_needs_consent_asks_for_it {
        prepare: |world: Arc<World>| async move {
            let ada = sign_in(&world, "dara").await;
            world.clock.advance(SignedDuration::from_secs(3_601));
            let body = json!({ "refresh_token": ada.refresh_token });
            let tokens = world.anonymous(Method::POST, "/auth/refresh", Some(body)).await.expect(200);
            Scene { ada: Person::of(&world, &tokens), ..Scene::of(&world).await }
        },
        act: |scene, world| async move { sync(&scene, &world).await },
        fine: ["200 asks again"],
        audit: |scene| async move {
            let back = sent_back(&scene.world, Some(&scene.ada.access_token), "dara").await;
            assert_eq!(come_back(&scene.world, &back).await, "303 linked=linkedin");
            assert_eq!(sync(&scene, &scene.world).await, "200 synced", "consent is enough");
        },
    }
    "linkedinUnlink" the_last_way_in_stays {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).post("/auth/linkedin/unlink", json!({})).await.summary() },
        fine: ["409 last_way_in"],
        audit: |scene| async move {
            assert_eq!(scene.ada.get("/auth/linkedin/profile").await.expect(200).body["is_linked"], true);
        },
    }
    "initiateCall" somebody_calls {
        prepare: |world: Arc<World>| async move {
            let (ada, bo) = (Person::arrive(&world, "Ada").await, Person::arrive(&world, "Bo").await);
            Scene { world, ada, bo, call: String::new(), extra: String::new() }
        },
        act: |scene, world| async move {
            let body = json!({ "participants": [scene.bo.id.to_string()], "type": "video" });
            let key = [("idempotency-key", "k")];
            scene.ada.at(&world).send(Method::POST, "/api/webrtc/call/initiate", &key, Some(body)).await.summary()
        },
        fine: ["201"],
        audit: |scene| async move {
            let socket = scene.bo.connect().await;
            let head = socket.say("ping", json!({})).await["data"]["heads"]["inbox"]["seq"].clone();
            assert_eq!(head, 1, "one invitation");
            for person in [&scene.ada, &scene.bo] {
                let live = person.get("/api/webrtc/calls/active").await.expect(200).body["items"].as_array().map(Vec::len);
                assert_eq!((scene.history(person).await.len(), live), (0, Some(1)));
            }
        },
    }
    "offer" an_offer_is_made {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.summary() },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(scene.show(&scene.bo).await["signals"]["descriptions"][0]["sdp"], sdp("o"));
        },
    }
    "answer" an_offer_is_answered {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let offered = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.expect(200);
            scene.with(async { offered.text("/offer_id") }).await
        },
        act: |scene, world| async move {
            let body = json!({ "sdp": sdp("a"), "offer_id": scene.extra });
            scene.bo.at(&world).in_call(&scene.call, "answer", body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let call = scene.show(&scene.ada).await;
            assert_eq!((&call["state"], &call["signals"]["descriptions"][0]["type"]), (&json!("connected"), &json!("answer")));
        },
    }
    "iceCandidate" candidates_wait_for_somebody_offline {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            let body = json!({ "candidates": [{ "candidate": testkit::candidate(1) }, { "candidate": testkit::candidate(2) }] });
            scene.ada.at(&world).in_call(&scene.call, "ice-candidate", body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let kept = scene.show(&scene.bo).await["signals"]["candidates"][0]["candidates"].clone();
            assert_eq!(kept.as_array().map(Vec::len), Some(2), "each once");
        },
    }
    "joinCall" somebody_joins {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            scene.bo.at(&world).in_call(&scene.call, "join", json!({ "generation": 0 })).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!((scene.bo.generation(&scene.call).await, scene.show(&scene.ada).await["state"].clone()), (1, json!("connected")));
        },
    }
    "heartbeat" a_stay_is_renewed {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).in_call(&scene.call, "heartbeat", json!({ "generation": 1 })).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.ada).await["seq"], 2, "a sign of life is no fact") },
    }
    "invite" somebody_is_asked_in {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let _ = scene.bo.in_call(&scene.call, "join", json!({})).await.expect(200);
            let chidi = Person::arrive(&world, "Chidi").await;
            scene.with(async { chidi.id.to_string() }).await
        },
        act: |scene, world| async move {
            let (key, path) = ([("idempotency-key", "k")], format!("/api/webrtc/call/{}/invite", scene.call));
            let body = Some(json!({ "participants": [scene.extra] }));
            scene.ada.at(&world).send(Method::POST, &path, &key, body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let call = scene.show(&scene.bo).await;
            assert_eq!((&call["participants"][2]["standing"], &call["seq"]), (&json!("invited"), &json!(4)), "once");
        },
    }
    "removeFromCall" somebody_is_sent_away {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let chidi = Person::arrive(&world, "Chidi").await;
            let call = scene.bo.call(&[&scene.ada, &chidi]).await;
            Scene { call, ..scene }
        },
        act: |scene, world| async move {
            let body = json!({ "user_id": scene.ada.id.to_string() });
            scene.bo.at(&world).in_call(&scene.call, "remove", body).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            let call = scene.show(&scene.bo).await;
            assert_eq!((&call["participants"][1]["standing"], &call["seq"]), (&json!("removed"), &json!(4)), "once");
        },
    }
    "call.media" somebody_mutes {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            let data = json!({ "call_id": scene.call, "audio": false, "video": true, "screen": false });
            frame_summary(&socket(&scene, &world).say("call.media", data).await)
        },
        fine: ["reply"],
        audit: |scene| async move {
            assert_eq!(scene.show(&scene.bo).await["participants"][0]["media"]["audio"], false, "who comes later knows");
        },
    }
    "endCall" somebody_hangs_up {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let _ = scene.ada.in_call(&scene.call, "offer", json!({ "sdp": sdp("o") })).await.expect(200);
            let _ = scene.bo.in_call(&scene.call, "answer", json!({ "sdp": sdp("a") })).await.expect(200);
            scene
        },
        act: |scene, world| async move { scene.bo.at(&world).in_call(&scene.call, "end", json!({})).await.summary() },
        fine: ["200"],
        audit: |scene| async move {
            let shown = scene.ada.in_call(&scene.call, "end", json!({})).await.expect(200).body;
            assert_eq!((&shown["reason"], &shown["ended_by"]), (&json!("hung_up"), &json!(scene.bo.id.to_string())));
            assert_eq!((scene.history(&scene.ada).await, scene.history(&scene.bo).await), (vec![shown.clone()], vec![shown]));
        },
    }
    "askToRecord" somebody_asks_to_record {
        prepare: |world: Arc<World>| async move { talking(&world).await },
        act: |scene, world| async move {
            let (path, key) = (format!("/api/webrtc/call/{}/recording", scene.call), [("idempotency-key", "k")]);
            scene.ada.at(&world).send(Method::POST, &path, &key, Some(json!({}))).await.summary()
        },
        fine: ["201"],
        audit: |scene| async move {
            let recording = scene.show(&scene.bo).await["recording"]["recording_id"].clone();
            let path = format!("/api/recordings/{}", recording.as_str().expect("it is asked for"));
            assert_eq!(scene.ada.get(&path).await.expect(200).body["state"], "open", "and is there");
        },
    }
    "consentToRecording" everybody_consents {
        prepare: |world: Arc<World>| async move { asked(&world).await },
        act: |scene, world| async move { scene.bo.at(&world).consent(&scene.call, true).await.summary() },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(scene.show(&scene.ada).await["recording"]["state"], "running");
            let shown = scene.bo.get(&format!("/api/recordings/{}", scene.extra)).await.expect(200);
            assert_eq!(shown.body["people"].as_array().map(Vec::len), Some(2), "who is recorded may see it");
        },
    }
    "stopRecording" a_recording_is_stopped {
        prepare: |world: Arc<World>| async move { running(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).of_recording(&scene.extra, "stop", json!({})).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.bo).await["recording"], Value::Null) },
    }
    "grantPart" a_part_is_granted {
        prepare: |world: Arc<World>| async move { running(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).of_recording(&scene.extra, "parts", part(1, b"what was said")).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(scene.ada.upload(&scene.extra, 1, b"what was said").await, "200");
            assert_eq!(taken(&scene).await, (0, 13), "counted once");
        },
    }
    "completeRecording" a_recording_is_completed {
        prepare: |world: Arc<World>| async move { uploaded(&world).await },
        act: |scene, world| async move {
            scene.ada.at(&world).of_recording(&scene.extra, "complete", json!({})).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(taken(&scene).await, (13, 0), "counted once");
            let shown = scene.bo.get(&format!("/api/recordings/{}", scene.extra)).await.expect(200).body;
            assert_eq!(watch(&shown).await.1, b"what was said");
            assert_eq!(scene.bo.get("/api/recordings").await.expect(200).text("/items/0/recording_id"), scene.extra);
        },
    }
    "deleteRecording" a_recording_is_deleted {
        prepare: |world: Arc<World>| async move {
            let scene = uploaded(&world).await;
            let _ = scene.ada.of_recording(&scene.extra, "complete", json!({})).await.expect(200);
            scene
        },
        act: |scene, world| async move { scene.ada.at(&world).delete(&format!("/api/recordings/{}", scene.extra)).await.summary() },
        fine: ["204"],
        audit: gone,
    }
    "deleteRecording" an_upload_is_deleted {
        prepare: |world: Arc<World>| async move { uploaded(&world).await },
        act: |scene, world| async move { scene.ada.at(&world).delete(&format!("/api/recordings/{}", scene.extra)).await.summary() },
        fine: ["204"],
        audit: gone,
    }
    "showCall" a_callee_looks_and_it_rings {
        prepare: |world: Arc<World>| async move { Scene::of(&world).await },
        act: |scene, world| async move { scene.bo.at(&world).get(&format!("/api/webrtc/call/{}", scene.call)).await.summary() },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.ada).await["state"], "ringing") },
    }
    "wsTicket, $connect" a_socket_opens {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let ticket = scene.ada.ticket().await;
            scene.with(async { ticket }).await
        },
        act: |scene, world| async move { match Socket::open(&world, Some(scene.extra.clone()), None).await.0 {
                503 => "503 busy".into(),
                status => status.to_string(),
            } },
        fine: ["200", "401"],
        audit: |scene| async move {
            assert_eq!(Socket::open(&scene.world, Some(scene.extra.clone()), None).await.0, 401, "a ticket opens one");
            assert_eq!(scene.ada.connect().await.say("ping", json!({})).await["event"], "reply", "and the next one works");
        },
    }
    "$disconnect" a_socket_closes {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            socket(&scene, &world).close().await;
            "closed".into()
        },
        fine: ["closed"],
        audit: |scene| async move {
            assert_eq!(frame_summary(&socket(&scene, &scene.world).say("ping", json!({})).await), "401 connection_unknown");
        },
    }
    "ping, resume" a_lease_is_renewed {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move { frame_summary(&socket(&scene, &world).say("resume", json!({})).await) },
        fine: ["reply"],
        audit: |_| async {},
    }
    "call.candidates" candidates_come_over_the_socket {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.ada.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            let list = json!([{ "candidate": testkit::candidate(1) }, { "candidate": testkit::candidate(2) }]);
            let data = json!({ "call_id": scene.call, "candidates": list });
            frame_summary(&socket(&scene, &world).say("call.candidates", data).await)
        },
        fine: ["reply"],
        audit: |scene| async move {
            let kept = scene.show(&scene.bo).await["signals"]["candidates"][0]["candidates"].clone();
            assert_eq!(kept.as_array().map(Vec::len), Some(2), "each once");
        },
    }
    "reportQuality" somebody_reports_how_a_finished_call_sounded {
        prepare: |world: Arc<World>| async move { heard(Scene::of(&world).await).await },
        act: |scene, world| async move {
            let report = json!({ "peers": [testkit::report(scene.bo.id, 2, 0)] });
            scene.ada.at(&world).in_call(&scene.call, "quality", report).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move {
            assert_eq!(summed(&scene.ada).await, (1, 1_000, 1), "one call, each second of it once");
        },
    }
    "showQuality" somebody_looks_at_a_call_whose_end_was_not_reported {
        prepare: |world: Arc<World>| async move { heard(Scene::of(&world).await).await },
        act: |scene, world| async move {
            scene.ada.at(&world).get(&format!("/api/webrtc/call/{}/quality", scene.call)).await.summary()
        },
        fine: ["200"],
        audit: |scene| async move { assert_eq!(summed(&scene.ada).await, (1, 1_000, 1)) },
    }
    "call.ringing" a_device_says_that_it_rings {
        prepare: |world: Arc<World>| async move {
            let scene = Scene::of(&world).await;
            let socket = scene.bo.connect().await;
            scene.with(async { socket.connection.0 }).await
        },
        act: |scene, world| async move {
            frame_summary(&socket(&scene, &world).say("call.ringing", json!({ "call_id": scene.call })).await)
        },
        fine: ["reply"],
        audit: |scene| async move { assert_eq!(scene.show(&scene.ada).await["state"], "ringing") },
    }
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
    for id in &ids {
        let known = ROWS.iter().any(|row| row.split(", ").any(|name| name == id));
        let writes = !reads.contains(&id.as_str()) && !tells.contains(&id.as_str());
        assert_eq!(known, writes, "{id} needs a row in rows! if it writes, or else a place in one of the lists");
    }
    for name in ROWS.iter().flat_map(|row| row.split(", ")).chain(reads).chain(tells) {
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

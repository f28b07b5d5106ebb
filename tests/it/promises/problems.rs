//! Every refusal that the product knows is really said, by a real request, and is the same object everywhere.

use std::sync::Arc;

use api::layers::{Edge, Origins};
use api::system::{SystemClock, SystemEntropy};
use api::token::{Access, Ticket};
use axum::body::Body;
use axum::routing::get;
use domain::clock::Clock as _;
use domain::id::{SessionId, TicketId, UserId};
use domain::lease::ConnectionId;
use domain::limit::Rate;
use http::{Method, Request};
use jiff::SignedDuration;
use realtime::Occasion;
use serde_json::{Value, json};
use socket::Code;
use socket::problem::Retry;
use testkit::recorder::part;
use testkit::world::request;
use testkit::{Fault, Faults, Person, Reply, Socket, World, sdp};
use url::Url;

use super::root;

/// How a problem came back.
enum Said {
    Http(Box<Reply>),
    Frame(Value),
    /// In the query of the page that a browser is sent on to.
    Redirect(Url),
}

impl From<Reply> for Said {
    fn from(reply: Reply) -> Self {
        Self::Http(Box::new(reply))
    }
}

/// Three people and a call from the first to the second.
struct Stage {
    world: Arc<World>,
    ada: Person,
    bo: Person,
    chidi: Person,
    call: String,
}

const NOBODY: &str = "usr_0000000000007000800000000000dead";
const NO_CALL: &str = "call_0000000000007000800000000000dead";

impl Stage {
    async fn new() -> Self {
        let world = World::new().await;
        let arrive = async |name: &str| Person::arrive(&world, name).await;
        let (ada, bo, chidi) = (arrive("Ada").await, arrive("Bo").await, arrive("Chidi").await);
        let call = ada.call(&[&bo]).await;
        Self { world, ada, bo, chidi, call }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Said {
        self.world.anonymous(method, path, body).await.into()
    }

    async fn raw(&self, kind: &str, body: String) -> Said {
        let request = Request::post("/auth/login").header("content-type", kind).body(Body::from(body));
        self.world.send(request.expect("a request")).await.into()
    }

    async fn bearer(&self, token: &str) -> Said {
        let bearer = format!("Bearer {token}");
        self.world.send(request(Method::GET, "/auth/me", &[("authorization", &bearer)], None)).await.into()
    }

    async fn dial(&self, ticket: Option<String>, origin: &str) -> Said {
        let connection = ConnectionId("dialled".into());
        let opened = Occasion::Opened { connection, ticket, origin: Some(origin.into()) };
        let answer = realtime::handle(&self.world.realtime, opened).await;
        let problem: Value = serde_json::from_str(&answer.body.expect("a refusal says why")).expect("JSON");
        assert_eq!(problem["status"], answer.status);
        Said::Frame(problem)
    }

    async fn say(&self, who: &Person, action: &str, data: Value) -> Said {
        Said::frame(&who.connect().await.say(action, data).await)
    }

    async fn text(&self, text: &str) -> Said {
        Said::frame(&self.bo.connect().await.say_text(text).await)
    }

    /// The same question over HTTP and over the socket, in a call.
    async fn both(&self, who: &Person, call: &str, part: (&str, Value), frame: (&str, Value)) -> Vec<Said> {
        let (mut data, what) = (frame.1, part.0);
        data["call_id"] = json!(call);
        vec![who.in_call(call, what, part.1).await.into(), self.say(who, frame.0, data).await]
    }

    /// Candidates over HTTP and over the socket.
    async fn candidates(&self, who: &Person, call: &str, to: Option<&str>) -> Vec<Said> {
        let mut body = json!({ "candidates": [{ "candidate": testkit::candidate(1) }] });
        if let Some(to) = to {
            body["to"] = json!(to);
        }
        self.both(who, call, ("ice-candidate", body.clone()), ("call.candidates", body)).await
    }

    async fn offer(&self) -> String {
        self.ada.in_call(&self.call, "offer", json!({ "sdp": sdp("o") })).await.expect(200).text("/offer_id")
    }

    async fn answer(&self) {
        let _ = self.bo.in_call(&self.call, "answer", json!({ "sdp": sdp("a") })).await.expect(200);
    }

    /// A recording of Ada's that runs in her call with Bo, and the call.
    async fn running(&self) -> (String, String) {
        if self.ada.get(&format!("/api/webrtc/call/{}", self.call)).await.body["state"] != "connected" {
            self.offer().await;
            self.answer().await;
        }
        let under_way = self.ada.get(&format!("/api/webrtc/call/{}", self.call)).await.body["recording"].clone();
        if let Some(id) = under_way["recording_id"].as_str() {
            return (id.to_owned(), self.call.clone());
        }
        let recording = self.ada.ask_to_record(&self.call).await;
        let _ = self.bo.consent(&self.call, true).await.expect(200);
        (recording, self.call.clone())
    }

    async fn initiate(&self, people: &[&str]) -> Vec<Said> {
        vec![self.ada.post("/api/webrtc/call/initiate", json!({ "participants": people })).await.into()]
    }

    /// The same person and the same socket at a process whose store fails.
    async fn failing(&self, plan: impl Fn(usize, &str) -> Option<Fault> + Send + Sync + 'static) -> Vec<Said> {
        let socket = self.bo.connect().await;
        let world = self.world.another_process(&Faults::new(plan));
        let data = json!({ "call_id": self.call });
        let shown = self.bo.at(&world).get(&format!("/api/webrtc/call/{}", self.call)).await;
        let said = Socket::named(&world, &socket.connection.0).say("call.ringing", data).await;
        vec![shown.into(), Said::frame(&said)]
    }

    /// Signs for somebody who has no account.
    async fn nobody(&self) -> Vec<Said> {
        let (keys, now) = (&self.world.keys, self.world.clock.now());
        let signer = api::Signer::new("test".into(), &keys.token_signing_key, &keys.token_keys).expect("its own key");
        let (sub, sid) = (NOBODY.parse().expect("an id"), SessionId::derived([7; 16]));
        let access = Access { sub, name: "Nobody".parse().expect("a name"), sid, ver: 1 };
        let ticket = signer.ticket(&Ticket { sub, sid, jti: TicketId::new(now, self.world.entropy()) }, now);
        let (status, socket) = Socket::open(&self.world, Some(ticket), None).await;
        assert_eq!(status, 200);
        let said = socket.say("ping", json!({})).await;
        vec![self.bearer(&signer.access(&access, now)).await, Said::frame(&said)]
    }

    /// Goes to LinkedIn, perhaps comes back after a while; the cookie and the callback's path.
    async fn sign_in(&self, bearer: Option<&Person>, whom: &str) -> (String, String) {
        let path = "/auth/linkedin/auth-url";
        let begun = match bearer {
            Some(person) => person.get(path).await,
            None => self.world.anonymous(Method::GET, path, None).await,
        };
        testkit::browser::consent(&self.world, &begun.expect(200), whom).await
    }

    async fn come_back(&self, (cookie, path): (String, String)) -> Said {
        let reply = self.world.send(request(Method::GET, &path, &[("cookie", &cookie)], None)).await;
        if reply.status == 303 {
            Said::Redirect(reply.header("location").parse().expect("a URL"))
        } else {
            reply.into()
        }
    }

    async fn link(&self, person: &Person, whom: &str) -> Said {
        self.come_back(self.sign_in(Some(person), whom).await).await
    }
}

impl Said {
    fn frame(frame: &Value) -> Self {
        assert_eq!(frame["event"], "error", "{frame}");
        Self::Frame(frame["problem"].clone())
    }
}

/// A handler that never answers, behind the layers of every function. It takes as long as the limit says.
async fn too_slow() -> Vec<Said> {
    use tower::ServiceExt as _;
    let edge = Edge { origins: Origins::exactly([]), clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let slow = axum::Router::new().route("/slow", get(async || std::future::pending::<()>().await));
    let request = request(Method::GET, "/slow", &[], None);
    let (parts, body) =
        api::layers::wrap("test", slow, [], &edge).oneshot(request).await.expect("services do not fail").into_parts();
    let bytes = axum::body::to_bytes(body, 4096).await.expect("a body");
    let body = serde_json::from_slice(&bytes).expect("JSON");
    vec![Reply { status: parts.status, headers: parts.headers, body, raw: bytes.to_vec() }.into()]
}

/// How each code comes about: **a new code is one more line here.** Over HTTP and over the socket, where both say it.
#[expect(clippy::too_many_lines, reason = "one line per code")]
async fn produce(code: Code, s: &Stage) -> Option<Vec<Said>> {
    use Code as C;
    let (bo, ada, call) = (s.bo.id.to_string(), s.ada.id.to_string(), s.call.as_str());
    let offer = || ("offer", json!({ "sdp": sdp("x") }));
    let media = || ("call.media", json!({ "audio": true, "video": true, "screen": false }));
    let post = async |path: &str, body: Value| vec![s.ask(Method::POST, path, Some(body)).await];
    Some(match code {
        C::MalformedJson => vec![s.raw("application/json", "{".into()).await],
        C::InvalidFields => {
            vec![s.raw("application/json", "{}".into()).await, s.say(&s.bo, "call.ringing", json!({})).await]
        }
        C::BodyTooLarge => vec![s.raw("application/json", format!("\"{}\"", "x".repeat(200_000))).await],
        C::UnsupportedMediaType => vec![s.raw("text/plain", "{}".into()).await],
        C::RouteUnknown => vec![s.ask(Method::GET, "/auth/nothing", None).await],
        C::MethodNotAllowed => vec![s.ask(Method::GET, "/auth/login", None).await],
        C::Conflict => {
            s.failing(|_, operation| {
                (operation == "PutItem").then_some(Fault::Refused("ConditionalCheckFailedException"))
            })
            .await
        }
        C::Busy => s.failing(|_, _| Some(Fault::Refused("ThrottlingException"))).await,
        C::Timeout => too_slow().await,
        C::Internal => s.failing(|_, _| Some(Fault::Refused("ValidationException"))).await,
        C::TooManyRequests => {
            let from_here = async || {
                let body = json!({ "email": "no@example.com", "password": "long enough" });
                let mut request = request(Method::POST, "/auth/login", &[], Some(body));
                request.extensions_mut().insert(api::Source("here".into()));
                s.world.send(request).await
            };
            for _ in 0..Rate::Login.burst() {
                let _ = from_here().await.expect(401);
            }
            let socket = s.bo.connect().await;
            for _ in 0..Rate::Frame.burst() {
                socket.say("ping", json!({})).await;
            }
            vec![from_here().await.into(), Said::frame(&socket.say("ping", json!({})).await)]
        }
        C::IdempotencyMismatch => {
            let send = async |kind: &str| {
                let body = json!({ "participants": [s.chidi.id.to_string()], "type": kind });
                s.ada.send(Method::POST, "/api/webrtc/call/initiate", &[("idempotency-key", "k")], Some(body)).await
            };
            let _ = send("audio").await.expect(201);
            vec![send("video").await.into()]
        }
        C::TokenMissing => vec![s.ask(Method::GET, "/auth/me", None).await],
        C::TokenInvalid => vec![s.bearer("rubbish").await],
        C::TokenExpired => {
            s.world.clock.advance(SignedDuration::from_mins(10));
            vec![s.bearer(&s.ada.access_token).await]
        }
        C::WrongCredentials => {
            post("/auth/login", json!({ "email": "no@example.com", "password": "long enough" })).await
        }
        C::EmailTaken => {
            s.world.people(["Dara"]).await;
            post("/auth/register", json!({ "email": "dara@example.com", "password": "long enough", "name": "Dara" }))
                .await
        }
        C::CodeRefused => post("/auth/token", json!({ "code": "x" })).await,
        C::RefreshInvalid => post("/auth/refresh", json!({ "refresh_token": "x" })).await,
        C::RefreshReused => {
            let used = json!({ "refresh_token": s.ada.refresh_token });
            post("/auth/refresh", used.clone()).await;
            s.world.clock.advance(SignedDuration::from_secs(60));
            post("/auth/refresh", used).await
        }
        C::SessionExpired => {
            s.world.clock.advance(SignedDuration::from_hours(61 * 24));
            post("/auth/refresh", json!({ "refresh_token": s.ada.refresh_token })).await
        }
        C::SessionRevoked => {
            let _ = s.ada.post("/auth/logout", json!({})).await.expect(204);
            vec![s.ada.post("/auth/ws-ticket", json!({})).await.into()]
        }
        C::SessionUnknown => vec![s.ada.delete("/auth/sessions/none").await.into()],
        C::AccountGone => s.nobody().await,
        C::SignInRefused => vec![s.ask(Method::GET, "/auth/linkedin/callback?state=x", None).await],
        C::SignInExpired => {
            let back = s.sign_in(None, "ada").await;
            s.world.clock.advance(SignedDuration::from_mins(10));
            vec![s.come_back(back).await]
        }
        C::LastWayIn => vec![s.ada.post("/auth/linkedin/unlink", json!({})).await.into()],
        C::NotLinked => {
            let [dara] = s.world.people(["Dara"]).await;
            vec![dara.post("/auth/linkedin/sync", json!({})).await.into()]
        }
        C::LinkedOtherwise => vec![s.link(&s.ada, "ada").await],
        C::LinkedInTaken => {
            let [dara, fay] = s.world.people(["Dara", "Fay"]).await;
            s.link(&dara, "ada").await;
            vec![s.link(&fay, "ada").await]
        }
        C::ProviderUnavailable => {
            let world = World::behind(Some("nowhere")).await;
            vec![world.anonymous(Method::GET, "/auth/linkedin/auth-url", None).await.into()]
        }
        C::CallUnknown => s.both(&s.ada, NO_CALL, ("end", json!({})), ("call.ringing", json!({}))).await,
        C::NobodyCalled => s.initiate(&[]).await,
        C::TooManyPeople => {
            let ids: Vec<String> = (0..8).map(|n| UserId::derived([n; 16]).to_string()).collect();
            s.initiate(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await
        }
        C::CalledOneself => s.initiate(&[&ada]).await,
        C::CalledTwice => s.initiate(&[&bo, &bo]).await,
        C::PersonUnknown => s.initiate(&[NOBODY]).await,
        C::CallOver => {
            let _ = s.ada.in_call(call, "end", json!({})).await.expect(200);
            s.both(&s.ada, call, offer(), media()).await
        }
        C::AnsweredElsewhere => {
            let elsewhere = |(what, mut body): (&'static str, Value)| {
                body["device_id"] = json!("elsewhere");
                (what, body)
            };
            s.both(&s.ada, call, elsewhere(offer()), elsewhere(media())).await
        }
        C::LeftCall => {
            let group = s.ada.call(&[&s.bo, &s.chidi]).await;
            let _ = s.bo.in_call(&group, "end", json!({})).await.expect(200);
            s.candidates(&s.bo, &group, Some(&ada)).await
        }
        C::NotJoined => s.both(&s.bo, call, offer(), media()).await,
        C::AddresseeMissing => s.candidates(&s.ada, &s.ada.call(&[&s.bo, &s.chidi]).await, None).await,
        C::NotAPeer => s.candidates(&s.ada, call, Some(NOBODY)).await,
        C::OfferPending => {
            s.offer().await;
            s.answer().await;
            s.offer().await;
            vec![s.bo.in_call(call, "offer", offer().1).await.into()]
        }
        C::NoOffer => vec![s.bo.in_call(call, "answer", offer().1).await.into()],
        C::StaleOffer => {
            let first = s.offer().await;
            s.offer().await;
            vec![s.bo.in_call(call, "answer", json!({ "sdp": sdp("a"), "offer_id": first })).await.into()]
        }
        C::OfferAnswered => {
            s.offer().await;
            s.answer().await;
            vec![s.bo.in_call(call, "answer", json!({ "sdp": sdp("another") })).await.into()]
        }
        C::TooManyCandidates => {
            for batch in 0..4 {
                let candidates: Vec<Value> =
                    (0..32).map(|n| json!({ "candidate": testkit::candidate(1_000 + batch * 100 + n) })).collect();
                let _ = s.ada.in_call(call, "ice-candidate", json!({ "candidates": candidates })).await.expect(200);
            }
            s.candidates(&s.ada, call, None).await
        }
        C::QualityOutside => {
            s.offer().await;
            s.answer().await;
            let report = testkit::report(s.bo.id, 7, 0);
            vec![s.ada.in_call(call, "quality", json!({ "peers": [report] })).await.into()]
        }
        C::QualityAbsurd => {
            s.offer().await;
            s.answer().await;
            let mut report = testkit::report(s.bo.id, 0, 0);
            report["audio"]["lost"] = json!(9);
            report["audio"]["packets"] = json!(0);
            vec![s.ada.in_call(call, "quality", json!({ "peers": [report] })).await.into()]
        }
        C::CalledInVain => {
            let call = async || {
                s.ada.post("/api/webrtc/call/initiate", json!({ "participants": [s.chidi.id.to_string()] })).await
            };
            for _ in 0..domain::limit::CALLS_IN_VAIN.0 {
                s.ada.leave(&call().await.expect(201).text("/call_id")).await;
            }
            vec![call().await.into()]
        }
        C::Superseded => {
            vec![s.bo.post("/api/webrtc/call/initiate", json!({ "participants": [s.ada.id.to_string()] })).await.into()]
        }
        C::StaleGeneration => {
            let _ = s.bo.in_call(call, "join", json!({ "generation": 0 })).await.expect(200);
            vec![
                s.bo.in_call(call, "heartbeat", json!({ "generation": 3 })).await.into(),
                s.bo.in_call(call, "join", json!({ "generation": 3 })).await.into(),
            ]
        }
        C::NotHost => vec![s.bo.in_call(call, "remove", json!({ "user_id": s.ada.id.to_string() })).await.into()],
        C::CursorInvalid => vec![s.ada.get("/api/webrtc/calls/history?cursor=x").await.into()],
        C::RecordingUnderWay => {
            let _ = s.ada.ask_to_record(call).await;
            vec![s.ada.in_call(call, "recording", json!({})).await.into()]
        }
        C::NotRecorded => vec![s.ada.consent(call, true).await.into()],
        C::ConsentMissing => {
            let (recording, _) = s.running().await;
            let _ = s.bo.consent(&s.running().await.1, false).await;
            vec![s.ada.of_recording(&recording, "parts", part(1, b"x")).await.into()]
        }
        C::NotRecorder => {
            let (recording, _) = s.running().await;
            vec![s.bo.delete(&format!("/api/recordings/{recording}")).await.into()]
        }
        C::RecordingUnknown => vec![s.ada.get("/api/recordings/none").await.into()],
        C::RecordingClosed => {
            let (recording, _) = s.running().await;
            s.world.clock.advance(domain::limit::RECORDING_IDLE);
            let ada = testkit::person::back(&s.ada).await;
            vec![ada.of_recording(&recording, "complete", json!({})).await.into()]
        }
        C::RecordingEmpty => {
            vec![s.ada.of_recording(&s.running().await.0, "complete", json!({})).await.into()]
        }
        C::RecordingIncomplete => {
            let (recording, _) = s.running().await;
            let _ = s.ada.of_recording(&recording, "parts", part(1, b"x")).await.expect(200);
            vec![s.ada.of_recording(&recording, "complete", json!({})).await.into()]
        }
        C::PartOutOfOrder => {
            vec![s.ada.of_recording(&s.running().await.0, "parts", part(2, b"x")).await.into()]
        }
        C::PartChanged => {
            let (recording, _) = s.running().await;
            let _ = s.ada.of_recording(&recording, "parts", part(1, b"x")).await.expect(200);
            vec![s.ada.of_recording(&recording, "parts", part(1, b"y")).await.into()]
        }
        C::StorageFull => {
            let (recording, _) = s.running().await;
            let mut part = part(1, b"x");
            part["size"] = json!(domain::limit::PART.end());
            for number in 1..=domain::limit::STORAGE_FREE / domain::limit::PART.end() {
                part["part"] = json!(number);
                let _ = s.ada.of_recording(&recording, "parts", part.clone()).await.expect(200);
            }
            part["part"] = json!(domain::limit::STORAGE_FREE / domain::limit::PART.end() + 1);
            vec![s.ada.of_recording(&recording, "parts", part).await.into()]
        }
        C::TooManyRecordings => {
            for _ in 0..domain::limit::RECORDINGS_OPEN {
                let (recording, _) = s.running().await;
                let _ = s.ada.of_recording(&recording, "parts", part(1, b"x")).await.expect(200);
                let _ = s.ada.of_recording(&recording, "stop", json!({})).await.expect(200);
            }
            vec![s.ada.of_recording(&s.running().await.0, "parts", part(1, b"x")).await.into()]
        }
        C::TicketRefused => vec![s.dial(None, testkit::world::ORIGIN).await],
        C::OriginRefused => vec![s.dial(Some(s.ada.ticket().await), "https://evil.example").await],
        C::ConnectionUnknown => vec![Said::frame(&Socket::named(&s.world, "none").say("ping", json!({})).await)],
        C::FrameMalformed => vec![s.text("{").await],
        C::FrameTooLarge => vec![s.text(&" ".repeat(40_000)).await],
        C::ActionUnknown => vec![s.text(r#"{"action":"none"}"#).await],
        #[expect(unreachable_patterns, reason = "a code that is added has no line yet, and is named below")]
        _ => return None,
    })
}

/// What is the same wherever the problem is said.
fn body(code: Code) -> Value {
    json!({
        "type": format!("https://dchat.dev/problems/{}", code.as_str()), "title": code.title(), "status": code.status(),
        "code": code.as_str(), "remedy": code.remedy(), "retry": code.retry().as_str(), "docs": format!("/docs/problems#{}", code.as_str()),
    })
}

/// The object without what belongs to one request.
fn check(code: Code, said: &Said) -> Option<Value> {
    let mut problem = match said {
        Said::Redirect(url) => {
            let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
            let sentence = format!("{}. {}", code.title(), code.remedy());
            assert_eq!(
                (query["error"].as_str(), query["error_description"].as_str()),
                (code.as_str(), sentence.as_str())
            );
            return None;
        }
        Said::Frame(problem) => problem.clone(),
        Said::Http(reply) => {
            assert_eq!(reply.status.as_u16(), code.status(), "{}", reply.body);
            assert_eq!(reply.header("content-type"), "application/problem+json");
            assert_eq!(reply.header("x-request-id"), reply.body["instance"], "the request's id");
            assert_eq!(reply.header("www-authenticate").is_empty(), code.status() != 401);
            assert_eq!(reply.header("retry-after").is_empty(), code.retry() != Retry::Later, "{code:?}");
            reply.body.clone()
        }
    };
    let object = problem.as_object_mut().expect("a problem is an object");
    object.remove("instance");
    let wait = object.remove("retry_after");
    let says_when = [Code::TooManyRequests, Code::CalledInVain].contains(&code);
    assert_eq!(wait.is_some(), says_when, "{code:?}");
    let errors = object.remove("errors");
    let newest = ["superseded_by", "epoch", "generation"].map(|name| object.remove(name).is_some());
    let newer = match code {
        Code::Superseded => [true, false, false],
        Code::StaleGeneration => [false, false, true],
        Code::StaleOffer | Code::OfferPending | Code::OfferAnswered => [false, true, true],
        _ => [false; 3],
    };
    assert_eq!(newest, newer, "{code:?} names what is newer");
    let detail = object.remove("detail").expect("every problem has a detail");
    assert!(detail.as_str().is_some_and(|text| !text.is_empty()), "{code:?}");
    assert!(errors.is_none_or(|errors| errors.as_array().is_some_and(|all| !all.is_empty())), "{code:?}");
    assert_eq!(problem, body(code));
    // Each limit has a sentence of its own.
    if code != Code::TooManyRequests {
        problem["detail"] = detail;
    }
    Some(problem)
}

/// Brings a code about; its objects, and how many answers there were. `None`: nobody knows how.
async fn one(code: Code) -> Option<(Vec<Value>, usize)> {
    let answers = produce(code, &Stage::new().await).await?;
    Some((answers.iter().filter_map(|answer| check(code, answer)).collect(), answers.len()))
}

#[tokio::test]
async fn every_problem_is_said_by_a_real_request_and_is_one_object() {
    let page = std::fs::read_to_string(root().join("docs/problems.md")).expect("docs/problems.md is there");
    let (mut missing, mut over_both, mut said) = (Vec::new(), 0, 0);
    let mut slow = Some(tokio::spawn(one(Code::Timeout)));
    let (last, rest): (Vec<Code>, Vec<Code>) = Code::ALL.iter().partition(|code| **code == Code::Timeout);
    for code in rest.into_iter().chain(last) {
        let produced = match slow.take_if(|_| code == Code::Timeout) {
            Some(slow) => slow.await.expect("no panic"),
            None => one(code).await,
        };
        let Some((objects, answers)) = produced else {
            missing.push(code.as_str());
            continue;
        };
        said += answers;
        over_both += usize::from(objects.len() > 1);
        assert!(objects.windows(2).all(|two| two[0] == two[1]), "over HTTP and over the socket: {objects:#?}");
        assert!(page.contains(&format!("\n## {}\n", code.as_str())), "docs/problems.md has no {}", code.as_str());
    }
    println!("problems: {} codes, {said} answers, {over_both} codes over HTTP and over the socket", Code::ALL.len());
    assert!(missing.is_empty(), "add a line to produce() for {missing:?}");
}

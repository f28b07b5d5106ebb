//! Secrets stay where they belong: not in the log, not in what others hear, not in the store but as docs/tables.md says.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use api::layers::{Edge, Origins};
use api::system::{SystemClock, SystemEntropy};
use axum::body::Body;
use axum::routing::get;
use domain::id::UserId;
use http::{HeaderValue, Method, Request};
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::world::request;
use testkit::{Fault, Faults, Log, Person, Reply, Socket, World, sdp};
use tracing::Level;

use super::access::requests::{Sent, Values, operations};
use super::access::scene::{Role, Scene};

/// Bytes of one line.
const LINE: usize = 2 * 1024;

/// What is wrong with it.
fn faults_of(log: &Log, secrets: &Secrets) -> Vec<String> {
    let mut faults = Vec::new();
    for line in log.text().split_terminator('\n') {
        let shown: String = line.chars().take(600).collect();
        if !serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()) {
            faults.push(format!("not one JSON object: {shown}"));
        }
        if line.len() > LINE {
            faults.push(format!("{} bytes: {shown}", line.len()));
        }
        faults.extend(secrets.within(line, &[]).into_iter().map(|name| format!("{name} is in {shown}")));
    }
    faults
}

/// Secrets by what they are.
#[derive(Default)]
struct Secrets(BTreeMap<String, Vec<String>>);

impl Secrets {
    fn keep(&mut self, name: &str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= 8, "{name} is too short to be looked for: {secret}");
        self.0.entry(name.to_owned()).or_default().push(secret.clone());
        secret
    }

    /// Which of them are in a text, apart from those that may be.
    fn within(&self, text: &str, may: &[&str]) -> Vec<&str> {
        let there = |secrets: &Vec<String>| secrets.iter().any(|secret| text.contains(secret.as_str()));
        let found = self.0.iter().filter(|(name, secrets)| !may.contains(&name.as_str()) && there(secrets));
        found.map(|(name, _)| name.as_str()).collect()
    }

    fn tokens(&mut self, reply: &Reply) {
        self.keep("access token", reply.text("/access_token"));
        self.keep("refresh token", reply.text("/refresh_token"));
        if let Some(device) = reply.body["device_token"].as_str() {
            self.keep("device token", device);
        }
    }
}

/// What Ada, who has every secret, does in a day; and what the others have heard of it.
struct Day {
    world: Arc<World>,
    secrets: Secrets,
    ada: Person,
    bo: Person,
    eve: Person,
    /// Everything that Bo heard, who talks with Ada.
    to_bo: Vec<String>,
    /// Everything that Eve heard, who knows nobody.
    to_eve: Vec<String>,
}

const PASSWORD: &str = "canary-password-7f3a";
const EMAIL: &str = "canary-address-7f3a@example.com";
const KEY: &str = "canary-key-7f3a";
const VERIFIER: &str = "canary-verifier-7f3a";

fn candidates(name: &str) -> Value {
    json!({ "candidates": [{ "candidate": format!("candidate:1 1 udp 1 {name}.local 50000 typ host") }] })
}

impl Day {
    async fn of() -> Self {
        let world = World::new().await.without_limits();
        let mut secrets = Secrets::default();
        for (name, secret) in [
            ("password", PASSWORD),
            ("e-mail address", EMAIL),
            ("idempotency key", KEY),
            ("code verifier", VERIFIER),
            ("signing key", &world.keys.token_signing_key),
            ("auth secret", &world.keys.auth_secret),
            ("cursor secret", &world.keys.cursor_secret),
            ("client secret", &world.provider_secret()),
            ("description", "canary-description-7f3a"),
            ("candidate", "canary-candidate-7f3a"),
        ] {
            secrets.keep(name, secret);
        }
        let body = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada" });
        let key = [("idempotency-key", KEY)];
        let tokens = world.send(request(Method::POST, "/auth/register", &key, Some(body))).await.expect(201);
        secrets.tokens(&tokens);
        let ada = Person::of(&world, &tokens);
        let (bo, eve) = (Person::arrive(&world, "Bo").await, Person::arrive(&world, "Eve").await);
        Self { world, secrets, ada, bo, eve, to_bo: Vec::new(), to_eve: Vec::new() }
    }

    /// Signs in by every way, links LinkedIn, and leaves a session.
    async fn ways_in(&mut self) {
        let world = self.world.clone();
        let post = async |path: &str, key: &str, body: Value| {
            world.send(request(Method::POST, path, &[("idempotency-key", key)], Some(body))).await
        };
        let login = json!({ "email": EMAIL, "password": PASSWORD });
        self.secrets.tokens(&post("/auth/login", "canary-key-7f3a-2", login.clone()).await.expect(200));
        let refresh = json!({ "refresh_token": self.ada.refresh_token });
        let tokens = post("/auth/refresh", KEY, refresh).await.expect(200);
        self.secrets.tokens(&tokens);
        self.ada = Person::of(&world, &tokens);

        let begun = self.ada.get("/auth/linkedin/auth-url").await.expect(200);
        let (cookie, path) = testkit::browser::consent(&world, &begun, "ada").await;
        self.secrets.keep("cookie", cookie.split_once('=').expect("a pair").1);
        self.secrets.keep("state", begun.text("/state"));
        let back = world.send(request(Method::GET, &path, &[("cookie", &cookie)], None)).await.expect(303);
        assert!(back.header("location").contains("linked=linkedin"), "{}", back.header("location"));
        let used = world.send(request(Method::GET, &path, &[("cookie", &cookie)], None)).await;
        assert_eq!(used.summary(), "400 sign_in_refused");
        let _ = self.ada.post("/auth/linkedin/sync", json!({})).await.expect(200);
        let secret: api::Secret = world.keys.auth_secret.parse().expect("32 bytes");
        let stored = world.snapshot().await;
        let sealed = stored.items().find_map(|item| item["linkedin"]["M"]["token"]["M"]["sealed"]["S"].as_str());
        let token = secret.derive("provider token").open(&self.ada.id.to_string(), sealed.expect("a token is kept"));
        self.secrets.keep("provider's access token", token.expect("sealed for Ada"));

        // Signing in at LinkedIn: a code for the app, which knows a verifier.
        let path = format!("/auth/linkedin/auth-url?code_challenge={}", api::secret::hash(VERIFIER));
        let begun = world.anonymous(Method::GET, &path, None).await.expect(200);
        let (cookie, path) = testkit::browser::consent(&world, &begun, "ada").await;
        let provider_code = path.split("code=").nth(1).and_then(|rest| rest.split('&').next()).expect("a code");
        self.secrets.keep("provider's code", provider_code);
        let back = world.send(request(Method::GET, &path, &[("cookie", &cookie)], None)).await.expect(303);
        let code = back.header("location").split("code=").nth(1).expect("a code").to_owned();
        self.secrets.keep("one-time code", &code);
        let with = |verifier: &str| json!({ "code": code, "code_verifier": verifier });
        assert_eq!(post("/auth/token", "k1", with("canary-verifier-7f3a-wrong")).await.summary(), "400 code_refused");
        self.secrets.tokens(&post("/auth/token", "k2", with(VERIFIER)).await.expect(200));
        assert_eq!(post("/auth/token", "k3", with(VERIFIER)).await.summary(), "400 code_refused");
    }

    /// A call with everything in it.
    async fn call(&mut self) {
        let (at_bo, at_eve) = (self.bo.connect().await, self.eve.connect().await);
        let ticket = self.ada.ticket().await;
        self.secrets.keep("ticket", &ticket);
        let (status, at_ada) = Socket::open(&self.world, Some(ticket.clone()), None).await;
        assert_eq!((status, Socket::open(&self.world, Some(ticket), None).await.0), (200, 401));
        let call = self.ada.call(&[&self.bo]).await;
        let offer = json!({ "sdp": sdp("canary-description-7f3a") });
        let _ = self.ada.in_call(&call, "offer", offer.clone()).await.expect(200);
        let _ = self.ada.in_call(&call, "ice-candidate", candidates("canary-candidate-7f3a")).await.expect(200);
        let mut more = candidates("canary-candidate-7f3a");
        more["call_id"] = json!(call);
        at_ada.say("call.candidates", more.clone()).await;
        let _ = self.bo.in_call(&call, "answer", json!({ "sdp": sdp("fine") })).await.expect(200);
        self.to_bo.extend(at_bo.pushes().iter().map(Value::to_string));
        // Nobody at home: they wait for him.
        at_bo.close().await;
        let _ = self.ada.in_call(&call, "ice-candidate", candidates("canary-candidate-7f3a-2")).await.expect(200);
        for path in
            [format!("/api/webrtc/call/{call}"), "/api/webrtc/calls/history".into(), "/api/webrtc/calls/active".into()]
        {
            self.to_bo.push(self.bo.get(&path).await.expect(200).body.to_string());
            self.to_eve.push(self.eve.get(&path).await.body.to_string());
        }
        for (part, body) in
            [("offer", offer.clone()), ("answer", offer), ("ice-candidate", candidates("x")), ("end", json!({}))]
        {
            self.to_eve.push(self.eve.in_call(&call, part, body).await.body.to_string());
        }
        self.to_eve.push(at_eve.say("call.candidates", more).await.to_string());
        self.to_eve.push(at_eve.say("presence.get", json!({ "people": [self.ada.id.to_string()] })).await.to_string());
        self.to_eve.extend(at_eve.pushes().iter().map(Value::to_string));
    }

    /// Secrets where they do not belong: in every field and header, of every type.
    async fn misplaced(&mut self) {
        let bearer = format!("Bearer {}", self.ada.access_token);
        let secrets: Vec<String> = self.secrets.0.values().filter_map(|all| all.first()).cloned().collect();
        let scene_of = |kind: &str| match kind {
            "usr" => self.bo.id.to_string(),
            "call" => "call_0000000000007000800000000000dead".into(),
            "ses" => "ses_0000000000007000800000000000dead".into(),
            "off" => "off_0000000000007000800000000000dead".into(),
            "rec" => "rec_0000000000007000800000000000dead".into(),
            "epo" => "epo_0000000000007000800000000000dead".into(),
            _ => "nothing-special".into(),
        };
        let credentials = super::access::requests::Credentials {
            bearer: Some(self.ada.access_token.clone()),
            connection: self.ada.connect().await.connection,
            ticket: None,
            cookie: None,
        };
        for operation in operations().expect("every operation can be derived") {
            let good = operation.request(&Values { own: &scene_of, instead: None }, &credentials);
            for secret in &secrets {
                // A device's name is the caller's own, and is kept as such.
                for field in operation.documented().into_iter().filter(|field| field != "device_id") {
                    for wrong in [json!(secret), json!([secret]), json!({ "x": secret })] {
                        let mut sent = good.clone();
                        match &mut sent {
                            Sent::Http(_, _, _, Some(body)) | Sent::Frame(_, _, body) => body[&field] = wrong,
                            _ => {}
                        }
                        let answer = sent.through(&self.world).await;
                        // The value is never repeated, not even to whoever sent it; tokens are what it asked for.
                        let said = answer.body["errors"].to_string();
                        assert!(
                            answer.status < 400 || !said.contains(secret.as_str()),
                            "{} repeats {field}: {said}",
                            operation.id
                        );
                    }
                }
            }
        }
        for secret in &secrets {
            for name in [
                "authorization",
                "cookie",
                "user-agent",
                "x-request-id",
                "origin",
                "host",
                "content-type",
                "referer",
                "x-forwarded-for",
                "idempotency-key",
            ] {
                let headers = if name == "authorization" { vec![] } else { vec![("authorization", bearer.as_str())] };
                let headers = [headers, vec![(name, secret.as_str())]].concat();
                if name == "x-request-id" {
                    continue; // It is the caller's own name for the request, and is logged as such.
                }
                for path in ["/auth/me", "/auth/linkedin/callback", "/api/webrtc/calls/history"] {
                    self.world.send(request(Method::GET, path, &headers, None)).await;
                }
            }
            // Nothing that a machine made is taken for an id.
            for path in ["/auth/sessions/", "/api/webrtc/call/", "/"].into_iter().filter(|_| secret.len() > 40) {
                self.ada.get(&format!("{path}{}", secret.replace(['+', '/', '='], "-"))).await;
            }
            let escaped = escaped(secret.as_bytes());
            for path in [
                "/auth/linkedin/callback?state=",
                "/api/webrtc/calls/history?cursor=",
                "/auth/me?access_token=",
                "/auth/linkedin/auth-url?return_to=",
            ] {
                self.ada.get(&format!("{path}{escaped}")).await;
            }
        }
    }

    /// Everything again while the store fails in every way.
    async fn with_faults(&mut self) {
        for fault in [
            Fault::Refused("ThrottlingException"),
            Fault::Refused("ValidationException"),
            Fault::Refused("InternalServerError"),
            Fault::RequestLost,
            Fault::ReplyLost,
        ] {
            let world = self.world.another_process(&Faults::from(0, fault));
            let ada = self.ada.at(&world);
            let post = async |path: &str, body: Value| {
                world.send(request(Method::POST, path, &[("idempotency-key", KEY)], Some(body))).await
            };
            post("/auth/register", json!({ "email": format!("x{EMAIL}"), "password": PASSWORD, "name": "Ada" })).await;
            post("/auth/login", json!({ "email": EMAIL, "password": PASSWORD })).await;
            post("/auth/refresh", json!({ "refresh_token": self.ada.refresh_token })).await;
            post("/auth/token", json!({ "code": "canary-verifier-7f3a", "code_verifier": VERIFIER })).await;
            ada.post("/auth/ws-ticket", json!({})).await;
            ada.post("/auth/linkedin/sync", json!({})).await;
            ada.in_call(
                "call_0000000000007000800000000000dead",
                "offer",
                json!({ "sdp": sdp("canary-description-7f3a") }),
            )
            .await;
            let ticket = self.ada.ticket().await;
            self.secrets.keep("ticket", &ticket);
            Socket::open(&world, Some(ticket), None).await;
        }
    }
}

#[tokio::test]
async fn secrets_stay_where_they_belong() {
    // As much as anybody can ask for with LOG_LEVEL.
    let (log, guard) = Log::catch(Level::TRACE);
    let mut day = Day::of().await;
    day.ways_in().await;
    day.call().await;
    day.misplaced().await;
    day.with_faults().await;
    drop(guard);

    let faults = faults_of(&log, &day.secrets);
    assert!(faults.is_empty(), "{} faults in the log:\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
    for text in &day.to_bo {
        assert_eq!(day.secrets.within(text, &["description", "candidate"]), Vec::<&str>::new(), "Bo heard {text}");
    }
    for text in &day.to_eve {
        assert_eq!(day.secrets.within(text, &[]), Vec::<&str>::new(), "Eve heard {text}");
    }
    let stored = day.world.snapshot().await;
    for item in stored.items() {
        // As docs/tables.md says: an address is a login's key, descriptions and candidates are kept for a while.
        let may: &[&str] = match item["sk"]["S"].as_str().and_then(|sk| sk.split('#').next()) {
            Some("login" | "account") => &["e-mail address"],
            Some("description") => &["description"],
            Some("waiting") => &["candidate"],
            _ => &[],
        };
        assert_eq!(day.secrets.within(&item.to_string(), may), Vec::<&str>::new(), "stored: {item}");
    }
    let (count, lines) = (day.secrets.0.values().map(Vec::len).sum::<usize>(), log.text().lines().count());
    println!(
        "canaries: {count} secrets of {} kinds, {lines} lines of log, {} items",
        day.secrets.0.len(),
        stored.items().count()
    );
    assert!(lines > 2_000 && !day.to_eve.is_empty() && day.to_bo.iter().any(|text| text.contains("canary-candidate")));
}

/// The alarm is tested too.
#[test]
fn a_planted_line_is_found() {
    let mut secrets = Secrets::default();
    secrets.keep("password", PASSWORD);
    let faults = |plant: &dyn Fn(&Log)| {
        let (log, _guard) = Log::catch(Level::INFO);
        tracing::info!(request.id = "req_1", "answered");
        assert_eq!(faults_of(&log, &secrets), Vec::<String>::new());
        plant(&log);
        faults_of(&log, &secrets).len()
    };
    assert_eq!(
        faults(&|_| tracing::info!(body = format!("{{\"password\":\"{PASSWORD}\"}}"), "refused")),
        1,
        "a secret"
    );
    assert_eq!(faults(&|_| tracing::info!(path = "x".repeat(LINE), "refused")), 1, "a long line");
    let broken = |log: &Log| log.clone().write_all(b"thread panicked\nat line 1\n").expect("kept");
    assert_eq!(faults(&broken), 2, "two lines that are no JSON");
}

/// Every byte as a URL writes it.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"))
}

fn hostile() -> Vec<String> {
    vec![
        "\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\r\n".into(),
        "\u{1b}[31mred\u{1b}[0m\u{7}".into(),
        "\"},{\"\\".into(),
        "\u{202e}txt.exe\u{2066}\u{200b}".into(),
        "\0\u{1}\u{7f}\u{85}\u{2028}".into(),
        "%0a%0d%00".into(),
        "${jndi:ldap://x}{{7*7}}".into(),
        "😀\u{fffd}\u{10ffff}".into(),
        "x".repeat(100_000),
    ]
}

#[tokio::test]
async fn whatever_is_sent_a_line_of_the_log_is_one_object() {
    let scene = Scene::new().await;
    let (log, guard) = Log::catch(Level::INFO);
    let actor = scene.actor(Role::Caller);
    let own = |kind: &str| actor.own(kind);
    let (mut sent, mut slowest) = (0, (std::time::Duration::ZERO, String::new()));
    for operation in operations().expect("every operation can be derived") {
        let good = operation.request(&Values { own: &own, instead: None }, &actor.credentials);
        for text in hostile() {
            for field in operation.documented().iter().map(String::as_str).chain([text.as_str()]) {
                let mut bad = good.clone();
                match &mut bad {
                    Sent::Http(_, _, _, Some(body)) => body[field] = json!(text),
                    Sent::Http(.., body) => *body = Some(json!(text)),
                    Sent::Frame(_, _, data) => data[field] = json!(text),
                    Sent::Dial(_, ticket) => *ticket = Some(text.clone()),
                }
                let began = Instant::now();
                let answer = bad.through(&scene.world).await;
                let story = format!("{} {:.20}", operation.id, field.escape_debug().to_string());
                assert!(answer.status != 500 && answer.status != 504, "{story}: {}", answer.body);
                assert!(answer.body.to_string().len() < 16 * 1024 || answer.status < 400, "{story} answers at length");
                if field.len() > 10_000 {
                    slowest = slowest.max((began.elapsed(), story));
                }
                sent += 1;
            }
        }
    }
    let bearer = format!("Bearer {}", actor.person.access_token);
    for text in hostile() {
        let escaped = escaped(&text.as_bytes()[..text.len().min(5_000)]);
        for path in [
            format!("/auth/{escaped}"),
            format!("/api/webrtc/call/{escaped}"),
            format!("/auth/sessions/{escaped}"),
            format!("/api/webrtc/calls/history?cursor={escaped}&{escaped}={escaped}"),
        ] {
            scene.world.send(request(Method::GET, &path, &[("authorization", &bearer)], None)).await;
            sent += 1;
        }
        for name in [
            "user-agent",
            "x-request-id",
            "origin",
            "host",
            "cookie",
            "idempotency-key",
            "authorization",
            "content-type",
        ] {
            let printable: Vec<u8> =
                text.bytes().filter(|byte| *byte == b'\t' || (*byte >= 32 && *byte != 127)).collect();
            for bytes in [printable.clone(), [&printable[..], &[0xff, 0xfe, 0x80]].concat()] {
                let mut request = Request::post("/auth/refresh")
                    .header(name, HeaderValue::from_bytes(&bytes).expect("bytes that a header may have"));
                if name != "content-type" {
                    request = request.header("content-type", "application/json");
                }
                let body = json!({ "refresh_token": actor.person.refresh_token }).to_string();
                let reply = scene.world.send(request.body(Body::from(body)).expect("a request")).await;
                assert_ne!(reply.status.as_u16(), 500, "{name}");
                sent += 1;
            }
        }
        for frame in [
            text.clone(),
            json!({ "action": text }).to_string(),
            json!({ "action": "ping", "id": text }).to_string(),
            json!({ text.as_str(): 1 }).to_string(),
        ] {
            let answer = Socket::named(&scene.world, &actor.credentials.connection.0).say_text(&frame).await;
            assert_eq!(answer["event"], "error", "{answer}");
            sent += 1;
        }
    }
    drop(guard);
    let faults = faults_of(&log, &Secrets::default());
    println!(
        "hostile: {sent} requests and frames, {} lines of log; the slowest with a name of 100 KB took {:?}",
        log.text().lines().count(),
        slowest
    );
    assert!(faults.is_empty(), "{} faults in the log:\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
}

#[tokio::test]
async fn the_words_of_a_panic_stay_inside() {
    use tower::ServiceExt as _;
    let mut secrets = Secrets::default();
    secrets.keep("payload", "canary-payload-7f3a");
    let (log, guard) = Log::catch(Level::INFO);
    let here = std::thread::current().id();
    let others = Arc::new(std::panic::take_hook());
    let theirs = others.clone();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == here { api::log::panicked(panic) } else { theirs(panic) }
    }));
    let edge = Edge { origins: Origins::exactly([]), clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let panics = async || -> &'static str { panic!("canary-payload-7f3a of {}", UserId::derived([1; 16])) };
    let router = api::layers::wrap("test", axum::Router::new().route("/panics", get(panics)), [], &edge);
    let answer = router.oneshot(request(Method::GET, "/panics", &[], None)).await.expect("services do not fail");
    std::panic::set_hook(Box::new(move |panic| others(panic)));
    drop(guard);
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 4096).await.expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        (parts.status.as_u16(), &body["code"], &body["instance"]),
        (500, &json!("internal"), &json!(parts.headers["x-request-id"].to_str().expect("text")))
    );
    assert_eq!(secrets.within(&format!("{body} {:?}", parts.headers), &[]), Vec::<&str>::new());
    assert_eq!(faults_of(&log, &secrets), Vec::<String>::new());
    let (handled, place) = ("a handler panicked", concat!(file!(), ":"));
    assert!(log.text().contains(handled) && log.text().contains(place), "{}", log.text());
}

fn median(mut times: Vec<u128>) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Whether an address has an account cannot be told from a failed sign-in: not by the answer, the work or the time.
#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_the_same() {
    let world = World::new().await.without_limits();
    let [_ada] = world.people(["Ada"]).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut work = Vec::new();
    for pair in 0..40 {
        let mut seen = Vec::new();
        for (email, times) in
            [("ada@example.com".to_owned(), &mut known), (format!("no.{pair}@example.com"), &mut unknown)]
        {
            world.meter().take();
            let began = Instant::now();
            let body = json!({ "email": email, "password": "not the password" });
            let reply = world.anonymous(Method::POST, "/auth/login", Some(body)).await;
            times.push(began.elapsed().as_micros());
            work.push(world.meter().take().requests);
            let headers: Vec<String> = reply
                .headers
                .iter()
                .filter(|(name, _)| *name != "x-request-id")
                .map(|pair| format!("{pair:?}"))
                .collect();
            let mut body = reply.body.clone();
            body["instance"] = Value::Null;
            seen.push((reply.summary(), headers, body));
        }
        assert_eq!(seen[0].0, "401 wrong_credentials");
        assert_eq!(seen[0], seen[1], "the answers differ");
        world.clock.advance(SignedDuration::from_mins(10));
    }
    work.sort_unstable();
    work.dedup();
    assert_eq!(work.len(), 1, "one asks the store more often: {work:?}");
    let (known, unknown) = (median(known), median(unknown));
    println!("enumeration: medians of 40, known {known} µs, unknown {unknown} µs");
    // The machine is shared, so the clock only notices that a hash is missing, which is most of the time there is.
    let ratio = known.max(unknown) * 100 / known.min(unknown).max(1);
    assert!(ratio < 150, "a hash is made for one of them only: {known} and {unknown} µs");
}

//! Everything a test needs, put together.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use api::Source;
use api::ice::Turn;
use api::layers::Origins;
use axum::Router;
use axum::body::Body;
use blobs::Blobs;
use domain::clock::{Clock, Entropy};
use domain::limit;
use domain::sdp::Addresses;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use local::keys::Keys;
use local::provider::Provider;
use serde_json::Value;
use store::{Calls, Db, Meter};
use tower::ServiceExt as _;

use crate::bucket::Bucket;
use crate::clock::{Counted, FixedClock};
use crate::courier::Mailbox;
use crate::faults::Faults;
use crate::person::{self, Person};
use crate::reply::Reply;

/// The only page that may call.
pub const ORIGIN: &str = "https://app.example";

/// A whole Dchat of its own.
#[derive(Debug)]
pub struct World {
    /// Stands still.
    pub clock: Arc<FixedClock>,
    /// Where pushes end up.
    pub mailbox: Arc<Mailbox>,
    /// The store.
    pub db: Db,
    /// Where recordings are.
    pub blobs: Blobs,
    /// The socket function.
    pub realtime: realtime::State,
    /// What time does to calls.
    pub timers: timers::State,
    /// Signs, for forging.
    pub keys: Keys,
    /// The stand-in for LinkedIn.
    pub provider: String,
    auth: Router,
    calls: Router,
    recordings: Router,
    pub(crate) reader: crate::snapshot::Reader,
    parts: Parts,
}

/// What outlives a process.
#[derive(Clone, Debug)]
struct Parts {
    engine: String,
    bucket: Bucket,
    public_url: String,
    clock: Arc<FixedClock>,
    mailbox: Arc<Mailbox>,
    keys: Keys,
    provider: Provider,
    base: String,
    entropy: Arc<dyn Entropy>,
    sources: Arc<AtomicU32>,
    limited: bool,
}

impl World {
    /// A fresh one.
    pub async fn new() -> Arc<Self> {
        Self::behind(None).await
    }

    /// A fresh one that browsers reach at this address.
    pub async fn behind(public_url: Option<&str>) -> Arc<Self> {
        let engine = local::engine::listen(None).await.expect("the engine starts");
        let db = Db::local(&engine, local::engine::table_names());
        store::schema::create_tables(&db).await.expect("the engine makes tables");
        let bucket = Bucket::new().await;
        let blobs = bucket.open();
        let clock = Arc::new(FixedClock::default());
        let entropy: Arc<dyn Entropy> = Arc::new(Counted::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://127.0.0.1:{}", listener.local_addr().expect("bound").port());
        let provider = Provider::new(&base, clock.clone(), entropy.clone());
        tokio::spawn(axum::serve(listener, provider.router()).into_future());
        let public_url = public_url.map_or_else(|| base.clone(), str::to_owned);
        let (mailbox, keys) = (Arc::new(Mailbox::default()), Keys::generate());
        Self::put_together(
            Parts {
                engine,
                bucket,
                public_url,
                clock,
                mailbox,
                keys,
                provider,
                base,
                entropy,
                sources: Arc::default(),
                limited: true,
            },
            db,
            blobs,
        )
    }

    /// The same world as another Lambda sandbox sees it: the same store, clock, keys and people, but a process of its
    /// own, whose calls to the store and the bucket meet these faults.
    pub fn another_process(&self, faults: &Faults) -> Arc<Self> {
        let db = Db::local_through(faults.transport(), &self.parts.engine, local::engine::table_names());
        let Bucket { endpoint, name } = &self.parts.bucket;
        let blobs = Blobs::local_through(faults.transport(), endpoint, name);
        Self::put_together(self.parts.clone(), db, blobs)
    }

    /// The same world with limits that let everything pass, for whoever asks more than anybody may.
    pub fn without_limits(&self) -> Arc<Self> {
        Self::put_together(Parts { limited: false, ..self.parts.clone() }, self.db.clone(), self.blobs.clone())
    }

    fn put_together(parts: Parts, db: Db, blobs: Blobs) -> Arc<Self> {
        let secret = |text: &str| text.parse::<api::Secret>().expect("generated secrets are secrets");
        let origins = Origins::exactly([ORIGIN.to_owned()]);
        let (keys, mailbox, entropy) = (&parts.keys, &parts.mailbox, &parts.entropy);
        let clock: Arc<dyn Clock> = parts.clock.clone();
        let settings = auth::Settings {
            issuer: "test".into(),
            signing_key: keys.token_signing_key.clone(),
            public_keys: keys.token_keys.clone(),
            secret: secret(&keys.auth_secret),
            public_url: Some(parts.public_url.clone()),
            app_url: "https://app.example/welcome".parse().expect("a URL"),
            socket_url: "wss://socket.example/dev".into(),
            origins: origins.clone(),
            limited: parts.limited,
            linkedin: parts.provider.settings(),
        };
        let auth = auth::State::new(settings, db.clone(), mailbox.clone(), clock.clone(), entropy.clone())
            .expect("valid settings");
        let settings = calls::Settings {
            issuer: "test".into(),
            public_keys: keys.token_keys.clone(),
            secret: secret(&keys.cursor_secret),
            turn: turn(),
            addresses: Addresses::Public,
            origins: origins.clone(),
            limited: parts.limited,
        };
        let calls = calls::State::new(settings, db.clone(), mailbox.clone(), clock.clone(), entropy.clone());
        let settings = recordings::Settings {
            issuer: "test".into(),
            public_keys: keys.token_keys.clone(),
            secret: secret(&keys.cursor_secret),
            origins: origins.clone(),
            limited: parts.limited,
        };
        let recordings = recordings::State::new(
            settings,
            db.clone(),
            blobs.clone(),
            mailbox.clone(),
            clock.clone(),
            entropy.clone(),
        );
        let settings = realtime::Settings {
            issuer: "test".into(),
            public_keys: keys.token_keys.clone(),
            turn: turn(),
            addresses: Addresses::Public,
            origins,
            limited: parts.limited,
        };
        let realtime = realtime::State::new(settings, db.clone(), mailbox.clone(), clock.clone());
        let timers = timers::State::new(db.clone(), mailbox.clone(), clock);
        Arc::new(Self {
            clock: parts.clock.clone(),
            mailbox: parts.mailbox.clone(),
            db,
            blobs,
            realtime,
            timers,
            keys: parts.keys.clone(),
            provider: parts.base.clone(),
            auth: auth::service(auth),
            calls: calls::service(calls),
            recordings: recordings::service(recordings),
            reader: crate::snapshot::Reader::default(),
            parts,
        })
    }

    /// Counts what is spent at the store.
    pub fn meter(&self) -> &Meter {
        self.db.meter()
    }

    /// Fresh bytes, as the functions get them.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.parts.entropy
    }

    /// What proves to the stand-in that Dchat is its client.
    pub fn provider_secret(&self) -> String {
        self.parts.provider.settings().client_secret
    }

    pub(crate) fn engine_url(&self) -> &str {
        &self.parts.engine
    }

    /// Sends a request to the group that has its path. It comes from a network of its own, unless it names a [`Source`].
    pub async fn send(&self, mut request: Request<Body>) -> Reply {
        if request.extensions().get::<Source>().is_none() {
            let fresh = self.parts.sources.fetch_add(1, Ordering::Relaxed) << 8;
            request.extensions_mut().insert(Source::of(Ipv4Addr::from_bits(fresh).into()));
        }
        let group = match group_of(request.uri().path()) {
            "auth" => self.auth.clone(),
            "recordings" => self.recordings.clone(),
            _ => self.calls.clone(),
        };
        let (parts, body) = group.oneshot(request).await.expect("services do not fail").into_parts();
        Reply::of(parts, body.collect().await.expect("a body").to_bytes().to_vec())
    }

    /// A request without a token.
    pub async fn anonymous(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.send(request(method, path, &[], body)).await
    }

    /// Time passes over a call while everybody in it gives signs of life.
    pub async fn remain(&self, call: &str, time: SignedDuration) {
        let (calls, id) = (Calls::new(self.db.clone()), call.parse().expect("an id"));
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            self.clock.advance(end.duration_since(self.clock.now()).min(limit::CALL_HEARTBEAT));
            let (read, now) = (calls.find(id, true).await.expect("answers").expect("a call"), self.clock.now());
            let (mut newest, mut facts) = read.value.settle(now);
            for person in newest.people.clone() {
                if let Ok((renewed, happened)) = newest.clone().renew(person.user, person.generation, now) {
                    newest = renewed;
                    facts.extend(happened);
                }
            }
            calls.save(&newest, &facts, read.version).await.expect("nobody else writes");
        }
    }

    /// People who have registered and signed in, by their names.
    pub async fn people<const N: usize>(self: &Arc<Self>, names: [&str; N]) -> [Person; N] {
        person::people(self, names).await
    }
}

/// What the relay of the tests knows: credentials are signed with it.
pub const TURN_SECRET: &str = "correct horse, the relay knows it too";

/// A STUN server and a relay that nobody ever asks.
fn turn() -> Turn {
    let (stun, relay) = ("stun:stun.example.com".parse(), "turn:turn.example.com?transport=udp".parse());
    let secret = TURN_SECRET.parse().expect("long enough");
    Turn::new(vec![stun.expect("a URI")], vec![relay.expect("a URI")], Some(secret)).expect("all there")
}

/// The group that a path belongs to.
pub fn group_of(path: &str) -> &'static str {
    let of_auth = ["/auth", "/.well-known", "/api/limits", "/api/v1/limits"];
    if of_auth.iter().any(|prefix| path.starts_with(prefix)) {
        "auth"
    } else if recordings::serves(path) {
        "recordings"
    } else {
        "calls"
    }
}

/// A request with headers and perhaps a JSON body.
pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        Some(json) => {
            request = request.header("content-type", "application/json");
            Body::from(json.to_string())
        }
        None => Body::empty(),
    };
    request.body(body).expect("a valid request")
}

//! Everything put together.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::ice::Turn;
use api::layers::Origins;
use api::system::{SystemClock, SystemEntropy};
use api::{Env, Signer, Source};
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use domain::clock::{Clock, Entropy};
use domain::sdp::Addresses;
use http::{StatusCode, header};
use jiff::SignedDuration;
use partners::ApiGateway;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::bucket::Folder;
use crate::keys::Keys;
use crate::outbox::Outbox;
use crate::people::{self, Demo};
use crate::provider::Provider;
use crate::shared::Shared;
use crate::sockets::Hub;
use crate::trace::Trace;
use crate::{bucket, engine, outbox, pages, port, sockets, time, trace};

/// The `iss` of a laptop's tokens.
pub const TOKEN_ISSUER: &str = "dchat-local";

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// 0 takes a free one.
    pub port: u16,
    /// Where everything is kept; nothing is kept without one.
    pub data: Option<PathBuf>,
    /// Whether to make the demo world.
    pub demo: bool,
    /// Whether the rates of `domain::limit` hold.
    pub limited: bool,
}

/// The program, listening but not yet serving.
#[derive(Debug)]
pub struct Stack {
    shared: Shared,
    app: Router,
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    stand_in: bool,
    _bucket: Folder,
    // Held until the end: another program on the same data would not see our writes.
    _lock: Option<File>,
}

impl Stack {
    /// Puts everything together. An error is one line for the person at the terminal.
    pub async fn start(options: &Options) -> Result<Self, String> {
        let listeners = port::listen(options.port).await?;
        let address = listeners[0].local_addr().map_err(|error| error.to_string())?;
        let lock = options.data.as_deref().map(|folder| lock(folder, address.port())).transpose()?;
        let keys = options.data.as_deref().map_or_else(|| Ok(Keys::generate()), Keys::of)?;
        let file = options.data.as_ref().map(|folder| folder.join("dynamodb.sqlite"));
        let started = engine::start(file).await;
        let (db, stream) = started.map_err(|error| unusable(options.data.as_deref(), &error))?;
        let bucket = Folder::of(options.data.as_deref());
        let blobs = bucket::start(&bucket.path).await.map_err(|error| unusable(options.data.as_deref(), &error))?;
        let base = format!("http://localhost:{}", address.port());
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));

        let provider = Provider::new(&base, clock.clone(), entropy.clone());
        let linkedin = linkedin_settings(&provider);
        let stand_in = linkedin.client_id == crate::provider::CLIENT_ID;
        let settings = auth_settings(&keys, &base, linkedin, options.limited)?;
        let turn = ice_servers()?;
        let signer = Signer::new(TOKEN_ISSUER.into(), &keys.token_signing_key, &keys.token_keys)?;
        if options.demo {
            let settled = people::settle_in(&db, crate::provider::ISSUER, clock.now()).await;
            settled.map_err(|error| unusable(options.data.as_deref(), &error.to_string()))?;
        }
        let courier = Arc::new(ApiGateway::local(&format!("http://{address}")));
        let auth = auth::State::new(settings, db.clone(), courier.clone(), clock.clone(), entropy.clone())?;
        let settings = calls::Settings {
            issuer: TOKEN_ISSUER.into(),
            public_keys: keys.token_keys.clone(),
            secret: Keys::secret(&keys.cursor_secret)?,
            turn: turn.clone(),
            addresses: Addresses::Local,
            origins: Origins::loopback(),
            limited: options.limited,
        };
        let calls = calls::State::new(settings, db.clone(), courier.clone(), clock.clone(), entropy.clone());
        let settings = recordings::Settings {
            issuer: TOKEN_ISSUER.into(),
            public_keys: keys.token_keys.clone(),
            secret: Keys::secret(&keys.cursor_secret)?,
            origins: Origins::loopback(),
            limited: options.limited,
        };
        let recordings =
            recordings::State::new(settings, db.clone(), blobs, courier.clone(), clock.clone(), entropy.clone());
        let settings = realtime::Settings {
            issuer: TOKEN_ISSUER.into(),
            public_keys: keys.token_keys.clone(),
            turn,
            addresses: Addresses::Local,
            origins: Origins::loopback(),
            limited: options.limited,
        };
        let realtime = realtime::State::new(settings, db.clone(), courier.clone(), clock.clone());
        time::pass(timers::State::new(db.clone(), courier, clock.clone()), stream);

        let (stop, stopping) = watch::channel(false);
        let shared = Shared {
            db,
            bucket: bucket.path.clone(),
            hub: Hub::default(),
            realtime,
            trace: Trace::new(clock.clone()),
            clock,
            entropy,
            outbox: Outbox::default(),
            signer,
            demo: options.demo,
            stop: stopping,
        };
        let app = app(&shared, auth, calls, recordings, &provider);
        Ok(Self { shared, app, listeners, address, stop, stand_in, _bucket: bucket, _lock: lock })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A link that signs in as a demo person, once.
    pub async fn enter_link(&self, person: Demo) -> Result<String, String> {
        let url = people::link(&self.shared, person, SignedDuration::from_hours(24)).await;
        let url = url.map_err(|error| error.to_string())?;
        Ok(format!("http://localhost:{}{url}", self.address.port()))
    }

    /// An access token of a demo person, for the terminal.
    pub async fn token(&self, person: Demo) -> Result<String, String> {
        let token = people::token(&self.shared, person.id(), person.name(), "terminal").await;
        token.map_err(|error| error.to_string())
    }

    /// Whether the stand-in plays LinkedIn.
    pub fn has_stand_in(&self) -> bool {
        self.stand_in
    }

    /// Serves until the future ends, then lets running requests finish.
    pub async fn serve(self, until: impl Future<Output = ()>) {
        let Self { app, listeners, stop, _bucket, .. } = self;
        let mut servers = tokio::task::JoinSet::new();
        for listener in listeners {
            // Nagle's algorithm holds a push back until the one before is acknowledged: 40 ms on this machine.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            let mut stopping = stop.subscribe();
            let stopped = async move {
                let _ = stopping.wait_for(|stop| *stop).await;
            };
            servers.spawn(
                axum::serve(listener, app.clone().into_make_service_with_connect_info::<SocketAddr>())
                    .with_graceful_shutdown(stopped)
                    .into_future(),
            );
        }
        until.await;
        let _ = stop.send(true);
        let patience = std::time::Duration::from_secs(3);
        let _ = tokio::time::timeout(patience, async { while servers.join_next().await.is_some() {} }).await;
    }
}

fn app(
    shared: &Shared,
    auth: auth::State,
    calls: calls::State,
    recordings: recordings::State,
    provider: &Provider,
) -> Router {
    let own = Router::new()
        .route("/socket", get(sockets::open))
        .route("/@connections/{id}", post(sockets::post).delete(sockets::cut))
        .merge(tools())
        .with_state(shared.clone())
        .merge(provider.router())
        .merge(pages::router());
    let (auth, calls, recordings) = (auth::service(auth), calls::service(calls), recordings::service(recordings));
    let groups = tower::service_fn(move |request: Request| {
        let of_auth =
            ["/auth", "/.well-known", "/openapi.json", "/asyncapi.json", "/docs", "/api/limits", "/api/v1/limits"]
                .iter()
                .any(|prefix| request.uri().path().starts_with(prefix));
        let of_recordings = recordings::serves(request.uri().path());
        let group = if of_auth {
            &auth
        } else if of_recordings {
            &recordings
        } else {
            &calls
        }
        .clone();
        group.oneshot(request)
    });
    let groups = Router::new()
        .fallback_service(groups)
        .layer(middleware::from_fn_with_state(shared.trace.clone(), crate::trace::request));
    own.fallback_service(groups).layer(middleware::from_fn(only_this_machine))
}

/// What the console and load tests find on a laptop and nowhere else.
fn tools() -> Router<Shared> {
    Router::new()
        .route("/local/people", get(people::list))
        .route("/local/people/{handle}/enter", post(people::enter))
        .route("/local/reset", post(people::reset))
        .route("/local/crowd", post(people::crowd))
        .route("/local/trace", get(trace::list))
        .route("/local/outbox", get(outbox::list))
        .route("/local/sockets/{trouble}", post(sockets::trouble))
        .layer(middleware::from_fn(no_other_page))
}

/// These need no token, so a page from elsewhere that is open in the same browser must not use them.
async fn no_other_page(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    if origin.is_none_or(|origin| origin.to_str().is_ok_and(|origin| Origins::loopback().allow(origin))) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "only pages of this machine may do this").into_response()
    }
}

/// A page of another host whose name was made to point here (DNS rebinding) gets nothing.
async fn only_this_machine(mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        request.extensions_mut().insert(Source::of(peer.ip()));
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this server is for its own machine: use http://localhost").into_response()
    }
}

fn auth_settings(
    keys: &Keys,
    base: &str,
    linkedin: partners::linkedin::Settings,
    limited: bool,
) -> Result<auth::Settings, String> {
    Ok(auth::Settings {
        issuer: TOKEN_ISSUER.into(),
        signing_key: keys.token_signing_key.clone(),
        public_keys: keys.token_keys.clone(),
        secret: Keys::secret(&keys.auth_secret)?,
        public_url: Some(base.to_owned()),
        app_url: base.parse().map_err(|error| format!("{base}: {error}"))?,
        socket_url: format!("{}/socket", base.replacen("http", "ws", 1)),
        origins: Origins::loopback(),
        limited,
        linkedin,
    })
}

/// The real LinkedIn, or whatever provider is configured in its place, once there is a client id; else the stand-in.
fn linkedin_settings(stand_in: &Provider) -> partners::linkedin::Settings {
    let (Some(client_id), Some(client_secret)) = (Env::text("LINKEDIN_CLIENT_ID"), Env::text("LINKEDIN_CLIENT_SECRET"))
    else {
        return stand_in.settings();
    };
    let or = |name: &str, usual: &str| Env::text(name).unwrap_or_else(|| usual.to_owned());
    let issuers = or("LINKEDIN_ISSUERS", "https://www.linkedin.com/oauth,https://www.linkedin.com");
    partners::linkedin::Settings {
        client_id,
        client_secret,
        issuers: issuers.split(',').map(str::to_owned).collect(),
        auth_url: or("LINKEDIN_AUTH_URL", "https://www.linkedin.com/oauth/v2/authorization"),
        token_url: or("LINKEDIN_TOKEN_URL", "https://www.linkedin.com/oauth/v2/accessToken"),
        userinfo_url: or("LINKEDIN_USERINFO_URL", "https://api.linkedin.com/v2/userinfo"),
        jwks_url: or("LINKEDIN_JWKS_URL", "https://www.linkedin.com/oauth/openid/jwks"),
    }
}

/// The servers that are configured; without any, two windows of one machine find each other all the same.
fn ice_servers() -> Result<Turn, String> {
    let mut env = Env::default();
    let turn = Turn::from_env(&mut env, ["STUN_URLS", "TURN_URLS", "TURN_SECRET"]);
    env.finish(turn)
}

/// Takes the data folder for this program alone, and leaves its port there for [`crate::reset`].
fn lock(folder: &Path, port: u16) -> Result<File, String> {
    let failed = |error: std::io::Error| unusable(Some(folder), &error.to_string());
    let mut folders = std::fs::DirBuilder::new();
    // Password hashes and keys are in there: for its owner only.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.recursive(true).create(folder).map_err(failed)?;
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(failed)?;
    file.try_lock().map_err(|_| unusable(Some(folder), "another dchat uses it"))?;
    std::fs::write(folder.join("port"), port.to_string()).map_err(failed)?;
    Ok(file)
}

fn unusable(folder: Option<&Path>, why: &str) -> String {
    let why = why.lines().next().unwrap_or(why);
    match folder {
        Some(folder) => format!(
            "cannot use the data folder {}: {why}. Run: dchat --data ANOTHER-FOLDER, or --ephemeral",
            folder.display()
        ),
        None => format!("cannot start the embedded store: {why}"),
    }
}

//! A stack that was deployed, to AWS or to an emulator of it.

use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use api::Env;
use api::system::SystemEntropy;
use axum::body::Body;
use domain::clock::Entropy;
use http::Request;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use partners::http::Http;
use serde_json::Value;

use crate::place::Place;
use crate::reply::Reply;
use crate::wire::Wire;

/// Names a JSON file that says where the stack is: `{"api": "http…", "socket": "ws…", "origin": "http…"}`.
pub const STACK: &str = "DCHAT_STACK";

/// How long an answer may take, an emulator's cold start included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A stack that others use at the same time, under addresses of this world's own.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// Comes before every path.
    pub api: String,
    /// Where sockets are opened.
    pub socket: String,
    origin: String,
    suffix: String,
}

impl Deployed {
    /// The stack that the environment names, if it does.
    pub fn from_env() -> Option<Self> {
        let path = Env::text(STACK)?;
        let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{STACK}={path}: {error}"));
        let said: Value = serde_json::from_slice(&file).unwrap_or_else(|error| panic!("{STACK}={path}: {error}"));
        let text = |name: &str| match said[name].as_str() {
            Some(text) => text.trim_end_matches('/').to_owned(),
            None => panic!("{STACK}={path} must have a text \"{name}\""),
        };
        let suffix = format!("{:016x}", u64::from_be_bytes(chance()));
        Some(Self { api: text("api"), socket: text("socket"), origin: text("origin"), suffix })
    }
}

impl Place for Deployed {
    type Socket = Wire;

    /// On this machine a request comes from a network of its own, because rates are counted per network.
    async fn send(&self, mut request: Request<Body>) -> Reply {
        let url = format!("{}{}", self.api, request.uri());
        *request.uri_mut() = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
        let here = request.uri().host().is_some_and(|host| host == "127.0.0.1");
        let exchange = async { if here { from_a_new_network(request).await } else { from_here(request).await } };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| panic!("no answer of {url} in {PATIENCE:?}"))
    }

    async fn dial(&self, url: &str, origin: Option<&str>) -> Result<Wire, u16> {
        Wire::dial(url, origin).await
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn email(&self, name: &str) -> String {
        format!("{}.{}@example.com", name.to_lowercase().replace(' ', "."), self.suffix)
    }
}

async fn from_a_new_network(request: Request<Body>) -> Reply {
    let mut connector = HttpConnector::new();
    connector.set_local_address(Some(new_network().into()));
    let answer = Client::builder(TokioExecutor::new()).build(connector).request(request).await;
    let (parts, body) = answer.expect("the stack answers").into_parts();
    let body = body.collect().await.expect("the stack finishes its answer").to_bytes();
    Reply::of(parts, body.to_vec())
}

async fn from_here(request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a test has its body").to_bytes();
    let answer = Http::default().send(Request::from_parts(parts, body.to_vec())).await;
    let (parts, body) = answer.expect("the stack answers").into_parts();
    Reply::of(parts, body)
}

/// `127.a.b.1`, another `/24` each time; runs against the same stack begin at different ones.
fn new_network() -> Ipv4Addr {
    static NETWORKS: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(u32::from_be_bytes(chance())));
    let [_, _, a, b] = NETWORKS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ipv4Addr::new(127, a, b, 1)
}

fn chance<const N: usize>() -> [u8; N] {
    let entropy: &dyn Entropy = &SystemEntropy;
    entropy.bytes()
}

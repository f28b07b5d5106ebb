//! The store as functions meet it on AWS: behind TLS, and with a bill.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::serve::Listener;
use http::{StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

const HANDSHAKE: Duration = Duration::from_secs(5);

/// What the store was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bill {
    /// Requests.
    pub(crate) requests: u32,
    /// Capacity units, as far as a request wanted to know them.
    pub(crate) units: f64,
}

/// A TLS front of a store, at `https://localhost:…`.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) url: String,
    bill: Arc<Mutex<Bill>>,
}

impl Front {
    /// Starts one with the certificate of a folder: `server.pem` and `server.key`.
    pub(crate) async fn start(store: &str, folder: &Path) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let listener = Tls { listener, acceptor: acceptor(folder)? };
        let bill: Arc<Mutex<Bill>> = Arc::default();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let state = Arc::new(Forward { store: store.to_owned(), client, bill: bill.clone() });
        tokio::spawn(axum::serve(listener, Router::new().fallback(forward).with_state(state)).into_future());
        Ok(Self { url: format!("https://localhost:{}", address.port()), bill })
    }

    /// The bill since the last call.
    pub(crate) fn take(&self) -> Bill {
        std::mem::take(&mut *self.bill.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn acceptor(folder: &Path) -> Result<TlsAcceptor, String> {
    let told = |error: rustls_pki_types::pem::Error| format!("{}: {error}. bench/run makes it", folder.display());
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).map_err(told)?;
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).map_err(told)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| error.to_string())?)))
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    /// One handshake at a time is enough: the measured programs take turns.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            if stream.set_nodelay(true).is_ok()
                && let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, self.acceptor.accept(stream)).await
            {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

struct Forward {
    store: String,
    client: Client<HttpConnector, Full<axum::body::Bytes>>,
    bill: Arc<Mutex<Bill>>,
}

async fn forward(State(state): State<Arc<Forward>>, request: Request) -> Response {
    let asked = async {
        let (mut parts, body) = request.into_parts();
        parts.uri = format!("{}{}", state.store, parts.uri.path()).parse::<Uri>().map_err(|e| e.to_string())?;
        parts.headers.remove(header::HOST);
        let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
        let request = http::Request::from_parts(parts, Full::new(body));
        let (parts, body) = state.client.request(request).await.map_err(|e| e.to_string())?.into_parts();
        Ok::<_, String>((parts, body.collect().await.map_err(|e| e.to_string())?.to_bytes()))
    };
    match asked.await {
        Ok((parts, body)) => {
            let mut bill = state.bill.lock().unwrap_or_else(PoisonError::into_inner);
            bill.requests += 1;
            bill.units += units(&body);
            Response::from_parts(parts, Body::from(body))
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error).into_response(),
    }
}

fn units(answer: &[u8]) -> f64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let consumed = match &answer["ConsumedCapacity"] {
        Value::Array(of_tables) => of_tables.clone(),
        one => vec![one.clone()],
    };
    consumed.iter().filter_map(|of_table| of_table["CapacityUnits"].as_f64()).sum()
}

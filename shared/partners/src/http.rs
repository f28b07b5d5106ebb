//! One HTTPS client for all partners: rustls with aws-lc-rs, a time limit, an answer of bounded size.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

/// Bytes of an answer.
const ANSWER: usize = 256 * 1024;
/// Time for one request with its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request never left: repeating it is harmless, whatever it was.
    #[error("could not connect: {0}")]
    NotSent(#[source] Box<dyn Error + Send + Sync>),
    /// It may have had its effect.
    #[error("no answer: {0}")]
    NoAnswer(#[source] Box<dyn Error + Send + Sync>),
}

/// The client. Connections are kept and shared.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Default for Http {
    fn default() -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }
}

impl Http {
    /// Sends a request once. It is sent a second time only when it never left.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        match self.send_once(request.clone()).await {
            Err(HttpError::NotSent(_)) => self.send_once(request).await,
            answer => answer,
        }
    }

    /// Sends a request that may be repeated harmlessly; a second time if there was no answer.
    pub async fn send_idempotent(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        match self.send_once(request.clone()).await {
            Err(_) => self.send_once(request).await,
            answer => answer,
        }
    }

    async fn send_once(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        let exchange = async {
            let sent = self.client.request(request.map(|body| Full::new(Bytes::from(body)))).await;
            let (parts, body) = sent
                .map_err(|error| {
                    if error.is_connect() {
                        HttpError::NotSent(error.into())
                    } else {
                        HttpError::NoAnswer(error.into())
                    }
                })?
                .into_parts();
            let body = Limited::new(body, ANSWER).collect().await.map_err(HttpError::NoAnswer)?.to_bytes();
            Ok(Response::from_parts(parts, body.to_vec()))
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|late| Err(HttpError::NoAnswer(late.into())))
    }
}

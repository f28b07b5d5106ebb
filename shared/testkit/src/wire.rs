//! A real socket to a stack.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::deployed::PATIENCE;

/// An open WebSocket.
#[derive(Debug)]
pub struct Wire(Mutex<Line>);

#[derive(Debug)]
struct Line {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pushes: Vec<Value>,
}

impl Wire {
    pub(crate) async fn dial(url: &str, origin: Option<&str>) -> Result<Self, u16> {
        let mut request = url.into_client_request().expect("the address of a socket");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("an origin"));
        }
        match tokio::time::timeout(PATIENCE, connect_async(request)).await.expect("a handshake in time") {
            Ok((stream, _)) => Ok(Self(Mutex::new(Line { stream, pushes: Vec::new() }))),
            Err(Error::Http(refused)) => Err(refused.status().as_u16()),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    /// Sends any text and returns the answer. Pushes that come before it are kept.
    pub async fn say_text(&self, text: &str) -> Value {
        self.0.lock().await.ask(text).await.expect("the socket is open")
    }

    /// Takes what was pushed. It was posted before whatever the test did was answered, and frames keep their order:
    /// all of it comes before the answer to one more frame, or before the socket is closed.
    pub async fn pushes(&self) -> Vec<Value> {
        let mut line = self.0.lock().await;
        let _ = line.ask(&json!({ "action": "ping" }).to_string()).await;
        std::mem::take(&mut line.pushes)
    }

    /// Waits until the stack has closed it.
    pub async fn closed(&self) {
        let mut line = self.0.lock().await;
        while let Some(frame) = line.hear().await {
            line.pushes.push(frame);
        }
    }

    /// Closes it, and hears that it is.
    pub async fn close(&self) {
        let _ = self.0.lock().await.stream.close(None).await;
        self.closed().await;
    }
}

impl Line {
    /// `None` when the socket is closed, now or earlier.
    async fn ask(&mut self, text: &str) -> Option<Value> {
        let _ = self.stream.send(Message::text(text)).await;
        loop {
            let frame = self.hear().await?;
            if matches!(frame["event"].as_str(), Some("reply" | "error") | None) {
                return Some(frame);
            }
            self.pushes.push(frame);
        }
    }

    /// The next frame; `None` when the socket is closed.
    async fn hear(&mut self) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            match next.unwrap_or_else(|_| panic!("the stack says nothing for {PATIENCE:?}")) {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("frames are JSON")),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}

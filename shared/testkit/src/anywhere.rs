//! What is true of a world inside the test and of a stack that is deployed. What only one of them has, the clock for
//! one, is not here.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::deployed::Deployed;
use crate::person::{self, Person};
use crate::place::Place;
use crate::reply::Reply;
use crate::wire::Wire;
use crate::world::{World, request};

/// A world that runs here or was deployed.
#[derive(Clone, Debug)]
pub enum Anywhere {
    /// In this process.
    Here(Arc<World>),
    /// Behind API Gateway, or an emulator of it.
    Deployed(Deployed),
}

impl World {
    /// A fresh one in this process, or the stack that `DCHAT_STACK` names.
    pub async fn anywhere() -> Anywhere {
        match Deployed::from_env() {
            Some(stack) => Anywhere::Deployed(stack),
            None => Anywhere::Here(Self::new().await),
        }
    }
}

impl Anywhere {
    /// A request without a token.
    pub async fn anonymous(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.send(request(method, path, &[], body)).await
    }

    /// People who have registered and signed in, by their names.
    pub async fn people<const N: usize>(&self, names: [&str; N]) -> [Person<Self>; N] {
        person::people(self, names).await
    }

    /// Opens a socket with whatever ticket and origin, or says the status of the refusal.
    pub async fn open(&self, ticket: Option<&str>, origin: Option<&str>) -> Result<Socket, u16> {
        let socket = match self {
            Self::Here(_) => "wss://socket.example/dev",
            Self::Deployed(stack) => &stack.socket,
        };
        let ticket = ticket.map(|ticket| format!("?ticket={ticket}")).unwrap_or_default();
        self.dial(&format!("{socket}{ticket}"), origin).await
    }
}

impl Place for Anywhere {
    type Socket = Socket;

    async fn send(&self, request: Request<Body>) -> Reply {
        match self {
            Self::Here(world) => world.send(request).await,
            Self::Deployed(stack) => stack.send(request).await,
        }
    }

    async fn dial(&self, url: &str, origin: Option<&str>) -> Result<Socket, u16> {
        Ok(match self {
            Self::Here(world) => Socket::Here(world.dial(url, origin).await?),
            Self::Deployed(stack) => Socket::Wire(Box::new(stack.dial(url, origin).await?)),
        })
    }

    fn origin(&self) -> &str {
        match self {
            Self::Here(world) => world.origin(),
            Self::Deployed(stack) => stack.origin(),
        }
    }

    fn email(&self, name: &str) -> String {
        match self {
            Self::Here(world) => world.email(name),
            Self::Deployed(stack) => stack.email(name),
        }
    }
}

/// An open socket there.
#[derive(Debug)]
pub enum Socket {
    /// Of a world in this process.
    Here(person::Socket),
    /// Of a stack.
    Wire(Box<Wire>),
}

impl Socket {
    /// Sends a frame and returns the answer.
    pub async fn say(&self, action: &str, data: Value) -> Value {
        self.say_text(&json!({ "action": action, "id": "1", "data": data }).to_string()).await
    }

    /// Sends any text.
    pub async fn say_text(&self, text: &str) -> Value {
        match self {
            Self::Here(socket) => socket.say_text(text).await,
            Self::Wire(wire) => wire.say_text(text).await,
        }
    }

    /// Takes what was pushed.
    pub async fn pushes(&self) -> Vec<Value> {
        match self {
            Self::Here(socket) => socket.pushes(),
            Self::Wire(wire) => wire.pushes().await,
        }
    }

    /// Takes what was pushed, by name.
    pub async fn events(&self) -> Vec<String> {
        self.pushes().await.iter().map(|push| push["event"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// Demands that it was closed from the other side.
    pub async fn expect_closed(&self) {
        match self {
            Self::Here(socket) => assert!(socket.is_closed(), "the socket is still open"),
            Self::Wire(wire) => wire.closed().await,
        }
    }

    /// Closes it, and API Gateway says so, sooner or later.
    pub async fn close(&self) {
        match self {
            Self::Here(socket) => socket.close().await,
            Self::Wire(wire) => wire.close().await,
        }
    }
}

//! Where people are: a world inside the test, or a stack that is deployed.

use std::sync::Arc;

use axum::body::Body;
use http::Request;

use crate::person::Socket;
use crate::reply::Reply;
use crate::world::{ORIGIN, World};

/// Something that answers requests and opens sockets; a clone is the same place.
pub trait Place: Clone + Send + Sync {
    /// An open socket there.
    type Socket: Send;

    /// Sends a request for a path of the API.
    fn send(&self, request: Request<Body>) -> impl Future<Output = Reply> + Send;

    /// Opens a socket at an address that carries its ticket, or says the status of the refusal.
    fn dial(&self, url: &str, origin: Option<&str>) -> impl Future<Output = Result<Self::Socket, u16>> + Send;

    /// A page that may call.
    fn origin(&self) -> &str;

    /// The address of somebody with this name, whom nobody else has met here.
    fn email(&self, name: &str) -> String;
}

impl Place for Arc<World> {
    type Socket = Socket;

    async fn send(&self, request: Request<Body>) -> Reply {
        World::send(self, request).await
    }

    async fn dial(&self, url: &str, origin: Option<&str>) -> Result<Socket, u16> {
        let ticket = url.split_once("?ticket=").map(|(_, ticket)| ticket.to_owned());
        match Socket::open(self, ticket, origin).await {
            (200, socket) => Ok(socket),
            (refused, _) => Err(refused),
        }
    }

    fn origin(&self) -> &str {
        ORIGIN
    }

    fn email(&self, name: &str) -> String {
        format!("{}@example.com", name.to_lowercase().replace(' ', "."))
    }
}

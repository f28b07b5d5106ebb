//! How a frame reaches a connection.

use std::future::Future;
use std::pin::Pin;

use domain::lease::ConnectionId;

/// Why a frame did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// The connection is closed (410): its lease can be forgotten.
    #[error("the connection is gone")]
    Gone,
    /// Anything else; whether it arrived is not known.
    #[error("could not post to the connection: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// The future of a delivery.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// Posts frames to connections, and ends them.
pub trait Courier: Send + Sync + std::fmt::Debug {
    /// Posts one text frame, at most 128 KB.
    fn post<'a>(&'a self, connection: &'a ConnectionId, frame: &'a str) -> Delivery<'a>;

    /// Closes a connection from our side.
    fn close<'a>(&'a self, connection: &'a ConnectionId) -> Delivery<'a>;
}

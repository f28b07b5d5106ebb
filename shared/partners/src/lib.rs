//! Everybody else's systems, but for money: the real clients of other people's services.
//!
//! This crate knows no store and no HTTP server. Every call has a time limit, and a repeat only where a
//! repeat is harmless.

pub mod apigateway;
pub mod http;
pub mod linkedin;

pub use apigateway::ApiGateway;
pub use linkedin::LinkedIn;

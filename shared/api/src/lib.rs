//! The pieces of HTTP that every group shares: problems, extractors that refuse with problems, the caller,
//! tokens, secrets, pages, layers, configuration.
//!
//! This crate knows no store and no partner.

pub mod caller;
pub mod env;
pub mod extract;
pub mod layers;
pub mod log;
pub mod once;
pub mod page;
pub mod quota;
pub mod refusal;
pub mod secret;
pub mod source;
pub mod system;
pub mod token;
pub mod trace;

pub use caller::{Caller, Confirmed};
pub use env::Env;
pub use extract::{Body, Keyed, Optional, Path, Query};
pub use once::Answer;
pub use refusal::Refusal;
pub use secret::Secret;
pub use source::Source;
pub use token::{Signer, Verifier};

/// How a group's documentation names the bearer token.
pub const BEARER: &str = "bearer";

//! The rules of Dchat, one module per concept.
//!
//! This crate is pure: it knows no runtime, network, store, clock, randomness or environment. Time,
//! ids and secrets come in as arguments, so every rule is tested in microseconds and every
//! interleaving of two callers can be enumerated.

pub mod account;
pub mod call;
pub mod clock;
pub mod history;
pub mod ice;
pub mod id;
pub mod inbox;
pub mod lease;
pub mod limit;
pub mod negotiation;
pub mod once;
pub mod quality;
pub mod quota;
pub mod recording;
pub mod sdp;
pub mod session;
pub mod sign_in;
pub mod storage;
pub mod text;

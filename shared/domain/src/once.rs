//! Requests that may come twice and must have one effect and one answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limit;

/// The first answer to a request with an idempotency key. It is written in the transaction of the request's effect,
/// so there is one exactly when there is the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Hash of the operation, the principal and the key.
    pub scope: String,
    /// Fingerprint of the request.
    pub request: String,
    /// The answer, readable only with the key.
    pub answer: String,
    /// The key may be used for another request from then on.
    pub expires_at: Timestamp,
}

impl Kept {
    /// An answer that is given now for the first time.
    pub fn new(scope: String, request: String, answer: String, now: Timestamp) -> Self {
        Self { scope, request, answer, expires_at: now + limit::REPLAY }
    }
}

//! The question whether a session was ended early, as groups that cannot read the accounts may ask it.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use domain::id::{SessionId, UserId};
use jiff::Timestamp;

use crate::Problem;

/// The answer, when it comes.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<bool, Problem>> + Send + 'a>>;

/// Knows which sessions were ended early.
pub trait Sessions: Send + Sync + Debug {
    /// Whether this one was. An answer that is not `fresh` may be [`domain::limit::REVOCATION`] old, and costs nothing
    /// most of the time.
    fn is_ended(&self, user: UserId, session: SessionId, fresh: bool, now: Timestamp) -> Asked<'_>;
}

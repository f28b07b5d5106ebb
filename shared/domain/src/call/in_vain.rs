//! Calls that nobody takes up, one after the other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Call, CallRefused};
use crate::id::UserId;
use crate::limit;

/// Calls of one person to another, one after the other, that nobody took up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InVain {
    /// How many.
    pub count: u32,
    /// When the first of them began.
    pub since: Timestamp,
}

impl InVain {
    /// What a call of `caller` to `callee` begins with after the `last` call of the two: nobody's telephone rings
    /// more often than [`limit::CALLS_IN_VAIN`] says.
    pub fn after(last: &Call, caller: UserId, callee: UserId, now: Timestamp) -> Result<Option<Self>, CallRefused> {
        let (most, window) = limit::CALLS_IN_VAIN;
        let before = last.in_vain.unwrap_or(Self { count: 0, since: last.created_at });
        let free = before.since + window;
        let taken_up = last.participant(callee).is_ok_and(|person| person.joined_at.is_some());
        if last.caller != caller || taken_up || free <= now {
            return Ok(None);
        }
        match before.count + 1 {
            count if count >= most => Err(CallRefused::InVain(free.duration_since(now))),
            count => Ok(Some(Self { count, ..before })),
        }
    }
}

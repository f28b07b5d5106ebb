//! What somebody looks for among the calls that are over.

use crate::call::{Call, CallKind, Standing};
use crate::id::UserId;

/// Which calls of a history are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that this person missed.
    pub missed: bool,
    /// Only those of this kind.
    pub kind: Option<CallKind>,
    /// Only those that this other person was asked into.
    pub with: Option<UserId>,
}

impl Filter {
    /// Whether this call of `user` is meant.
    pub fn takes(&self, call: &Call, user: UserId) -> bool {
        let missed = || call.participant(user).is_ok_and(|person| person.standing == Standing::Missed);
        (!self.missed || missed())
            && self.kind.is_none_or(|kind| kind == call.kind)
            && self.with.is_none_or(|other| call.participant(other).is_ok())
    }
}

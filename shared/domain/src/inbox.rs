//! What a person must not miss, numbered without gaps, so that a client knows when it missed one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{CallId, EpochId};
use crate::limit;

/// Something that happened to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum InboxFact {
    /// Somebody invited the person to a call.
    CallInvited {
        /// Which.
        #[serde(rename = "call_id")]
        call: CallId,
    },
}

/// A fact and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place, from 1, without gaps within an epoch.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub fact: InboxFact,
    /// When.
    pub at: Timestamp,
}

/// How far a client has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Position {
    /// Whose numbering; another epoch means that nothing can be compared.
    pub epoch: EpochId,
    /// The last fact it has.
    pub seq: u64,
}

/// The newest facts of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// This numbering.
    pub epoch: EpochId,
    /// Place of the newest fact, 0 when there was none.
    pub head: u64,
    /// The newest facts, oldest first.
    pub kept: Vec<Entry>,
}

/// What a client that was away gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Everything since its position.
    Full(Vec<Entry>),
    /// The newest facts; some between its position and the first of these are gone.
    Partial(Vec<Entry>),
    /// Its position means nothing here: read the state again.
    Lost,
}

impl Inbox {
    /// An empty inbox.
    pub fn new(epoch: EpochId) -> Self {
        Self { epoch, head: 0, kept: Vec::new() }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, fact: InboxFact, at: Timestamp) -> Self {
        self.head += 1;
        self.kept.push(Entry { seq: self.head, fact, at });
        let too_many = self.kept.len().saturating_sub(limit::INBOX_MEMORY);
        self.kept.drain(..too_many);
        self
    }

    /// The newest place.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.head }
    }

    /// What came after a position.
    pub fn since(&self, position: Position) -> Missed {
        if position.epoch != self.epoch || position.seq > self.head {
            return Missed::Lost;
        }
        let missed: Vec<Entry> = self.kept.iter().copied().filter(|entry| entry.seq > position.seq).collect();
        if missed.len() as u64 == self.head - position.seq { Missed::Full(missed) } else { Missed::Partial(missed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_gets_everything_or_is_told_what_is_missing() {
        let epoch = EpochId::derived([1; 16]);
        let fact = InboxFact::CallInvited { call: CallId::derived([2; 16]) };
        for sent in 0..20_u64 {
            let inbox = (0..sent).fold(Inbox::new(epoch), |inbox, _| inbox.with(fact, Timestamp::UNIX_EPOCH));
            assert_eq!(inbox.head, sent);
            for seq in 0..=25 {
                let missed = inbox.since(Position { epoch, seq });
                let seqs = |entries: &[Entry]| entries.iter().map(|e| e.seq).collect::<Vec<_>>();
                match missed {
                    Missed::Lost => assert!(seq > sent),
                    Missed::Full(entries) => assert_eq!(seqs(&entries), (seq + 1..=sent).collect::<Vec<_>>()),
                    Missed::Partial(entries) => {
                        assert!(sent - seq > limit::INBOX_MEMORY as u64);
                        assert_eq!(seqs(&entries), (sent - 7..=sent).collect::<Vec<_>>());
                    }
                }
            }
            assert_eq!(inbox.since(Position { epoch: EpochId::derived([9; 16]), seq: sent }), Missed::Lost);
        }
    }
}

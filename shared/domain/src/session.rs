//! A signed-in device, and the rotation of its refresh token (RFC 9700 section 4.14.2).
//!
//! A refresh token names its session and a generation. Using the newest generation makes the next
//! one. An older one is either an honest repeat (a lost answer, a second tab) or a thief:
//!
//! | presented | when | answer |
//! |---|---|---|
//! | newest | any time | rotate to the next generation |
//! | older | within [`limit::REFRESH_GRACE`] of its own rotation | the newest generation again |
//! | older | later, with the idempotency key that came with its rotation, its successor unused or in grace | the newest generation again |
//! | older | later, otherwise | reuse: the session is revoked |
//!
//! The key is what tells a repeat from a thief when the grace is over: a client that keeps a fresh
//! key beside each refresh token is never logged out by a lost answer, however late it repeats.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{SessionId, UserId};
use crate::limit;
use crate::text::Name;

/// A hash of the idempotency key that came with a rotation.
pub type Proof = String;

/// One use of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// When.
    pub at: Timestamp,
    /// What lets the same client repeat it later.
    pub proof: Option<Proof>,
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// Its owner signed out or removed it from the list.
    ByOwner,
    /// A refresh token came back that only a thief could have kept.
    Reuse,
}

/// One signed-in device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, inside every token it gives out.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What they were called when they signed in; goes into every access token.
    pub name: Name,
    /// What the person sees in the list of sessions: the user agent, shortened.
    pub label: String,
    /// The newest refresh token's number, from 1.
    pub generation: u32,
    /// The newest [`limit::REFRESH_MEMORY`] rotations, newest first.
    pub rotations: Vec<Rotation>,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When the refresh token was last used.
    pub used_at: Timestamp,
    /// Unused until then, it is over.
    pub expires_at: Timestamp,
    /// Set when it was ended early.
    pub revoked: Option<Revoked>,
}

/// Why a session gives no more tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefused {
    /// Nobody used it for [`limit::SESSION_IDLE`].
    #[error("the session has expired")]
    Expired,
    /// It was signed out.
    #[error("the session was signed out")]
    Revoked,
    /// A refresh token was used twice by different parties; the session ended.
    #[error("the refresh token was used before, so the session was ended")]
    Reused,
    /// A generation that was never given out.
    #[error("the refresh token is not one of ours")]
    Unknown,
}

/// What a refresh comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Save this session, then give out its newest generation.
    Rotated(Session),
    /// Nothing to save: give out the newest generation again.
    Again(Session),
    /// Save this session, which is revoked now, and refuse.
    Theft(Session),
    /// Nothing to save, refuse.
    Refused(SessionRefused),
}

impl Session {
    /// A session that begins now, with generation 1.
    pub fn begin(id: SessionId, user: UserId, name: Name, label: &str, now: Timestamp) -> Self {
        Self {
            id,
            user,
            name,
            label: label.chars().filter(|c| !c.is_control()).take(120).collect(),
            generation: 1,
            rotations: Vec::new(),
            created_at: now,
            used_at: now,
            expires_at: now + limit::SESSION_IDLE,
            revoked: None,
        }
    }

    /// Whether it may still act.
    pub fn alive(&self, now: Timestamp) -> Result<(), SessionRefused> {
        match self.revoked {
            Some(Revoked::ByOwner) => Err(SessionRefused::Revoked),
            Some(Revoked::Reuse) => Err(SessionRefused::Reused),
            None if now >= self.expires_at => Err(SessionRefused::Expired),
            None => Ok(()),
        }
    }

    /// Decides what a genuine refresh token of the given generation gets; see the table above.
    pub fn refresh(self, presented: u32, proof: Option<Proof>, now: Timestamp) -> Refresh {
        if let Err(refused) = self.alive(now) {
            return Refresh::Refused(refused);
        }
        if presented == 0 || presented > self.generation {
            return Refresh::Refused(SessionRefused::Unknown);
        }
        let behind = (self.generation - presented) as usize;
        if behind == 0 {
            return Refresh::Rotated(self.rotate(proof, now));
        }
        let in_grace = |rotation: &Rotation| now.duration_since(rotation.at) <= limit::REFRESH_GRACE;
        let honest = self.rotations.get(behind - 1).is_some_and(|rotation| {
            let same_request = proof.is_some() && proof == rotation.proof;
            let successor_unused = behind == 1 || self.rotations.get(behind - 2).is_some_and(in_grace);
            in_grace(rotation) || (same_request && successor_unused)
        });
        if honest { Refresh::Again(self) } else { Refresh::Theft(self.revoke(Revoked::Reuse, now)) }
    }

    fn rotate(mut self, proof: Option<Proof>, now: Timestamp) -> Self {
        self.rotations.insert(0, Rotation { at: now, proof });
        self.rotations.truncate(limit::REFRESH_MEMORY);
        Self { generation: self.generation + 1, used_at: now, expires_at: now + limit::SESSION_IDLE, ..self }
    }

    /// Ends it. A session that ended keeps its first reason.
    #[must_use]
    pub fn revoke(self, why: Revoked, now: Timestamp) -> Self {
        match self.revoked {
            Some(_) => self,
            None => Self { revoked: Some(why), expires_at: self.expires_at.min(now), ..self },
        }
    }
}

#[cfg(test)]
mod tests;

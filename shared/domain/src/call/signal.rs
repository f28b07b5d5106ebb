//! Who may send what to whom.

use jiff::Timestamp;

use super::{Call, CallRefused, Standing};
use crate::id::UserId;
use crate::text::DeviceId;

impl Call {
    /// Of two people, the one who was asked later yields when both offer at once.
    pub fn is_polite(&self, user: UserId, towards: UserId) -> bool {
        let place = |who| self.people.iter().position(|p| p.user == who);
        place(user) > place(towards)
    }

    /// How often one of the two came back: each time begins a new epoch of what they negotiate, and nothing of an earlier
    /// one means anything to the connection that was made anew.
    pub fn epoch(&self, one: UserId, other: UserId) -> u32 {
        let stays = |user| self.participant(user).map_or(0, |person| person.generation / 2);
        stays(one) + stays(other)
    }

    /// Whether this person has joined, with this device; false while they may still join. Somebody who joined with
    /// another device or is no longer in the call is refused.
    pub(super) fn has_joined(&self, by: UserId, device: &DeviceId) -> Result<bool, CallRefused> {
        let person = self.participant(by)?;
        match person.standing {
            Standing::Joined if person.device.as_ref() == Some(device) => Ok(true),
            Standing::Joined => Err(CallRefused::AnsweredElsewhere),
            Standing::Invited | Standing::Ringing => Ok(false),
            _ => Err(CallRefused::Gone),
        }
    }

    /// Whether this device may make an offer to this peer; names the peer when there is only one.
    pub fn may_offer(
        &self,
        by: UserId,
        device: &DeviceId,
        to: Option<UserId>,
        now: Timestamp,
    ) -> Result<UserId, CallRefused> {
        let (call, _) = self.clone().live(by, now)?;
        if call.has_joined(by, device)? { call.peer(by, to) } else { Err(CallRefused::NotJoined) }
    }

    /// Whether this device may send candidates to this peer; names the peer when there is only one. Somebody who has
    /// not joined yet may: candidates can overtake the answer that they belong to.
    pub fn may_signal(
        &self,
        by: UserId,
        device: &DeviceId,
        to: Option<UserId>,
        now: Timestamp,
    ) -> Result<UserId, CallRefused> {
        let (call, _) = self.clone().live(by, now)?;
        call.has_joined(by, device)?;
        call.peer(by, to)
    }

    /// The other side of a signal.
    pub fn peer(&self, by: UserId, to: Option<UserId>) -> Result<UserId, CallRefused> {
        let mut present = self.present().filter(|user| *user != by);
        match (to, present.next(), present.next()) {
            (None, Some(only), None) => Ok(only),
            (None, None, _) => Err(CallRefused::Gone),
            (None, ..) => Err(CallRefused::WhomFor),
            (Some(to), ..) => match self.people.iter().find(|p| p.user == to && p.user != by) {
                Some(peer) if peer.standing.is_present() => Ok(to),
                Some(_) => Err(CallRefused::Gone),
                None => Err(CallRefused::NotAPeer),
            },
        }
    }
}

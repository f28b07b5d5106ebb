//! Offer and answer between two people of a call: what each pair has agreed on last.
//!
//! The server keeps the newest description of each pair, so that a peer that comes late still
//! finds it. Every offer has an id of its own and an answer names the offer it answers: an answer to
//! an older offer is refused instead of breaking the newer one. When both offer at once, the
//! impolite one's offer stands (W3C WebRTC section 10.7, perfect negotiation).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{OfferId, UserId};
use crate::limit;
use crate::sdp::{IceCandidate, Sdp};
use crate::text::DeviceId;

/// Which half of an exchange a description is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DescriptionKind {
    /// Proposes.
    Offer,
    /// Agrees.
    Answer,
}

/// The newest description between two people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The offer, or the offer it answers.
    pub offer_id: OfferId,
    /// Offer or answer.
    pub kind: DescriptionKind,
    /// Who sent it.
    pub from: UserId,
    /// From which device.
    pub device: DeviceId,
    /// For whom.
    pub to: UserId,
    /// The description.
    pub sdp: Sdp,
    /// When.
    pub at: Timestamp,
}

/// Why a description is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationRefused {
    /// The other side's offer waits for an answer and stands.
    #[error("the other side's offer {0} came first and waits for an answer")]
    OfferPending(OfferId),
    /// There is nothing to answer.
    #[error("there is no offer to answer")]
    NoOffer,
    /// The answer names an offer that a newer one replaced.
    #[error("the offer was replaced by {0}")]
    StaleOffer(OfferId),
    /// This offer has an answer.
    #[error("the offer {0} was answered before")]
    Answered(OfferId),
    /// More candidates than the limit wait for a side that is not connected.
    #[error("{most} candidates wait for the other side already", most = limit::CANDIDATES_KEPT)]
    TooManyCandidates,
}

/// Takes an offer. `polite` says whether the sender yields when both offer at once.
pub fn offer(current: Option<&Description>, new: Description, polite: bool) -> Result<Description, NegotiationRefused> {
    match current {
        Some(pending) if pending.kind == DescriptionKind::Offer && pending.from != new.from && polite => {
            Err(NegotiationRefused::OfferPending(pending.offer_id))
        }
        _ => Ok(new),
    }
}

/// Takes an answer to `named`, or to the pending offer when the sender names none.
pub fn answer(
    current: Option<&Description>,
    named: Option<OfferId>,
    answer: impl FnOnce(OfferId) -> Description,
) -> Result<Description, NegotiationRefused> {
    let Some(current) = current else { return Err(NegotiationRefused::NoOffer) };
    let new = answer(current.offer_id);
    match (current.kind, named) {
        (_, Some(named)) if named != current.offer_id => Err(NegotiationRefused::StaleOffer(current.offer_id)),
        (DescriptionKind::Offer, _) if current.from != new.from => Ok(new),
        (DescriptionKind::Offer, _) => Err(NegotiationRefused::NoOffer),
        // The same answer again: its first reply was lost.
        (DescriptionKind::Answer, _) if current.from == new.from && current.sdp == new.sdp => Ok(current.clone()),
        (DescriptionKind::Answer, _) => Err(NegotiationRefused::Answered(current.offer_id)),
    }
}

/// Candidates that wait for one person from another, because no device of his took them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Who gathered them.
    pub from: UserId,
    /// Whom they are for.
    pub to: UserId,
    /// The offer they belong to; candidates of an older one are dropped.
    pub offer_id: Option<OfferId>,
    /// In the order they came.
    pub candidates: Vec<IceCandidate>,
}

impl Waiting {
    /// Adds a batch to what waits; a batch for another offer starts anew.
    pub fn with(current: Option<Self>, batch: Self) -> Result<Self, NegotiationRefused> {
        let mut candidates = match current {
            Some(waiting) if waiting.offer_id == batch.offer_id => waiting.candidates,
            _ => Vec::new(),
        };
        // A repeated batch changes nothing.
        candidates.extend(batch.candidates.into_iter().filter(|new| !candidates.contains(new)).collect::<Vec<_>>());
        if candidates.len() > limit::CANDIDATES_KEPT {
            return Err(NegotiationRefused::TooManyCandidates);
        }
        Ok(Self { candidates, ..batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPOLITE: u8 = 1;
    const POLITE: u8 = 2;

    fn description(kind: DescriptionKind, from: u8, number: u8) -> Description {
        let other = if from == IMPOLITE { POLITE } else { IMPOLITE };
        Description {
            offer_id: OfferId::derived([number; 16]),
            kind,
            from: UserId::derived([from; 16]),
            device: "d".parse().expect("a device"),
            to: UserId::derived([other; 16]),
            sdp: Sdp::try_from(format!("v=0\r\ns={from}{number}\r\n")).expect("a description"),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Offer(u8),
        /// Answers the newest offer this side has seen.
        Answer(u8),
        /// Answers the first offer it ever saw.
        AnswerLate(u8),
    }

    /// Two people who offer and answer in every order, each seeing the server's state at once or one step late.
    #[test]
    fn in_every_order_of_glare_the_pair_ends_with_one_offer_and_its_own_answer() {
        let steps = [
            Step::Offer(1),
            Step::Offer(2),
            Step::Answer(1),
            Step::Answer(2),
            Step::AnswerLate(1),
            Step::AnswerLate(2),
        ];
        let mut agreed = 0;
        for number in 0..steps.len().pow(6) {
            let order: Vec<Step> = (0..6).map(|i| steps[number / steps.len().pow(i) % steps.len()]).collect();
            let mut current: Option<Description> = None;
            let mut offers: Vec<Description> = Vec::new();
            for step in &order {
                let before = current.clone();
                let (from, result) = match *step {
                    Step::Offer(from) => {
                        let new =
                            description(DescriptionKind::Offer, from, 10 + u8::try_from(offers.len()).expect("few"));
                        offers.push(new.clone());
                        (from, offer(before.as_ref(), new, from == POLITE))
                    }
                    Step::Answer(from) | Step::AnswerLate(from) => {
                        let theirs = |o: &&Description| o.from != UserId::derived([from; 16]);
                        let seen = match step {
                            Step::AnswerLate(_) => offers.iter().find(theirs),
                            _ => offers.iter().rfind(theirs),
                        };
                        let made =
                            |offer_id| Description { offer_id, ..description(DescriptionKind::Answer, from, 99) };
                        (from, answer(before.as_ref(), seen.map(|o| o.offer_id), made))
                    }
                };
                match result {
                    Ok(new) => {
                        if new.kind == DescriptionKind::Answer {
                            let answered = before.expect("something was answered");
                            assert_eq!(answered.offer_id, new.offer_id, "{order:?}");
                            assert!(
                                answered.kind == DescriptionKind::Answer || answered.from != new.from,
                                "{order:?}: answered oneself"
                            );
                            agreed += 1;
                        } else if let Some(Description { kind: DescriptionKind::Offer, from: pending, .. }) = before {
                            assert!(
                                pending == new.from || from == IMPOLITE,
                                "{order:?}: the polite side pushed an offer aside"
                            );
                        }
                        current = Some(new);
                    }
                    Err(_) => assert_eq!(current, before, "{order:?}: a refusal changed something"),
                }
            }
        }
        assert!(agreed > 1_000, "{agreed}");
    }

    #[test]
    fn waiting_candidates_are_bounded_and_belong_to_one_offer() {
        let candidate = |n: usize| IceCandidate {
            candidate: format!("candidate:{n} 1 udp 1 host.local 9 typ host").try_into().expect("a candidate"),
            sdp_mid: None,
            sdp_m_line_index: None,
            username_fragment: None,
        };
        let batch = |offer: u8, from: usize, count: usize| Waiting {
            from: UserId::derived([1; 16]),
            to: UserId::derived([2; 16]),
            offer_id: Some(OfferId::derived([offer; 16])),
            candidates: (from..from + count).map(candidate).collect(),
        };
        let mut waiting = Waiting::with(None, batch(1, 0, 32)).expect("room");
        waiting = Waiting::with(Some(waiting), batch(1, 0, 32)).expect("a repeat");
        assert_eq!(waiting.candidates.len(), 32);
        for n in 1..4 {
            waiting = Waiting::with(Some(waiting), batch(1, n * 32, 32)).expect("room");
        }
        assert_eq!(Waiting::with(Some(waiting.clone()), batch(1, 500, 1)), Err(NegotiationRefused::TooManyCandidates));
        assert_eq!(Waiting::with(Some(waiting), batch(2, 0, 1)).map(|w| w.candidates.len()), Ok(1));
    }
}

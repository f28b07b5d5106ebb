//! Offer and answer between two people of a call: what each pair has agreed on last.
//!
//! The server keeps the newest description of each pair, so that a peer that comes late still
//! finds it. Every description has a place: the epoch counts the connections that the two made anew
//! ([`crate::call::Call::epoch`]), the generation their offers. What was made for an earlier place is refused
//! instead of breaking the newer one. When both offer at once, the impolite one's offer stands (W3C WebRTC
//! section 10.7, perfect negotiation).

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

/// Where a description stands among those of a pair: later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Place {
    /// Counts the connections that the two made anew, from 0.
    pub epoch: u32,
    /// Counts their offers, from 1; an answer has its offer's.
    pub generation: u32,
}

/// What a sender says its description is about; nothing said is nothing checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meant {
    /// The offer that is answered.
    pub offer_id: Option<OfferId>,
    /// The epoch of the connection that made it.
    pub epoch: Option<u32>,
    /// For an answer its offer's; for an offer the newest that the sender knows of.
    pub generation: Option<u32>,
}

/// The newest description between two people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The offer, or the offer it answers.
    pub offer_id: OfferId,
    /// Its place among the pair's.
    #[serde(flatten)]
    pub place: Place,
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
    #[error("the other side's offer, generation {} of epoch {}, came first and waits for an answer", .0.generation, .0.epoch)]
    OfferPending(Place),
    /// There is nothing to answer.
    #[error("there is no offer to answer")]
    NoOffer,
    /// It was made for an earlier place than the pair's newest.
    #[error("the two are at generation {} of epoch {}", .0.generation, .0.epoch)]
    Stale(Place),
    /// This offer has an answer.
    #[error("the offer, generation {} of epoch {}, was answered before", .0.generation, .0.epoch)]
    Answered(Place),
    /// More candidates than the limits would wait for a side that is not connected.
    #[error("at most {most} candidates of {bytes} bytes in all wait for the other side", most = limit::CANDIDATES_KEPT, bytes = limit::CANDIDATES_BYTES)]
    TooManyCandidates,
}

impl NegotiationRefused {
    /// The newest place of the pair, where that is the reason.
    pub fn place(self) -> Option<Place> {
        match self {
            Self::OfferPending(place) | Self::Stale(place) | Self::Answered(place) => Some(place),
            Self::NoOffer | Self::TooManyCandidates => None,
        }
    }
}

/// Takes an offer, which gets the next place of its `epoch`. `polite` says whether the sender yields when both offer at
/// once.
pub fn offer(
    current: Option<&Description>,
    epoch: u32,
    meant: Meant,
    polite: bool,
    offer: impl FnOnce(Place) -> Description,
) -> Result<Description, NegotiationRefused> {
    let newest = current.map_or(0, |current| current.place.generation);
    let new = offer(Place { epoch, generation: newest + 1 });
    let glare = current.filter(|c| c.kind == DescriptionKind::Offer && c.from != new.from && c.place.epoch == epoch);
    match glare {
        _ if meant.epoch.is_some_and(|meant| meant != epoch) => {
            Err(NegotiationRefused::Stale(Place { epoch, generation: newest }))
        }
        Some(pending) if polite => Err(NegotiationRefused::OfferPending(pending.place)),
        None if meant.generation.is_some_and(|seen| seen < newest) => {
            Err(NegotiationRefused::Stale(Place { epoch, generation: newest }))
        }
        _ => Ok(new),
    }
}

/// Takes an answer to the offer that is meant, or to the pending one when the sender names none.
pub fn answer(
    current: Option<&Description>,
    epoch: u32,
    meant: Meant,
    answer: impl FnOnce(OfferId, Place) -> Description,
) -> Result<Description, NegotiationRefused> {
    let Some(current) = current else { return Err(NegotiationRefused::NoOffer) };
    let Place { generation, .. } = current.place;
    let new = answer(current.offer_id, current.place);
    let stale = current.place.epoch != epoch
        || meant.epoch.is_some_and(|meant| meant != epoch)
        || meant.generation.is_some_and(|meant| meant != generation)
        || meant.offer_id.is_some_and(|meant| meant != current.offer_id);
    match current.kind {
        _ if stale => Err(NegotiationRefused::Stale(Place { epoch, generation })),
        DescriptionKind::Offer if current.from != new.from => Ok(new),
        DescriptionKind::Offer => Err(NegotiationRefused::NoOffer),
        // The same answer again: its first reply was lost.
        DescriptionKind::Answer if current.from == new.from && current.sdp == new.sdp => Ok(current.clone()),
        DescriptionKind::Answer => Err(NegotiationRefused::Answered(current.place)),
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
    /// Whether they belong to an offer that is not the pair's newest: nobody can use them.
    pub fn is_stale(&self, newest: &Description) -> bool {
        self.offer_id.is_some_and(|offer_id| offer_id != newest.offer_id)
    }

    /// Adds a batch to what waits; a batch for another offer starts anew.
    pub fn with(current: Option<Self>, batch: Self) -> Result<Self, NegotiationRefused> {
        let mut candidates = match current {
            Some(waiting) if waiting.offer_id == batch.offer_id => waiting.candidates,
            _ => Vec::new(),
        };
        // A repeated batch changes nothing.
        candidates.extend(batch.candidates.into_iter().filter(|new| !candidates.contains(new)).collect::<Vec<_>>());
        let bytes: usize = candidates.iter().map(IceCandidate::bytes).sum();
        if candidates.len() > limit::CANDIDATES_KEPT || bytes > limit::CANDIDATES_BYTES {
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
            place: Place::default(),
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
                        let made = |place| Description { place, ..new };
                        (from, offer(before.as_ref(), 0, Meant::default(), from == POLITE, made))
                    }
                    Step::Answer(from) | Step::AnswerLate(from) => {
                        let theirs = |o: &&Description| o.from != UserId::derived([from; 16]);
                        let seen = match step {
                            Step::AnswerLate(_) => offers.iter().find(theirs),
                            _ => offers.iter().rfind(theirs),
                        };
                        let made = |offer_id, place| Description {
                            offer_id,
                            place,
                            ..description(DescriptionKind::Answer, from, 99)
                        };
                        let meant = Meant { offer_id: seen.map(|o| o.offer_id), ..Meant::default() };
                        (from, answer(before.as_ref(), 0, meant, made))
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

    /// A description that names its place is taken at that place or refused with the newest, whatever came before it.
    #[test]
    fn what_was_made_for_an_earlier_place_is_refused_with_the_newest() {
        let at = |kind, from, epoch, generation| Description {
            place: Place { epoch, generation },
            ..description(kind, from, 1)
        };
        let offered = |current: &Description, from, epoch, meant| {
            let made = |place| Description { place, ..description(DescriptionKind::Offer, from, 2) };
            offer(Some(current), epoch, meant, from == POLITE, made).map(|new| new.place)
        };
        let answered = |current: &Description, from, epoch, meant| {
            let made = |_, place| Description { place, ..description(DescriptionKind::Answer, from, 3) };
            answer(Some(current), epoch, meant, made).map(|new| new.place)
        };
        let meant = |epoch, generation| Meant { epoch: Some(epoch), generation: Some(generation), offer_id: None };
        let place = |epoch, generation| Place { epoch, generation };
        let (settled, pending) = (at(DescriptionKind::Answer, POLITE, 1, 4), at(DescriptionKind::Offer, POLITE, 1, 4));

        assert_eq!(offered(&settled, POLITE, 1, meant(1, 4)), Ok(place(1, 5)));
        assert_eq!(offered(&settled, POLITE, 1, meant(1, 3)), Err(NegotiationRefused::Stale(place(1, 4))));
        assert_eq!(offered(&settled, POLITE, 1, meant(0, 4)), Err(NegotiationRefused::Stale(place(1, 4))));
        assert_eq!(offered(&settled, POLITE, 2, meant(1, 4)), Err(NegotiationRefused::Stale(place(2, 4))));
        assert_eq!(offered(&settled, POLITE, 2, meant(2, 4)), Ok(place(2, 5)), "a new epoch goes on counting");
        assert_eq!(offered(&pending, IMPOLITE, 1, meant(1, 3)), Ok(place(1, 5)), "the impolite one has not seen it");
        let impolites = at(DescriptionKind::Offer, IMPOLITE, 1, 4);
        assert_eq!(offered(&impolites, POLITE, 1, meant(1, 3)), Err(NegotiationRefused::OfferPending(place(1, 4))));
        assert_eq!(
            offered(&impolites, POLITE, 2, meant(2, 4)),
            Ok(place(2, 5)),
            "an offer of an old epoch waits no more"
        );

        assert_eq!(answered(&pending, IMPOLITE, 1, meant(1, 4)), Ok(place(1, 4)));
        assert_eq!(answered(&pending, IMPOLITE, 1, meant(1, 3)), Err(NegotiationRefused::Stale(place(1, 4))));
        assert_eq!(answered(&pending, IMPOLITE, 2, meant(1, 4)), Err(NegotiationRefused::Stale(place(2, 4))));
        assert_eq!(answered(&settled, IMPOLITE, 1, meant(1, 4)), Err(NegotiationRefused::Answered(place(1, 4))));
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

        let long = |n: usize| IceCandidate {
            candidate: format!("candidate:{n} 1 udp 1 host.local 9 typ host {}", "x 1 ".repeat(240))
                .try_into()
                .expect("a candidate"),
            ..candidate(n)
        };
        let much = Waiting { candidates: (0..32).map(long).collect(), ..batch(1, 0, 0) };
        assert!(Waiting::with(None, much.clone()).is_ok(), "a batch of long ones has room");
        let more = Waiting { candidates: (32..40).map(long).collect(), ..much.clone() };
        assert_eq!(Waiting::with(Some(much), more), Err(NegotiationRefused::TooManyCandidates));

        let newest = description(DescriptionKind::Offer, IMPOLITE, 2);
        assert!(batch(1, 0, 1).is_stale(&newest) && !batch(2, 0, 1).is_stale(&newest));
        assert!(!Waiting { offer_id: None, ..batch(1, 0, 1) }.is_stale(&newest), "who says nothing means the newest");
    }
}

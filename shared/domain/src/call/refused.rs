//! Why a call does not change.

use jiff::SignedDuration;

use crate::id::{CallId, RecordingId, UserId};
use crate::limit;
use crate::quota::seconds_up;

/// Why a call does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallRefused {
    /// Nobody but the caller was named.
    #[error("a call needs somebody else")]
    Nobody,
    /// More people than [`limit::CALL_PEOPLE`] at once, or [`limit::CALL_ROSTER`] in all.
    #[error(
        "a call has at most {} people at once, the caller counted, and {} in all",
        limit::CALL_PEOPLE,
        limit::CALL_ROSTER
    )]
    TooMany,
    /// The caller named himself.
    #[error("who asks takes part anyway and must not be invited")]
    Oneself,
    /// Somebody was named twice.
    #[error("{0} is named twice")]
    Twice(UserId),
    /// No such person.
    #[error("{0} is not a person here")]
    UnknownPerson(UserId),
    /// Nobody took up several calls in a row; one more is possible after so long.
    #[error("this person did not take up {} calls in a row; one more is possible in {} s", limit::CALLS_IN_VAIN.0, seconds_up(*.0))]
    InVain(SignedDuration),
    /// The two have a call already.
    #[error("the two of you have the call {0} already")]
    Superseded(CallId),
    /// Not one of the call's people; to a stranger the call does not exist.
    #[error("there is no such call")]
    Stranger,
    /// The call is over.
    #[error("the call is over")]
    Over,
    /// This person joined with another device.
    #[error("the call was answered on another device")]
    AnsweredElsewhere,
    /// This person declined, left, missed it or was sent away.
    #[error("this person is no longer in the call")]
    Gone,
    /// What came means an earlier stay of this person.
    #[error("this is about a stay that is over; the newest is {0}")]
    StaleStay(u32),
    /// Only somebody who joined may do this.
    #[error("answer the call first")]
    NotJoined,
    /// Only the host may do this.
    #[error("only the host of the call, {0}, may do this")]
    NotHost(UserId),
    /// Which of several people is meant?
    #[error("the call has more than two people: say whom it is for")]
    WhomFor,
    /// The addressee is not another person of the call.
    #[error("the addressee is not another person of this call")]
    NotAPeer,
    /// A recording is under way.
    #[error("the recording {0} is under way")]
    Recorded(RecordingId),
    /// There is no such recording, or somebody else makes it.
    #[error("there is no such recording under way")]
    NotRecorded,
    /// This yes was said before this person's newest no, or by somebody who saw what has not happened.
    #[error("this person has said no since, or the number is not one of this call yet")]
    StaleConsent,
    /// Somebody who is there has not consented.
    #[error("not everybody who is in the call has consented to the recording")]
    ConsentMissing,
}

//! How the refusals of the rules are told.

use domain::account::AccountRefused;
use domain::call::CallRefused;
use domain::negotiation::NegotiationRefused;
use domain::quality::admission::Outside;
use domain::quality::report::Absurd;
use domain::quota::seconds_up;
use domain::recording::RecordingRefused;
use domain::session::SessionRefused;
use domain::sign_in::SignInRefused;
use domain::storage::StorageRefused;

use super::{Code, Newest, Problem};

impl From<domain::quota::TooMany> for Problem {
    fn from(refused: domain::quota::TooMany) -> Self {
        Self { retry_after: Some(refused.wait_seconds()), ..Self::because(Code::TooManyRequests, refused.to_string()) }
    }
}

/// What a refusal tells besides its name.
trait Tells {
    /// The newer thing that the request did not know of.
    fn newest(&self) -> Option<Newest> {
        None
    }

    /// Seconds until the same request may succeed.
    fn retry_after(&self) -> Option<i64> {
        None
    }
}

impl Tells for CallRefused {
    fn newest(&self) -> Option<Newest> {
        match *self {
            Self::Superseded(call) => Some(Newest { superseded_by: Some(call), ..Newest::default() }),
            Self::StaleStay(generation) => Some(Newest { generation: Some(generation), ..Newest::default() }),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<i64> {
        if let Self::InVain(wait) = self { Some(seconds_up(*wait)) } else { None }
    }
}

impl Tells for NegotiationRefused {
    fn newest(&self) -> Option<Newest> {
        let domain::negotiation::Place { epoch, generation } = self.place()?;
        Some(Newest { superseded_by: None, epoch: Some(epoch), generation: Some(generation) })
    }
}

impl Tells for AccountRefused {}
impl Tells for Absurd {}
impl Tells for Outside {}
impl Tells for SessionRefused {}
impl Tells for SignInRefused {}
impl Tells for RecordingRefused {}
impl Tells for StorageRefused {}

macro_rules! told_as {
    ($($refused:ty { $($pattern:pat => $code:ident,)* })*) => {$(
        impl From<$refused> for Problem {
            fn from(refused: $refused) -> Self {
                use $refused as R;
                let code = match &refused { $($pattern => Code::$code,)* };
                Problem {
                    newest: refused.newest().map(Box::new),
                    retry_after: refused.retry_after(),
                    ..Problem::because(code, refused.to_string())
                }
            }
        }
    )*};
}

told_as! {
    CallRefused {
        R::Nobody => NobodyCalled,
        R::TooMany => TooManyPeople,
        R::Oneself => CalledOneself,
        R::Twice(_) => CalledTwice,
        R::UnknownPerson(_) => PersonUnknown,
        R::Stranger => CallUnknown,
        R::Over => CallOver,
        R::AnsweredElsewhere => AnsweredElsewhere,
        R::InVain(_) => CalledInVain,
        R::Superseded(_) => Superseded,
        R::Gone => LeftCall,
        R::StaleStay(_) => StaleGeneration,
        R::NotHost(_) => NotHost,
        R::NotJoined => NotJoined,
        R::WhomFor => AddresseeMissing,
        R::NotAPeer => NotAPeer,
        R::Recorded(_) => RecordingUnderWay,
        R::NotRecorded => NotRecorded,
        R::ConsentMissing => ConsentMissing,
    }
    NegotiationRefused {
        R::OfferPending(_) => OfferPending,
        R::NoOffer => NoOffer,
        R::Stale(_) => StaleOffer,
        R::Answered(_) => OfferAnswered,
        R::TooManyCandidates => TooManyCandidates,
    }
    Outside {
        R => QualityOutside,
    }
    Absurd {
        R::Uncountable
        | R::Delay
        | R::LostBeforeAny
        | R::LostMoreThanSent
        | R::Concealed
        | R::Bitrate => QualityAbsurd,
    }
    RecordingRefused {
        R::Stranger => RecordingUnknown,
        R::NotYours => NotRecorder,
        R::Closed => RecordingClosed,
        R::ConsentMissing => ConsentMissing,
        R::OutOfOrder => PartOutOfOrder,
        R::Changed => PartChanged,
        R::Empty => RecordingEmpty,
    }
    StorageRefused {
        R::Full(_) => StorageFull,
        R::TooMany => TooManyRecordings,
    }
    SessionRefused {
        R::Expired => SessionExpired,
        R::Revoked => SessionRevoked,
        R::Reused => RefreshReused,
        R::Unknown => RefreshInvalid,
    }
    SignInRefused {
        R::Unknown => SignInRefused,
        R::Expired => SignInExpired,
    }
    AccountRefused {
        R::LastWayIn => LastWayIn,
        R::LinkedOtherwise => LinkedOtherwise,
        R::NotLinked => NotLinked,
    }
}

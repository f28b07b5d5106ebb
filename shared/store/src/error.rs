//! The ways in which the store says no.

use std::error::Error;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use socket::problem::causes;
use socket::{Code, Problem};

type Cause = Box<dyn Error + Send + Sync>;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold: somebody else was there first. Nothing was written.
    #[error("write {} of the transaction lost a race", .0.first().copied().unwrap_or(0))]
    Stale(Vec<usize>),
    /// The request was answered before: its answer is kept. Nothing was written.
    #[error("the request was answered before")]
    Repeated,
    /// Throttled or in conflict, after the retries. Nothing was written.
    #[error("the store is busy: {0}")]
    Busy(#[source] Cause),
    /// No answer: whether it was written is not known.
    #[error("the store did not answer: {0}")]
    Unknown(#[source] Cause),
    /// A request the store does not understand, or an item we do not.
    #[error("the store and the code disagree: {0}")]
    Broken(#[source] Cause),
}

impl StoreError {
    /// Whether the write with this place in the transaction lost a race.
    pub fn lost(&self, place: usize) -> bool {
        matches!(self, Self::Stale(places) if places.contains(&place))
    }

    /// Whether any write lost a race.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Stale(_))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale(_) | StoreError::Repeated => Self::new(Code::Conflict),
            StoreError::Busy(cause) => {
                tracing::warn!(error = causes(&*cause), "the store is busy");
                Self::because(Code::Busy, "the store is busy; nothing was changed")
            }
            StoreError::Unknown(cause) => {
                tracing::error!(error = causes(&*cause), "the store did not answer");
                Self::because(Code::Busy, "the store did not answer; whether anything was changed is not known")
            }
            StoreError::Broken(cause) => {
                tracing::error!(error = causes(&*cause), "the store and the code disagree");
                Self::new(Code::Internal)
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn broken(error: BuildError) -> StoreError {
    StoreError::Broken(error.to_string().into())
}

pub(crate) fn classify<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let busy = [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TransactionConflictException",
    ];
    // A write that got one of these may have happened.
    let unknown = ["InternalServerError", "ServiceUnavailable", "TransactionInProgressException"];
    match &error {
        SdkError::ServiceError(refused) => match refused.err().code() {
            Some(code) if busy.contains(&code) => StoreError::Busy(error.into()),
            Some(code) if unknown.contains(&code) => StoreError::Unknown(error.into()),
            _ => StoreError::Broken(error.into()),
        },
        SdkError::ConstructionFailure(_) => StoreError::Broken(error.into()),
        _ => StoreError::Unknown(error.into()),
    }
}

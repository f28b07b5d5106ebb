//! The ways in which the bucket says no.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use socket::problem::causes;
use socket::{Code, Problem};

type Cause = Box<dyn Error + Send + Sync>;

/// Why something was not kept, brought or taken away.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such upload or object.
    #[error("there is no such thing in the bucket")]
    Missing,
    /// Throttled, after the retries. Nothing was changed.
    #[error("the bucket is busy: {0}")]
    Busy(#[source] Cause),
    /// No answer: whether anything was changed is not known.
    #[error("the bucket did not answer: {0}")]
    Unknown(#[source] Cause),
    /// A request that S3 does not understand or allow.
    #[error("the bucket and the code disagree: {0}")]
    Broken(#[source] Cause),
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Busy(cause) => {
                tracing::warn!(error = causes(&*cause), "the bucket is busy");
                Self::because(Code::Busy, "the bucket is busy; nothing was changed")
            }
            BlobError::Unknown(cause) => {
                tracing::error!(error = causes(&*cause), "the bucket did not answer");
                Self::because(Code::Busy, "the bucket did not answer; whether anything was changed is not known")
            }
            BlobError::Missing => {
                tracing::error!("something is missing in the bucket");
                Self::new(Code::Internal)
            }
            BlobError::Broken(cause) => {
                tracing::error!(error = causes(&*cause), "the bucket and the code disagree");
                Self::new(Code::Internal)
            }
        }
    }
}

pub(crate) fn classify<E, R>(error: SdkError<E, R>) -> BlobError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(refused) => match refused.err().code() {
            Some("NoSuchUpload" | "NoSuchKey" | "NotFound") => BlobError::Missing,
            Some("SlowDown" | "ServiceUnavailable" | "RequestTimeout") => BlobError::Busy(error.into()),
            Some("InternalError") => BlobError::Unknown(error.into()),
            _ => BlobError::Broken(error.into()),
        },
        SdkError::ConstructionFailure(_) => BlobError::Broken(error.into()),
        _ => BlobError::Unknown(error.into()),
    }
}

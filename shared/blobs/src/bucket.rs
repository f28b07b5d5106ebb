//! The one place where the client is built, and objects as a whole.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{RequestChecksumCalculation, SharedHttpClient};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::{Client, config};
use jiff::SignedDuration;

use crate::error::{BlobError, classify};
use crate::keys::Key;

/// Who signs for a bucket on this machine: the user and the word that its server knows.
pub const LOCAL_CREDENTIALS: (&str, &str) = ("local", "local-bucket");

const ATTEMPTS: u32 = 4;

/// A bucket.
#[derive(Clone, Debug)]
pub struct Blobs {
    pub(crate) client: Client,
    pub(crate) bucket: String,
}

impl Blobs {
    /// A bucket of the account that the function runs in, with its own credentials.
    pub async fn from_env(bucket: String) -> Self {
        let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        // AWS's own endpoints have the bucket in the host's name; whoever stands in for them has one name only.
        let stand_in = shared.endpoint_url().is_some();
        Self::from_config(config::Builder::from(&shared).force_path_style(stand_in), bucket)
    }

    /// A bucket on this machine.
    pub fn local(endpoint: &str, bucket: &str) -> Self {
        Self::from_config(local(endpoint), bucket.to_owned())
    }

    /// The same through somebody's own transport: where a test loses requests and replies.
    pub fn local_through(transport: SharedHttpClient, endpoint: &str, bucket: &str) -> Self {
        Self::from_config(local(endpoint).http_client(transport), bucket.to_owned())
    }

    fn from_config(builder: config::Builder, bucket: String) -> Self {
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(25));
        let limits = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(6))
            .operation_timeout(Duration::from_secs(15))
            .build();
        let config = builder
            .retry_config(retry)
            .timeout_config(limits)
            // A checksum is signed where the sender knows the bytes; the SDK would sign one of an empty body.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Self { client: Client::from_conf(config), bucket }
    }

    /// Makes a bucket on this machine, unless it is there. Everywhere else `template.yaml` does.
    pub async fn create(&self) -> Result<(), BlobError> {
        match self.client.create_bucket().bucket(&self.bucket).send().await {
            Err(error)
                if error.as_service_error().is_some_and(|refused| {
                    refused.is_bucket_already_exists() || refused.is_bucket_already_owned_by_you()
                }) =>
            {
                Ok(())
            }
            made => made.map(drop).map_err(classify),
        }
    }

    /// How many bytes an object has. `None`: there is none.
    pub async fn size(&self, key: Key) -> Result<Option<u64>, BlobError> {
        match self.client.head_object().bucket(&self.bucket).key(key.to_string()).send().await.map_err(classify) {
            Ok(object) => Ok(object.content_length().and_then(|bytes| u64::try_from(bytes).ok())),
            Err(BlobError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A URL that brings an object, as an attachment with this name and media type, whatever it was uploaded as. Whoever
    /// has it can use it; it is good for `life` by the signer's clock.
    pub async fn link(&self, key: Key, file: &str, media: &str, life: SignedDuration) -> Result<String, BlobError> {
        let link = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key.to_string())
            .response_content_disposition(format!("attachment; filename=\"{file}\""))
            .response_content_type(media)
            .response_cache_control("private, no-store");
        let link = link.presigned(presigning(life)?).await.map_err(classify)?;
        Ok(link.uri().to_owned())
    }

    /// Takes an object away. Taken away twice it is gone once.
    pub async fn delete(&self, key: Key) -> Result<(), BlobError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key.to_string()).send().await;
        match deleted.map_err(classify) {
            Err(BlobError::Missing) => Ok(()),
            deleted => deleted.map(drop),
        }
    }
}

pub(crate) fn presigning(life: SignedDuration) -> Result<PresigningConfig, BlobError> {
    PresigningConfig::expires_in(life.unsigned_abs()).map_err(|error| BlobError::Broken(error.into()))
}

fn local(endpoint: &str) -> config::Builder {
    static CLIENTS: AtomicUsize = AtomicUsize::new(0);
    let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
    let (user, word) = LOCAL_CREDENTIALS;
    config::Builder::new()
        .behavior_version(config::BehaviorVersion::latest())
        .region(config::Region::new("local"))
        .credentials_provider(aws_credential_types::Credentials::from_keys(user, word, None))
        .retry_partition(RetryPartition::new(format!("local bucket {number}")))
        .endpoint_url(endpoint)
        .force_path_style(true)
}

//! Posting to connections through API Gateway's management API (`@connections`).

use std::time::Duration;

use aws_sdk_apigatewaymanagement::config::{self, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_apigatewaymanagement::error::SdkError;
use aws_sdk_apigatewaymanagement::{Client, primitives::Blob};
use domain::lease::ConnectionId;
use socket::courier::{Courier, Delivery, Undelivered};

/// The real courier.
#[derive(Clone, Debug)]
pub struct ApiGateway {
    client: Client,
}

impl ApiGateway {
    /// Posts to the API whose management endpoint this is, with the Lambda's own credentials.
    pub async fn from_env(endpoint: &str) -> Self {
        let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Self::from_config(config::Builder::from(&shared), endpoint)
    }

    /// Posts to a local stand-in, which believes any signature.
    pub fn local(endpoint: &str) -> Self {
        let nobody = aws_credential_types::Credentials::from_keys("local", "local", None);
        let builder = config::Builder::new()
            .behavior_version(config::BehaviorVersion::latest())
            .region(config::Region::new("local"))
            .credentials_provider(nobody);
        Self::from_config(builder, endpoint)
    }

    fn from_config(builder: config::Builder, endpoint: &str) -> Self {
        let limits = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(5))
            .build();
        let retry = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(25));
        let config = builder.endpoint_url(endpoint).retry_config(retry).timeout_config(limits).build();
        Self { client: Client::from_conf(config) }
    }
}

impl Courier for ApiGateway {
    fn post<'a>(&'a self, connection: &'a ConnectionId, frame: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            let post = self.client.post_to_connection().connection_id(&connection.0).data(Blob::new(frame));
            match post.send().await {
                Ok(_) => Ok(()),
                Err(SdkError::ServiceError(refused)) if refused.err().is_gone_exception() => Err(Undelivered::Gone),
                Err(error) => Err(Undelivered::Failed(error.into())),
            }
        })
    }

    fn close<'a>(&'a self, connection: &'a ConnectionId) -> Delivery<'a> {
        Box::pin(async move {
            match self.client.delete_connection().connection_id(&connection.0).send().await {
                Ok(_) => Ok(()),
                Err(SdkError::ServiceError(refused)) if refused.err().is_gone_exception() => Err(Undelivered::Gone),
                Err(error) => Err(Undelivered::Failed(error.into())),
            }
        })
    }
}

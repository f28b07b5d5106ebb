//! The Lambda function `realtime`.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::log::start();
    let state = api::env::or_exit(realtime::State::from_env().await);
    let serve = async |event: LambdaEvent<ApiGatewayWebsocketProxyRequest>| {
        Ok::<ApiGatewayProxyResponse, Error>(realtime::serve(&state, event.payload).await)
    };
    Box::pin(lambda_runtime::run(service_fn(serve))).await
}

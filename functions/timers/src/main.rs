//! The Lambda function `timers`.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::log::start();
    let state = api::env::or_exit(timers::State::from_env().await);
    let serve = async |event: LambdaEvent<Value>| timers::serve(&state, event.payload).await;
    Box::pin(lambda_runtime::run(service_fn(serve))).await
}

//! The Lambda function `recordings`.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::log::start();
    let state = api::env::or_exit(recordings::State::from_env().await);
    lambda_http::run(recordings::service(state)).await
}

//! The Lambda function `auth`.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::log::start();
    let state = api::env::or_exit(auth::State::from_env().await);
    lambda_http::run(auth::service(state)).await
}

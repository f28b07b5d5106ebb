//! A function that does nothing: the floor that any Rust function stands on.

use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(async |_: lambda_http::Request| Ok::<_, Error>("hello"))).await
}

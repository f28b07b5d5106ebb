//! What a request's limits left, in its answer's headers (`RateLimit`, `RateLimit-Policy`; IETF draft
//! ietf-httpapi-ratelimit-headers).

use std::cell::RefCell;

use axum::response::Response;
use domain::quota::{Quota, TooMany, seconds_up};
use http::{HeaderName, HeaderValue};
use socket::Problem;

/// The limits and how they are counted.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left.
pub const LEFT: HeaderName = HeaderName::from_static("ratelimit");

tokio::task_local! {
    static TOLD: RefCell<Vec<Quota>>;
}

/// Notes what was taken for the answer's headers, and refuses when there was nothing to take.
pub fn check(taken: Result<Quota, TooMany>) -> Result<(), Problem> {
    let quota = taken.as_ref().map_or_else(|too_many| too_many.quota, |quota| *quota);
    // Outside of a request there is nobody to tell.
    let _ = TOLD.try_with(|told| told.borrow_mut().push(quota));
    Ok(taken.map(drop)?)
}

/// Answers a request; the answer tells of every limit that it met on its way.
pub(crate) async fn telling(answer: impl Future<Output = Response>) -> Response {
    let met = async {
        let answer = answer.await;
        (answer, TOLD.with(RefCell::take))
    };
    let (mut answer, quotas) = TOLD.scope(RefCell::default(), met).await;
    if !quotas.is_empty() {
        let list = |item: &dyn Fn(&Quota) -> String| quotas.iter().map(item).collect::<Vec<_>>().join(", ");
        let window = |quota: &Quota| seconds_up(quota.rate.window());
        let policy = list(&|q| format!("\"{}\";q={};w={}", q.rate.as_str(), q.rate.burst(), window(q)));
        let left = list(&|q| format!("\"{}\";r={};t={}", q.rate.as_str(), q.left, seconds_up(q.full_in)));
        for (name, value) in [(POLICY, policy), (LEFT, left)] {
            answer.headers_mut().insert(name, HeaderValue::from_str(&value).expect("names and numbers"));
        }
    }
    answer
}

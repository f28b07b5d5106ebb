//! A problem on its way out over HTTP.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use socket::problem::{Code, Problem, Retry};

/// What a handler returns when it refuses: anything that is a [`Problem`].
#[derive(Clone, Debug)]
pub struct Refusal(pub Problem);

impl<E: Into<Problem>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")]).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if problem.code.retry() == Retry::Later {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(problem.retry_after.unwrap_or(1)));
        }
        // The body is written by the outermost layer, which knows the request's id.
        response.extensions_mut().insert(problem);
        response
    }
}

/// A problem with one bad field.
pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidFields).at(pointer, detail)
}

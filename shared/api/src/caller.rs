//! Authorisation as a type: a handler that takes a [`Caller`] cannot be reached without a valid token.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use domain::clock::Clock;
use http::{header, request::Parts};
use socket::problem::{Code, Problem};

use crate::refusal::Refusal;
use crate::token::{Access, TokenRefused, Verifier};

/// What every group's state can say: whom to believe, and what time it is.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Believes tokens.
    pub verifier: Verifier,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Who asks. Reads no store: the token's word is enough for its ten minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Access);

impl From<TokenRefused> for Problem {
    fn from(refused: TokenRefused) -> Self {
        Self::new(match refused {
            TokenRefused::Invalid => Code::TokenInvalid,
            TokenRefused::Expired => Code::TokenExpired,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Trust: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(|| Problem::new(Code::TokenMissing))?;
        let text = value.to_str().map_err(|_| TokenRefused::Invalid)?;
        let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or_else(|| Problem::new(Code::TokenMissing))?;
        let trust = Trust::from_ref(state);
        Ok(Self(trust.verifier.access(token.trim(), trust.clock.now())?))
    }
}

impl<S: Send + Sync> axum::extract::OptionalFromRequestParts<S> for Caller
where
    Trust: FromRef<S>,
{
    type Rejection = Refusal;

    /// Nobody when no token was sent; a bad token is refused all the same.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
        } else {
            Ok(None)
        }
    }
}

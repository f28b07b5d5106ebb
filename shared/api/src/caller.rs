//! Authorisation as a type: a handler that takes a [`Caller`] cannot be reached without a valid token.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use domain::clock::Clock;
use http::{header, request::Parts};
use socket::Sessions;
use socket::problem::{Code, Problem};

use crate::refusal::Refusal;
use crate::token::{Access, TokenRefused, Verifier};

/// What every group's state can say: whom to believe, and what time it is.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Believes tokens.
    pub verifier: Verifier,
    /// Knows which sessions were ended before their tokens.
    pub sessions: Arc<dyn Sessions>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Who asks. That a session was ended is known here within [`domain::limit::REVOCATION`], which costs one small read
/// per session and minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub Access);

/// Who asks, for what must not wait for that: ways into an account, keys, money. One read each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed(pub Access);

impl From<TokenRefused> for Problem {
    fn from(refused: TokenRefused) -> Self {
        Self::new(match refused {
            TokenRefused::Invalid => Code::TokenInvalid,
            TokenRefused::Expired => Code::TokenExpired,
        })
    }
}

/// Whose token this is, even if its session was ended: for signing out, which may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer(pub Access);

impl<S: Send + Sync> FromRequestParts<S> for Bearer
where
    Trust: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Ok(Self(access(parts, &Trust::from_ref(state))?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Trust: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let trust = Trust::from_ref(state);
        let access = access(parts, &trust)?;
        let now = trust.clock.now();
        match trust.sessions.is_ended(access.sub, access.sid, false, now).await {
            Ok(true) => Err(Problem::new(Code::SessionRevoked).into()),
            // The token is good; that nobody can be asked whether it still is must not stop everybody.
            Ok(false) | Err(_) => Ok(Self(access)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Confirmed
where
    Trust: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let trust = Trust::from_ref(state);
        let access = access(parts, &trust)?;
        if trust.sessions.is_ended(access.sub, access.sid, true, trust.clock.now()).await? {
            return Err(Problem::new(Code::SessionRevoked).into());
        }
        Ok(Self(access))
    }
}

/// The word of the request's token.
fn access(parts: &Parts, trust: &Trust) -> Result<Access, Problem> {
    let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(|| Problem::new(Code::TokenMissing))?;
    let text = value.to_str().map_err(|_| TokenRefused::Invalid)?;
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(|| Problem::new(Code::TokenMissing))?;
    Ok(trust.verifier.access(token.trim(), trust.clock.now())?)
}

impl<S: Send + Sync> axum::extract::OptionalFromRequestParts<S> for Confirmed
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

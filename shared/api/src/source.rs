//! Where a request comes from, as whoever took the connection says. No header is believed: anybody can write one.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use domain::quota::network;
use http::request::Parts;
use lambda_http::request::RequestContext;

use crate::secret::hash;

/// A hash of the network that a request comes from, see [`network`]: addresses are personal, and are kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(pub String);

impl Source {
    /// The network of an address. The laptop's server and tests put it among a request's extensions.
    pub fn of(address: IpAddr) -> Self {
        Self(hash(network(address)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    /// A request whose source nobody told shares one count with all the others like it.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        if let Some(source) = parts.extensions.get::<Self>() {
            return Ok(source.clone());
        }
        let gateway = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            _ => None,
        };
        let address = gateway.and_then(|address| address.parse().ok());
        Ok(address.map_or_else(|| Self("unknown".into()), Self::of))
    }
}

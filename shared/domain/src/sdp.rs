//! Session descriptions and ICE candidates, as far as a relay must look into them.
//!
//! Both carry people's network addresses: they are never logged, and `Debug` hides them. Nothing in them is ever
//! fetched, resolved or dialled here; the browser that gets them does that, so what it must not do is kept from it.
//!
//! **Refused**, because no browser makes it and whoever does means harm or has a fault to find:
//! more than [`limit::SDP`] bytes, [`limit::MEDIA_SECTIONS`] sections or [`limit::CANDIDATES_KEPT`] candidates; lines that are
//! none of RFC 8866, control characters, a carriage return that ends no line; keys in the description (SDES, `k=`, MIKEY), which
//! we could read; media without a SHA-256 `a=fingerprint`, with one that is malformed or of a broken hash; `a=setup` that is
//! missing or not of this kind; `ice-ufrag` or `ice-pwd` that is missing or not of RFC 8839's length; a candidate that is none
//! of RFC 8839 section 5.1, or has a host's name but `….local` (the receiver would look it up). What holds for media that share a
//! path (BUNDLE) or for the session counts; rejected media (port 0) may say what they like.
//!
//! **Stripped**, because browsers make some of them and the rest is good: candidates with a port below 1024 (but the
//! port 9 of TCP that only dials), the loopback address (kept on a laptop), unspecified and multicast addresses, the clouds'
//! metadata services, and IPv4 in other words (mapped, compatible, NAT64, 6to4). Else somebody's browser would knock at them
//! for the sender. Everything else of a description passes byte for byte.

mod address;
mod candidate;
mod grammar;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::address::Addresses;
pub use self::candidate::{BatchRefused, CandidateBatch, CandidateLine, IceCandidate, ShortText};
use crate::limit;
use crate::negotiation::DescriptionKind;

/// Why a description or candidate is not relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpRefused {
    /// Larger than [`limit::SDP`] or [`limit::CANDIDATE`].
    #[error("must have at most {most} bytes, this has {is}")]
    TooLarge {
        /// The limit.
        most: usize,
        /// What came.
        is: usize,
    },
    /// Not lines as RFC 8866 demands, or with characters that no description has.
    #[error("must be a session description: lines of text, the first ones v=0, o=, s=, and t= before any m=")]
    NotSdp,
    /// More media than [`limit::MEDIA_SECTIONS`].
    #[error("must have at most {most} media sections, this has {is}", most = limit::MEDIA_SECTIONS)]
    TooManySections {
        /// What came.
        is: usize,
    },
    /// More candidates than [`limit::CANDIDATES_KEPT`].
    #[error("must have at most {most} candidates, this has {is}", most = limit::CANDIDATES_KEPT)]
    TooManyCandidates {
        /// What came.
        is: usize,
    },
    /// Keys in the description.
    #[error("must not carry keys (a=crypto, a=key-mgmt, k=): they are agreed on by DTLS")]
    Keys,
    /// A medium without a SHA-256 fingerprint.
    #[error("must have a=fingerprint:sha-256 for every media section that is not rejected")]
    FingerprintMissing,
    /// A fingerprint that is none, or of a broken hash.
    #[error("must have only fingerprints of sha-256, sha-384 or sha-512, in full")]
    Fingerprint,
    /// No `a=setup`, or one that this kind of description cannot have.
    #[error(
        "must have a=setup for every media section: actpass, active or passive in an offer, active or passive in an answer"
    )]
    Setup,
    /// No ICE credentials, or of a wrong length.
    #[error(
        "must have a=ice-ufrag of 4 to 256 and a=ice-pwd of 22 to 256 letters, digits, + and / for every media section"
    )]
    Ice,
    /// Not a candidate line of RFC 8839 section 5.1.
    #[error("must be an ICE candidate line that starts with candidate:, or empty for the end of candidates")]
    NotCandidate,
    /// A candidate with a name instead of an address.
    #[error("must have candidates with addresses or names that end with .local, no other names")]
    HostName,
}

/// A session description as it is relayed and kept, at most [`limit::SDP`] bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Sdp(String);

impl TryFrom<String> for Sdp {
    type Error = SdpRefused;

    /// From where it was kept; what clients send is a [`SaidSdp`].
    fn try_from(text: String) -> Result<Self, SdpRefused> {
        if text.len() > limit::SDP {
            return Err(SdpRefused::TooLarge { most: limit::SDP, is: text.len() });
        }
        if text.starts_with("v=0") { Ok(Self(text)) } else { Err(SdpRefused::NotSdp) }
    }
}

impl Sdp {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for a peer who may not learn the sender's address: of its candidates the relays, without the address
    /// behind them, and no address elsewhere (RFC 8829 section 5.2.1 has these values for a sender that knows none).
    #[must_use]
    pub fn relay_only(&self) -> Self {
        self.rewrite(|line| {
            let words = line.split(' ');
            Some(match line.get(..2).unwrap_or_default() {
                "o=" => words.take(3).chain(["IN", "IP4", "0.0.0.0"]).collect::<Vec<_>>().join(" "),
                "c=" => "c=IN IP4 0.0.0.0".into(),
                "m=" => {
                    let port = |(n, word)| if n == 1 && word != "0" { "9" } else { word };
                    words.enumerate().map(port).collect::<Vec<_>>().join(" ")
                }
                "a=" if line.starts_with("a=candidate:") => format!("a={}", candidate::relay_only(&line[2..])?),
                "a=" if line.starts_with("a=rtcp:") => "a=rtcp:9 IN IP4 0.0.0.0".into(),
                "a=" if line.starts_with("a=remote-candidates:") => return None,
                _ => line.to_owned(),
            })
        })
    }

    /// Every line anew, or left out; their ends as they were.
    fn rewrite(&self, line: impl Fn(&str) -> Option<String>) -> Self {
        let ends = |all: &str| {
            if all.ends_with("\r\n") {
                "\r\n"
            } else if all.ends_with('\n') {
                "\n"
            } else {
                ""
            }
        };
        let lines = self.0.split_inclusive('\n');
        Self(lines.filter_map(|all| Some(line(all.trim_end_matches(['\r', '\n']))? + ends(all))).collect())
    }
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes)", self.0.len())
    }
}

impl utoipa::PartialSchema for Sdp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .min_length(Some(4))
            .max_length(Some(limit::SDP))
            .into()
    }
}

impl utoipa::ToSchema for Sdp {}

/// A session description as a client sent it: good by its grammar. What is relayed of it is an [`Sdp`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = Sdp)]
pub struct SaidSdp(Sdp);

impl TryFrom<String> for SaidSdp {
    type Error = SdpRefused;

    fn try_from(text: String) -> Result<Self, SdpRefused> {
        let sdp = Sdp::try_from(text)?;
        grammar::parse(sdp.as_str())?;
        Ok(Self(sdp))
    }
}

impl SaidSdp {
    /// What is relayed of it as an offer or as an answer.
    pub fn relayed(&self, kind: DescriptionKind, addresses: Addresses) -> Result<Sdp, SdpRefused> {
        grammar::parse(self.0.as_str())?.check(kind)?;
        Ok(self.0.rewrite(|line| {
            let candidate = line.strip_prefix("a=").filter(|line| line.starts_with("candidate:"));
            let passes = |line| candidate::parse(line).is_ok_and(|parsed| parsed.may_pass(addresses));
            candidate.is_none_or(passes).then(|| line.to_owned())
        }))
    }
}

//! Session descriptions and ICE candidates, as far as a relay must look into them.
//!
//! Both carry people's network addresses: they are never logged, and `Debug` hides them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limit;

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
    /// Does not begin like RFC 8866 demands, or has characters that no description has.
    #[error("must be a session description: lines of text, the first one v=0")]
    NotSdp,
    /// Not a candidate line of RFC 8839 section 5.1.
    #[error("must be an ICE candidate line that starts with candidate:, or empty for the end of candidates")]
    NotCandidate,
}

/// An SDP session description (RFC 8866), at most [`limit::SDP`] bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Sdp(String);

impl TryFrom<String> for Sdp {
    type Error = SdpRefused;

    fn try_from(text: String) -> Result<Self, SdpRefused> {
        if text.len() > limit::SDP {
            return Err(SdpRefused::TooLarge { most: limit::SDP, is: text.len() });
        }
        let starts = text.starts_with("v=0\r\n") || text.starts_with("v=0\n");
        let plain = !text.chars().any(|c| c.is_control() && c != '\r' && c != '\n' && c != '\t');
        let lines = text.lines().all(|line| line.is_empty() || line.as_bytes().get(1) == Some(&b'='));
        if starts && plain && lines { Ok(Self(text)) } else { Err(SdpRefused::NotSdp) }
    }
}

impl Sdp {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
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

/// A candidate line, at most [`limit::CANDIDATE`] bytes; empty marks the end of candidates.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CandidateLine(String);

impl TryFrom<String> for CandidateLine {
    type Error = SdpRefused;

    fn try_from(text: String) -> Result<Self, SdpRefused> {
        if text.len() > limit::CANDIDATE {
            return Err(SdpRefused::TooLarge { most: limit::CANDIDATE, is: text.len() });
        }
        let line = text.is_empty() || text.starts_with("candidate:") || text.starts_with("a=candidate:");
        if line && !text.chars().any(char::is_control) { Ok(Self(text)) } else { Err(SdpRefused::NotCandidate) }
    }
}

impl fmt::Debug for CandidateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CandidateLine({} bytes)", self.0.len())
    }
}

impl utoipa::PartialSchema for CandidateLine {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .max_length(Some(limit::CANDIDATE))
            .into()
    }
}

impl utoipa::ToSchema for CandidateLine {}

/// One ICE candidate, with the field names of the browser's `RTCIceCandidateInit` (W3C WebRTC section 4.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IceCandidate {
    /// The candidate line.
    pub candidate: CandidateLine,
    /// The media section's identification tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub sdp_mid: Option<ShortText>,
    /// The media section's place, from 0.
    #[serde(default, rename = "sdpMLineIndex", skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE generation that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256)]
    pub username_fragment: Option<ShortText>,
}

/// A string of at most 256 bytes (RFC 8839 section 5.4 allows a fragment no more).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, max_length = 256)]
pub struct ShortText(String);

impl TryFrom<String> for ShortText {
    type Error = SdpRefused;

    fn try_from(text: String) -> Result<Self, SdpRefused> {
        if text.len() > 256 { Err(SdpRefused::TooLarge { most: 256, is: text.len() }) } else { Ok(Self(text)) }
    }
}

/// From one to [`limit::CANDIDATE_BATCH`] candidates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<IceCandidate>")]
pub struct CandidateBatch(Vec<IceCandidate>);

impl CandidateBatch {
    /// The candidates, in the order they came.
    pub fn into_inner(self) -> Vec<IceCandidate> {
        self.0
    }
}

impl TryFrom<Vec<IceCandidate>> for CandidateBatch {
    type Error = BatchRefused;

    fn try_from(candidates: Vec<IceCandidate>) -> Result<Self, BatchRefused> {
        match candidates.len() {
            0 => Err(BatchRefused::Empty),
            is if is > limit::CANDIDATE_BATCH => Err(BatchRefused::TooMany { is }),
            _ => Ok(Self(candidates)),
        }
    }
}

/// Why a batch is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchRefused {
    /// Nothing in it.
    #[error("must have at least one candidate")]
    Empty,
    /// Too much in it.
    #[error("must have at most {most} candidates, this has {is}; send the rest in the next batch", most = limit::CANDIDATE_BATCH)]
    TooMany {
        /// What came.
        is: usize,
    },
}

impl utoipa::PartialSchema for CandidateBatch {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ArrayBuilder::new()
            .items(utoipa::openapi::Ref::from_schema_name("IceCandidate"))
            .min_items(Some(1))
            .max_items(Some(limit::CANDIDATE_BATCH))
            .into()
    }
}

impl utoipa::ToSchema for CandidateBatch {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        schemas.push(("IceCandidate".into(), <IceCandidate as utoipa::PartialSchema>::schema()));
        <IceCandidate as utoipa::ToSchema>::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_descriptions_are_relayed() {
        assert!(Sdp::try_from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n".to_owned()).is_ok());
        let big = format!("v=0\r\n{}", "a=x\r\n".repeat(limit::SDP / 5));
        assert!(matches!(Sdp::try_from(big), Err(SdpRefused::TooLarge { .. })));
        for bad in ["", "hello", "v=1\r\n", "v=0", "v=0\r\na\0=x\r\n", "v=0\r\nnonsense\r\n", "v=0\r\n\u{1b}[31m=\r\n"]
        {
            assert_eq!(Sdp::try_from(bad.to_owned()), Err(SdpRefused::NotSdp), "{bad:?}");
        }
    }

    #[test]
    fn addresses_do_not_print() {
        let line = CandidateLine::try_from("candidate:1 1 udp 1 10.0.0.7 9 typ host".to_owned()).expect("a candidate");
        assert!(!format!("{line:?}").contains("10.0.0.7"));
    }
}

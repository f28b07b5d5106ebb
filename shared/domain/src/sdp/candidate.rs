//! ICE candidates: the line (RFC 8839 section 5.1), the browser's object around it, and batches.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{Addresses, SdpRefused};
use crate::limit;

/// Below it are the ports of services that a browser must not be made to knock at.
const LOWEST_PORT: u16 = 1024;
/// The port of whoever only dials (RFC 6544 section 4.5).
const DISCARD: u16 = 9;

enum Address {
    Ip(IpAddr),
    /// A name that stands for an address on the local network, told by multicast DNS.
    Mdns,
    /// An address with a zone (RFC 4007), which means nothing elsewhere.
    Zoned,
}

fn address(text: &str) -> Result<Address, SdpRefused> {
    if let Ok(ip) = text.parse() {
        return Ok(Address::Ip(ip));
    }
    if text.split_once('%').is_some_and(|(v6, _)| v6.parse::<Ipv6Addr>().is_ok()) {
        return Ok(Address::Zoned);
    }
    let label = text.strip_suffix(".local").ok_or(SdpRefused::HostName)?;
    let plain = (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { Ok(Address::Mdns) } else { Err(SdpRefused::HostName) }
}

/// What a candidate line says, as far as it matters here.
pub(super) struct Parsed {
    address: Address,
    port: u16,
    relay: bool,
    only_dials: bool,
}

/// Reads a line from `candidate:` on.
pub(super) fn parse(line: &str) -> Result<Parsed, SdpRefused> {
    let rest = line.strip_prefix("candidate:").ok_or(SdpRefused::NotCandidate)?;
    let words: Vec<&str> = rest.trim_end_matches(' ').split(' ').collect();
    let [foundation, component, transport, priority, connection, port, "typ", kind, more @ ..] = &words[..] else {
        return Err(SdpRefused::NotCandidate);
    };
    let number = |text: &str, digits: usize| -> Option<u32> {
        (text.len() <= digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
    };
    let port_of = |text: &str| number(text, 5).and_then(|port| u16::try_from(port).ok());
    let tcp = transport.eq_ignore_ascii_case("tcp");
    let good = (1..=32).contains(&foundation.len())
        && foundation.bytes().all(is_ice_char)
        && number(component, 3).is_some_and(|n| (1..=256).contains(&n))
        && (tcp || transport.eq_ignore_ascii_case("udp"))
        && number(priority, 10).is_some_and(|n| n > 0)
        && matches!(*kind, "host" | "srflx" | "prflx" | "relay");
    let port = port_of(port).filter(|_| good).ok_or(SdpRefused::NotCandidate)?;
    let mut only_dials = false;
    for pair in more.chunks(2) {
        match pair {
            ["raddr", related] => {
                self::address(related)?;
            }
            ["rport", port] if port_of(port).is_none() => return Err(SdpRefused::NotCandidate),
            ["tcptype", kind] => only_dials = tcp && *kind == "active",
            [name, value] if !name.is_empty() && !value.is_empty() => {}
            _ => return Err(SdpRefused::NotCandidate),
        }
    }
    Ok(Parsed { address: address(connection)?, port, relay: *kind == "relay", only_dials })
}

/// RFC 8839 section 5.4.
pub(super) fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

impl Parsed {
    /// Whether it is handed on. The sender's word for its type changes nothing: a browser knocks at any of them.
    pub(super) fn may_pass(&self, addresses: Addresses) -> bool {
        let port = self.port >= LOWEST_PORT || (self.only_dials && self.port == DISCARD);
        port && match self.address {
            Address::Ip(ip) => addresses.allow(ip),
            Address::Mdns => true,
            Address::Zoned => false,
        }
    }
}

/// A relay's line without the sender's own address, which stands behind `raddr`; no line for other candidates.
pub(super) fn relay_only(line: &str) -> Option<String> {
    if !parse(line).is_ok_and(|parsed| parsed.relay) {
        return None;
    }
    let mut last = "";
    let words = line.split(' ').map(|word| match std::mem::replace(&mut last, word) {
        "raddr" => "0.0.0.0",
        "rport" => "0",
        _ => word,
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

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
        if text.chars().any(char::is_control) {
            return Err(SdpRefused::NotCandidate);
        }
        let line = Self(text);
        if !line.0.is_empty() {
            parse(line.bare())?;
        }
        Ok(line)
    }
}

impl CandidateLine {
    /// Without the `a=` that it has inside a description.
    fn bare(&self) -> &str {
        self.0.strip_prefix("a=").unwrap_or(&self.0)
    }

    fn may_pass(&self, addresses: Addresses) -> bool {
        self.0.is_empty() || parse(self.bare()).is_ok_and(|parsed| parsed.may_pass(addresses))
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
    #[schema(max_length = 256)]
    pub sdp_mid: Option<ShortText>,
    /// The media section's place, from 0.
    #[serde(default, rename = "sdpMLineIndex", skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    /// The ICE generation that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256)]
    pub username_fragment: Option<ShortText>,
}

impl IceCandidate {
    /// How much it says, in bytes.
    pub fn bytes(&self) -> usize {
        let texts = [&self.sdp_mid, &self.username_fragment];
        self.candidate.0.len() + texts.into_iter().flatten().map(|text| text.0.len()).sum::<usize>()
    }

    /// What is left of it when nobody may learn the sender's address: relays, without the address behind them, and the
    /// end of candidates.
    pub fn relay_only(self) -> Option<Self> {
        if self.candidate.0.is_empty() {
            return Some(self);
        }
        let candidate = CandidateLine(relay_only(self.candidate.bare())?);
        Some(Self { candidate, ..self })
    }
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

/// From one to [`limit::CANDIDATE_BATCH`] candidates, as a client sent them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<IceCandidate>")]
pub struct CandidateBatch(Vec<IceCandidate>);

impl CandidateBatch {
    /// What is handed on of them, in the order they came; perhaps nothing.
    pub fn relayed(self, addresses: Addresses) -> Vec<IceCandidate> {
        self.0.into_iter().filter(|one| one.candidate.may_pass(addresses)).collect()
    }
}

impl From<IceCandidate> for CandidateBatch {
    fn from(one: IceCandidate) -> Self {
        Self(vec![one])
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

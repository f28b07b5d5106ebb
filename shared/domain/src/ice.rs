//! ICE servers: where a browser learns its public address (STUN), and who carries media when no direct path is found (TURN).

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::id::UserId;
use crate::limit;

/// Which kind of server an [`IceUri`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceScheme {
    /// `stun:` (RFC 7064).
    Stun,
    /// `turn:` or `turns:` (RFC 7065).
    Turn,
}

/// The address of a STUN or TURN server, one that every browser takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(value_type = String, examples("turns:turn.example.com:5349?transport=tcp"))]
pub struct IceUri(String);

/// Why a text is no [`IceUri`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} must look like stun:HOST[:PORT] or turn[s]:HOST[:PORT][?transport=udp|tcp]")]
pub struct NotAnIceUri(String);

impl std::str::FromStr for IceUri {
    type Err = NotAnIceUri;

    fn from_str(text: &str) -> Result<Self, NotAnIceUri> {
        let refused = || NotAnIceUri(text.to_owned());
        let (scheme, rest) = text.split_once(':').ok_or_else(refused)?;
        let (authority, transport) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
        let known = match scheme {
            "stun" => transport.is_none(),
            "turn" | "turns" => matches!(transport, None | Some("transport=udp" | "transport=tcp")),
            _ => false,
        };
        if known && is_host_and_port(authority) { Ok(Self(text.to_owned())) } else { Err(refused()) }
    }
}

impl IceUri {
    /// Which kind of server it names.
    pub fn scheme(&self) -> IceScheme {
        if self.0.starts_with("stun:") { IceScheme::Stun } else { IceScheme::Turn }
    }
}

/// RFC 7064 section 3.1: a name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
fn is_host_and_port(text: &str) -> bool {
    let end = if text.starts_with('[') { text.find(']').map(|at| at + 1) } else { text.find(':') };
    let (host, port) = text.split_at(end.unwrap_or(text.len()));
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')),
    };
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|n| n > 0);
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// What proves to a TURN server that we sent somebody. It never prints.
#[derive(Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(value_type = String)]
pub struct Credential(pub String);

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Servers of one kind, with the field names of the browser's `RTCIceServer` (W3C WebRTC section 4.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct IceServer {
    /// Where they are.
    pub urls: Vec<IceUri>,
    /// For TURN: the second at which the credential ends, a colon, whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN: what goes with the username.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

/// The servers that one person may use for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct IceServers {
    /// As `RTCConfiguration.iceServers` takes them; none where a direct path always exists.
    pub ice_servers: Vec<IceServer>,
    /// Seconds from now on in which they may be used for a new connection. A connection that stands is not cut.
    pub ttl: i64,
    /// The same as an instant.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl IceServers {
    /// The servers of this person from now on; the credential is what `sign` makes of the username.
    pub fn of(
        stun: &[IceUri],
        turn: &[IceUri],
        user: UserId,
        now: Timestamp,
        sign: impl Fn(&str) -> Credential,
    ) -> Self {
        let expires_at = expires_at(now);
        let mut ice_servers = Vec::new();
        if !stun.is_empty() {
            ice_servers.push(IceServer { urls: stun.to_vec(), username: None, credential: None });
        }
        if !turn.is_empty() {
            let username = username(user, expires_at);
            let credential = Some(sign(&username));
            ice_servers.push(IceServer { urls: turn.to_vec(), username: Some(username), credential });
        }
        Self { ice_servers, ttl: limit::TURN_CREDENTIAL.as_secs(), expires_at }
    }
}

/// When a credential given out now ends: in whole seconds, because its name says so.
pub fn expires_at(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).expect("a timestamp's own seconds are in range") + limit::TURN_CREDENTIAL
}

/// The name of a credential: when it ends, and whose it is (draft-uberti-behave-turn-rest-00 section 2.2).
pub fn username(user: UserId, expires_at: Timestamp) -> String {
    format!("{}:{user}", expires_at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_are_those_that_browsers_take() {
        for good in [
            "stun:stun.example.com",
            "stun:192.0.2.1:3478",
            "stun:[2001:db8::1]:3478",
            "turn:turn.example.com",
            "turn:turn.example.com:3478?transport=udp",
            "turns:turn.example.com:443?transport=tcp",
            "turn:[2001:db8::1]",
        ] {
            assert!(good.parse::<IceUri>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "turn.example.com",
            "http://turn.example.com",
            "stun:",
            "stun://stun.example.com",
            "STUN:stun.example.com",
            "stun:stun.example.com?transport=udp",
            "turn:turn.example.com?transport=sctp",
            "turn:turn.example.com?x=1",
            "turn:ada@turn.example.com",
            "turn:turn.example.com:0",
            "turn:turn.example.com:65536",
            "turn:turn.example.com:+80",
            "turn:[turn.example.com]",
            "turn:[::1",
            "turn:2001:db8::1",
            "turn:turn.example.com ",
        ] {
            assert!(bad.parse::<IceUri>().is_err(), "{bad}");
        }
        assert_eq!("stun:a".parse::<IceUri>().expect("good").scheme(), IceScheme::Stun);
        assert_eq!("turns:a".parse::<IceUri>().expect("good").scheme(), IceScheme::Turn);
    }

    #[test]
    fn without_servers_there_are_none_and_no_credential_is_made() {
        let user = UserId::derived([1; 16]);
        let none = IceServers::of(&[], &[], user, Timestamp::UNIX_EPOCH, |_| unreachable!("nothing to sign"));
        assert_eq!(none.ice_servers, []);
        let stun = ["stun:stun.example.com".parse().expect("good")];
        let only = IceServers::of(&stun, &[], user, Timestamp::UNIX_EPOCH, |_| unreachable!("nothing to sign"));
        assert_eq!((only.ice_servers.len(), &only.ice_servers[0].credential), (1, &None));
    }

    proptest::proptest! {
        /// Whoever reads the name and whoever reads the field see the same second, and never a longer life than promised.
        #[test]
        fn the_name_ends_when_the_field_says(millis in 0_i64..4_000_000_000_000, user in proptest::array::uniform16(0_u8..)) {
            let (now, user) = (Timestamp::from_millisecond(millis).expect("in range"), UserId::derived(user));
            let turn = ["turn:turn.example.com".parse().expect("good")];
            let servers = IceServers::of(&[], &turn, user, now, |_| Credential("hidden".into()));
            let name = servers.ice_servers[0].username.clone().expect("a name");
            let (ends, whose) = name.split_once(':').expect("two parts");
            assert_eq!(ends.parse::<i64>(), Ok(servers.expires_at.as_second()));
            assert_eq!(whose.parse::<UserId>(), Ok(user));
            let life = servers.expires_at.duration_since(now);
            assert!(life <= limit::TURN_CREDENTIAL && life.as_secs() >= servers.ttl - 1, "{life:?}");
            assert!(!format!("{servers:?}").contains("hidden"));
        }
    }
}

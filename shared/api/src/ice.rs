//! Credentials of TURN servers: coturn's time-limited ones (`use-auth-secret`, draft-uberti-behave-turn-rest-00).

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ice::{Credential, IceScheme, IceServers, IceUri};
use domain::id::UserId;
use jiff::Timestamp;

use crate::Env;

/// The secret shared with the TURN servers (coturn's `static-auth-secret`), at least 32 characters. It never prints.
#[derive(Clone)]
pub struct TurnSecret(hmac::Key);

impl std::fmt::Debug for TurnSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TurnSecret(…)")
    }
}

impl std::str::FromStr for TurnSecret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // coturn reads it from a line of a file.
        if text.chars().count() < 32 || text.trim() != text || text.contains(char::is_control) {
            return Err("must be at least 32 characters on one line, without spaces around them");
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes())))
    }
}

impl TurnSecret {
    /// What goes with a username: the HMAC-SHA1 of it, base64. That is coturn's protocol, which has no other hash.
    pub fn credential(&self, username: &str) -> Credential {
        Credential(STANDARD.encode(hmac::sign(&self.0, username.as_bytes())))
    }
}

/// The ICE servers of this deployment, and what signs credentials for them.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    stun: Arc<[IceUri]>,
    relays: Option<(Arc<[IceUri]>, TurnSecret)>,
}

impl Turn {
    /// These servers. TURN servers need the secret; without TURN servers it is not used.
    pub fn new(stun: Vec<IceUri>, turn: Vec<IceUri>, secret: Option<TurnSecret>) -> Result<Self, &'static str> {
        if stun.iter().any(|uri| uri.scheme() != IceScheme::Stun) {
            return Err("only stun: is for STUN_URLS");
        }
        if turn.iter().any(|uri| uri.scheme() != IceScheme::Turn) {
            return Err("only turn: and turns: are for TURN_URLS");
        }
        let relays = match (turn.is_empty(), secret) {
            (true, _) => None,
            (false, Some(secret)) => Some((turn.into(), secret)),
            (false, None) => return Err("TURN_URLS needs TURN_SECRET, which is not set"),
        };
        Ok(Self { stun: stun.into(), relays })
    }

    /// The servers that these variables name: STUN servers, TURN servers, their secret. None of them must be set.
    pub fn from_env(env: &mut Env, [stun, turn, secret]: [&str; 3]) -> Option<Self> {
        let made = Self::new(env.optional_list(stun), env.optional_list(turn), env.optional(secret));
        env.check(turn, made)
    }

    /// The servers of this person from now on, with a fresh credential.
    pub fn servers(&self, user: UserId, now: Timestamp) -> IceServers {
        match &self.relays {
            Some((turn, secret)) => IceServers::of(&self.stun, turn, user, now, |name| secret.credential(name)),
            None => IceServers::of(&self.stun, &[], user, now, |_| unreachable!("there is no TURN server")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(list: &[&str]) -> Vec<IceUri> {
        list.iter().map(|uri| uri.parse().expect("a URI")).collect()
    }

    fn secret() -> TurnSecret {
        "a secret of at least thirty-two characters".parse().expect("long enough")
    }

    /// Made with `printf %s NAME | openssl dgst -sha1 -hmac SECRET -binary | base64`, and again with Python's hmac.
    #[test]
    fn credentials_are_those_of_other_implementations() {
        for (secret, username, credential) in [
            ("a secret of at least thirty-two characters", "1433065916:eve", "22XVZD6GOwLXvQi22pJXeV4J0Cs="),
            ("north south east west, and round again", "0:x", "pNVj4JbHzhGfxSMGQJWNRpLYgFQ="),
            // Longer than a block of SHA-1, so it is hashed first (RFC 2104 section 2).
            (&"k".repeat(100), "4102444800:bo", "kCJAEkCoS73l92y/POz9Is6REqs="),
        ] {
            let secret: TurnSecret = secret.parse().expect("long enough");
            assert_eq!(secret.credential(username), Credential(credential.into()), "{username}");
        }
    }

    #[test]
    fn a_secret_is_long_and_on_one_line() {
        for bad in [
            "",
            "short",
            "thirty-one characters, one shor",
            " a secret of at least thirty-two characters",
            "a\nb".repeat(20).as_str(),
        ] {
            assert!(bad.parse::<TurnSecret>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn relays_need_a_secret_and_nothing_prints_it() {
        let turn = || uris(&["turn:turn.example.com"]);
        assert!(Turn::new(Vec::new(), turn(), None).is_err());
        assert!(Turn::new(turn(), Vec::new(), None).is_err());
        assert!(Turn::new(Vec::new(), uris(&["stun:stun.example.com"]), Some(secret())).is_err());
        let made = Turn::new(uris(&["stun:stun.example.com"]), turn(), Some(secret())).expect("all there");
        let servers = made.servers(UserId::derived([1; 16]), Timestamp::UNIX_EPOCH);
        let relay = &servers.ice_servers[1];
        let (name, credential) = relay.username.as_deref().zip(relay.credential.as_ref()).expect("both");
        assert_eq!(credential, &secret().credential(name));
        let printed = format!("{made:?} {servers:?}");
        assert!(!printed.contains("thirty-two") && !printed.contains(&credential.0), "{printed}");
    }

    #[test]
    fn without_relays_only_stun_is_answered() {
        let user = UserId::derived([1; 16]);
        assert_eq!(Turn::default().servers(user, Timestamp::UNIX_EPOCH).ice_servers, []);
        let stun = Turn::new(uris(&["stun:stun.example.com"]), Vec::new(), Some(secret())).expect("allowed");
        let servers = stun.servers(user, Timestamp::UNIX_EPOCH).ice_servers;
        assert_eq!((servers.len(), &servers[0].username, &servers[0].credential), (1, &None, &None));
    }
}

//! Access tokens and socket tickets: JWTs signed with Ed25519 (RFC 7519, RFC 8037, RFC 9068).
//!
//! Only `auth` has the signing key; everybody verifies with the published keys. The algorithm and the
//! type are pinned, so neither an unsigned token nor a ticket is ever an access token.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::id::{SessionId, TicketId, UserId};
use domain::limit;
use domain::text::Name;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::secret::{base64url, from_base64url, hash};

/// Who may use our tokens.
const AUDIENCE: &str = "dchat";
const ACCESS: &str = "at+jwt";
const TICKET: &str = "ticket+jwt";

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Who.
    pub sub: UserId,
    /// What they are called, so that nobody must be read to ring somebody.
    pub name: Name,
    /// The session that gave it out.
    pub sid: SessionId,
    /// The session's generation at that time.
    pub ver: u32,
}

/// What a socket ticket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Who.
    pub sub: UserId,
    /// The session that asked for it.
    pub sid: SessionId,
    /// The ticket's own id: it opens one connection.
    pub jti: TicketId,
}

#[derive(Serialize, Deserialize)]
struct Claims<T> {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    said: T,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Not ours, not of this kind, or not for us.
    #[error("the token is not one of ours")]
    Invalid,
    /// It was, and is too old.
    #[error("the token has expired")]
    Expired,
}

/// A public key as published (RFC 7517, RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PublicKey {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `EdDSA`.
    pub alg: String,
    /// Which key: named in the header of every token it signed.
    pub kid: String,
    /// The key, base64url.
    pub x: String,
}

impl PublicKey {
    fn of(x: &[u8]) -> Self {
        let kid = hash(x)[..16].to_owned();
        let [kty, crv, usage, alg] = ["OKP", "Ed25519", "sig", "EdDSA"].map(str::to_owned);
        Self { kty, crv, usage, alg, kid, x: base64url(x) }
    }
}

/// Every key that is believed at the moment: two while a key rotates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PublicKeys {
    /// The keys.
    pub keys: Vec<PublicKey>,
}

impl std::str::FromStr for PublicKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys: Self = serde_json::from_str(text).map_err(|error| format!("must be a JWKS: {error}"))?;
        let usable = |key: &PublicKey| {
            key.kty == "OKP" && key.crv == "Ed25519" && from_base64url(&key.x).is_some_and(|x| x.len() == 32)
        };
        if keys.keys.is_empty() || !keys.keys.iter().all(usable) {
            return Err("must name at least one Ed25519 key, and no other kind".into());
        }
        Ok(keys)
    }
}

/// Believes tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: String,
    keys: PublicKeys,
}

impl Verifier {
    /// Believes what these keys signed for this issuer.
    pub fn new(issuer: String, keys: PublicKeys) -> Self {
        Self { issuer, keys }
    }

    /// The keys, as published.
    pub fn keys(&self) -> &PublicKeys {
        &self.keys
    }

    /// An access token's word.
    pub fn access(&self, token: &str, now: Timestamp) -> Result<Access, TokenRefused> {
        self.read(token, ACCESS, now)
    }

    /// A ticket's word.
    pub fn ticket(&self, token: &str, now: Timestamp) -> Result<Ticket, TokenRefused> {
        self.read(token, TICKET, now)
    }

    fn read<T: DeserializeOwned>(&self, token: &str, kind: &str, now: Timestamp) -> Result<T, TokenRefused> {
        if token.len() > 2048 {
            return Err(TokenRefused::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefused::Invalid)?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(kind) {
            return Err(TokenRefused::Invalid);
        }
        let key =
            self.keys.keys.iter().find(|key| Some(&key.kid) == header.kid.as_ref()).ok_or(TokenRefused::Invalid)?;
        let key = DecodingKey::from_ed_components(&key.x).map_err(|_| TokenRefused::Invalid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false; // by the injected clock, below
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims =
            jsonwebtoken::decode::<Claims<T>>(token, &key, &validation).map_err(|_| TokenRefused::Invalid)?.claims;
        if now.as_second() >= claims.exp { Err(TokenRefused::Expired) } else { Ok(claims.said) }
    }
}

/// Signs tokens.
#[derive(Clone)]
pub struct Signer {
    issuer: String,
    kid: String,
    key: EncodingKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("issuer", &self.issuer).field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs for this issuer with a PKCS#8 key in base64, whose public half must be among the published ones.
    pub fn new(issuer: String, pkcs8: &str, published: &PublicKeys) -> Result<Self, String> {
        let hint = "must be an Ed25519 key, PKCS#8 in base64; `cargo xtask keys` makes one";
        let der = STANDARD.decode(pkcs8.trim()).map_err(|_| hint)?;
        let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| hint)?;
        let public = PublicKey::of(pair.public_key().as_ref());
        if !published.keys.contains(&public) {
            return Err("its public half is not in TOKEN_KEYS, so nobody would believe its tokens".into());
        }
        Ok(Self { issuer, kid: public.kid, key: EncodingKey::from_ed_der(&der) })
    }

    /// A fresh signing key, and its public half as published.
    pub fn generate() -> (String, PublicKeys) {
        let pair = Ed25519KeyPair::generate().expect("the operating system has randomness");
        let der = pair.to_pkcs8v1().expect("a generated key can be written");
        (STANDARD.encode(der.as_ref()), PublicKeys { keys: vec![PublicKey::of(pair.public_key().as_ref())] })
    }

    /// An access token for [`limit::ACCESS_TOKEN`].
    pub fn access(&self, access: &Access, now: Timestamp) -> String {
        self.sign(ACCESS, access, now, now + limit::ACCESS_TOKEN)
    }

    /// A socket ticket for [`limit::TICKET`].
    pub fn ticket(&self, ticket: &Ticket, now: Timestamp) -> String {
        self.sign(TICKET, ticket, now, now + limit::TICKET)
    }

    fn sign<T: Serialize>(&self, kind: &str, said: &T, now: Timestamp, until: Timestamp) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.kid.clone());
        let (iss, aud) = (self.issuer.clone(), AUDIENCE.to_owned());
        let claims = Claims { iss, aud, iat: now.as_second(), exp: until.as_second(), said };
        jsonwebtoken::encode(&header, &claims, &self.key).expect("an Ed25519 key signs any claims")
    }
}

#[cfg(test)]
mod tests {
    use domain::clock::Entropy;

    use super::*;

    #[derive(Debug)]
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(1);
        }
    }

    fn access() -> Access {
        let now = Timestamp::UNIX_EPOCH;
        Access {
            sub: UserId::new(now, &Ones),
            name: "Ada".parse().expect("a name"),
            sid: SessionId::new(now, &Ones),
            ver: 1,
        }
    }

    fn ours() -> (Signer, Verifier) {
        let (private, public) = Signer::generate();
        let signer = Signer::new("dchat-test".into(), &private, &public).expect("its own key");
        (signer, Verifier::new("dchat-test".into(), public))
    }

    #[test]
    fn a_token_is_good_for_its_purpose_and_time() {
        let (signer, verifier) = ours();
        let now = Timestamp::from_second(1_000_000).expect("in range");
        let token = signer.access(&access(), now);
        assert_eq!(verifier.access(&token, now), Ok(access()));
        assert_eq!(verifier.ticket(&token, now), Err(TokenRefused::Invalid));
        assert_eq!(verifier.access(&token, now + limit::ACCESS_TOKEN), Err(TokenRefused::Expired));
        let ticket = Ticket { sub: access().sub, sid: access().sid, jti: TicketId::new(now, &Ones) };
        let token = signer.ticket(&ticket, now);
        assert_eq!(verifier.ticket(&token, now), Ok(ticket));
        assert_eq!(verifier.access(&token, now), Err(TokenRefused::Invalid));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let (signer, verifier) = ours();
        let now = Timestamp::from_second(1_000_000).expect("in range");
        let token = signer.access(&access(), now);
        let (strangers, _) = ours();
        assert_eq!(verifier.access(&strangers.access(&access(), now), now), Err(TokenRefused::Invalid));
        let other_issuer = Verifier::new("dchat-prod".into(), verifier.keys().clone());
        assert_eq!(other_issuer.access(&token, now), Err(TokenRefused::Invalid));
        // Unsigned, and signed with the public key as a shared secret.
        let parts: Vec<&str> = token.split('.').collect();
        let none = base64url(r#"{"alg":"none","typ":"at+jwt"}"#);
        assert_eq!(verifier.access(&format!("{none}.{}.", parts[1]), now), Err(TokenRefused::Invalid));
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(ACCESS.into());
        header.kid = Some(verifier.keys().keys[0].kid.clone());
        let secret = EncodingKey::from_secret(verifier.keys().keys[0].x.as_bytes());
        let claims = Claims { iss: "dchat-test".into(), aud: AUDIENCE.into(), iat: 0, exp: i64::MAX, said: access() };
        let confused = jsonwebtoken::encode(&header, &claims, &secret).expect("signs");
        assert_eq!(verifier.access(&confused, now), Err(TokenRefused::Invalid));
        // Every single byte matters.
        for place in 0..token.len() {
            let mut broken = token.clone().into_bytes();
            broken[place] = if broken[place] == b'A' { b'B' } else { b'A' };
            let broken = String::from_utf8(broken).expect("ASCII");
            if broken != token && place != token.len() - 1 {
                assert_eq!(verifier.access(&broken, now), Err(TokenRefused::Invalid), "byte {place}");
            }
        }
        for rubbish in ["", ".", "..", "a.b.c", &"x".repeat(10_000)] {
            assert_eq!(verifier.access(rubbish, now), Err(TokenRefused::Invalid));
        }
    }
}

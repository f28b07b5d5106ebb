//! One secret of 32 bytes, and the keys derived from it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::clock::Entropy;

/// Bytes as text that fits a URL, a header and a cookie.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of such a text.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// SHA-256.
pub fn digest(text: impl AsRef<[u8]>) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_ref()).as_ref());
    bytes
}

/// SHA-256, base64url: how secrets are stored and compared.
pub fn hash(text: impl AsRef<[u8]>) -> String {
    base64url(digest(text))
}

/// 32 fresh bytes as text.
pub fn random(entropy: &dyn Entropy) -> String {
    base64url(entropy.bytes::<32>())
}

/// A secret. It never prints.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl std::str::FromStr for Secret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = from_base64url(text.trim_end_matches('=')).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("must be 32 bytes in base64url; `cargo xtask keys` makes one")
    }
}

struct KeyLength;
impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

impl Secret {
    /// A key for one purpose (HKDF-SHA256, RFC 5869): the key of one purpose says nothing about another's.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        let mut key = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"dchat")
            .extract(&self.0)
            .expand(&[purpose.as_bytes()], KeyLength)
            .and_then(|okm| okm.fill(&mut key))
            .expect("32 bytes are within HKDF's bounds");
        Self(key)
    }

    /// A tag that only the holder of this key can make (HMAC-SHA256), base64url.
    pub fn tag(&self, message: &str) -> String {
        base64url(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), message.as_bytes()))
    }

    /// Whether a tag is of this message, in constant time.
    pub fn is_tag(&self, message: &str, tag: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        from_base64url(tag).is_some_and(|tag| hmac::verify(&key, message.as_bytes(), &tag).is_ok())
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0).expect("32 bytes are an AES-256 key"))
    }

    /// Encrypts for one owner (AES-256-GCM, random nonce), base64url.
    pub fn seal(&self, owner: &str, plain: &str, entropy: &dyn Entropy) -> String {
        let nonce = entropy.bytes::<NONCE_LEN>();
        let mut sealed = plain.as_bytes().to_vec();
        self.cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut sealed)
            .expect("the text is far below the cipher's limit");
        base64url([&nonce[..], &sealed].concat())
    }

    /// Decrypts what was sealed for this owner.
    pub fn open(&self, owner: &str, sealed: &str) -> Option<String> {
        let mut bytes = from_base64url(sealed)?;
        if bytes.len() < NONCE_LEN {
            return None;
        }
        let mut body = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).ok()?;
        let plain = self.cipher().open_in_place(nonce, Aad::from(owner), &mut body).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

    #[test]
    fn keys_of_two_purposes_and_two_owners_do_not_mix() {
        let secret: Secret = random(&SystemEntropy).parse().expect("32 bytes");
        let (one, other) = (secret.derive("one"), secret.derive("other"));
        assert!(one.is_tag("m", &one.tag("m")) && !other.is_tag("m", &one.tag("m")) && !one.is_tag("n", &one.tag("m")));
        let sealed = one.seal("ada", "token", &SystemEntropy);
        assert_eq!(one.open("ada", &sealed).as_deref(), Some("token"));
        assert_eq!((one.open("bo", &sealed), other.open("ada", &sealed), one.open("ada", "x")), (None, None, None));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert!("short".parse::<Secret>().is_err());
    }
}

//! Strings that were checked once and are right from then on.

use std::fmt;

use crate::id::SessionId;
use crate::limit;

/// Why a string was refused. The message never repeats the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextRefused {
    /// Nothing left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More characters than the limit.
    #[error("must have at most {most} characters, this has {is}")]
    TooLong {
        /// The limit.
        most: usize,
        /// What came.
        is: usize,
    },
    /// Fewer characters than the limit.
    #[error("must have at least {least} characters, this has {is}")]
    TooShort {
        /// The limit.
        least: usize,
        /// What came.
        is: usize,
    },
    /// Characters that do not print.
    #[error("must not contain control characters")]
    Control,
    /// Not `local@domain`.
    #[error("must be an e-mail address like name@example.com")]
    NotAnEmail,
    /// Not a relative path of this site.
    #[error("must be a path on this site that starts with one slash")]
    NotAPath,
    /// Not letters, digits, `-` or `_`.
    #[error("must have letters, digits, - and _ only")]
    NotAToken,
}

fn bounded(text: &str, most: usize) -> Result<(), TextRefused> {
    let is = text.chars().count();
    if is == 0 {
        return Err(TextRefused::Empty);
    }
    if is > most {
        return Err(TextRefused::TooLong { most, is });
    }
    if text.chars().any(char::is_control) { Err(TextRefused::Control) } else { Ok(()) }
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident, max $max:expr $(, pattern $pattern:literal)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextRefused;

            fn try_from(text: String) -> Result<Self, TextRefused> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .min_length(Some(1))
                    .max_length(Some($max))
                    $(.pattern(Some($pattern)))?
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

text! {
    /// An e-mail address, trimmed and in lower case. That somebody reads it is not known.
    Email, max limit::EMAIL;
    /// What a person is called by others.
    Name, max limit::NAME;
    /// Where a browser goes after signing in: a path of the app, never another site.
    ReturnTo, max 512;
    /// SHA-256 of a secret, base64url without padding (the S256 method of RFC 7636).
    Challenge, max 43, pattern "^[A-Za-z0-9_-]{43}$";
    /// The caller's own name for one device or browser tab.
    DeviceId, max 64, pattern "^[A-Za-z0-9_-]+$";
    /// The caller's own name for one request that may be sent twice (draft-ietf-httpapi-idempotency-key-header).
    IdempotencyKey, max 255, pattern "^[A-Za-z0-9_-]+$";
}

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    )*};
}
shown!(Name, ReturnTo, Challenge, DeviceId, IdempotencyKey);

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl std::str::FromStr for Email {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, TextRefused> {
        let text = text.trim().to_lowercase();
        bounded(&text, limit::EMAIL)?;
        let (local, host) = text.rsplit_once('@').ok_or(TextRefused::NotAnEmail)?;
        let printable = text.chars().all(|c| !c.is_whitespace());
        let host_ok = host.contains('.')
            && host.split('.').all(|l| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-'))
            && host.chars().all(|c| c.is_alphanumeric() || c == '.' || c == '-');
        if printable && host_ok && !local.is_empty() && local.len() <= 64 && !local.contains('@') {
            Ok(Self(text))
        } else {
            Err(TextRefused::NotAnEmail)
        }
    }
}

impl std::str::FromStr for Name {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, TextRefused> {
        let text = text.trim();
        bounded(text, limit::NAME)?;
        Ok(Self(text.to_owned()))
    }
}

impl std::str::FromStr for ReturnTo {
    type Err = TextRefused;

    /// Browsers read `//host`, `/\host` and `/<tab>/host` as other sites, so only plain path characters pass.
    fn from_str(text: &str) -> Result<Self, TextRefused> {
        bounded(text, 512)?;
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~?=&%#:,".contains(&b));
        let relative = text.starts_with('/') && !text.starts_with("//") && !text.contains("..");
        let lower = text.to_ascii_lowercase();
        // The callback's own answers, which nobody else may give.
        let reserved = ["code=", "error", "linked="]
            .iter()
            .any(|name| text.contains(&format!("?{name}")) || text.contains(&format!("&{name}")));
        let hidden = ["%2f", "%5c", "%09", "%0a", "%0d", "%2e"].iter().any(|escape| lower.contains(escape));
        if plain && relative && !hidden && !reserved { Ok(Self(text.to_owned())) } else { Err(TextRefused::NotAPath) }
    }
}

fn token(text: &str, most: usize) -> Result<(), TextRefused> {
    bounded(text, most)?;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain { Ok(()) } else { Err(TextRefused::NotAToken) }
}

impl std::str::FromStr for Challenge {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, TextRefused> {
        token(text, 43)?;
        let is = text.len();
        if is < 43 { Err(TextRefused::TooShort { least: 43, is }) } else { Ok(Self(text.to_owned())) }
    }
}

impl std::str::FromStr for DeviceId {
    type Err = TextRefused;

    fn from_str(text: &str) -> Result<Self, TextRefused> {
        token(text, 64)?;
        Ok(Self(text.to_owned()))
    }
}

impl From<SessionId> for DeviceId {
    /// The name of a device that says none.
    fn from(session: SessionId) -> Self {
        Self(session.to_string())
    }
}

impl std::str::FromStr for IdempotencyKey {
    type Err = TextRefused;

    /// Takes the key with or without the quotes that an RFC 8941 string has.
    fn from_str(text: &str) -> Result<Self, TextRefused> {
        let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
        token(text, 255)?;
        Ok(Self(text.to_owned()))
    }
}

/// A password somebody chose or typed. It is never printed, stored or compared as text.
#[derive(Clone, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

impl Password {
    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<String> for Password {
    type Error = TextRefused;

    fn try_from(text: String) -> Result<Self, TextRefused> {
        let (least, most, is) = (*limit::PASSWORD.start(), *limit::PASSWORD.end(), text.chars().count());
        match is {
            _ if is < least => Err(TextRefused::TooShort { least, is }),
            _ if is > most => Err(TextRefused::TooLong { most, is }),
            _ => Ok(Self(text)),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl utoipa::PartialSchema for Password {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Password)))
            .min_length(Some(*limit::PASSWORD.start()))
            .max_length(Some(*limit::PASSWORD.end()))
            .into()
    }
}

impl utoipa::ToSchema for Password {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_one_spelling() {
        assert_eq!(" Ada@Example.COM ".parse::<Email>().expect("valid").as_str(), "ada@example.com");
        for bad in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "a b@example.com",
            "ada@localhost",
            "a@b@example.com",
            "a@-x.com",
            "a@x..com",
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_return_path_leaves_the_site() {
        for good in ["/", "/calls", "/calls/1?tab=history&x=%20#top"] {
            assert!(good.parse::<ReturnTo>().is_ok(), "{good}");
        }
        let bad = [
            "",
            "calls",
            "//evil.example",
            "/\\evil.example",
            "\\/evil",
            "/%09/evil",
            "/%5cevil",
            "/%2fevil",
            "https:evil",
            "https://evil",
            "@evil",
            "/..//evil",
            "/a/../../evil",
            "/\tevil",
            "/ evil",
            "/%2e%2e/evil",
            "javascript:alert(1)",
            "/?code=x",
            "/a?b=1&error_description=x",
            "/evil@x",
            "///evil",
            "/\u{ff0f}evil",
            "/\u{3002}evil",
            "/\nevil",
            "/%0d%0aset-cookie:x=1",
        ];
        for path in bad {
            assert!(path.parse::<ReturnTo>().is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        let password = Password::try_from("correct horse".to_owned()).expect("long enough");
        assert_eq!(format!("{password:?}"), "Password(…)");
    }
}

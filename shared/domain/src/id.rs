//! The one register of ids: prefixed, typed, and sortable by the time they were made.
//!
//! On the wire an id is `<prefix>_<32 hexadecimal digits>`, a UUID version 7 (RFC 9562) without
//! dashes. A `CallId` does not parse as a `UserId`.

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::Entropy;

/// A string that is not an id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must look like {prefix}_ and 32 hexadecimal digits")]
pub struct NotAnId {
    prefix: &'static str,
}

fn new_uuid(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid()
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, NotAnId> {
    let refused = NotAnId { prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(refused.clone())?;
    // One spelling only: two spellings of one id would be two keys of one thing.
    let canonical = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if canonical { Uuid::try_parse(digits).map_err(|_| refused) } else { Err(refused) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident => $prefix:literal,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &str = $prefix;

            /// A new id, later than every id of this kind made in an earlier millisecond.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(new_uuid(now, entropy))
            }

            /// An id that is the same for the same 16 bytes, for ids derived from a caller's key.
            pub fn derived(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.as_simple())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse($prefix, text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// A person with an account.
    UserId => "usr",
    /// One signed-in device: a family of refresh tokens.
    SessionId => "ses",
    /// One call, from the invitation to the last hang-up.
    CallId => "call",
    /// One session description offer within a call; its answer names it.
    OfferId => "off",
    /// One socket ticket, and the connection it opened.
    TicketId => "tkt",
    /// One recording of a call.
    RecordingId => "rec",
    /// One stay in the inbox's numbering: a new epoch means that older positions mean nothing.
    EpochId => "epo",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn an_id_reads_back_and_is_of_one_kind_only() {
        let id = CallId::new(Timestamp::UNIX_EPOCH, &Zeros);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert!(text.parse::<UserId>().is_err());
        assert!(text.to_uppercase().parse::<CallId>().is_err());
        for broken in ["", "call_", "call_0", "call-00000000000070008000000000000000", &format!("{text}0")] {
            assert!(broken.parse::<CallId>().is_err(), "{broken}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let early = CallId::new(Timestamp::from_second(1).expect("in range"), &Zeros);
        let late = CallId::new(Timestamp::from_second(2).expect("in range"), &Zeros);
        assert!(early.to_string() < late.to_string());
    }
}

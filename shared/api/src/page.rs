//! Cursors: a place in one person's list, signed, so that nobody reads another list with it.

use domain::limit;
use socket::problem::{Code, Problem};

use crate::secret::{Secret, base64url, from_base64url};

macro_rules! bounded {
    ($($(#[$doc:meta])* $name:ident in $range:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(try_from = "u32")]
        pub struct $name(pub u32);

        impl TryFrom<u32> for $name {
            type Error = String;

            fn try_from(n: u32) -> Result<Self, String> {
                let range = $range;
                if range.contains(&n) { Ok(Self(n)) } else { Err(format!("must be from {} to {}", range.start(), range.end())) }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::Integer)
                    .minimum(Some(*$range.start()))
                    .maximum(Some(*$range.end()))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

bounded! {
    /// How many items a page has.
    Limit in limit::PAGE;
    /// How many items to leave out.
    Offset in 0..=limit::OFFSET;
}

/// Makes and reads cursors.
#[derive(Clone, Debug)]
pub struct Cursors(Secret);

impl Cursors {
    /// Signs with a key derived from this secret.
    pub fn new(secret: &Secret) -> Self {
        Self(secret.derive("cursor"))
    }

    /// The cursor of a place in a list. The list's name says whose it is and how it is filtered.
    pub fn write(&self, list: &str, place: &str) -> String {
        format!("{}.{}", base64url(place), self.0.tag(&format!("{list}\n{place}")))
    }

    /// The place that a cursor of this list means.
    pub fn read(&self, list: &str, cursor: &str) -> Result<String, Problem> {
        let place = cursor.split_once('.').and_then(|(place, tag)| {
            let place = String::from_utf8(from_base64url(place)?).ok()?;
            self.0.is_tag(&format!("{list}\n{place}"), tag).then_some(place)
        });
        place.ok_or_else(|| Problem::new(Code::CursorInvalid).at("?cursor", "is not a cursor of this list"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::random;
    use crate::system::SystemEntropy;

    #[test]
    fn a_cursor_is_of_one_list_and_cannot_be_changed() {
        let cursors = Cursors::new(&random(&SystemEntropy).parse().expect("32 bytes"));
        let cursor = cursors.write("history of ada", "call#1");
        assert_eq!(cursors.read("history of ada", &cursor).ok().as_deref(), Some("call#1"));
        assert!(cursors.read("history of bo", &cursor).is_err());
        for place in 0..cursor.len() - 1 {
            let mut broken = cursor.clone().into_bytes();
            broken[place] ^= 1;
            assert!(
                String::from_utf8(broken).map_or(true, |c| cursors.read("history of ada", &c).is_err()),
                "byte {place}"
            );
        }
    }
}

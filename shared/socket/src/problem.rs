//! Every refusal the product knows, and the one object that tells it (RFC 9457).

mod code;
mod told;

use std::borrow::Cow;

use domain::id::CallId;
use serde::{Serialize, Serializer, ser::SerializeMap};

pub use self::code::{Code, Retry};

/// One bad field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the body; `?name` for a query parameter, `header:name` for a header.
    pub pointer: String,
    /// What is wrong, never the value itself.
    pub detail: String,
}

/// Characters of a name that somebody made up, where it is repeated.
const NAME: usize = 64;

/// What serde says is wrong, without the value that it says it of: that may be a password in the wrong field.
pub fn wrong(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let tells = ["invalid type: ", "invalid value: ", "unknown variant "].iter().any(|start| said.starts_with(start));
    match said.rsplit_once(", expected ") {
        Some((_, expected)) if tells => format!("must be {expected}"),
        Some((name, expected)) => {
            format!("{}, expected {expected}", name.chars().take(NAME).collect::<String>())
        }
        None if tells => "is not valid".into(),
        None => said,
    }
}

/// One step of a JSON Pointer, to a field of this name.
pub fn step(name: &str) -> String {
    let name: String = name.chars().take(NAME).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The JSON Pointer of a place that serde names; empty for the whole value.
pub fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(step(key)),
        Segment::Enum { variant } => Some(format!("/{variant}")),
        Segment::Unknown => None,
    });
    steps.collect()
}

/// Characters of an error in the log: a partner's words are as long as the partner likes.
const CAUSES: usize = 1024;

/// An error and all that caused it, in one line for the log: an outer error alone often says no more than
/// "service error".
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    match text.char_indices().nth(CAUSES) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// What was and was not done, in this case.
    pub detail: Cow<'static, str>,
    /// Every bad field.
    pub errors: Vec<FieldError>,
    /// The request's id.
    pub instance: Option<String>,
    /// Seconds until the same request may succeed.
    pub retry_after: Option<i64>,
    /// What stood in the way, so that the client can go on from there.
    pub newest: Option<Box<Newest>>,
}

/// The newer thing that a refused request did not know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// The call that the two have.
    pub superseded_by: Option<CallId>,
    /// The pair's epoch.
    pub epoch: Option<u32>,
    /// The pair's generation in it, or the person's in the call.
    pub generation: Option<u32>,
}

impl Newest {
    fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        if let Some(call) = &self.superseded_by {
            map.serialize_entry("superseded_by", call)?;
        }
        if let Some(epoch) = &self.epoch {
            map.serialize_entry("epoch", epoch)?;
        }
        if let Some(generation) = &self.generation {
            map.serialize_entry("generation", generation)?;
        }
        Ok(())
    }
}

impl Problem {
    /// A problem that says no more than its title.
    pub fn new(code: Code) -> Self {
        Self { code, detail: code.title().into(), errors: Vec::new(), instance: None, retry_after: None, newest: None }
    }

    /// With a sentence of its own.
    pub fn because(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: detail.into(), ..Self::new(code) }
    }

    /// With a bad field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let code = self.code;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("https://dchat.dev/problems/{}", code.as_str()))?;
        map.serialize_entry("title", code.title())?;
        map.serialize_entry("status", &code.status())?;
        map.serialize_entry("code", &code)?;
        map.serialize_entry("detail", &self.detail)?;
        map.serialize_entry("remedy", code.remedy())?;
        map.serialize_entry("retry", code.retry().as_str())?;
        map.serialize_entry("docs", &format_args!("/docs/problems#{}", code.as_str()))?;
        if let Some(seconds) = self.retry_after {
            map.serialize_entry("retry_after", &seconds)?;
        }
        if let Some(newest) = &self.newest {
            newest.serialize_into(&mut map)?;
        }
        if let Some(instance) = &self.instance {
            map.serialize_entry("instance", instance)?;
        }
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        map.end()
    }
}

impl utoipa::PartialSchema for Problem {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
        let string = || ObjectBuilder::new().schema_type(Type::String);
        let codes = Code::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new()
            .description(Some("Why a request was refused (RFC 9457)."))
            .property("type", string())
            .required("type")
            .property("title", string())
            .required("title")
            .property("status", ObjectBuilder::new().schema_type(Type::Integer))
            .required("status")
            .property("code", string().enum_values(Some(codes)))
            .required("code")
            .property("detail", string())
            .required("detail")
            .property("remedy", string())
            .required("remedy")
            .property("retry", string().enum_values(Some(["no", "same", "later"])))
            .required("retry")
            .property(
                "retry_after",
                ObjectBuilder::new().schema_type(Type::Integer).description(Some("Seconds until it may succeed.")),
            )
            .property("superseded_by", <CallId as utoipa::PartialSchema>::schema())
            .property("epoch", ObjectBuilder::new().schema_type(Type::Integer).description(Some("The newest epoch.")))
            .property(
                "generation",
                ObjectBuilder::new().schema_type(Type::Integer).description(Some("The newest generation.")),
            )
            .property("docs", string())
            .required("docs")
            .property("instance", string())
            .property("errors", ArrayBuilder::new().items(<FieldError as utoipa::PartialSchema>::schema()))
            .into()
    }
}

impl utoipa::ToSchema for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_leads_to_one_field() {
        assert_eq!((step("a/b~c").as_str(), step(&"x".repeat(999)).len()), ("/a~1b~0c", NAME + 1));
    }

    #[test]
    fn causes_are_told_at_a_bearable_length() {
        let long = std::io::Error::other("ä".repeat(9_999));
        assert_eq!(causes(&long).chars().count(), CAUSES + 1);
        assert_eq!(causes(&std::io::Error::other("short")), "short");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_value() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "lowercase")]
        #[expect(dead_code, reason = "only read")]
        enum Kind {
            Audio { on: bool },
        }
        let said = |text: &str| wrong(&serde_json::from_str::<Vec<Kind>>(text).expect_err("wrong"));
        for value in [
            r#""hunter2, expected x""#,
            r#"["hunter2"]"#,
            r#"[{"audio":{"on":"hunter2"}}]"#,
            r#"[{"audio":{"on":7411}}]"#,
        ] {
            let said = said(value);
            assert!(said.starts_with("must be ") && !said.contains("hunter2") && !said.contains("7411"), "{said}");
        }
        assert!(said(r#"[{"audio":{"colour":1}}]"#).starts_with("unknown field `colour`, expected"));
        assert!(said(&format!(r#"[{{"audio":{{"{}":1}}}}]"#, "x".repeat(9_999))).len() < 150);
    }

    #[test]
    fn codes_are_unique_and_every_remedy_is_a_sentence() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.remedy().ends_with('.') && !code.title().ends_with('.'), "{code:?}");
        }
    }
}

//! An HTTP answer as a test reads it.

use http::response::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// Status, headers and JSON body.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when it is empty or no JSON.
    pub body: Value,
    /// The body as it came.
    pub raw: Vec<u8>,
}

impl Reply {
    pub(crate) fn of(parts: Parts, raw: Vec<u8>) -> Self {
        let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        Self { status: parts.status, headers: parts.headers, body, raw }
    }

    /// `201`, or `409 call_over`: what a test compares most.
    pub fn summary(&self) -> String {
        match self.body["code"].as_str().filter(|_| self.status.as_u16() >= 400) {
            Some(code) => format!("{} {code}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A string of the body, by JSON Pointer.
    pub fn text(&self, pointer: &str) -> String {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer} in {}", self.body)).to_owned()
    }

    /// Where the bad fields are.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }

    /// Demands a status, showing the body otherwise.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }
}

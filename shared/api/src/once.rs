//! Requests with an `Idempotency-Key` (IETF draft ietf-httpapi-idempotency-key-header): one effect, and the first
//! answer again, byte for byte, for [`domain::limit::REPLAY`].
//!
//! The answer is kept in the transaction of the effect. So nothing has to be claimed beforehand: of two twins that run
//! at once one commits, and the other finds its answer. It is sealed with the key that the client sent: what an answer
//! gives away (tokens) cannot be read from the store.

use axum::response::{IntoResponse, Response};
use domain::clock::Entropy;
use domain::once::Kept;
use domain::text::IdempotencyKey;
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use socket::{Code, Problem};

use crate::secret::{Secret, digest, hash};

/// A body's key and digest; its extractor is [`crate::extract::Keyed`].
#[derive(Clone, Debug)]
pub struct Once(pub(crate) Option<(IdempotencyKey, [u8; 32])>);

/// A request that may come twice, if it has a key.
#[derive(Clone, Debug)]
pub struct Repeatable(Option<Scope>);

#[derive(Clone, Debug)]
struct Scope {
    name: String,
    request: String,
    seal: Secret,
}

/// An answer that can be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

impl Answer {
    /// 200 with a JSON body.
    pub fn ok(body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("answers have string keys and no failing values");
        Self { status: 200, location: None, body }
    }

    /// 201 with a JSON body, and where to find what was made.
    pub fn created(location: impl Into<String>, body: &impl Serialize) -> Self {
        Self { status: 201, location: Some(location.into()), ..Self::ok(body) }
    }

    /// What the body says.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.body).ok()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response();
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

impl Once {
    /// Keys of one operation and one principal are apart from all others'. `secret` is the group's.
    pub fn of(self, operation: &str, principal: &str, secret: &Secret) -> Repeatable {
        Repeatable(self.0.map(|(key, body)| Scope {
            name: hash(format!("{operation}\n{principal}\n{key}")),
            request: secret.tag(&format!("{operation}\n{}", crate::secret::base64url(body))),
            seal: secret.derive(&format!("answer {}", crate::secret::base64url(digest(key.as_str())))),
        }))
    }
}

impl Repeatable {
    /// What to keep of this answer, in the transaction of its effect.
    pub fn keep(&self, answer: &Answer, entropy: &dyn Entropy, now: Timestamp) -> Option<Kept> {
        let Scope { name, request, seal } = self.0.as_ref()?;
        let text = serde_json::to_string(answer).expect("an answer is text and numbers");
        Some(Kept::new(name.clone(), request.clone(), seal.seal(name, &text, entropy), now))
    }

    /// The answer, with what a repetition needs: whoever is refused because the request was answered before gets the
    /// first answer. `find` looks a scope up. The answer, and whether it is a repetition.
    pub async fn settle<F, E>(
        self,
        done: Result<Answer, Problem>,
        find: impl FnOnce(String) -> F,
    ) -> Result<(Answer, bool), Problem>
    where
        F: Future<Output = Result<Option<Kept>, E>>,
        Problem: From<E>,
    {
        let problem = match done {
            Ok(answer) => return Ok((answer, false)),
            Err(problem) => problem,
        };
        let Some(Scope { name, request, seal }) = self.0 else { return Err(problem) };
        match find(name.clone()).await? {
            None => Err(problem),
            Some(kept) if kept.request != request => Err(Problem::new(Code::IdempotencyMismatch)),
            Some(kept) => {
                let text = seal.open(&name, &kept.answer);
                let answer = text.and_then(|text| serde_json::from_str(&text).ok());
                answer.map(|answer| (answer, true)).ok_or_else(|| {
                    tracing::error!("a kept answer cannot be read");
                    Problem::new(Code::Internal)
                })
            }
        }
    }
}

/// The header that tells a repetition.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer that [`Repeatable::settle`] brought.
pub fn respond((answer, replayed): (Answer, bool)) -> Response {
    let mut response = answer.into_response();
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

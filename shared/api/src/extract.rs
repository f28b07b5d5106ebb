//! Extractors that refuse with a problem, and bodies that name all bad fields at once.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::IntoResponse as _;
use http::{StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use socket::problem::{Code, FieldError, Problem, pointer, step, wrong};

use crate::once::Once;
use crate::refusal::Refusal;

/// A request body: a JSON object read field by field. Implemented by [`crate::body!`].
pub trait FromFields: Sized {
    /// Reads the fields, or names every bad one.
    fn from_fields(fields: Fields) -> Result<Self, Problem>;
}

/// The fields of a body while they are read.
#[derive(Debug)]
pub struct Fields {
    map: Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
    from_query: bool,
}

impl Fields {
    /// The fields of a JSON object.
    pub fn new(map: Map<String, Value>) -> Self {
        Self { map, known: Vec::new(), errors: Vec::new(), from_query: false }
    }

    /// The parameters of a query, where everything is text: what is no text may be a number or a boolean.
    fn of_query(map: Map<String, Value>) -> Self {
        Self { from_query: true, ..Self::new(map) }
    }

    /// Reads one field. `None` is remembered as an error.
    pub fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        self.known.push(name);
        let value = self.map.remove(name);
        let missing = value.is_none();
        let mut value = value.unwrap_or(Value::Null);
        if self.from_query
            && T::deserialize(&value).is_err()
            && let Some(scalar) = value.as_str().and_then(|text| serde_json::from_str(text).ok())
            && matches!(scalar, Value::Number(_) | Value::Bool(_))
        {
            value = scalar;
        }
        match serde_path_to_error::deserialize::<_, T>(value) {
            Ok(read) => Some(read),
            Err(_) if missing => {
                self.fail(format!("/{name}"), "is missing".into());
                None
            }
            Err(error) => {
                self.fail(format!("/{name}{}", pointer(error.path())), wrong(error.inner()));
                None
            }
        }
    }

    fn fail(&mut self, pointer: String, detail: String) {
        self.errors.push(FieldError { pointer, detail });
    }

    /// Refuses what is left over, and whatever was wrong.
    pub fn finish(mut self) -> Result<(), Problem> {
        for name in self.map.keys().take(16) {
            let hint = format!("is not a field; {}", socket::frame::suggestion(name, &self.known));
            self.errors.push(FieldError { pointer: step(name), detail: hint });
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Problem { errors: self.errors, ..Problem::new(Code::InvalidFields) })
    }
}

/// Declares a request body: its schema, and a reader that names every bad field at once. `field as "name"` gives a
/// field another name on the wire.
#[macro_export]
macro_rules! body {
    ($(#[$outer:meta])* $vis:vis struct $name:ident {
        $($(#[$inner:meta])* $fvis:vis $field:ident $(as $wire:literal)?: $type:ty,)*
    }) => {
        $(#[$outer])*
        #[derive(Debug, utoipa::ToSchema)]
        $vis struct $name { $($(#[$inner])* $(#[schema(rename = $wire)])? $fvis $field: $type,)* }

        impl $crate::extract::FromFields for $name {
            fn from_fields(mut fields: $crate::extract::Fields) -> Result<Self, socket::Problem> {
                $(let $field = fields.take::<$type>($crate::extract::wire_name(stringify!($field), &[$($wire)?]));)*
                fields.finish()?;
                match ($($field,)*) {
                    ($(Some($field),)*) => Ok(Self { $($field,)* }),
                    _ => Err(socket::Problem::new(socket::Code::InvalidFields)),
                }
            }
        }
    };
}

/// A field's name on the wire: the one it was given, or its own (Rust's `r#type` is `type`).
pub fn wire_name(field: &'static str, given: &[&'static str]) -> &'static str {
    given.first().copied().unwrap_or_else(|| field.strip_prefix("r#").unwrap_or(field))
}

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: FromFields> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        Ok(Self(read_object(request, state).await.and_then(|map| T::from_fields(Fields::new(map)))?))
    }
}

/// A JSON body that may be left out: nothing is an object without fields.
#[derive(Debug)]
pub struct Optional<T>(pub T);

impl<S: Send + Sync, T: FromFields> FromRequest<S> for Optional<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let is_json = is_json(request.headers());
        let bytes = read_bytes(request, state).await?;
        // Whatever it calls itself: clients and gateways name a type for nothing, too.
        let map = match (bytes.is_empty(), is_json) {
            (true, _) => Map::new(),
            (false, true) => object(&bytes)?,
            (false, false) => return Err(Problem::new(Code::UnsupportedMediaType).into()),
        };
        Ok(Self(T::from_fields(Fields::new(map))?))
    }
}

/// A JSON body of a request that may come twice, with its `Idempotency-Key` if it has one.
#[derive(Debug)]
pub struct Keyed<T> {
    /// The body.
    pub body: T,
    /// The key, and what tells this body from another.
    pub once: Once,
}

impl<S: Send + Sync, T: FromFields> FromRequest<S> for Keyed<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let key = idempotency_key(request.headers())?;
        // Names within the path and the query are part of what is asked.
        let target = request.uri().to_string();
        let map = read_object(request, state).await?;
        // An object's names come sorted, so spaces and order make no other request.
        let digest = |map: &Map<String, Value>| {
            let body = serde_json::to_string(map).expect("JSON that was read can be written");
            crate::secret::digest(format!("{target}\n{body}"))
        };
        let once = Once(key.map(|key| (key, digest(&map))));
        Ok(Self { body: T::from_fields(Fields::new(map))?, once })
    }
}

async fn read_object<S: Send + Sync>(request: Request, state: &S) -> Result<Map<String, Value>, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::new(Code::UnsupportedMediaType));
    }
    object(&read_bytes(request, state).await?)
}

fn is_json(headers: &http::HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
}

async fn read_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        let too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
        Problem::new(if too_large { Code::BodyTooLarge } else { Code::MalformedJson })
    })
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Problem::because(Code::MalformedJson, "the body is JSON, but not an object")),
        Err(error) => Err(Problem::because(Code::MalformedJson, error.to_string())),
    }
}

/// Path parameters. One that does not parse names nothing, so the answer is the same as for an unknown one.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The problem of a thing that is not there, for path parameters of its type.
pub trait Unknown {
    /// Its code.
    const CODE: Code;
}

impl Unknown for domain::id::CallId {
    const CODE: Code = Code::CallUnknown;
}

impl Unknown for domain::id::RecordingId {
    const CODE: Code = Code::RecordingUnknown;
}

impl Unknown for domain::id::SessionId {
    const CODE: Code = Code::SessionUnknown;
}

impl<S: Send + Sync, T: DeserializeOwned + Send + Unknown> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0)).map_err(|_| Problem::new(T::CODE).into())
    }
}

/// Query parameters, all bad ones named at once.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: FromFields> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Ok(axum::extract::Query(pairs)) = pairs else {
            return Err(crate::refusal::invalid("?", "the query is not name=value pairs").into());
        };
        let mut map = Map::new();
        for (name, value) in pairs {
            if map.insert(name.clone(), Value::String(value)).is_some() {
                return Err(crate::refusal::invalid(step(&name).replacen('/', "?", 1), "is named twice").into());
            }
        }
        T::from_fields(Fields::of_query(map)).map(Self).map_err(|mut problem| {
            for error in &mut problem.errors {
                error.pointer = error.pointer.replacen('/', "?", 1);
            }
            problem.into()
        })
    }
}

/// Reads the header `Idempotency-Key`, when it was sent.
pub fn idempotency_key(headers: &http::HeaderMap) -> Result<Option<domain::text::IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().map(str::parse);
    match key {
        Some(Ok(key)) => Ok(Some(key)),
        Some(Err(refused)) => Err(crate::refusal::invalid("header:idempotency-key", refused.to_string())),
        None => Err(crate::refusal::invalid("header:idempotency-key", "must be plain text")),
    }
}

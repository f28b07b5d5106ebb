//! Requests and frames, made from the contracts alone.

use std::collections::BTreeMap;

use axum::body::Body;
use domain::lease::ConnectionId;
use http::Method;
use realtime::Occasion;
use serde_json::{Map, Value, json};
use testkit::{World, sdp};

/// How an operation is reached.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// A request: method and path, with `{id}` in it.
    Http(Method, String),
    /// A frame with this action.
    Frame,
    /// `$connect`.
    Dial,
}

/// Where a field goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
    Body,
}

/// A field that names something, or proves something.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Its name, the last one on its path.
    pub(crate) name: String,
    /// Where it goes.
    pub(crate) place: Place,
    /// JSON Pointer in the body.
    pub(crate) pointer: String,
    /// What it names: `usr`, `call` …, or its own name for what is no id.
    pub(crate) kind: String,
}

/// An operation of a contract.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// `operationId`, or the action.
    pub(crate) id: String,
    pub(crate) way: Way,
    /// Every field that names or proves something.
    pub(crate) fields: Vec<Field>,
    /// The schema of the body, or of a frame's data.
    pub(crate) body: Option<Value>,
    parameters: Vec<Value>,
    contract: std::sync::Arc<Value>,
}

/// Fields without a pattern that name or prove something: whose they are matters.
const PROOFS: [&str; 10] = [
    "email",
    "password",
    "device_token",
    "code",
    "code_verifier",
    "refresh_token",
    "cursor",
    "state",
    "ticket",
    "Idempotency-Key",
];

/// Optional fields that a good request has all the same: a group's addressee, candidates to hand on, and what
/// proves that a sign-in was begun here.
const WANTED: [&str; 4] = ["to", "candidates", "state", "code_verifier"];

/// What fits any other text, by the field's name. Whose it is does not matter.
fn plain(name: &str, schema: &Value) -> Result<Value, String> {
    if let Some(first) = schema["enum"].get(0) {
        return Ok(first.clone());
    }
    let text = match name {
        "sdp" => sdp("from the contract"),
        "candidate" => testkit::candidate(1),
        "name" => "New".into(),
        "code_challenge" => api::secret::hash("verifier"),
        "return_to" => "/calls".into(),
        "from" | "to" => "2026-11-20".into(),
        "error" => "user_cancelled_authorize".into(),
        "checksum_sha256" => base64_of_x(),
        "error_description" | "sdpMid" | "usernameFragment" => "x".into(),
        _ => return Err(format!("{name} is a text of which nothing is known: name it in PROOFS or in plain()")),
    };
    Ok(json!(text))
}

/// The sum of what the scene's people have uploaded.
fn base64_of_x() -> String {
    testkit::recorder::part(1, b"x")["checksum_sha256"].as_str().expect("text").to_owned()
}

/// What an id's pattern says it names.
fn kind_of(schema: &Value) -> Option<String> {
    let pattern = schema["pattern"].as_str()?;
    if pattern == "^[A-Za-z0-9_-]+$" {
        return Some("device".into());
    }
    let (kind, rest) = pattern.strip_prefix('^')?.split_once('_')?;
    (rest == "[0-9a-f]{32}$").then(|| kind.to_owned())
}

impl Operation {
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let branches = schema["oneOf"].as_array();
        let schema = branches.and_then(|all| all.iter().find(|one| one["type"] != "null")).unwrap_or(schema);
        match schema["$ref"].as_str() {
            Some(reference) => {
                self.resolve(self.contract.pointer(&reference[1..]).expect("a reference leads somewhere"))
            }
            None => schema,
        }
    }

    /// Finds every field that names or proves something.
    fn derive(mut self) -> Result<Self, String> {
        let mut fields = Vec::new();
        for parameter in &self.parameters {
            let name = parameter["name"].as_str().expect("a parameter has a name");
            let place = match parameter["in"].as_str() {
                Some("path") => Place::Path,
                Some("query") => Place::Query,
                Some("header") => Place::Header,
                other => return Err(format!("{}: a parameter in {other:?}", self.id)),
            };
            self.find(self.resolve(&parameter["schema"]), name, place, "", &mut fields)?;
        }
        if let Some(body) = &self.body {
            self.find(self.resolve(body), "", Place::Body, "", &mut fields)?;
        }
        self.fields = fields;
        Ok(self)
    }

    fn find(
        &self,
        schema: &Value,
        name: &str,
        place: Place,
        pointer: &str,
        found: &mut Vec<Field>,
    ) -> Result<(), String> {
        let known = kind_of(schema).or_else(|| PROOFS.contains(&name).then(|| name.to_owned()));
        if let Some(kind) = known {
            found.push(Field { name: name.to_owned(), place, pointer: pointer.to_owned(), kind });
            return Ok(());
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        match kinds {
            Some("object") => {
                for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                    self.find(self.resolve(schema), name, place, &format!("{pointer}/{name}"), found)?;
                }
                Ok(())
            }
            Some("array") => self.find(self.resolve(&schema["items"]), name, place, &format!("{pointer}/0"), found),
            Some("string") => plain(name, schema).map(|_| ()).map_err(|why| format!("{}: {why}", self.id)),
            Some("integer" | "boolean") => Ok(()),
            other => Err(format!("{}: {pointer} is {other:?}, which nobody knows how to fill", self.id)),
        }
    }

    /// A value that fits the schema, with these values at these pointers.
    fn fill(&self, schema: &Value, name: &str, pointer: &str, values: &Values<'_>) -> Option<Value> {
        let schema = self.resolve(schema);
        let kind = kind_of(schema).or_else(|| PROOFS.contains(&name).then(|| name.to_owned()));
        if let Some(kind) = kind {
            let instead = values.instead.filter(|(field, _)| field.place == Place::Body && field.pointer == pointer);
            return Some(json!(instead.map_or_else(|| (values.own)(&kind), |(_, value)| value.to_owned())));
        }
        let meant = |at: &str| {
            values.instead.is_some_and(|(field, _)| field.place == Place::Body && field.pointer.starts_with(at))
        };
        Some(match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
            Some("object") => {
                let required: Vec<&str> =
                    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let mut object = Map::new();
                for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                    let at = format!("{pointer}/{name}");
                    if required.contains(&name.as_str()) || WANTED.contains(&name.as_str()) || meant(&at) {
                        object.insert(name.clone(), self.fill(schema, name, &at, values)?);
                    }
                }
                Value::Object(object)
            }
            Some("array") => json!([self.fill(&schema["items"], name, &format!("{pointer}/0"), values)?]),
            Some("integer") => schema.get("minimum").cloned().unwrap_or(json!(0)),
            Some("boolean") => json!(true),
            _ => plain(name, schema).ok()?,
        })
    }

    /// The body of a good request, if it takes one.
    pub(crate) fn good_body(&self, values: &Values<'_>) -> Option<Value> {
        let body = self.body.as_ref()?;
        let mut body = self.fill(body, "", "", values).expect("checked when it was derived");
        if self.id == "consentToRecording" {
            // A yes says what it is about, and a no is about whatever there is.
            body = match body.get("recording_id") {
                Some(id) => json!({ "given": true, "recording_id": id, "generation": 1, "seq": 0 }),
                None => json!({ "given": false }),
            };
        }
        Some(body)
    }

    /// The names of the body's own fields.
    pub(crate) fn documented(&self) -> Vec<String> {
        let schema = self.body.as_ref().map(|schema| self.resolve(schema));
        schema
            .and_then(|schema| schema["properties"].as_object())
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// A request with these values.
    pub(crate) fn request(&self, values: &Values<'_>, credentials: &Credentials) -> Sent {
        let value = |field: &Field| match values.instead {
            Some((instead, value)) if instead.place == field.place && instead.name == field.name => value.to_owned(),
            _ => (values.own)(&field.kind),
        };
        let body = self.good_body(values);
        match &self.way {
            Way::Http(method, path) => {
                let (mut path, mut query, mut headers) = (path.clone(), Vec::new(), credentials.headers());
                for field in &self.fields {
                    let instead = values
                        .instead
                        .is_some_and(|(instead, _)| instead.name == field.name && instead.place == field.place);
                    match field.place {
                        Place::Path => path = path.replace(&format!("{{{}}}", field.name), &value(field)),
                        Place::Query if instead || WANTED.contains(&field.name.as_str()) => {
                            query.push(format!("{}={}", field.name, value(field)));
                        }
                        Place::Header if instead => headers.push((field.name.to_lowercase(), value(field))),
                        Place::Query | Place::Header | Place::Body => {}
                    }
                }
                if self.id == "linkedinCallback" {
                    query.push("error=user_cancelled_authorize".into());
                    headers.extend(credentials.cookie.clone().map(|cookie| ("cookie".to_owned(), cookie)));
                }
                if !query.is_empty() {
                    path = format!("{path}?{}", query.join("&"));
                }
                Sent::Http(method.clone(), path, headers, body)
            }
            Way::Frame => Sent::Frame(credentials.connection.clone(), self.id.clone(), body.unwrap_or(json!({}))),
            Way::Dial => {
                let ticket = values.instead.map(|(_, value)| value.to_owned()).or_else(|| credentials.ticket.clone());
                Sent::Dial(ConnectionId(format!("{} again", credentials.connection)), ticket)
            }
        }
    }
}

/// What a request says of things and people.
pub(crate) struct Values<'a> {
    /// The sender's own, by kind.
    pub(crate) own: &'a dyn Fn(&str) -> String,
    /// One field that says something else.
    pub(crate) instead: Option<(&'a Field, &'a str)>,
}

/// What somebody proves to be somebody with.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) bearer: Option<String>,
    pub(crate) connection: ConnectionId,
    pub(crate) ticket: Option<String>,
    /// Of the sign-in that this browser began.
    pub(crate) cookie: Option<String>,
}

impl Credentials {
    fn headers(&self) -> Vec<(String, String)> {
        self.bearer.iter().map(|token| ("authorization".to_owned(), format!("Bearer {token}"))).collect()
    }
}

/// A request on its way.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    Http(Method, String, Vec<(String, String)>, Option<Value>),
    Frame(ConnectionId, String, Value),
    Dial(ConnectionId, Option<String>),
}

/// An answer, from wherever it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Answer {
    /// `401 token_missing`, or `200`.
    pub(crate) fn summary(&self) -> String {
        match self.body["code"].as_str().filter(|_| self.status >= 400) {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    /// All of it but what differs from request to request.
    pub(crate) fn compared(&self, sent: &str) -> String {
        let mut body = self.body.clone();
        if let Some(object) = body.as_object_mut() {
            object.remove("instance");
        }
        let headers: Vec<_> =
            self.headers.iter().filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str())).collect();
        masked(&format!("{} {headers:?} {body}", self.status).replace(sent, "…"))
    }
}

/// A text with every id in it hidden but for what it names: two requests make two ids.
fn masked(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(place) = rest.find('_') {
        let (head, tail) = rest.split_at(place + 1);
        shown.push_str(head);
        let digits = tail.bytes().take_while(u8::is_ascii_hexdigit).count();
        rest = if digits == 32 { &tail[32..] } else { tail };
    }
    shown + rest
}

impl Sent {
    /// Sends it through the real handlers.
    pub(crate) async fn through(&self, world: &World) -> Answer {
        match self {
            Self::Http(method, path, headers, body) => {
                let mut request = http::Request::builder().method(method).uri(path);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                let text = body.as_ref().map(Value::to_string);
                if text.is_some() {
                    request = request.header("content-type", "application/json");
                }
                let request = request.body(text.map_or_else(Body::empty, Body::from)).expect("a valid request");
                let reply = world.send(request).await;
                let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
                Answer { status: reply.status.as_u16().into(), headers, body: reply.body }
            }
            Self::Frame(connection, action, data) => {
                let text = json!({ "action": action, "id": "1", "data": data }).to_string();
                let said = Occasion::Said { connection: connection.clone(), text };
                let answer = realtime::handle(&world.realtime, said).await;
                let frame: Value = serde_json::from_str(&answer.body.expect("every frame is answered")).expect("JSON");
                match frame["problem"]["status"].as_u64() {
                    Some(status) => Answer { status, headers: BTreeMap::new(), body: frame["problem"].clone() },
                    None => Answer { status: 200, headers: BTreeMap::new(), body: frame["data"].clone() },
                }
            }
            Self::Dial(connection, ticket) => {
                let origin = Some(testkit::world::ORIGIN.to_owned());
                let opened = Occasion::Opened { connection: connection.clone(), ticket: ticket.clone(), origin };
                let answer = realtime::handle(&world.realtime, opened).await;
                let body = answer.body.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"));
                Answer { status: answer.status.into(), headers: BTreeMap::new(), body }
            }
        }
    }
}

/// Every operation of both contracts. Whatever cannot be derived is an error.
pub(crate) fn operations() -> Result<Vec<Operation>, String> {
    let http: Value = serde_json::from_str(&local::contract::openapi_text()).expect("JSON");
    let http = std::sync::Arc::new(http);
    let mut all = Vec::new();
    for (path, item) in http["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().ok_or(format!("{method} {path} has no operationId"))?;
            let method = method.to_uppercase().parse().expect("a method");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let body = operation["requestBody"]["content"]["application/json"].get("schema").cloned();
            let (way, contract) = (Way::Http(method, path.clone()), http.clone());
            all.push(Operation { id: id.to_owned(), way, fields: Vec::new(), body, parameters, contract }.derive()?);
        }
    }
    let socket: Value = serde_json::from_str(&local::contract::asyncapi_text()).expect("JSON");
    let socket = std::sync::Arc::new(socket);
    let channel = &socket["channels"]["socket"];
    for message in socket["operations"]["say"]["messages"].as_array().expect("messages") {
        let reference = message["$ref"].as_str().expect("a reference");
        let payload = &socket.pointer(&reference[1..]).expect("a message")["payload"]["properties"];
        let id = payload["action"]["const"].as_str().ok_or("an action without a name")?.to_owned();
        let (body, contract) = (Some(payload["data"].clone()), socket.clone());
        all.push(
            Operation { id, way: Way::Frame, fields: Vec::new(), body, parameters: Vec::new(), contract }.derive()?,
        );
    }
    let query = channel["bindings"]["ws"]["query"]["properties"].as_object().expect("the query of $connect");
    let parameters =
        query.iter().map(|(name, schema)| json!({ "name": name, "in": "query", "schema": schema })).collect();
    let (id, way) = ("$connect".to_owned(), Way::Dial);
    all.push(Operation { id, way, fields: Vec::new(), body: None, parameters, contract: socket.clone() }.derive()?);
    Ok(all)
}

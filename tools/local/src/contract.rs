//! The published contracts, generated from the routers' and the frames' own types.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use api::layers::Origins;
use api::system::{SystemClock, SystemEntropy};
use serde_json::{Value, json};
use socket::frame::{Pong, PresenceReply, Schema};
use socket::{ClientFrame, Code, Problem, Push};
use store::Db;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Info, OpenApi, OpenApiBuilder, Server};

use crate::keys::Keys;
use crate::provider::Provider;

/// The HTTP contract (`OpenAPI` 3.1). The routers are built with states that reach nothing.
pub fn openapi() -> OpenApi {
    let keys = Keys::generate();
    let db = Db::local("http://127.0.0.1:9", crate::engine::table_names());
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let courier = Arc::new(partners::ApiGateway::local("http://127.0.0.1:9"));
    let provider = Provider::new("http://localhost:9", clock.clone(), entropy.clone());
    let secret = |text: &str| Keys::secret(text).expect("generated secrets are secrets");
    let settings = auth::Settings {
        issuer: "contract".into(),
        signing_key: keys.token_signing_key.clone(),
        public_keys: keys.token_keys.clone(),
        secret: secret(&keys.auth_secret),
        public_url: None,
        app_url: "https://app.example".parse().expect("a URL"),
        socket_url: "wss://socket.example".into(),
        origins: Origins::exactly([]),
        limited: true,
        linkedin: provider.settings(),
    };
    let auth = auth::State::new(settings, db.clone(), courier.clone(), clock.clone(), entropy.clone());
    let auth = auth.expect("generated keys fit");
    let settings = calls::Settings {
        issuer: "contract".into(),
        public_keys: keys.token_keys.clone(),
        secret: secret(&keys.cursor_secret),
        origins: Origins::exactly([]),
        limited: true,
        turn: api::ice::Turn::default(),
        addresses: domain::sdp::Addresses::Public,
    };
    let calls = calls::State::new(settings, db.clone(), courier.clone(), clock.clone(), entropy.clone());
    let settings = recordings::Settings {
        issuer: "contract".into(),
        public_keys: keys.token_keys,
        secret: secret(&keys.cursor_secret),
        origins: Origins::exactly([]),
        limited: true,
    };
    let blobs = blobs::Blobs::local("http://127.0.0.1:9", crate::bucket::BUCKET);
    let recordings = recordings::State::new(settings, db, blobs, courier, clock, entropy);
    let bearer = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The access token of POST /auth/login, /auth/token or /auth/refresh."))
            .build(),
    );
    let mut info = Info::new("Dchat", env!("CARGO_PKG_VERSION"));
    info.description =
        Some("Sign-in, calls and their recordings. What this cannot say is in docs/api-design.md.".into());
    let mut license = utoipa::openapi::License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".into());
    info.license = Some(license);
    let mut contract = OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .components(Some(ComponentsBuilder::new().security_scheme(api::BEARER, bearer).build()))
        .build();
    contract.merge(auth::router(auth).into_openapi());
    contract.merge(calls::router(calls).into_openapi());
    contract.merge(recordings::router(recordings).into_openapi());
    contract
}

/// The HTTP contract as it is committed and served, with what the specification demands and the macros leave out.
pub fn openapi_text() -> String {
    let mut contract = serde_json::to_value(openapi()).expect("a contract is JSON");
    let paths = contract["paths"].as_object_mut().expect("a contract has paths");
    for operation in
        paths.values_mut().flat_map(|item| item.as_object_mut().expect("an item has operations").values_mut())
    {
        let operation = operation.as_object_mut().expect("an operation is an object");
        operation.entry("security").or_insert_with(|| json!([{}]));
        for (status, response) in operation["responses"].as_object_mut().expect("an operation has responses") {
            let reason = status.parse().ok().and_then(|status| http::StatusCode::from_u16(status).ok());
            let said = reason.and_then(|status| status.canonical_reason()).unwrap_or("Refused: the code says why");
            let description = &mut response["description"];
            if description.as_str().is_none_or(str::is_empty) {
                *description = json!(said);
            }
        }
    }
    close_bodies(&mut contract);
    serde_json::to_string_pretty(&contract).expect("a contract is JSON") + "\n"
}

/// `api::body!` refuses fields that it does not know, and its schemas say so.
fn close_bodies(contract: &mut Value) {
    let operations = contract["paths"].as_object().expect("a contract has paths").values();
    let operations = operations.flat_map(|item| item.as_object().expect("an item has operations").values());
    let bodies = operations.filter_map(|operation| {
        operation.pointer("/requestBody/content/application~1json/schema/$ref")?.as_str()?.strip_prefix('#')
    });
    for pointer in bodies.map(str::to_owned).collect::<Vec<_>>() {
        contract.pointer_mut(&pointer).expect("references lead somewhere")["additionalProperties"] = json!(false);
    }
}

/// The socket's contract (`AsyncAPI` 3.0).
pub fn asyncapi() -> Value {
    let mut schemas = BTreeMap::new();
    let mut keep = |schema: Schema| {
        for (name, schema) in schema.all {
            schemas.insert(name, serde_json::to_value(schema).expect("a schema is JSON"));
        }
        json!({ "$ref": format!("#/components/schemas/{}", schema.name) })
    };
    let id = json!({ "type": "string", "maxLength": 64, "description": "Yours; comes back in the answer." });
    let mut messages = serde_json::Map::new();
    let (mut said, mut heard) = (Vec::new(), Vec::new());
    for (action, data) in ClientFrame::schemas() {
        said.push(json!({ "$ref": format!("#/channels/socket/messages/{action}") }));
        let payload = json!({
            "type": "object", "additionalProperties": false, "required": ["action"],
            "properties": { "action": { "const": action }, "id": id, "data": keep(data) },
        });
        messages.insert(action.into(), json!({ "name": action, "payload": payload }));
    }
    for (event, data) in Push::schemas() {
        heard.push(json!({ "$ref": format!("#/channels/socket/messages/push.{event}") }));
        let payload = json!({
            "type": "object", "required": ["event", "data", "at"],
            "properties": {
                "event": { "const": event }, "data": keep(data), "at": { "type": "string", "format": "date-time" },
                "channel": { "enum": ["inbox"] }, "seq": { "type": "integer", "minimum": 1 },
            },
        });
        messages.insert(format!("push.{event}"), json!({ "name": event, "payload": payload }));
    }
    let replies = json!({ "anyOf": [
        keep(Schema::of::<Pong>()),
        keep(Schema::of::<PresenceReply>()),
        { "type": "object", "required": ["call_id"], "description": "To call.*: {call_id, state} or {call_id, delivered}." },
    ]});
    let problem = keep(Schema::of::<Problem>());
    let answers = [
        (
            "reply",
            json!({ "type": "object", "required": ["event", "data"], "properties": { "event": { "const": "reply" }, "id": id, "data": replies } }),
        ),
        (
            "error",
            json!({ "type": "object", "required": ["event", "problem"], "properties": { "event": { "const": "error" }, "id": id, "problem": problem } }),
        ),
    ];
    for (name, payload) in answers {
        heard.push(json!({ "$ref": format!("#/channels/socket/messages/{name}") }));
        messages.insert(name.into(), json!({ "name": name, "payload": payload }));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Dchat socket", "version": env!("CARGO_PKG_VERSION"),
            "description": "Connect to the url of POST /auth/ws-ticket. What this cannot say is in docs/realtime.md.",
        },
        "defaultContentType": "application/json",
        "channels": { "socket": {
            "address": "/socket",
            "parameters": {},
            "messages": messages,
            "bindings": { "ws": { "query": { "type": "object", "required": ["ticket"], "properties": { "ticket": { "type": "string" } } } } },
        }},
        "operations": {
            "say": { "action": "send", "summary": "What a client says.", "channel": { "$ref": "#/channels/socket" }, "messages": said },
            "hear": { "action": "receive", "summary": "What a client hears.", "channel": { "$ref": "#/channels/socket" }, "messages": heard },
        },
        "components": { "schemas": schemas },
    })
}

/// The socket's contract as it is committed and served.
pub fn asyncapi_text() -> String {
    serde_json::to_string_pretty(&asyncapi()).expect("a contract is JSON") + "\n"
}

/// Every problem on one page, for `docs/problems.md`.
pub fn problems_text() -> String {
    let mut text = "# Problems\n\nEvery refusal, generated from `shared/socket/src/problem.rs`. How they look: [api-design.md](api-design.md#errors).\n".to_owned();
    for code in Code::ALL {
        let retry = match code.retry() {
            socket::problem::Retry::No => "do not repeat the request as it is",
            socket::problem::Retry::Same => "repeat the same request at once",
            socket::problem::Retry::Later => "repeat the same request after `Retry-After`",
        };
        let _ = write!(
            text,
            "\n## {}\n\n{} · {}. **{}** Retry: {retry}.\n",
            code.as_str(),
            code.status(),
            code.title(),
            code.remedy()
        );
    }
    text
}

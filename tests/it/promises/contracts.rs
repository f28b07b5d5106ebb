//! The published contracts are the code's.

use serde_json::Value;

use super::root;

#[test]
fn the_committed_contracts_are_current() {
    for (file, text) in [
        ("openapi/openapi.json", local::contract::openapi_text()),
        ("asyncapi/asyncapi.json", local::contract::asyncapi_text()),
        ("docs/problems.md", local::contract::problems_text()),
    ] {
        let committed = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        assert!(committed == text, "{file} is not what the code says. Run: cargo xtask contracts");
    }
}

#[test]
fn every_operation_says_what_it_is_and_what_it_refuses() {
    let contract: Value = serde_json::from_str(&local::contract::openapi_text()).expect("JSON");
    assert_eq!(contract["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for (path, item) in contract["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = format!("{method} {path}");
            ids.push(
                operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no operation_id")).to_owned(),
            );
            assert!(operation["summary"].is_string(), "{name} has no doc comment");
            let responses = operation["responses"].as_object().expect("responses");
            let public = ["/api/webrtc/health", "/.well-known/jwks.json", "/api/limits"].contains(&path.as_str());
            assert!(public || responses.contains_key("default"), "{name} does not say how it refuses");
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
}

#[test]
fn every_reference_of_the_contracts_leads_somewhere() {
    for text in [local::contract::openapi_text(), local::contract::asyncapi_text()] {
        let contract: Value = serde_json::from_str(&text).expect("JSON");
        let mut references = 0;
        let mut todo = vec![&contract];
        while let Some(value) = todo.pop() {
            match value {
                Value::Object(map) => {
                    if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                        let pointer = reference.strip_prefix('#').expect("references stay inside");
                        assert!(contract.pointer(pointer).is_some(), "{reference} leads nowhere");
                        references += 1;
                    }
                    todo.extend(map.values());
                }
                Value::Array(items) => todo.extend(items),
                _ => {}
            }
        }
        assert!(references > 20, "{references}");
    }
}

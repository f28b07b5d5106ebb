//! Who may know what, read from the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::root;

/// The normal dependencies of every member.
fn members() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let normal = |package: &Value| {
        let dependencies = package["dependencies"].as_array().expect("dependencies").clone();
        let names = dependencies.into_iter().filter(|d| d["kind"].is_null());
        names.map(|d| d["name"].as_str().expect("a name").to_owned()).collect()
    };
    let name = |package: &Value| package["name"].as_str().expect("a name").to_owned();
    packages.iter().map(|package| (name(package), normal(package))).collect()
}

#[test]
fn domain_is_pure() {
    let allowed = ["jiff", "serde", "thiserror", "utoipa", "uuid"];
    for dependency in &members()["domain"] {
        assert!(allowed.contains(&dependency.as_str()), "domain must not know {dependency}");
    }
}

#[test]
fn one_crate_names_each_service() {
    let owners = [
        ("aws-sdk-dynamodb", "store"),
        ("serde_dynamo", "store"),
        ("aws-sdk-apigatewaymanagement", "partners"),
        ("oauth2", "partners"),
        ("hyper-rustls", "partners"),
        ("dynoxide-rs", "local"),
        ("aws-sdk-s3", "blobs"),
        ("s3s", "local"),
        ("s3s-fs", "local"),
    ];
    for (member, dependencies) in members() {
        for (service, owner) in owners {
            assert!(
                member == owner || !dependencies.contains(service),
                "{member} must not name {service}: ask {owner}"
            );
        }
    }
}

#[test]
fn arrows_point_one_way() {
    let functions = ["auth", "calls", "realtime", "recordings", "timers"];
    let may = |member: &str| -> Option<Vec<&str>> {
        Some(match member {
            "domain" => vec![],
            "socket" => vec!["domain"],
            "store" | "partners" | "api" | "blobs" => vec!["domain", "socket"],
            function if functions.contains(&function) => {
                let own = ["domain", "socket", "store", "partners", "api"].into_iter();
                // Bytes cost a program two megabytes: who has none does not link them.
                own.chain((function == "recordings").then_some("blobs")).collect()
            }
            _ => return None,
        })
    };
    let members = members();
    let ours: Vec<&String> = members.keys().collect();
    for (member, dependencies) in &members {
        let Some(may) = may(member) else { continue };
        for dependency in dependencies.iter().filter(|d| ours.contains(d)) {
            assert!(may.contains(&dependency.as_str()), "{member} must not know {dependency}");
        }
    }
    assert_eq!(functions.iter().filter(|f| members.contains_key(**f)).count(), functions.len());
    for (member, dependencies) in &members {
        assert!(
            !dependencies.contains("testkit") || ["tests", "bench"].contains(&member.as_str()),
            "{member} must not ship testkit"
        );
    }
}

#[test]
fn every_test_of_this_crate_depends_on_what_it_tests_only_as_a_test() {
    assert!(members()["tests"].is_empty());
}

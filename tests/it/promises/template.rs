//! The template, the code and the store agree.

use std::collections::BTreeSet;

use testkit::template::{blocks, functions, variables};

use super::root;

const FUNCTIONS: [&str; 5] = ["auth", "calls", "realtime", "recordings", "timers"];

/// Environment variables that a source file names as string literals.
fn named_in(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(file)).expect("readable");
    let literals = text.split('"').skip(1).step_by(2);
    let looks = |word: &&str| {
        word.len() > 3 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') && !word.starts_with('_')
    };
    literals.filter(looks).map(str::to_owned).collect()
}

#[test]
fn a_function_reads_what_the_template_sets_and_nothing_else() {
    for function in FUNCTIONS {
        let set = variables(function);
        let mut read = named_in(&format!("functions/{function}/src/state.rs"));
        read.extend(named_in("shared/api/src/log.rs"));
        assert_eq!(read, set, "{function}: what state.rs reads (left) and what template.yaml sets (right)");
    }
}

#[test]
fn nobody_else_reads_the_environment() {
    let mut todo = vec![root().join("shared"), root().join("functions")];
    let mut seen = 0;
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("api/src/env.rs") {
                seen += 1;
                let text = std::fs::read_to_string(&path).expect("readable");
                assert!(!text.contains("env::var"), "{}: read configuration through api::Env", path.display());
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_function_of_the_template_has_its_crate_its_events_and_its_routes() {
    let resources = blocks("Resources");
    assert_eq!(functions(), FUNCTIONS.map(str::to_owned).into(), "functions in template.yaml");
    for function in FUNCTIONS {
        let block = &resources[function];
        assert!(root().join(format!("functions/{function}/src/main.rs")).is_file(), "{function} has no main.rs");
        assert!(root().join(format!("events/{function}")).is_dir(), "{function} has no events");
        let run = format!("functions/{function}/tests/bootstrap.rs");
        assert!(
            root().join(&run).is_file(),
            "{function}'s program never ran its events: add {run}, as its neighbours have"
        );
        assert!(block.contains("BuildMethod: rust-cargolambda"), "{function}");
        assert!(block.contains(&format!("Role: !GetAtt {function}Role.Arn")), "{function} has no role of its own");
    }
    let routed = |path: &str| {
        let prefixes: Vec<String> = FUNCTIONS
            .iter()
            .flat_map(|function| resources[*function].split("Path: ").skip(1))
            .map(|rest| match rest.strip_prefix('\'') {
                Some(quoted) => quoted.split('\'').next(),
                None => rest.split(['}', ',', '\n']).next(),
            })
            .map(|path| path.unwrap_or_default().trim().to_owned())
            .collect();
        prefixes
            .iter()
            .any(|route| route.strip_suffix("{proxy+}").map_or(route == path, |prefix| path.starts_with(prefix)))
    };
    for path in ["/openapi.json", "/asyncapi.json", "/docs/problems"] {
        assert!(routed(path), "no route of template.yaml leads to {path}");
    }
    for (id, _, path) in super::strangers::operations() {
        assert!(routed(&path), "{id}: no route of template.yaml leads to {path}");
        if let Some(rest) = path.strip_prefix("/api/") {
            assert!(routed(&format!("/api/v1/{rest}")), "{id}: no route leads to /api/v1/{rest}");
        }
    }
}

/// Roles are written out: those that SAM makes let a function write every log group and read every stream.
#[test]
fn no_role_has_a_wildcard_but_where_aws_has_nothing_narrower() {
    let resources = blocks("Resources");
    for function in FUNCTIONS {
        let role = &resources[&format!("{function}Role")];
        let wildcard = role.matches("'*'").count() + role.matches(":*").count();
        if resources[function].contains("Tracing: PassThrough") {
            assert_eq!(wildcard, 0, "{function}Role: whoever is not traced needs no wildcard");
            continue;
        }
        let xray = "Resource: '*'";
        let (before, _) = role.split_once(xray).expect("X-Ray takes no narrower resource");
        assert_eq!(wildcard, 1, "{function}Role: one wildcard, X-Ray's");
        assert!(before.ends_with(
            "# X-Ray knows no narrower resource.\n              - Sid: Traces\n                Effect: Allow\n                Action:\n                  - xray:PutTelemetryRecords\n                  - xray:PutTraceSegments\n                "
        ), "{function}Role: the wildcard is X-Ray's");
    }
}

/// What AWS takes at the first deployment and refuses, or swallows, later.
#[test]
fn names_are_a_stacks_own_and_alarms_reach_somebody() {
    for (name, block) in blocks("Resources") {
        let schedules = block.matches("Type: ScheduleV2").count();
        assert_eq!(
            schedules,
            block.matches("OmitName: true").count(),
            "{name}: SAM names a schedule alike in every stack"
        );
        for property in ["TableName", "QueueName", "RoleName", "BucketName"] {
            let named = format!("\n      {property}: ");
            assert!(!block.contains(&named), "{name}: a {property} of one's own cannot be in two stacks");
        }
        assert!(!block.contains("alias/aws/sns"), "{name}: alarms cannot publish to a topic with this key");
    }
}

/// What a group needs besides its function: a log that ends, a place in the alarm and on the dashboard.
#[test]
fn every_function_is_watched() {
    let resources = blocks("Resources");
    for function in FUNCTIONS {
        let block = &resources[function];
        let group = block.split("LoggingConfig: {LogGroup: !Ref ").nth(1).and_then(|rest| rest.split('}').next());
        let group = group.unwrap_or_else(|| panic!("{function} has no log group"));
        assert!(resources[group].contains("RetentionInDays:"), "{group} keeps its lines for ever");
        assert!(resources["Dashboard"].contains(&format!("SOURCE '${{{group}}}'")), "{group} is not on the dashboard");
        let errors = format!("MetricName: Errors, Dimensions: [{{Name: FunctionName, Value: !Ref {function}}}]");
        assert!(resources["FunctionErrors"].contains(&errors), "nobody hears of {function}'s errors");
        let throttles = errors.replace("Errors", "Throttles");
        assert!(resources["Throttled"].contains(&throttles), "nobody hears that {function} was turned away");
        for metric in ["Errors", "Throttles", "ConcurrentExecutions"] {
            let line = format!("\"{metric}\", \"FunctionName\", \"${{{function}}}\"");
            assert!(resources["Dashboard"].contains(&line), "{function}: {metric} is not on the dashboard");
        }
    }
    for (name, block) in &resources {
        if block.contains("Type: AWS::SQS::Queue") {
            let alarm = format!("Value: !GetAtt {name}.QueueName");
            assert!(resources["DeadLetters"].contains(&alarm), "nobody hears of {name}");
        }
    }
    let body = resources["Dashboard"].split("DashboardBody: !Sub |\n").nth(1).expect("a dashboard");
    let body: serde_json::Value = serde_json::from_str(body).expect("the dashboard is JSON");
    assert!(body["widgets"].as_array().is_some_and(|widgets| widgets.len() > 8));
}

#[test]
fn the_tables_of_the_template_are_those_of_the_store() {
    let resources = blocks("Resources");
    for table in ["AccountsTable", "RealtimeTable", "CallsTable"] {
        let block = resources.get(table).unwrap_or_else(|| panic!("no {table} in template.yaml"));
        let needed = [
            "PAY_PER_REQUEST",
            "AttributeName: pk",
            "AttributeName: sk",
            "AttributeName: ttl",
            "PointInTimeRecoveryEnabled: true",
            "DeletionPolicy: Retain",
        ];
        for needed in needed {
            assert!(block.contains(needed), "{table}: {needed}");
        }
    }
}

/// What the embedded S3 has no word for.
#[test]
fn the_bucket_is_private_and_forgets_what_nobody_finished() {
    let resources = blocks("Resources");
    let (bucket, policy) = (&resources["RecordingsBucket"], &resources["RecordingsBucketPolicy"]);
    for needed in [
        "BlockPublicAcls: true",
        "BlockPublicPolicy: true",
        "IgnorePublicAcls: true",
        "RestrictPublicBuckets: true",
        "SSEAlgorithm: AES256",
        "ObjectOwnership: BucketOwnerEnforced",
        "AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}",
        "AllowedOrigins: !Split [',', !Ref AllowedOrigins]",
        "AllowedMethods: [GET, PUT]",
        "AllowedHeaders: [x-amz-checksum-sha256]",
        "DeletionPolicy: Retain",
    ] {
        assert!(bucket.contains(needed), "RecordingsBucket: {needed}");
    }
    assert!(policy.contains("Effect: Deny") && policy.contains("{Bool: {'aws:SecureTransport': 'false'}}"));
    let day = domain::limit::RECORDING_LONGEST.as_hours();
    assert!(day < 24, "the bucket drops the parts of an upload after a day");
}

#[test]
fn no_secret_has_a_default() {
    for (name, block) in blocks("Parameters") {
        if block.contains("NoEcho: true") {
            let optional = block.contains("Default: ''\n");
            assert!(optional || !block.contains("Default:"), "{name} is a secret and has a default");
        }
    }
    let parameters = blocks("Parameters");
    for secret in ["TokenSigningKey", "AuthSecret", "CursorSecret", "LinkedInClientSecret"] {
        assert!(parameters[secret].contains("NoEcho: true"), "{secret}");
        assert!(!parameters[secret].contains("Default:"), "{secret}");
    }
    assert!(parameters["TurnSecret"].contains("NoEcho: true"));
    assert!(blocks("Rules")["RelaysHaveASecret"].contains("Assert: !Not [!Equals [!Ref TurnSecret, '']]"));
}

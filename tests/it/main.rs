//! One binary of tests: journeys tell what people do, promises guard what must stay true.

#![expect(clippy::disallowed_methods, reason = "tests may spawn")]

mod journeys {
    /// These run in process, and against the deployed stack that `DCHAT_STACK` names.
    mod anywhere {
        mod call_rules;
        mod calling;
        mod edge;
        mod groups;
        mod ice;
        mod quality;
        mod recording;
        mod signing_in;
        mod sockets;
    }
    mod calling;
    pub(crate) mod linkedin;
    mod recordings;
    mod signing_in;
    mod sockets;
    mod steps;
}
mod promises {
    /// The repository.
    fn root() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// The HTTP contract.
    fn contract() -> serde_json::Value {
        serde_json::from_str(&local::contract::openapi_text()).expect("JSON")
    }

    mod access;
    mod bad_input;
    mod budgets;
    mod canaries;
    mod contracts;
    mod cost;
    mod crash;
    mod descriptions;
    mod events;
    mod interleavings;
    mod layering;
    mod limits;
    mod mass_assignment;
    mod metrics;
    mod problems;
    mod quality;
    mod races;
    mod repeats;
    mod revocation;
    mod storm;
    mod strangers;
    mod template;
    mod timers;
}

//! One binary of tests: journeys tell what people do, promises guard what must stay true.

#![expect(clippy::disallowed_methods, reason = "tests may spawn")]

mod journeys {
    mod calling;
    pub(crate) mod linkedin;
    mod signing_in;
    mod sockets;
}
mod promises {
    /// The repository.
    fn root() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    mod bad_input;
    mod budgets;
    mod contracts;
    mod crash;
    mod events;
    mod interleavings;
    mod layering;
    mod races;
    mod storm;
    mod strangers;
    mod template;
}

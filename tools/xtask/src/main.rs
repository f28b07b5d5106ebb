//! Chores of the repository: `cargo xtask contracts`, `cargo xtask keys`.

use std::path::Path;
use std::process::ExitCode;

use local::contract;
use local::keys::Keys;

const HELP: &str = "\
cargo xtask contracts   writes openapi/openapi.json, asyncapi/asyncapi.json and docs/problems.md from the code
cargo xtask keys        prints a fresh set of keys and secrets for a deployment, as parameters of template.yaml
";

fn contracts() -> Result<(), std::io::Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (file, text) in [
        ("openapi/openapi.json", contract::openapi_text()),
        ("asyncapi/asyncapi.json", contract::asyncapi_text()),
        ("docs/problems.md", contract::problems_text()),
    ] {
        std::fs::write(root.join(file), text)?;
        println!("wrote {file}");
    }
    Ok(())
}

fn keys() -> Result<(), serde_json::Error> {
    let keys = Keys::generate();
    println!("TokenSigningKey={}", keys.token_signing_key);
    println!("TokenKeys='{}'", serde_json::to_string(&keys.token_keys)?);
    println!("AuthSecret={}", keys.auth_secret);
    println!("CursorSecret={}", keys.cursor_secret);
    println!("TurnSecret={}", local::keys::turn_secret());
    Ok(())
}

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("contracts") => contracts().map_err(|error| error.to_string()),
        Some("keys") => keys().map_err(|error| error.to_string()),
        _ => Err(HELP.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

//! This laptop's own keys and secrets: made at the first start, kept in the data folder, never shared.

use std::path::Path;

use api::secret::random;
use api::system::SystemEntropy;
use api::token::PublicKeys;
use api::{Secret, Signer};
use serde::{Deserialize, Serialize};

/// A set of keys and secrets, as `cargo xtask keys` prints it for a deployment. It never prints by itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct Keys {
    /// `TOKEN_SIGNING_KEY`.
    pub token_signing_key: String,
    /// `TOKEN_KEYS`.
    pub token_keys: PublicKeys,
    /// `AUTH_SECRET`.
    pub auth_secret: String,
    /// `CURSOR_SECRET`.
    pub cursor_secret: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// A fresh set.
    pub fn generate() -> Self {
        let (token_signing_key, token_keys) = Signer::generate();
        let entropy = &SystemEntropy;
        Self { token_signing_key, token_keys, auth_secret: random(entropy), cursor_secret: random(entropy) }
    }

    /// The set of a data folder, made when there is none. Readable by its owner only.
    pub fn of(folder: &Path) -> Result<Self, String> {
        let file = folder.join("keys.json");
        match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display())),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                let keys = Self::generate();
                let text = serde_json::to_vec_pretty(&keys).map_err(|error| error.to_string())?;
                write_private(&file, &text).map_err(|error| format!("{}: {error}", file.display()))?;
                Ok(keys)
            }
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }

    pub(crate) fn secret(text: &str) -> Result<Secret, String> {
        text.parse().map_err(str::to_owned)
    }
}

/// A fresh `TURN_SECRET`. A laptop needs none.
pub fn turn_secret() -> String {
    random(&SystemEntropy)
}

fn write_private(file: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut made = options.open(file)?;
    made.write_all(text)?;
    made.sync_all()
}

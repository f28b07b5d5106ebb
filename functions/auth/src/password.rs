//! Password hashing: argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), one at a time.
//!
//! One buffer is kept and reused: fresh buffers per hash made the process grow to 170 MB.

use std::sync::Arc;

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use domain::clock::Entropy;
use domain::text::Password;
use socket::{Code, Problem};
use tokio::sync::Mutex;

const PARAMS: Params = match Params::new(19 * 1024, 2, 1, Some(32)) {
    Ok(params) => params,
    Err(_) => panic!("OWASP's parameters are valid"),
};
/// A hash of nothing anybody types: unknown accounts cost the same work as known ones.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and compares passwords.
#[derive(Clone, Default)]
pub(crate) struct Passwords {
    memory: Arc<Mutex<Vec<Block>>>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

fn failed(error: impl std::fmt::Display) -> Problem {
    tracing::error!(error = %error, "a password could not be hashed");
    Problem::new(Code::Internal)
}

impl Passwords {
    /// A fresh hash, as a PHC string.
    pub(crate) async fn hash(&self, password: &Password, entropy: &dyn Entropy) -> Result<String, Problem> {
        let salt = entropy.bytes::<16>();
        let hash = self.raw(password, salt.to_vec(), PARAMS).await?;
        let hash = PasswordHash {
            algorithm: Ident::new("argon2id").map_err(failed)?,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(PARAMS).map_err(failed)?,
            salt: Some(Salt::new(&salt).map_err(failed)?),
            hash: Some(Output::new(&hash).map_err(failed)?),
        };
        Ok(hash.to_string())
    }

    /// Whether the password has this hash. Without one the answer is no, after the same work.
    pub(crate) async fn matches(&self, password: &Password, hash: Option<&str>) -> Result<bool, Problem> {
        let known = PasswordHash::new(hash.unwrap_or(NOBODY)).map_err(failed)?;
        let (Some(salt), Some(expected)) = (known.salt, known.hash) else { return Err(failed("no salt")) };
        let params = Params::try_from(&known).map_err(failed)?;
        let is = self.raw(password, salt.to_vec(), params).await?;
        let same = Output::new(&is).map_err(failed)? == expected; // in constant time, by its own `==`
        Ok(same && hash.is_some())
    }

    async fn raw(&self, password: &Password, salt: Vec<u8>, params: Params) -> Result<[u8; 32], Problem> {
        let mut memory = Arc::clone(&self.memory).lock_owned().await;
        let password = password.clone();
        let work = move || {
            memory.resize(params.block_count(), Block::default());
            let mut out = [0; 32];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into_with_memory(password.as_bytes(), &salt, &mut out, &mut memory[..])
                .map(|()| out)
        };
        tokio::task::spawn_blocking(work).await.map_err(failed)?.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use api::system::SystemEntropy;

    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let passwords = Passwords::default();
        let password = |text: &str| Password::try_from(text.to_owned()).expect("long enough");
        let hash = passwords.hash(&password("correct horse"), &SystemEntropy).await.expect("hashes");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(passwords.matches(&password("correct horse"), Some(&hash)).await.ok(), Some(true));
        assert_eq!(passwords.matches(&password("correct horsf"), Some(&hash)).await.ok(), Some(false));
        assert_eq!(passwords.matches(&password("correct horse"), None).await.ok(), Some(false));
    }
}

//! Every key, on one page. The role of a function names its prefix.

use domain::id::RecordingId;

/// One object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// What was recorded of a call.
    Recording(RecordingId),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recording(id) => write!(f, "recordings/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The embedded S3 keeps a file whose name is the key in base64, and file systems take 255 bytes.
    #[test]
    fn keys_fit_the_embedded_s3() {
        let key = Key::Recording(RecordingId::derived([0; 16])).to_string();
        assert!(key.len() <= 160 && key.starts_with("recordings/"), "{key}");
    }
}

//! What is too big for the store: bytes go from browsers to S3 and back by signed URLs, and never through a function.
//! The only crate that names S3.
//!
//! **Adding a kind of object.** A key in [`keys`]; nothing else formats one. An upload is begun, its parts are granted
//! one by one, each for exactly these bytes, and it is completed from what S3 says that it has.

pub mod bucket;
pub mod error;
pub mod keys;
pub mod upload;

pub use bucket::Blobs;
pub use error::BlobError;
pub use keys::Key;
pub use upload::Arrived;

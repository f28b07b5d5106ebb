//! What goes over the wire: problems, calls as people see them, and the socket's two vocabularies.
//!
//! Pure, like `domain`: it knows no HTTP server and no AWS. Its one trait, [`Courier`], is how a frame
//! reaches a connection; the real one is in `partners`.

pub mod courier;
pub mod frame;
pub mod problem;
pub mod view;

pub use courier::{Courier, Undelivered};
pub use frame::{ClientFrame, Push, ServerFrame};
pub use problem::{Code, FieldError, Problem};

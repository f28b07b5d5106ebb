//! What goes over the wire: problems, calls as people see them, and the socket's two vocabularies.
//!
//! Pure, like `domain`: it knows no HTTP server and no AWS. Its traits are what the functions need of the
//! outside: a [`Courier`] posts frames (the real one is in `partners`), [`Sessions`] knows who was signed out (`store`).

pub mod courier;
pub mod frame;
pub mod problem;
pub mod sessions;
pub mod view;

pub use courier::{Courier, Undelivered};
pub use frame::{ClientFrame, Push, ServerFrame};
pub use problem::{Code, FieldError, Problem};
pub use sessions::Sessions;

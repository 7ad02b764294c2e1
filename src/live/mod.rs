//! What we know of live objects: identity, writers, readiness, ownership.
//!
//! Pure functions of values. This room never speaks to a cluster; it reads what
//! the `cluster` room brought.

pub mod manifest;
pub mod object;
pub mod read;
pub mod readiness;

pub use manifest::Declared;
pub use object::{LiveObject, ObjectRef, Observed, Readiness, Writer};
pub use read::live_object;

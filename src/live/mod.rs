//! What we know of live objects: identity, writers, readiness, ownership.
//!
//! Pure functions of values. This room never speaks to a cluster; it reads what
//! the `cluster` room brought.

pub mod bare;
pub mod compare;
pub mod document;
mod fields;
pub mod manifest;
pub mod masked;
pub mod object;
mod outline;
pub mod read;
pub mod readiness;
pub mod relocate;
mod scalar;

pub use bare::{SERVER_FIELDS, bare};
pub use compare::{Change, Compared, Difference, Found};
pub use manifest::Declared;
pub use object::{GENERATED, LiveObject, ObjectRef, Observed, Readiness, Writer};
pub use read::live_object;

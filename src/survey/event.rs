//! Events of a namespace, as far as they are told on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::live::ObjectRef;

/// An Event. Anybody who may create one can say anything in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenEvent {
    /// When it was last seen.
    pub at: Timestamp,
    /// What it is about.
    pub object: ObjectRef,
    /// `Killing`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// Who reports it: `kubelet`.
    pub component: String,
}

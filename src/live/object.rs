//! Objects by identity, and what a read of one told us.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The identity of an object as a manifest names it.
///
/// `namespace` is `None` where the document names none: for a namespaced kind
/// Helm then uses the release's namespace, for a cluster-scoped one nothing.
/// Only API discovery can tell which, so the `cluster` room resolves it when it
/// reads the object and the identity stays what the manifest said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `apps/v1`, or `v1` for the core group.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// As the document names it.
    pub namespace: Option<String>,
    /// `metadata.name`; the prefix and [`GENERATED`] where the API server makes
    /// the rest.
    pub name: String,
}

/// What stands for the part of a name that the API server makes; no real name
/// has it.
pub const GENERATED: char = '*';

impl ObjectRef {
    /// The prefix of a name that the API server completes (`generateName`).
    pub fn generated(&self) -> Option<&str> {
        self.name.strip_suffix(GENERATED)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// One entry of `metadata.managedFields`: who wrote, how, and when by the API
/// server's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// The field manager: `helm` or `Helm` for Helm itself, a process name for
    /// an embedded SDK.
    pub manager: String,
    /// When this manager last wrote, in the server's time; whole seconds.
    pub at: Timestamp,
    /// `status`, `scale`, …; `None` for the object itself.
    pub subresource: Option<String>,
}

/// What a read of one live object told us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "observed")]
pub enum Observed {
    /// The API server answered 404 for the object.
    Missing,
    /// The API server no longer serves this apiVersion and kind.
    Unserved,
    /// It could not be read; the reason is fit for a sentence.
    Unreadable {
        /// `forbidden: …`, `timed out`, ….
        reason: String,
    },
    /// It exists.
    Present(Box<LiveObject>),
    /// These exist, of a name that the API server completes, whoever made them.
    Several {
        /// With their names.
        objects: Vec<(String, LiveObject)>,
    },
}

/// The few facts about a live object that judgements need. Never its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveObject {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp`: it is being deleted.
    pub deleting: Option<Timestamp>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
    /// `metadata.managedFields`, without the fields.
    pub writers: Vec<Writer>,
    /// The release its ownership annotations name, as `(namespace, name)`.
    pub owner: Option<(String, String)>,
    /// Whether `helm --wait` would still be waiting on it.
    pub readiness: Readiness,
    /// Whether it is a Job or Pod that ended in failure.
    #[serde(default)]
    pub failed: bool,
}

/// Whether an object has become what `helm --wait` waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum Readiness {
    /// Ready, or of a kind that is ready as soon as it exists.
    Ready,
    /// Helm would still be waiting; the reason names the numbers.
    Waiting(String),
}

//! What was saved, as a value: snapshots, and where a payload may be cut.
//!
//! Pure. The `store` room keeps snapshots on disk; this room knows what they
//! are and never reads or writes one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::helm::{Digest, Driver};
use crate::survey::{ObjectRef, RecordId, Scope, Unread};

pub mod diff;
mod live;
pub mod manifests;
mod releases;
pub mod retention;
pub mod seams;
pub mod told;

pub use live::{live_objects, untold_objects};
pub use releases::SavedRelease;
pub use told::{Told, Untold, decoded, plain};

/// Names a snapshot: lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub String);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a snapshot says of itself, whatever it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it was taken: the API server's time, else this machine's.
    pub time: Timestamp,
    /// The uid of namespace `kube-system` of the cluster it was taken from.
    pub cluster: Option<String>,
    /// Why it was taken: `backup`, or the verb whose writes it precedes.
    pub reason: String,
    /// What the user noted; may be empty.
    pub note: String,
    /// What the user tagged it with.
    pub tags: Vec<String>,
    /// What was asked for.
    pub scope: Scope,
    /// `resourceVersion` of the cluster's list of records that it is made from.
    pub version: Option<u64>,
}

/// A snapshot without what it holds: costs the same whatever that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its name.
    pub id: SnapshotId,
    /// What it says of itself.
    pub about: About,
    /// How many releases it holds records of.
    pub releases: u64,
    /// How many records it holds.
    pub records: u64,
    /// How many live objects it holds.
    pub objects: u64,
    /// The payloads' size as the cluster stored them.
    pub bytes: u64,
    /// What could not be saved.
    pub missing: Vec<Unread>,
    /// What is wrong with this row of the store, if anything; the rest is then
    /// what it says all the same.
    pub damaged: Option<String>,
}

impl Summary {
    /// Whether everything that was asked for was saved, and is told whole.
    pub fn complete(&self) -> bool {
        self.missing.is_empty() && self.damaged.is_none()
    }
}

/// A named set of saved records and live objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// When it was taken: the API server's time, else this machine's.
    pub time: Timestamp,
    /// The uid of namespace `kube-system` of the cluster it was taken from.
    pub cluster: Option<String>,
    /// Why it was taken: `backup`, or the verb whose writes it precedes.
    pub reason: String,
    /// What the user noted; may be empty.
    pub note: String,
    /// What the user tagged it with, sorted.
    pub tags: Vec<String>,
    /// What was asked for.
    pub scope: Scope,
    /// `resourceVersion` of the cluster's list of records that it is made from.
    pub version: Option<u64>,
    /// The records that were saved, by identity.
    pub records: Vec<SavedRecord>,
    /// The live objects that were saved, by identity.
    pub objects: Vec<SavedObject>,
    /// What could not be saved. A snapshot with any is incomplete.
    pub missing: Vec<Unread>,
}

/// Whose revision a record is: the release's name in one namespace and driver,
/// or the object's own name where Helm did not make it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HistoryId {
    /// The storage namespace.
    pub namespace: String,
    /// Secret or ConfigMap.
    pub driver: Driver,
    /// The release's name, as the record's name says it.
    pub name: String,
}

impl HistoryId {
    /// The history that a record belongs to.
    pub fn of(record: &RecordId) -> Self {
        let release = record.key().map(|key| key.release);
        Self {
            namespace: record.namespace.clone(),
            driver: record.driver,
            name: release.unwrap_or_else(|| record.name.clone()),
        }
    }
}

impl Snapshot {
    /// Whether everything that was asked for was saved.
    pub fn complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// How many releases it holds records of.
    pub fn releases(&self) -> usize {
        let mut names: Vec<_> = self
            .records
            .iter()
            .map(|saved| (&saved.id.namespace, saved.id.key().map(|key| key.release)))
            .collect();
        names.sort();
        names.dedup();
        names.len()
    }

    /// The payloads' size as the cluster stores them.
    pub fn bytes(&self) -> u64 {
        self.records.iter().map(|saved| saved.bytes).sum()
    }
}

/// One record in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRecord {
    /// Where it was stored.
    pub id: RecordId,
    /// `metadata.uid` when it was saved.
    pub uid: String,
    /// `metadata.resourceVersion` when it was saved.
    pub resource_version: String,
    /// The payload's text as the cluster stored it, in bytes.
    pub bytes: u64,
}

/// One live object in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedObject {
    /// Which.
    pub object: ObjectRef,
    /// Of its JSON as it was saved.
    pub digest: Digest,
    /// Size of that JSON.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_the_records_of_one_name() {
        let id = |driver, name: &str| {
            HistoryId::of(&RecordId {
                namespace: "shop".to_owned(),
                driver,
                name: name.to_owned(),
            })
        };
        let first = id(Driver::Secret, "sh.helm.release.v1.web.v1");
        assert_eq!(first, id(Driver::Secret, "sh.helm.release.v1.web.v12"));
        assert_eq!(first.name, "web");
        assert_ne!(first, id(Driver::ConfigMap, "sh.helm.release.v1.web.v1"));
        assert_eq!(id(Driver::Secret, "odd.v1").name, "odd.v1");
    }
}

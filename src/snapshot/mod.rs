//! What was saved, as a value: snapshots, and where a payload may be cut.
//!
//! Pure. The `store` room keeps snapshots on disk; this room knows what they
//! are and never reads or writes one.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::survey::{RecordId, Unread};

pub mod seams;

/// Names a snapshot: lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub String);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A named set of saved records.
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
    /// The records that were saved.
    pub records: Vec<SavedRecord>,
    /// What could not be saved. A snapshot with any is incomplete.
    pub missing: Vec<Unread>,
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

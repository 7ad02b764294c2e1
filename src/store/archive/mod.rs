//! Archives: one snapshot in one file, to be carried to another store.
//!
//! `docs/archive.md` describes the file. It is written and read in one pass, an
//! entry at a time, and holds objects just as the store does: compressed, and
//! where that pays on a base, which comes before them or is the parent's.
//!
//! What comes out of a file was written by anybody. It is proven before it is
//! visible, entry by entry, and no backup ever takes it for something that it
//! read itself (see `histories::put_foreign`).

use serde::{Deserialize, Serialize};

use super::contents::{Entry, PayloadKind, Short};
use super::headers::Header;
use crate::helm::{Digest, Driver};
use crate::snapshot::{HistoryId, SnapshotId};
use crate::survey::ObjectRef;

mod export;
mod frame;
mod import;
mod settle;

pub use frame::MAGIC;
#[cfg(test)]
pub(super) use frame::{Kind, Reader, Writer};

/// What was written into an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The snapshot without which it cannot be imported.
    pub parent: Option<SnapshotId>,
    /// The sha256 of the file without its last 32 bytes, which are it.
    pub digest: Digest,
    /// How many histories are in the file.
    pub histories: u64,
    /// How many are only referred to, because the parent has them.
    pub kept: u64,
    /// How many objects are in the file.
    pub objects: u64,
    /// The file's size.
    pub bytes: u64,
}

/// What came out of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The snapshot without which it could not have been imported.
    pub parent: Option<SnapshotId>,
    /// What names the file.
    pub digest: Digest,
    /// Whether the store did not have it before.
    pub new: bool,
    /// How many objects of it are new to the store.
    pub objects: u64,
    /// The file's size.
    pub bytes: u64,
}

/// The first entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Description {
    snapshot: Header,
    parent: Option<Parent>,
}

/// Which snapshot an archive builds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Parent {
    id: SnapshotId,
    seal: Digest,
}

/// A history's name.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Named {
    driver: Driver,
    namespace: String,
    name: String,
    seal: Digest,
}

/// A history, its objects by their digests.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told {
    #[serde(flatten)]
    named: Named,
    cluster: Option<String>,
    records: Vec<ToldRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ToldRecord {
    name: String,
    uid: String,
    version: String,
    seen: Short,
    payload: PayloadKind,
    bytes: u64,
    object: u64,
    at: u64,
    rest: Digest,
    parts: Vec<Digest>,
}

/// The live objects of a namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ToldLive {
    namespace: String,
    objects: Vec<ToldObject>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ToldObject {
    object: ObjectRef,
    digest: Digest,
    bytes: u64,
}

/// The last entry: how many came before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    objects: u64,
    histories: u64,
    kept: u64,
    live: u64,
}

impl Named {
    fn new(id: &HistoryId, seal: Digest) -> Self {
        Self {
            driver: id.driver,
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            seal,
        }
    }

    fn id(&self) -> HistoryId {
        HistoryId {
            namespace: self.namespace.clone(),
            driver: self.driver,
            name: self.name.clone(),
        }
    }
}

impl ToldRecord {
    fn new(entry: &Entry, rest: Digest, parts: Vec<Digest>) -> Self {
        Self {
            name: entry.name.clone(),
            uid: entry.uid.clone(),
            version: entry.version.clone(),
            seen: entry.seen,
            payload: entry.payload,
            bytes: entry.bytes,
            object: entry.object,
            at: entry.at,
            rest,
            parts,
        }
    }

    /// With the keys that its objects have in this store.
    fn entry(self, rest: i64, parts: Vec<i64>) -> Entry {
        Entry {
            digest: super::contents::sealed(&self.rest, &self.parts),
            name: self.name,
            uid: self.uid,
            version: self.version,
            seen: self.seen,
            payload: self.payload,
            bytes: self.bytes,
            object: self.object,
            at: self.at,
            rest,
            parts,
        }
    }
}

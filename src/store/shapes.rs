//! What saved records are made of, to be compared with those of a cluster.

use std::collections::BTreeMap;

use super::contents::{PayloadKind, Short, sealed};
use super::recipe::{Chart, Taken};
use super::{Store, StoreError, headers, snapshots};
use crate::helm::codec::Unpacker;
use crate::snapshot::SnapshotId;
use crate::survey::{RawRecord, RecordId};

/// What a record is made of, to the last byte: two of the same shape are the
/// same record, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Over the digests of its parts.
    digest: Short,
    payload: PayloadKind,
    bytes: u64,
    object: u64,
    at: u64,
}

impl Shape {
    /// The shape of a record as it was read.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON.
    pub fn of(record: &RawRecord) -> Result<Self, StoreError> {
        let row = Taken::apart(record, &mut Unpacker::default(), &mut Chart::default())?.row;
        Ok(Self {
            digest: sealed(&row.rest, &row.parts),
            payload: row.payload,
            bytes: row.bytes,
            object: row.object as u64,
            at: row.at as u64,
        })
    }
}

impl Store {
    /// The shapes of a snapshot's records; what is damaged is left out, and told
    /// by [`Store::verify`].
    ///
    /// # Errors
    ///
    /// If there is no such snapshot, or the database cannot be read.
    pub fn shapes(&self, snapshot: &SnapshotId) -> Result<BTreeMap<RecordId, Shape>, StoreError> {
        let reading = self.read()?;
        let loaded = snapshots::load(&reading, headers::find(&reading, &snapshot.0)?)?;
        let histories = loaded.histories.into_iter();
        let shapes = histories.flat_map(|history| {
            let entries = history.contents.records.into_iter();
            let id = history.id;
            entries.map(move |entry| {
                let shape = Shape {
                    digest: entry.digest,
                    payload: entry.payload,
                    bytes: entry.bytes,
                    object: entry.object,
                    at: entry.at,
                };
                (entry.saved(&id).id, shape)
            })
        });
        Ok(shapes.collect())
    }
}

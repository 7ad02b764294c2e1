//! Writing a snapshot: objects first, in small transactions; then its records
//! and its row, in one.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use zstd::bulk::Compressor;

use super::objects::{self, Stored};
use super::recipe::Taken;
use super::records::{self, Row};
use super::{Store, StoreError, schema, snapshots};
use crate::helm::Digest;
use crate::snapshot::{Snapshot, SnapshotId};
use crate::survey::{RawRecord, RecordId, Unread};

/// One transaction of objects: large enough that its fsync does not count, small
/// enough that other processes do not notice it.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_OBJECTS: usize = 512;

/// A snapshot being taken. Nothing of it is visible before
/// [`SnapshotWriter::finish`]; dropped, it leaves no more than objects that
/// the next snapshot may use.
pub struct SnapshotWriter<'a> {
    store: &'a Store,
    time: Timestamp,
    cluster: Option<String>,
    reason: String,
    /// By identity, so that a record that is added twice is saved once.
    records: BTreeMap<RecordId, (Row, Vec<Digest>)>,
    missing: Vec<Unread>,
    /// What is in the table and proven, or about to be written.
    known: HashSet<Digest>,
    batch: Vec<Stored>,
    batch_bytes: usize,
    /// What was written, to be read back.
    written: Vec<Digest>,
    compressor: Compressor<'static>,
}

impl Store {
    /// Begins a snapshot.
    ///
    /// `time` is the API server's, `cluster` the uid of its namespace
    /// `kube-system`, `reason` the verb that takes it.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn begin_snapshot(
        &self,
        time: Timestamp,
        cluster: Option<&str>,
        reason: &str,
    ) -> Result<SnapshotWriter<'_>, StoreError> {
        // What refuses to be written says so before the cluster is read.
        self.write()?.commit()?;
        Ok(SnapshotWriter {
            store: self,
            time,
            cluster: cluster.map(str::to_owned),
            reason: reason.to_owned(),
            records: BTreeMap::new(),
            missing: Vec::new(),
            known: HashSet::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            written: Vec::new(),
            compressor: objects::compressor()?,
        })
    }
}

impl SnapshotWriter<'_> {
    /// Adds a record. One that was added before, by its identity, is replaced.
    ///
    /// # Errors
    ///
    /// If the store cannot be written; the snapshot cannot be finished then.
    pub fn add(&mut self, record: &RawRecord) -> Result<(), StoreError> {
        let taken = Taken::apart(record)?;
        let mut parts = Vec::new();
        for part in taken.parts() {
            let digest = Digest::of(part);
            self.keep(digest, part)?;
            parts.push(digest);
        }
        self.keep(taken.row.object, &taken.object)?;
        let id = taken.row.id.clone();
        self.records.insert(id, (taken.row, parts));
        Ok(())
    }

    /// Notes what could not be read: the snapshot is incomplete.
    pub fn missing(&mut self, unread: Unread) {
        self.missing.push(unread);
    }

    /// Makes the snapshot visible and durable, and reads back what was written.
    ///
    /// # Errors
    ///
    /// If it could not be stored, then nothing of it is visible; or if what was
    /// read back is not what was written.
    pub fn finish(mut self) -> Result<Snapshot, StoreError> {
        self.flush()?;
        let mut snapshot = Snapshot {
            id: SnapshotId(String::new()),
            time: self.time,
            cluster: self.cluster.take(),
            reason: std::mem::take(&mut self.reason),
            records: self
                .records
                .values()
                .map(|(row, _)| snapshots::saved(row))
                .collect(),
            missing: std::mem::take(&mut self.missing),
        };
        let seals = self.records.values().map(|(row, _)| row.seal()).collect();
        let writing = self.store.write()?;
        let (number, id) = snapshots::put(&writing, &snapshot, seals)?;
        for (row, parts) in self.records.values() {
            let record = records::put(&writing, row, parts)?;
            records::link(&writing, number, record)?;
        }
        writing.commit()?;
        snapshot.id = id;
        self.read_back(&snapshot)?;
        Ok(snapshot)
    }

    /// Keeps some bytes, once. An object that is there already is read first: if
    /// it is damaged, this is the chance to mend it.
    fn keep(&mut self, digest: Digest, plain: &[u8]) -> Result<(), StoreError> {
        if self.known.contains(&digest) {
            return Ok(());
        }
        if !self.is_there(digest)? {
            let object = objects::pack(&mut self.compressor, digest, plain)?;
            self.batch_bytes += object.len();
            self.batch.push(object);
            self.written.push(digest);
        }
        self.known.insert(digest);
        if self.batch_bytes >= BATCH_BYTES || self.batch.len() >= BATCH_OBJECTS {
            self.flush()?;
        }
        Ok(())
    }

    fn is_there(&self, digest: Digest) -> Result<bool, StoreError> {
        let connection = &self.store.connection;
        let Some(id) = objects::find(connection, digest)? else {
            return Ok(false);
        };
        match objects::load(connection, id) {
            Ok((found, _)) => Ok(found == digest),
            Err(error) => error.damage().map(|_| false),
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let writing = self.store.write()?;
        for object in &self.batch {
            objects::put(&writing, object)?;
        }
        writing.commit()?;
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }

    /// Reads through a connection of its own, whose cache holds nothing yet. What
    /// was there before was proven when it was added.
    fn read_back(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let connection = schema::connect(&super::files::database(&self.store.dir))?;
        for digest in &self.written {
            if object(&connection, *digest)?.1 != *digest {
                return Err(broken(snapshot));
            }
        }
        let header = snapshots::find(&connection, &snapshot.id.0)?;
        let loaded = snapshots::load(&connection, header)?;
        if !loaded.rows.damaged.is_empty() || loaded.snapshot != *snapshot {
            return Err(broken(snapshot));
        }
        for (key, row, _) in &loaded.rows.whole {
            let parts = self.records.get(&row.id).map(|(_, parts)| parts);
            let mut ids = Vec::new();
            for part in parts.into_iter().flatten() {
                ids.push(objects::find(&connection, *part)?);
            }
            let found = records::parts(&connection, *key)?;
            if !found.into_iter().map(Some).eq(ids) {
                return Err(broken(snapshot));
            }
        }
        Ok(())
    }
}

fn object(connection: &rusqlite::Connection, digest: Digest) -> Result<(i64, Digest), StoreError> {
    let id = objects::find(connection, digest)?
        .ok_or_else(|| StoreError::damaged(digest.to_string(), "it is not there"))?;
    Ok((id, objects::load(connection, id)?.0))
}

fn broken(snapshot: &Snapshot) -> StoreError {
    let what = format!("snapshot {}", snapshot.id);
    StoreError::damaged(what, "it is not what was written")
}

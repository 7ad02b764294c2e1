//! Writing a snapshot: objects first, in small transactions; then its histories
//! and its row, in one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use rusqlite::Connection;

use super::contents::{self, Contents, Entry, LiveEntry, LiveObjects};
use super::headers::{self, Lists};
use super::histories::{self, History};
use super::objects::{self, Base, Reader, Stored};
use super::pack::Compressor;
use super::packer::{Packed, Packer, Shared, What};
use super::read_back::{self, Written};
use super::recipe::Row;
use super::{Known, Store, StoreError, schema, snapshots};
use crate::helm::Digest;
use crate::snapshot::{About, HistoryId, SavedObject, Snapshot, SnapshotId};
use crate::survey::{ObjectRef, RawRecord, Unread};

/// One transaction of objects: large enough that its fsync does not count, small
/// enough that other processes do not notice it.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_OBJECTS: usize = 1024;

/// So many objects are read back while the rows are written, which keeps others
/// from writing; the others before.
const BESIDE: usize = 8192;

/// A snapshot being taken. Nothing of it is visible before
/// [`SnapshotWriter::finish`]; dropped, it leaves no more than objects that
/// the next snapshot may use.
pub struct SnapshotWriter<'a> {
    store: &'a Store,
    about: About,
    /// While it is held, nothing is collected.
    _lock: File,
    /// Histories that are saved already, just so.
    whole: BTreeMap<HistoryId, History>,
    /// By identity, so that a record that is added twice is saved once.
    records: BTreeMap<HistoryId, BTreeMap<String, Source>>,
    live: BTreeMap<String, BTreeMap<ObjectRef, SavedObject>>,
    missing: Vec<Unread>,
    shared: Arc<Shared>,
    packer: Option<Packer>,
    batch: Vec<Stored>,
    batch_bytes: usize,
    /// Objects whose base another packer has not handed over yet.
    waiting: HashMap<Digest, Vec<Stored>>,
    /// What was handed over to be written, so that others may refer to it.
    handed: HashSet<Digest>,
    /// What was written, to be read back.
    written: Vec<Written>,
    /// Keys of objects.
    keys: HashMap<Digest, i64>,
}

/// Where a record's row comes from.
enum Source {
    /// It was read.
    Read(Box<Row>),
    /// It is saved already.
    Known(Box<Entry>),
}

impl Store {
    /// Begins a snapshot.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn begin_snapshot(&self, about: About) -> Result<SnapshotWriter<'_>, StoreError> {
        let lock = self.hold_space()?;
        // What refuses to be written says so before the cluster is read.
        self.write()?.commit()?;
        let mut about = about;
        about.tags.sort();
        about.tags.dedup();
        Ok(SnapshotWriter {
            store: self,
            about,
            _lock: lock,
            whole: BTreeMap::new(),
            records: BTreeMap::new(),
            live: BTreeMap::new(),
            missing: Vec::new(),
            shared: Arc::new(Shared::new(objects::none(&self.connection)?)),
            packer: None,
            batch: Vec::new(),
            batch_bytes: 0,
            waiting: HashMap::new(),
            handed: HashSet::new(),
            written: Vec::new(),
            keys: HashMap::new(),
        })
    }

    /// Makes a snapshot invisible again, of which nobody was told yet.
    fn take_back(&self, id: &SnapshotId) -> Result<(), StoreError> {
        let taken = || {
            let writing = self.write()?;
            headers::remove(&writing, id)?;
            Ok::<(), StoreError>(writing.commit()?)
        };
        let reason = "it is not what was written, and could not be taken back";
        taken().map_err(|_| StoreError::damaged(format!("snapshot {id}"), reason))
    }
}

impl SnapshotWriter<'_> {
    /// A packer for this snapshot. What it packs goes to [`SnapshotWriter::put`].
    ///
    /// # Errors
    ///
    /// If the database cannot be opened once more.
    pub fn packer(&self) -> Result<Packer, StoreError> {
        Packer::new(&self.store.dir, Arc::clone(&self.shared))
    }

    /// Links what is saved already. Records of the same identity that are put
    /// later replace it.
    pub fn reuse(&mut self, known: Known) {
        for history in known.whole {
            self.whole.insert(history.id.clone(), history);
        }
        for (history, entry) in known.single {
            let records = self.records.entry(history).or_default();
            records.insert(entry.name.clone(), Source::Known(Box::new(entry)));
        }
    }

    /// Writes what a packer of this snapshot made. A record or object that was
    /// put before, by its identity, is replaced.
    ///
    /// # Errors
    ///
    /// If the store cannot be written; the snapshot cannot be finished then.
    pub fn put(&mut self, packed: Packed) -> Result<(), StoreError> {
        for object in packed.objects {
            self.keep(object);
        }
        match packed.what {
            What::Record(row) => self.record(row),
            What::Live(saved) => {
                let namespace = saved.object.namespace.clone().unwrap_or_default();
                let objects = self.live.entry(namespace).or_default();
                objects.insert(saved.object.clone(), saved);
            }
        }
        if self.batch_bytes >= BATCH_BYTES || self.batch.len() >= BATCH_OBJECTS {
            self.flush()?;
        }
        Ok(())
    }

    /// Packs and puts a record.
    ///
    /// # Errors
    ///
    /// As [`SnapshotWriter::put`].
    pub fn add(&mut self, record: &RawRecord) -> Result<(), StoreError> {
        let packed = self.own_packer()?.pack(record)?;
        self.put(packed)
    }

    /// Packs and puts a live object.
    ///
    /// # Errors
    ///
    /// As [`SnapshotWriter::put`].
    pub fn add_object(
        &mut self,
        object: &ObjectRef,
        json: &serde_json::Value,
    ) -> Result<(), StoreError> {
        let packed = self.own_packer()?.pack_object(object, json)?;
        self.put(packed)
    }

    /// Notes what could not be read: the snapshot is incomplete.
    pub fn missing(&mut self, unread: Unread) {
        self.missing.push(unread);
    }

    /// What could not be read.
    pub fn unread(&self) -> &[Unread] {
        &self.missing
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.records.is_empty()
    }

    /// Reads back what was written, and makes the snapshot visible and durable.
    ///
    /// # Errors
    ///
    /// If it could not be stored, or if what was read back is not what was written.
    /// Then nothing of it is visible; but where its rows are not what was written, and
    /// cannot be taken back, the error says so.
    pub fn finish(mut self) -> Result<Snapshot, StoreError> {
        self.flush()?;
        if let Some(base) = self.waiting.keys().next() {
            // What could not be asked before says so now.
            objects::find(&self.store.connection, *base)?;
            let reason = "what it is compressed on was never put";
            return Err(StoreError::damaged(base.to_string(), reason));
        }
        // Nothing is packed any more: what was kept for that gives way.
        (self.shared, self.packer) = Default::default();
        self.handed = HashSet::new();
        let written = std::mem::take(&mut self.written);
        let store = self.store;
        let (most, last) = written.split_at(written.len().saturating_sub(BESIDE));
        read_back::beside(store.dir(), most, || Ok(()))?;
        let writing = store.write()?;
        let make = || self.rows(&writing);
        let (snapshot, kept) = read_back::beside(store.dir(), last, make)?;
        writing.commit()?;
        // Where that fails, the log has it all.
        let move_log = || drop(schema::checkpoint(&store.connection));
        let proven = read_back::rows_beside(store.dir(), &snapshot.id, &kept, move_log);
        if let Err(broken) = proven {
            return Err(store.take_back(&snapshot.id).err().unwrap_or(broken));
        }
        Ok(snapshot)
    }

    /// Writes the rows that say what the snapshot holds, and itself last. Returns
    /// also which histories were there before.
    fn rows(&mut self, writing: &Connection) -> Result<(Snapshot, HashSet<i64>), StoreError> {
        let mut made = Made::new(writing)?;
        for (id, records) in std::mem::take(&mut self.records) {
            let mut entries = Vec::new();
            for source in records.into_values() {
                entries.push(match source {
                    Source::Known(entry) => *entry,
                    Source::Read(row) => self.entry(writing, &row)?,
                });
            }
            let cluster = self.about.cluster.clone();
            made.history(
                id,
                Contents {
                    cluster,
                    records: entries,
                },
            )?;
        }
        for (id, history) in std::mem::take(&mut self.whole) {
            made.keep(id, history);
        }
        for (namespace, objects) in std::mem::take(&mut self.live) {
            let mut entries = Vec::new();
            for saved in objects.into_values() {
                let json = self.key(writing, saved.digest)?;
                entries.push(LiveEntry {
                    object: saved.object,
                    digest: saved.digest,
                    bytes: saved.bytes,
                    json,
                });
            }
            made.live(namespace, LiveObjects { objects: entries })?;
        }
        let about = std::mem::take(&mut self.about);
        let missing = std::mem::take(&mut self.missing);
        let kept = std::mem::take(&mut made.kept);
        Ok((made.snapshot(about, missing)?, kept))
    }

    fn own_packer(&mut self) -> Result<&mut Packer, StoreError> {
        let packer = match self.packer.take() {
            Some(packer) => packer,
            None => self.packer()?,
        };
        Ok(self.packer.insert(packer))
    }

    /// Notes a record. One of a history that was to be reused whole makes it
    /// another history.
    fn record(&mut self, row: Row) {
        let id = HistoryId::of(&row.id);
        let records = self.records.entry(id.clone()).or_default();
        if let Some(whole) = self.whole.remove(&id) {
            for entry in whole.contents.records {
                let name = entry.name.clone();
                let known = Source::Known(Box::new(entry));
                records.entry(name).or_insert(known);
            }
        }
        records.insert(row.id.name.clone(), Source::Read(Box::new(row)));
    }

    /// Takes an object to be written with the next batch, or once its base is.
    fn keep(&mut self, object: Stored) {
        let mut ready = vec![object];
        while let Some(object) = ready.pop() {
            let base = object.base.filter(|base| !self.handed.contains(base));
            if let Some(base) = base
                && !self.is_stored(base)
            {
                self.waiting.entry(base).or_default().push(object);
                continue;
            }
            self.handed.insert(object.digest);
            ready.extend(self.waiting.remove(&object.digest).unwrap_or_default());
            self.batch_bytes += object.len();
            self.batch.push(object);
        }
    }

    /// Whether an object is in the table; what cannot be told is waited for.
    fn is_stored(&self, digest: Digest) -> bool {
        matches!(objects::find(&self.store.connection, digest), Ok(Some(_)))
    }

    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let writing = self.store.write()?;
        for object in &self.batch {
            let key = objects::put(&writing, object)?;
            self.keys.insert(object.digest, key);
            self.written.push(Written {
                key,
                digest: object.digest,
                sum: object.sum,
            });
        }
        writing.commit()?;
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }

    fn entry(&mut self, connection: &Connection, row: &Row) -> Result<Entry, StoreError> {
        let rest = self.key(connection, row.rest)?;
        let parts = row.parts.iter().map(|part| self.key(connection, *part));
        let parts = parts.collect::<Result<_, _>>()?;
        Ok(Entry::new(row, rest, parts))
    }

    /// The key of an object, which must be there by now.
    fn key(&mut self, connection: &Connection, digest: Digest) -> Result<i64, StoreError> {
        if let Some(key) = self.keys.get(&digest) {
            return Ok(*key);
        }
        let key = objects::find(connection, digest)?
            .ok_or_else(|| StoreError::damaged(digest.to_string(), "it was never put"))?;
        self.keys.insert(digest, key);
        Ok(key)
    }
}

/// The rows of a snapshot, made in one transaction.
struct Made<'a> {
    connection: &'a Connection,
    reader: Reader<'a>,
    compressor: Compressor,
    lists: Lists,
    seals: Vec<Digest>,
    /// Keys of histories that were there before, proven when they were found.
    kept: HashSet<i64>,
    live: BTreeMap<String, Digest>,
    records: Vec<crate::snapshot::SavedRecord>,
    objects: Vec<SavedObject>,
}

impl<'a> Made<'a> {
    fn new(connection: &'a Connection) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            reader: Reader::new(connection),
            compressor: Compressor::new()?,
            lists: Lists::default(),
            seals: Vec::new(),
            kept: HashSet::new(),
            live: BTreeMap::new(),
            records: Vec::new(),
            objects: Vec::new(),
        })
    }

    /// Links a history that is there.
    fn keep(&mut self, id: HistoryId, history: History) {
        let entries = history.contents.records.iter();
        self.records.extend(entries.map(|entry| entry.saved(&id)));
        self.seals.push(history.seal);
        self.kept.insert(history.key);
        self.lists.histories.push(history.key);
    }

    /// Stores a history, unless its newest state is just this one.
    fn history(&mut self, id: HistoryId, contents: Contents) -> Result<(), StoreError> {
        let json = contents::to_json(&contents)?;
        let known = contents.known();
        let digest = Digest::of(&json);
        let seal = histories::sealed(&id, &contents);
        let newest = histories::newest(self.connection, &mut self.reader, &id)?;
        let base = match &newest {
            Some(newest) => self.reader.base_of(newest.object)?,
            None => None,
        };
        let object = self.list(digest, &json, base)?;
        let same = newest.filter(|newest| newest.seal == seal && newest.object == object);
        let key = match same {
            Some(newest) => newest.key,
            // Also where an older state was the same: the newest is what is believed.
            None => histories::put(self.connection, &id, known, seal, object)?,
        };
        let entries = contents.records.iter();
        self.records.extend(entries.map(|entry| entry.saved(&id)));
        self.seals.push(seal);
        self.lists.histories.push(key);
        Ok(())
    }

    fn live(&mut self, namespace: String, list: LiveObjects) -> Result<(), StoreError> {
        let json = contents::to_json(&list)?;
        let digest = Digest::of(&json);
        let object = self.list(digest, &json, None)?;
        self.live.insert(namespace.clone(), list.sealed());
        self.lists.live.insert(namespace, object);
        self.objects
            .extend(list.objects.into_iter().map(|entry| SavedObject {
                object: entry.object,
                digest: entry.digest,
                bytes: entry.bytes,
            }));
        Ok(())
    }

    /// Stores a list, unless it is there.
    fn list(&mut self, digest: Digest, json: &[u8], base: Option<Base>) -> Result<i64, StoreError> {
        let found = objects::find(self.connection, digest)?;
        if let Some(key) = found
            && objects::is_whole(self.connection, key)?
        {
            return Ok(key);
        }
        // What is mended has no base: it may be one.
        let base = base.filter(|base| found.is_none() && base.digest != digest);
        if let Some(base) = base {
            let packed = self.compressor.pack_on(&base, digest, json)?;
            // As of a record's rest: a list that is too little like its base is
            // the base of those to come.
            if packed.len() <= json.len() / 6 {
                return objects::put(self.connection, &packed);
            }
        }
        let packed = self.compressor.pack(digest, json)?;
        objects::put(self.connection, &packed)
    }

    fn snapshot(mut self, about: About, missing: Vec<Unread>) -> Result<Snapshot, StoreError> {
        self.records.sort_by(|a, b| a.id.cmp(&b.id));
        self.objects.sort_by(|a, b| a.object.cmp(&b.object));
        self.lists.histories.sort_unstable();
        let contents = snapshots::sealed_contents(self.seals, &self.live);
        let id = SnapshotId(String::new());
        let (records, objects) = (self.records, self.objects);
        let mut snapshot = snapshots::snapshot(id, about, records, objects, missing);
        snapshot.id = headers::put(self.connection, &snapshot, &self.lists, contents)?;
        Ok(snapshot)
    }
}

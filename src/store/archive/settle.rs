//! What an archive says of its snapshot, proven against objects that the store
//! holds by now, and at the end made visible at once.

use std::collections::{BTreeMap, HashMap};

use super::super::contents::{self, Contents, LiveEntry, LiveObjects};
use super::super::headers::{self, Header, Lists};
use super::super::objects::{self, Reader, Stored};
use super::super::pack::Compressor;
use super::super::{Store, StoreError, histories, recipe, snapshots};
use super::{Named, Told, ToldLive};
use crate::helm::Digest;
use crate::snapshot::HistoryId;

/// What an archive got wrong, if it is the archive.
type Proven<T> = Result<Result<T, &'static str>, StoreError>;

/// The most records that a snapshot may hold: more than any cluster has.
const RECORDS: usize = 1_000_000;

/// What was proven so far.
pub(super) struct Settled<'a> {
    store: &'a Store,
    reader: Reader<'a>,
    /// Objects that were read back, with how long they are.
    proven: HashMap<Digest, (i64, usize)>,
    /// Keys of histories that are here already.
    kept: Vec<i64>,
    /// Rows to be, in the order of the file.
    rows: Vec<Row>,
    /// Of each namespace, what lists its live objects.
    live: BTreeMap<String, Digest>,
    /// Lists that are to be stored.
    lists: Vec<Stored>,
    records: usize,
    compressor: Compressor,
}

struct Row {
    id: HistoryId,
    known: Option<Digest>,
    seal: Digest,
    contents: Digest,
}

impl<'a> Settled<'a> {
    pub(super) fn new(store: &'a Store) -> Result<Self, StoreError> {
        Ok(Self {
            store,
            reader: Reader::new(&store.connection),
            proven: HashMap::new(),
            kept: Vec::new(),
            rows: Vec::new(),
            live: BTreeMap::new(),
            lists: Vec::new(),
            records: 0,
            compressor: Compressor::new()?,
        })
    }

    /// Takes a history that the parent holds.
    pub(super) fn keep(&mut self, named: &Named) -> Proven<()> {
        let Some(key) = self.here(&named.id(), named.seal)? else {
            return Ok(Err("the store does not hold it, or it is damaged there"));
        };
        self.kept.push(key);
        Ok(Ok(()))
    }

    /// Takes a history whose objects are all in the store, and lists it there.
    pub(super) fn history(&mut self, told: Told) -> Proven<()> {
        let id = told.named.id();
        let seal = told.named.seal;
        self.records += told.records.len();
        if self.records > RECORDS {
            return Ok(Err("there are too many records"));
        }
        let mut records = Vec::new();
        for record in told.records {
            let Some((rest, json)) = self.load(record.rest)? else {
                return Ok(Err("an object of it is not there"));
            };
            let (mut parts, mut length) = (Vec::new(), 0_usize);
            for part in &record.parts {
                let Some((key, size)) = self.prove(*part)? else {
                    return Ok(Err("an object of it is not there"));
                };
                parts.push(key);
                length = length.saturating_add(size);
            }
            let entry = record.entry(rest, parts);
            let of = entry.id(&id);
            if HistoryId::of(&of) != id || !recipe::agrees(&of, &entry, &json, length) {
                return Ok(Err("a record of it is another one than it says"));
            }
            records.push(entry);
        }
        if !records.is_sorted_by(|a, b| a.name < b.name) {
            return Ok(Err("its records are in no order"));
        }
        let cluster = told.cluster;
        let contents = Contents { cluster, records };
        if histories::sealed(&id, &contents) != seal {
            return Ok(Err("its seal is broken"));
        }
        if let Some(key) = self.here(&id, seal)? {
            self.kept.push(key);
            return Ok(Ok(()));
        }
        let known = contents.known();
        let contents = self.list(&contents::to_json(&contents)?)?;
        self.rows.push(Row {
            id,
            known,
            seal,
            contents,
        });
        Ok(Ok(()))
    }

    /// Takes a list of live objects.
    pub(super) fn live(&mut self, told: ToldLive) -> Proven<()> {
        let ToldLive { namespace, objects } = told;
        let mut list = LiveObjects::default();
        for told in objects {
            let Some((json, size)) = self.prove(told.digest)? else {
                return Ok(Err("an object of it is not there"));
            };
            if size as u64 != told.bytes {
                return Ok(Err("an object of it is another one than it says"));
            }
            if told.object.namespace.as_deref().unwrap_or_default() != namespace {
                return Ok(Err("an object of it belongs to another list"));
            }
            list.objects.push(LiveEntry {
                object: told.object,
                digest: told.digest,
                bytes: told.bytes,
                json,
            });
        }
        if !list.objects.is_sorted_by(|a, b| a.object < b.object) {
            return Ok(Err("its objects are in no order"));
        }
        let digest = self.list(&contents::to_json(&list)?)?;
        match self.live.insert(namespace, digest) {
            None => Ok(Ok(())),
            Some(_) => Ok(Err("it is the second one of its namespace")),
        }
    }

    /// Makes the snapshot visible; tells whether it was not there before. Where
    /// something is wrong, nothing of it stays but objects that nobody refers to.
    pub(super) fn finish(
        self,
        header: Header,
        damaged: impl Fn(&'static str) -> StoreError,
    ) -> Result<bool, StoreError> {
        let writing = self.store.write()?;
        let new = match headers::find(&writing, &header.id.0) {
            Ok(found) if found.seal == header.seal => false,
            Ok(_) => return Err(damaged("the store holds another snapshot of this id")),
            Err(StoreError::NoSuchSnapshot { .. }) => true,
            Err(error) => return Err(error),
        };
        if new {
            let key = |digest| {
                let found = objects::find(&writing, digest)?;
                found.ok_or_else(|| StoreError::damaged(digest.to_string(), "it is not there"))
            };
            let mut lists = Lists {
                histories: self.kept,
                live: BTreeMap::new(),
            };
            for (namespace, list) in self.live {
                lists.live.insert(namespace, key(list)?);
            }
            for Row {
                id,
                known,
                seal,
                contents,
            } in self.rows
            {
                let contents = key(contents)?;
                let key = histories::put_foreign(&writing, &id, known, seal, contents)?;
                lists.histories.push(key);
            }
            lists.histories.sort_unstable();
            headers::insert(&writing, &header, &lists)?;
            headers::mark_imported(&writing, &header.id)?;
        }
        // Read back as everybody reads it, before anybody can.
        let loaded = snapshots::load(&writing, header.clone())?;
        match loaded.damaged.into_iter().next() {
            Some((what, reason)) if new => return Err(StoreError::DamagedArchive { what, reason }),
            Some((what, reason)) => return Err(StoreError::damaged(what, reason)),
            None if header.is_of(&loaded.snapshot) => {}
            None => return Err(damaged("its description counts other things than it holds")),
        }
        writing.commit()?;
        Ok(new)
    }

    /// A state of a history that the store holds.
    fn here(&mut self, id: &HistoryId, seal: Digest) -> Result<Option<i64>, StoreError> {
        let connection = &self.store.connection;
        let found = histories::sealed_so(connection, &mut self.reader, id, seal)?;
        Ok(found.map(|history| history.key))
    }

    /// Reads an object: its key and its bytes.
    fn load(&mut self, digest: Digest) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        let Some(key) = objects::find(&self.store.connection, digest)? else {
            return Ok(None);
        };
        match self.reader.load(key) {
            Ok((_, bytes)) => Ok(Some((key, bytes))),
            Err(error) => error.damage().map(|_| None),
        }
    }

    /// The same, once: its key and how long it is.
    fn prove(&mut self, digest: Digest) -> Result<Option<(i64, usize)>, StoreError> {
        if let Some(proven) = self.proven.get(&digest) {
            return Ok(Some(*proven));
        }
        let found = self.load(digest)?.map(|(key, bytes)| (key, bytes.len()));
        if let Some(found) = found {
            self.proven.insert(digest, found);
        }
        Ok(found)
    }

    /// Takes a list to be stored; returns its digest.
    fn list(&mut self, json: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(json);
        let packed = self.compressor.pack(digest, json)?;
        self.lists.push(packed);
        Ok(digest)
    }

    /// Stores the lists that were taken.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        write(self.store, &std::mem::take(&mut self.lists))
    }
}

/// Stores objects, if there are any.
pub(super) fn write(store: &Store, objects: &[Stored]) -> Result<(), StoreError> {
    if objects.is_empty() {
        return Ok(());
    }
    let writing = store.write()?;
    for object in objects {
        objects::put(&writing, object)?;
    }
    writing.commit().map_err(StoreError::from)
}

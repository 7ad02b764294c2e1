//! Reading an archive into a store.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use super::super::objects::{self, Stored};
use super::super::pack::Compressor;
use super::super::{Store, StoreError, headers};
use super::frame::{self, Entry, Kind, Reader};
use super::settle::{self, Settled};
use super::{Counts, Description, Imported, Named, Told, ToldLive};
use crate::helm::Digest;

/// One transaction of objects, and of histories that wait for them.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_OBJECTS: usize = 512;

/// More than any cluster has, and than memory is lost for.
const HISTORIES: u64 = 1_000_000;
const OBJECTS: u64 = 16_000_000;

/// No name in Kubernetes is longer.
const LONGEST_NAME: usize = 253;

/// How long what stands before an object's bytes is, without a base.
const HEAD: usize = 32 + 2 + 4;

impl Store {
    /// Reads an archive and stores its snapshot, under the same id. Nothing of it
    /// is visible before all of it was proven; a snapshot that is there already
    /// is proven too, and stays.
    ///
    /// # Errors
    ///
    /// If the file is no archive, or of a newer version, or cut off, damaged or
    /// forged; if the snapshot that it builds on is not here; or if the store
    /// cannot be written. Then nothing of it is visible.
    pub fn import(&self, input: impl Read) -> Result<Imported, StoreError> {
        // Of a scratch there is no other process.
        let _lock = match self.dir.as_os_str().is_empty() {
            true => None,
            false => Some(self.hold_space()?),
        };
        self.write()?.commit()?;
        let mut input = Reader::begin(frame::buffered(input))?;
        let entry = input.next()?;
        let description = described(&input, &entry)?;
        let parent = description.parent.clone();
        if let Some(parent) = &parent {
            self.need(&parent.id, parent.seal)?;
        }
        let mut import = Import {
            store: self,
            input,
            settled: Settled::new(self)?,
            pending: Pending::default(),
            base: None,
            compressor: Compressor::new()?,
            counts: Counts::default(),
            new: 0,
        };
        let digest = import.entries()?;
        let Import {
            input,
            settled,
            new,
            ..
        } = import;
        let header = description.snapshot;
        let snapshot = header.id.clone();
        Ok(Imported {
            snapshot,
            parent: parent.map(|parent| parent.id),
            digest,
            new: settled.finish(header, |reason| input.damaged(reason))?,
            objects: new,
            bytes: input.bytes,
        })
    }

    /// Makes sure that a snapshot is here.
    fn need(&self, id: &crate::snapshot::SnapshotId, seal: Digest) -> Result<(), StoreError> {
        let none = || StoreError::NoParent { parent: id.clone() };
        match headers::find(&self.connection, &id.0) {
            Ok(found) if found.id == *id && found.seal == seal => Ok(()),
            Ok(_) | Err(StoreError::NoSuchSnapshot { .. }) => Err(none()),
            Err(error) => Err(error),
        }
    }
}

fn described<R: Read>(input: &Reader<R>, entry: &Entry) -> Result<Description, StoreError> {
    if entry.kind != Kind::Description {
        return Err(input.damaged("the description is not there"));
    }
    let description: Description = read(input, entry)?;
    let plain = |id: &str| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let parent = description.parent.as_ref();
    if !plain(&description.snapshot.id.0) || parent.is_some_and(|parent| !plain(&parent.id.0)) {
        return Err(input.damaged("an id in it is none"));
    }
    match description.snapshot.damage() {
        None => Ok(description),
        Some(reason) => Err(input.damaged(reason)),
    }
}

fn read<'de, T: serde::Deserialize<'de>, R: Read>(
    input: &Reader<R>,
    entry: &'de Entry,
) -> Result<T, StoreError> {
    // What serde says may quote what it found.
    let read = serde_json::from_slice(&entry.bytes);
    read.map_err(|_| input.damaged("it is not of the form that it should be"))
}

struct Import<'a, R> {
    store: &'a Store,
    input: Reader<R>,
    settled: Settled<'a>,
    pending: Pending,
    /// The base of the object that was read last: that of the next, most often.
    base: Option<(Digest, Arc<Vec<u8>>)>,
    compressor: Compressor,
    counts: Counts,
    new: u64,
}

/// What is not in the store yet.
#[derive(Default)]
struct Pending {
    objects: Vec<Stored>,
    at: HashMap<Digest, usize>,
    histories: Vec<Told>,
    live: Vec<ToldLive>,
    bytes: usize,
}

/// What an object is compressed on.
struct Base {
    plain: Arc<Vec<u8>>,
    /// Whether it has none itself in this store.
    is_base: bool,
}

impl<R: Read> Import<'_, R> {
    /// Reads all entries behind the description; returns the file's digest.
    fn entries(&mut self) -> Result<Digest, StoreError> {
        loop {
            let entry = self.input.next()?;
            match entry.kind {
                Kind::Description => return Err(self.input.damaged("it is the second one")),
                Kind::Object => self.object(&entry.bytes)?,
                Kind::History => {
                    let told: Told = read(&self.input, &entry)?;
                    self.pending.histories.push(told);
                    self.pending.bytes += entry.bytes.len();
                    self.counts.histories += 1;
                }
                Kind::Live => {
                    let told: ToldLive = read(&self.input, &entry)?;
                    self.pending.live.push(told);
                    self.pending.bytes += entry.bytes.len();
                    self.counts.live += 1;
                }
                Kind::Kept => {
                    let named: Named = read(&self.input, &entry)?;
                    let kept = self.settled.keep(&named)?;
                    kept.map_err(|reason| self.input.damaged(reason))?;
                    self.counts.kept += 1;
                }
                Kind::End => {
                    self.flush()?;
                    if read::<Counts, _>(&self.input, &entry)? != self.counts {
                        return Err(self.input.damaged("it counts other entries"));
                    }
                    self.input.end()?;
                    return Ok(entry.digest);
                }
            }
            let Counts {
                objects,
                histories,
                kept,
                live,
            } = self.counts;
            if objects > OBJECTS || histories + kept + live > HISTORIES {
                return Err(self.input.damaged("there are too many of them"));
            }
            let pending = &self.pending;
            if pending.bytes >= BATCH_BYTES || pending.objects.len() >= BATCH_OBJECTS {
                self.flush()?;
            }
        }
    }

    /// Takes an object, unless the store holds it and it is whole there.
    fn object(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.counts.objects += 1;
        let object = parse(bytes);
        let object = object.ok_or_else(|| self.input.damaged("it is cut off"))?;
        let base = match object.base {
            Some(base) => {
                let found = self.base(base)?;
                let lost = || self.input.damaged("what it is compressed on is not there");
                Some(found.ok_or_else(lost)?)
            }
            None => None,
        };
        let plain = object.plain(base.as_ref().map(|base| &base.plain[..]));
        let plain = plain.map_err(|reason| self.input.damaged(reason))?;
        if self.pending.at.contains_key(&object.digest) {
            return Ok(());
        }
        let connection = &self.store.connection;
        let found = objects::find(connection, object.digest)?;
        if let Some(key) = found
            && objects::is_whole(connection, key)?
        {
            return Ok(());
        }
        self.new += 1;
        // What is mended has no base: it may be one. And a base has none itself,
        // which it may have here, though not where it came from.
        let on_base = base.is_some_and(|base| !base.is_base);
        let object = match found.is_some() || on_base {
            true => self.compressor.pack(object.digest, &plain)?,
            false => object,
        };
        self.pending.bytes += object.len();
        let at = self.pending.objects.len();
        self.pending.at.insert(object.digest, at);
        self.pending.objects.push(object);
        Ok(())
    }

    /// What an object is compressed on, wherever it is by now.
    fn base(&mut self, digest: Digest) -> Result<Option<Base>, StoreError> {
        let pending = self.pending.at.get(&digest);
        let pending = pending.and_then(|at| self.pending.objects.get(*at));
        let stored = match pending {
            Some(_) => None,
            None => objects::find(&self.store.connection, digest)?,
        };
        let is_base = match (pending, stored) {
            (Some(pending), _) => pending.base.is_none(),
            (None, Some(key)) => objects::is_base(&self.store.connection, key)?,
            (None, None) => return Ok(None),
        };
        if let Some((last, plain)) = &self.base
            && *last == digest
        {
            let plain = Arc::clone(plain);
            return Ok(Some(Base { plain, is_base }));
        }
        let plain = match (pending, stored) {
            (Some(pending), _) if is_base => pending.plain(None).ok(),
            (None, Some(key)) => {
                let mut reader = objects::Reader::new(&self.store.connection);
                match reader.load(key) {
                    Ok((_, plain)) => Some(plain),
                    Err(error) => error.damage().map(|_| None)?,
                }
            }
            _ => None,
        };
        let plain = plain.map(Arc::new);
        self.base = plain.clone().map(|plain| (digest, plain));
        Ok(plain.map(|plain| Base { plain, is_base }))
    }

    /// Writes what is pending, reads it back, and takes in the histories that
    /// waited for it.
    fn flush(&mut self) -> Result<(), StoreError> {
        let pending = std::mem::take(&mut self.pending);
        settle::write(self.store, &pending.objects)?;
        for told in pending.histories {
            let name = told.named.name.clone();
            let settled = self.settled.history(told)?;
            settled.map_err(|reason| history_damaged(name, reason))?;
        }
        for told in pending.live {
            let settled = self.settled.live(told)?;
            settled.map_err(|reason| self.input.damaged(reason))?;
        }
        self.settled.flush()
    }
}

fn history_damaged(name: String, reason: &'static str) -> StoreError {
    let name: String = name.chars().take(LONGEST_NAME).collect();
    let what = format!("the history of {name:?}");
    StoreError::DamagedArchive { what, reason }
}

/// An object as it stands in the file.
fn parse(bytes: &[u8]) -> Option<Stored> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (digest, head) = head.split_first_chunk::<32>()?;
    let (flags, size) = head.split_first_chunk::<2>()?;
    let size = u32::from_be_bytes(*size.first_chunk()?);
    let (base, bytes) = match flags[1] {
        0 => (None, rest),
        1 => {
            let (base, bytes) = rest.split_first_chunk::<32>()?;
            (Some(Digest::from_bytes(*base)), bytes)
        }
        _ => return None,
    };
    let digests = (Digest::from_bytes(*digest), base);
    Stored::from_archive(digests, flags[0], size, bytes.to_vec())
}

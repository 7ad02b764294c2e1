//! The work of a snapshot that needs a processor: taking records apart,
//! hashing, deciding what is new, compressing. Any number of packers do it at
//! once, each on a thread of its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::objects::{self, Base, Reader, Stored};
use super::pack::Compressor;
use super::recipe::{Chart, Row, Taken};
use super::{StoreError, files, histories, schema};
use crate::helm::Digest;
use crate::helm::codec::Unpacker;
use crate::snapshot::{HistoryId, SavedObject};
use crate::survey::{ObjectRef, RawRecord};

/// How many bytes of bases are kept for records to come. They come ordered by
/// name, so that a few releases are all that is needed at a time.
const KEPT: usize = 8 << 20;

/// A rest that is larger has no base: zstd would have to look back too far.
const LARGEST_ON_BASE: usize = 8 << 20;

/// What packers of one snapshot know together.
#[derive(Default)]
pub(super) struct Shared {
    /// What is in the table and proven, or about to be written by one of them.
    claimed: Mutex<HashSet<Digest>>,
    /// The rests that others are compressed on.
    bases: Mutex<Recent>,
    /// Whether the table held nothing when the snapshot began.
    fresh: bool,
}

/// The bases of the histories that came last.
#[derive(Default)]
struct Recent {
    known: HashMap<HistoryId, Base>,
    order: VecDeque<HistoryId>,
    held: usize,
}

/// Packs records and live objects for one snapshot. It belongs to one thread;
/// another one takes another packer, with [`Packer::another`].
pub struct Packer {
    connection: Connection,
    shared: Arc<Shared>,
    compressor: Compressor,
    unpacker: Unpacker,
    /// The one of the last record: that of the next is mostly the same.
    chart: Chart,
    database: PathBuf,
}

/// A record or live object ready to be written, with what is new of it.
pub struct Packed {
    pub(super) what: What,
    pub(super) objects: Vec<Stored>,
}

pub(super) enum What {
    Record(Row),
    Live(SavedObject),
}

/// What is to be done about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// Nothing: it is there, or another packer does it.
    Done,
    /// It is to be written.
    New,
    /// It is damaged, and to be written over.
    Mend,
}

impl Packer {
    pub(super) fn new(dir: &Path, shared: Arc<Shared>) -> Result<Self, StoreError> {
        let database = files::database(dir);
        Ok(Self {
            connection: schema::connect(&database)?,
            shared,
            compressor: Compressor::new()?,
            unpacker: Unpacker::default(),
            chart: Chart::default(),
            database,
        })
    }

    /// A packer for another thread.
    ///
    /// # Errors
    ///
    /// If the database cannot be opened.
    pub fn another(&self) -> Result<Self, StoreError> {
        Ok(Self {
            connection: schema::connect(&self.database)?,
            shared: Arc::clone(&self.shared),
            compressor: Compressor::new()?,
            unpacker: Unpacker::default(),
            chart: Chart::default(),
            database: self.database.clone(),
        })
    }

    /// Packs a record.
    ///
    /// # Errors
    ///
    /// If the store cannot be read; the snapshot cannot be finished then.
    pub fn pack(&mut self, record: &RawRecord) -> Result<Packed, StoreError> {
        let mut unpacker = std::mem::take(&mut self.unpacker);
        let packed = Taken::apart(record, &mut unpacker, &mut self.chart)
            .and_then(|taken| self.pack_taken(&HistoryId::of(&record.id), taken));
        self.unpacker = unpacker;
        packed
    }

    fn pack_taken(&mut self, history: &HistoryId, taken: Taken<'_>) -> Result<Packed, StoreError> {
        let mut new = Vec::new();
        for (digest, part) in taken.parts() {
            if self.claim(digest)? != Claim::Done {
                new.push(self.compressor.pack_folded(digest, part)?);
            }
        }
        match self.claim(taken.row.rest)? {
            Claim::Done => {}
            Claim::Mend => {
                new.push(self.whole(taken.row.rest, &taken.rest)?);
            }
            Claim::New => {
                new.push(self.rest(history, taken.row.rest, taken.rest)?);
            }
        }
        Ok(Packed {
            what: What::Record(taken.row),
            objects: new,
        })
    }

    /// Packs a live object.
    ///
    /// # Errors
    ///
    /// As [`Packer::pack`].
    pub fn pack_object(
        &mut self,
        object: &ObjectRef,
        json: &serde_json::Value,
    ) -> Result<Packed, StoreError> {
        let plain = serde_json::to_vec(json).map_err(StoreError::Json)?;
        let digest = Digest::of(&plain);
        let mut new = Vec::new();
        if self.claim(digest)? != Claim::Done {
            new.push(self.whole(digest, &plain)?);
        }
        let saved = SavedObject {
            object: object.clone(),
            digest,
            bytes: plain.len() as u64,
        };
        Ok(Packed {
            what: What::Live(saved),
            objects: new,
        })
    }

    /// Claims an object for whoever is the first to. One that is in the table is
    /// read first: if it is damaged, this is the chance to mend it.
    fn claim(&self, digest: Digest) -> Result<Claim, StoreError> {
        if !locked(&self.shared.claimed).insert(digest) {
            return Ok(Claim::Done);
        }
        // What other processes write meanwhile is found when this is written.
        if self.shared.fresh {
            return Ok(Claim::New);
        }
        match objects::find(&self.connection, digest)? {
            None => Ok(Claim::New),
            Some(id) if objects::is_whole(&self.connection, id)? => Ok(Claim::Done),
            Some(_) => Ok(Claim::Mend),
        }
    }

    fn whole(&mut self, digest: Digest, plain: &[u8]) -> Result<Stored, StoreError> {
        self.compressor.pack(digest, plain)
    }

    /// Packs a rest on its history's base. The first one becomes the base, and
    /// so does one that is too little like it.
    fn rest(
        &mut self,
        history: &HistoryId,
        digest: Digest,
        plain: Vec<u8>,
    ) -> Result<Stored, StoreError> {
        if plain.len() > LARGEST_ON_BASE {
            return self.whole(digest, &plain);
        }
        let found = self.base(history)?;
        let on_base = match found.filter(|base| base.digest != digest) {
            Some(base) => Some(self.compressor.pack_on(&base, digest, &plain)?),
            None => None,
        };
        // What shares little is compressed to a quarter or so, base or not.
        if let Some(packed) = on_base
            && packed.len() <= plain.len() / 8
        {
            return Ok(packed);
        }
        let packed = self.whole(digest, &plain)?;
        let plain = Arc::new(plain);
        locked(&self.shared.bases).keep(history, Base { digest, plain });
        Ok(packed)
    }

    /// What the rests of that history are compressed on: what another packer
    /// made it in this snapshot, or what was saved first.
    fn base(&self, history: &HistoryId) -> Result<Option<Base>, StoreError> {
        if let Some(base) = locked(&self.shared.bases).find(history) {
            return Ok(Some(base));
        }
        if self.shared.fresh {
            return Ok(None);
        }
        let mut reader = Reader::new(&self.connection);
        let saved = histories::newest(&self.connection, &mut reader, history)?;
        let newest = saved.and_then(|saved| saved.contents.records.last().map(|last| last.rest));
        let Some(rest) = newest else {
            return Ok(None);
        };
        let base = reader.base_of(rest)?;
        let base = base.filter(|base| base.plain.len() <= LARGEST_ON_BASE);
        if let Some(base) = &base {
            locked(&self.shared.bases).keep(history, base.clone());
        }
        Ok(base)
    }
}

/// Packers for whatever threads there are: each belongs to one at a time.
pub struct Packers {
    /// Makes the others.
    first: Mutex<Packer>,
    idle: Mutex<Vec<Packer>>,
}

/// A packer for as long as somebody works with it.
pub struct Lent {
    from: Arc<Packers>,
    packer: Option<Packer>,
}

impl Packers {
    /// The first one makes the others.
    pub fn new(first: Packer) -> Self {
        Self {
            first: Mutex::new(first),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// One of them, to be given back when it is dropped.
    pub fn lend(self: &Arc<Self>) -> Lent {
        let from = Arc::clone(self);
        let packer = locked(&from.idle).pop();
        Lent { from, packer }
    }
}

impl Lent {
    /// Packs a record.
    ///
    /// # Errors
    ///
    /// As [`Packer::pack`].
    pub fn pack(&mut self, record: &RawRecord) -> Result<Packed, StoreError> {
        let packer = match &mut self.packer {
            Some(packer) => packer,
            None => self.packer.insert(locked(&self.from.first).another()?),
        };
        packer.pack(record)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        locked(&self.from.idle).extend(self.packer.take());
    }
}

impl Shared {
    pub(super) fn new(fresh: bool) -> Self {
        Self {
            fresh,
            ..Self::default()
        }
    }
}

impl Recent {
    fn find(&self, history: &HistoryId) -> Option<Base> {
        self.known.get(history).cloned()
    }

    fn keep(&mut self, history: &HistoryId, base: Base) {
        self.held += base.plain.len();
        if let Some(before) = self.known.insert(history.clone(), base) {
            self.held -= before.plain.len();
        } else {
            self.order.push_back(history.clone());
        }
        while self.held > KEPT {
            let oldest = self.order.pop_front();
            let Some(base) = oldest.and_then(|oldest| self.known.remove(&oldest)) else {
                return;
            };
            self.held -= base.plain.len();
        }
    }
}

/// What a thread that panicked left behind is still a set of digests.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

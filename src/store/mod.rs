//! The local store: snapshots, operations and receipts, on disk.
//!
//! One SQLite database `store.db` in a private directory, readable with any
//! SQLite tool (see `schema`):
//!
//! - `objects`: bytes, kept once and named by their sha256. A record is the
//!   parts of its chart, which many share, and the rest (see `recipe`).
//! - `histories`: saved states of one release's records, each a list of objects.
//!   A release that did not change is the same history in every snapshot.
//! - `snapshots`: each a list of histories, and of lists of live objects.
//! - `operations`, `events`: plans and what happened.
//! - `zadig`: what earlier reads of a Zadig knew to be claimed.
//!
//! Every row carries a seal over what it says and refers to, so that a flipped
//! bit is found instead of restored. What a call reported as stored survives a
//! kill and a power cut right after it; nothing half-done is ever visible.
//!
//! # Taking a snapshot
//!
//! ```text
//! // beside the survey, where there was a backup; or store, and Saved::default()
//! let (store, saved) = Store::open_ahead(dir)??;
//! let known = store.known(saved, cluster, version, &survey.records)?; // or Known::default(): read all
//! let mut writer = store.begin_snapshot(About { time, cluster, reason, .. })?;
//! // the records to read: those for which !known.holds(&record.id)
//! writer.reuse(known);
//! let packers = Arc::new(Packers::new(writer.packer()?));
//! let mut packer = packers.lend();              // one for each thread
//!     let packed = packer.pack(&raw)?;          // on many threads; also pack_object(&object, &json)
//! writer.put(packed)?;                          // on one
//! writer.missing(unread);                       // what could not be read
//! let snapshot = writer.finish()?;              // durable, read back and proven
//! ```
//!
//! `writer.add(&raw)` and `writer.add_object(&object, &json)` pack and put at
//! once. `pack` knows nothing of the survey: what tells a state is taken from
//! the bytes that are saved.
//!
//! # Reading
//!
//! [`Store::list`] reads the rows of snapshots alone; [`Store::snapshot`] all that
//! one holds; [`Store::raw_record`] and [`Store::live_object`] the bytes.
//! [`Store::verify`] reads everything and proves it, [`Store::stats`] counts.
//! [`Store::forget`] drops snapshots and what nobody else refers to.
//!
//! This room never speaks to a cluster and knows no clock: times are handed in.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the store room owns the local disk"
)]

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

mod archive;
mod contents;
mod error;
mod files;
mod fold;
mod forget;
mod headers;
mod histories;
mod holding;
mod known;
mod locks;
mod objects;
mod operations;
mod pack;
mod packer;
mod read_back;
mod recipe;
mod room;
mod schema;
mod seal;
mod shapes;
mod snapshots;
mod stats;
mod sum;
mod unpack;
mod verify;
mod writer;
mod zadig;

#[cfg(test)]
mod tests;

pub use archive::{Exported, Imported, MAGIC as ARCHIVE_MAGIC};
pub use error::StoreError;
pub use forget::Forgotten;
pub use holding::{Holding, SavedPayload};
pub use known::{Known, Saved};
pub use locks::OperationLock;
pub use packer::{Lent, Packed, Packer, Packers};
pub use shapes::Shape;
pub use stats::Stats;
pub use verify::{Damage, Verification};
pub use writer::SnapshotWriter;

/// An open store. Several processes may have the same one open.
///
/// It is meant for one thread at a time; another thread opens its own.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    connection: Connection,
    format: i64,
}

impl Store {
    /// Opens the store in this directory, creating both on first use: the
    /// directory with mode 0700, the files with 0600.
    ///
    /// A directory that is already there keeps its mode. A store of a newer
    /// format opens too, and refuses whatever would write.
    ///
    /// # Errors
    ///
    /// If the directory is on a network filesystem, holds another program's
    /// database, or cannot be written.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_for(dir, 0)
    }

    /// As [`Store::open`]; a store that is created is one in which so many records
    /// are going to be saved first.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_for(dir: &Path, records: usize) -> Result<Self, StoreError> {
        files::private_directory(dir)?;
        files::refuse_network(dir)?;
        files::private_file(&files::database(dir))?;
        Self::connect(dir, schema::page_for(records))
    }

    /// Opens the store in this directory if there is one; creates nothing. One
    /// that cannot be written is opened to be read.
    ///
    /// # Errors
    ///
    /// As [`Store::open`]; and if it cannot be read without being written,
    /// because whoever wrote it last was killed.
    pub fn open_existing(dir: &Path) -> Result<Option<Self>, StoreError> {
        if !files::exists(&files::database(dir))? {
            return Ok(None);
        }
        match Self::open(dir) {
            Err(error) if error.is_read_only() => match files::has_log(dir) {
                true => Err(StoreError::LeftLog(dir.to_owned())),
                false => Self::open_to_read(dir).map(Some),
            },
            opened => opened.map(Some),
        }
    }

    fn open_to_read(dir: &Path) -> Result<Self, StoreError> {
        let connection = schema::connect_to_read(&files::database(dir))?;
        Ok(Self {
            dir: dir.to_owned(),
            connection,
            format: schema::FORMAT,
        })
    }

    /// The directory it is in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A store that is empty, belongs to nobody else and goes when it is dropped:
    /// to look into an archive.
    ///
    /// # Errors
    ///
    /// If SQLite finds no room for it.
    pub fn scratch() -> Result<Self, StoreError> {
        Ok(Self {
            dir: PathBuf::new(),
            connection: schema::scratch()?,
            format: schema::FORMAT,
        })
    }

    fn connect(dir: &Path, page: i64) -> Result<Self, StoreError> {
        let connection = schema::connect(&files::database(dir))?;
        let format = schema::settle(&connection, dir, page)?;
        Ok(Self {
            dir: dir.to_owned(),
            connection,
            format,
        })
    }

    /// Begins a transaction that will write. It takes the write lock at once,
    /// so that waiting for another process happens here and never in the middle.
    fn write(&self) -> Result<Transaction<'_>, StoreError> {
        if self.format > schema::FORMAT {
            return Err(StoreError::NewerFormat {
                found: self.format,
                known: schema::FORMAT,
            });
        }
        let behavior = TransactionBehavior::Immediate;
        Ok(Transaction::new_unchecked(&self.connection, behavior)?)
    }

    /// Begins a transaction that only reads: all its answers are of one moment.
    fn read(&self) -> Result<Transaction<'_>, StoreError> {
        schema::read(&self.connection)
    }
}

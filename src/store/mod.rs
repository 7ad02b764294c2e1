//! The local store: snapshots, operations and receipts, on disk.
//!
//! One SQLite database `store.db` in a private directory, readable with any
//! SQLite tool (see `schema`). Bytes are kept once, named by their sha256, and
//! every row that says what they belong to carries a seal over its columns, so
//! that a flipped bit is found instead of restored. What a call reported as
//! stored survives a kill and a power cut right after it; nothing half-done is
//! ever visible.
//!
//! This room never speaks to a cluster and knows no clock: times are handed in.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the store room owns the local disk"
)]

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

mod error;
mod files;
mod locks;
mod objects;
mod operations;
mod recipe;
mod records;
mod schema;
mod seal;
mod snapshots;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use locks::OperationLock;
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
        files::private_directory(dir)?;
        files::refuse_network(dir)?;
        files::private_file(&files::database(dir))?;
        Self::connect(dir)
    }

    /// Opens the store in this directory if there is one; creates nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_existing(dir: &Path) -> Result<Option<Self>, StoreError> {
        if files::database(dir).exists() {
            Self::open(dir).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The directory it is in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn connect(dir: &Path) -> Result<Self, StoreError> {
        let connection = schema::connect(&files::database(dir))?;
        let format = schema::settle(&connection, dir)?;
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
        let behavior = TransactionBehavior::Deferred;
        Ok(Transaction::new_unchecked(&self.connection, behavior)?)
    }
}

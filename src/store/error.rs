//! What can go wrong with the store.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use crate::plan::OperationId;
use crate::snapshot::SnapshotId;
use crate::survey::{ObjectRef, RecordId};

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory is on a filesystem where SQLite's locks and shared memory
    /// cannot be relied on.
    #[error("keep a store in {}: {kind} is a network filesystem", path.display())]
    NetworkFilesystem {
        /// The directory.
        path: PathBuf,
        /// The filesystem's type, as the kernel names it.
        kind: String,
    },
    /// The database is another program's.
    #[error("use {} as a store: it is another program's database", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// The store was made by a later version of this program: it is read, never
    /// written.
    #[error("write to a store of format {found}: this version writes format {known}")]
    NewerFormat {
        /// The store's format.
        found: i64,
        /// The newest format that this version writes.
        known: i64,
    },
    /// A file or directory could not be used.
    #[error("{doing} {}", path.display())]
    File {
        /// What was tried: `create`.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No space is left.
    #[error("write to the store: the disk is full")]
    Full(#[source] Box<dyn Error + Send + Sync>),
    /// The store cannot be written, here or by this user.
    #[error("write to the store: its files, their directory or the disk are read-only")]
    ReadOnly(#[source] Box<dyn Error + Send + Sync>),
    /// It cannot be written, and who wrote it last was killed: what it left in
    /// its log is only read by writing it where it belongs.
    #[error("read the store in {} where it cannot be written: a killed process left a log beside it", .0.display())]
    LeftLog(PathBuf),
    /// Another process kept the store locked for longer than we wait.
    #[error("use the store: another process keeps it locked")]
    Locked(#[source] Box<dyn Error + Send + Sync>),
    /// What was read is not what was written.
    #[error("read {what} from the store: {reason}")]
    Damaged {
        /// `object 12`, `record …`.
        what: String,
        /// How it shows. Never holds what was read.
        reason: &'static str,
    },
    /// Any other answer of SQLite.
    #[error("use the store's database")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// A plan or event could not be written as JSON.
    #[error("write as JSON")]
    Json(#[source] serde_json::Error),
    /// No snapshot's id begins so.
    #[error("find snapshot {id}")]
    NoSuchSnapshot {
        /// As it was given.
        id: String,
    },
    /// Several snapshots' ids begin so.
    #[error("find one snapshot: several begin with {prefix}")]
    AmbiguousSnapshot {
        /// As it was given.
        prefix: String,
    },
    /// The snapshot holds no such record.
    #[error("find {record} in snapshot {snapshot}")]
    NoSuchRecord {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The record.
        record: RecordId,
    },
    /// The snapshot holds no such live object.
    #[error("find {object} in snapshot {snapshot}")]
    NoSuchObject {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The object.
        object: ObjectRef,
    },
    /// No operation's id begins so.
    #[error("find operation {id}")]
    NoSuchOperation {
        /// As it was given.
        id: String,
    },
    /// Several operations' ids begin so.
    #[error("find one operation: several begin with {prefix}")]
    AmbiguousOperation {
        /// As it was given.
        prefix: String,
    },
    /// A file is no archive of snapshots.
    #[error("read an archive: it does not begin as one")]
    NotAnArchive,
    /// An archive of a later version of this program.
    #[error("read an archive of version {version}: this version reads version {known}")]
    NewerArchive {
        /// The archive's version.
        version: u32,
        /// The newest that this version reads.
        known: u32,
    },
    /// An archive is cut off, damaged or forged.
    #[error("read the archive: {what}: {reason}")]
    DamagedArchive {
        /// `entry 12 (an object)`.
        what: String,
        /// How it shows. Never holds what was read.
        reason: &'static str,
    },
    /// An archive holds only what another snapshot lacks, which is not here.
    #[error(
        "import the archive: it holds only what snapshot {parent} lacks, which is not in the store"
    )]
    NoParent {
        /// That snapshot.
        parent: SnapshotId,
    },
    /// Something is too large for an archive.
    #[error("write the archive: {what} is too large")]
    TooLarge {
        /// What it is.
        what: String,
    },
    /// An archive's file could not be read.
    #[error("read the archive")]
    ReadArchive(#[source] io::Error),
    /// An archive's file could not be written.
    #[error("write the archive")]
    WriteArchive(#[source] io::Error),
    /// Another process is carrying out the operation.
    #[error("take over operation {operation}: another process is carrying it out")]
    Running {
        /// The operation.
        operation: OperationId,
    },
}

impl StoreError {
    pub(super) fn damaged(what: impl Into<String>, reason: &'static str) -> Self {
        let what = what.into();
        Self::Damaged { what, reason }
    }

    /// What an attempt to use a file met.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(source.into()),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(source.into()),
            _ => Self::File {
                doing,
                path: path.to_owned(),
                source,
            },
        }
    }

    /// Whether it is that nothing can be written there.
    pub(super) fn is_read_only(&self) -> bool {
        match self {
            Self::ReadOnly(_) => true,
            Self::File { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// Separates what is lost from what stands in the way: `Ok` is the reason of
    /// a damage, after which other parts of the store may still be read.
    pub(super) fn damage(self) -> Result<&'static str, Self> {
        match self {
            Self::Damaged { reason, .. } => Ok(reason),
            other => Err(other),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        match error {
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::Utf8Error(..)
            | Sql::InvalidColumnType(..) => {
                return Self::damaged("a row", "a column holds what was never written");
            }
            _ => {}
        }
        // Even to read takes the memory that readers share, which is a file.
        let shared = error.sqlite_error().map(|error| error.extended_code);
        if shared == Some(SQLITE_IOERR_SHMSIZE) {
            return Self::Full(error.into());
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error.into()),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly(error.into()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(error.into()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::damaged("the database", "its pages are malformed")
            }
            _ => Self::Database(error.into()),
        }
    }
}

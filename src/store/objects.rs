//! The table `objects`: bytes, kept once and named by their sha256.
//!
//! An object may be compressed with another one as zstd's prefix, its base. A
//! base has none itself: what a damage takes with it is one step deep.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::sum::Sum;
use super::unpack::Decompressor;
use crate::helm::Digest;

/// What the bytes of an object may be, in the order of an archive's numbers.
const ENCODINGS: [&str; 3] = ["raw", "zstd", "fold"];

/// How many bytes of bases a [`Reader`] keeps. What has the same base stands
/// mostly together.
const KEPT: usize = 4 << 20;

/// Bytes as they go into the table.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) digest: Digest,
    /// The object whose plain bytes are the prefix.
    pub(super) base: Option<Digest>,
    /// Of the plain bytes, where they were packed here.
    pub(super) sum: Option<Sum>,
    pub(super) encoding: &'static str,
    pub(super) size: i64,
    pub(super) bytes: Vec<u8>,
}

impl Stored {
    /// How many bytes it takes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// An object that others may be compressed on.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) digest: Digest,
    pub(super) plain: Arc<Vec<u8>>,
}

impl Stored {
    /// As an archive says it.
    pub(super) fn from_archive(
        (digest, base): (Digest, Option<Digest>),
        encoding: u8,
        size: u32,
        bytes: Vec<u8>,
    ) -> Option<Self> {
        let encoding = *ENCODINGS.get(usize::from(encoding))?;
        let size = i64::from(size);
        Some(Self {
            digest,
            base,
            sum: None,
            encoding,
            size,
            bytes,
        })
    }

    /// What an archive says of it: its encoding, its size, and its bytes.
    pub(super) fn to_archive(&self) -> Option<(u8, u32, &[u8])> {
        let encoding = ENCODINGS.iter().position(|one| *one == self.encoding)?;
        let (encoding, size) = (encoding.try_into().ok()?, self.size.try_into().ok()?);
        Some((encoding, size, &self.bytes))
    }

    /// The plain bytes, proven to be what the digest names.
    pub(super) fn plain(&self, base: Option<&[u8]>) -> Result<Vec<u8>, &'static str> {
        let mut plain = Vec::new();
        let packed = (self.encoding, &self.bytes[..]);
        Decompressor::new().unpack(packed, base, self.size, &mut plain)?;
        proven(&plain, self.digest)?;
        Ok(plain)
    }
}

/// Finds an object.
pub(super) fn find(connection: &Connection, digest: Digest) -> Result<Option<i64>, StoreError> {
    // The index holds the first eight bytes: as good as all of them, and small.
    const SQL: &str = "SELECT id FROM objects
        WHERE substr(digest, 1, 8) = substr(?1, 1, 8) AND digest = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    let id = statement.query_row([digest.as_bytes()], |row| row.get(0));
    Ok(id.optional()?)
}

/// Whether there is none at all.
pub(super) fn none(connection: &Connection) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT NOT EXISTS (SELECT 1 FROM objects)";
    Ok(connection.query_row(SQL, (), |row| row.get(0))?)
}

/// Stores an object and returns its id.
///
/// One that is there, because another process stored the same in the meantime or
/// because it was found damaged, may be a base. So it is never replaced by one
/// that has a base itself; by one that has none, if it has one or is damaged.
pub(super) fn put(connection: &Connection, object: &Stored) -> Result<i64, StoreError> {
    const INSERT: &str = "INSERT INTO objects (encoding, base, size, bytes, digest)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    const REPLACE: &str = "UPDATE objects SET encoding = ?1, base = ?2, size = ?3, bytes = ?4
        WHERE id = ?5";
    let base = match object.base {
        Some(base) => Some(find(connection, base)?.ok_or_else(|| {
            StoreError::damaged(object.digest.to_string(), "its base is not there")
        })?),
        None => None,
    };
    if let Some(id) = find(connection, object.digest)? {
        let keep = object.base.is_some() || (is_base(connection, id)? && is_whole(connection, id)?);
        if keep {
            return Ok(id);
        }
        let row = (object.encoding, base, object.size, &object.bytes, id);
        connection.prepare_cached(REPLACE)?.execute(row)?;
        return Ok(id);
    }
    let digest = object.digest.as_bytes();
    let row = (object.encoding, base, object.size, &object.bytes, digest);
    connection.prepare_cached(INSERT)?.execute(row)?;
    Ok(connection.last_insert_rowid())
}

/// Whether others may be compressed on it.
pub(super) fn is_base(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT base IS NULL FROM objects WHERE id = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    Ok(statement.query_row([id], |row| row.get(0))?)
}

/// Whether an object can be read.
pub(super) fn is_whole(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    match Reader::new(connection).prove(id) {
        Ok(_) => Ok(true),
        Err(error) => error.damage().map(|_| false),
    }
}

/// The ids of all objects.
pub(super) fn ids(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM objects ORDER BY id")?;
    let ids = statement.query_map((), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// A row as it was read.
struct Row {
    digest: Digest,
    encoding: String,
    base: Option<i64>,
    size: i64,
    bytes: Vec<u8>,
}

/// Reads objects, and keeps the bases that many of them need.
pub(super) struct Reader<'a> {
    connection: &'a Connection,
    decompressor: Decompressor,
    /// Room for what is only to be proven.
    room: Vec<u8>,
    bases: HashMap<i64, Arc<Vec<u8>>>,
    kept: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            decompressor: Decompressor::new(),
            room: Vec::new(),
            bases: HashMap::new(),
            kept: 0,
        }
    }

    /// Reads an object's plain bytes and proves that they are what was stored.
    pub(super) fn load(&mut self, id: i64) -> Result<(Digest, Vec<u8>), StoreError> {
        let mut plain = Vec::new();
        let digest = self.read(id, &mut plain)?;
        Ok((digest, plain))
    }

    /// The same, of an object whose bytes nobody wants.
    pub(super) fn prove(&mut self, id: i64) -> Result<Digest, StoreError> {
        let mut room = std::mem::take(&mut self.room);
        let proven = self.read(id, &mut room);
        self.give_back(room);
        proven
    }

    /// Whether an object unpacks to bytes of that digest's row and of that sum. The
    /// sum tells what was written here a moment ago from anything else, and costs
    /// a tenth of the digest.
    pub(super) fn is(&mut self, id: i64, digest: Digest, sum: Sum) -> Result<bool, StoreError> {
        let row = self.row(id)?;
        let mut room = std::mem::take(&mut self.room);
        let same = self.unpacked(id, &row, &mut room);
        let same = same.map(|()| row.digest == digest && Sum::of(&room) == sum);
        self.give_back(room);
        same
    }

    fn read(&mut self, id: i64, plain: &mut Vec<u8>) -> Result<Digest, StoreError> {
        let row = self.row(id)?;
        self.proven(id, &row, plain)?;
        Ok(row.digest)
    }

    fn proven(&mut self, id: i64, row: &Row, plain: &mut Vec<u8>) -> Result<(), StoreError> {
        self.unpacked(id, row, plain)?;
        proven(plain, row.digest).map_err(|reason| StoreError::damaged(named(id), reason))
    }

    /// Leaves an object's plain bytes in `plain`, not proven yet.
    fn unpacked(&mut self, id: i64, row: &Row, plain: &mut Vec<u8>) -> Result<(), StoreError> {
        let damaged = |reason| StoreError::damaged(named(id), reason);
        let base = match row.base {
            Some(base) => self
                .base(base)?
                .ok_or_else(|| damaged("its base is damaged"))?,
            None => Arc::default(),
        };
        let base = row.base.is_some().then_some(&base[..]);
        let packed = (&row.encoding[..], &row.bytes[..]);
        self.decompressor
            .unpack(packed, base, row.size, plain)
            .map_err(damaged)
    }

    /// A rare large one is not held for all that follow.
    fn give_back(&mut self, room: Vec<u8>) {
        if room.capacity() <= KEPT {
            self.room = room;
        }
    }

    /// An object as it is in the table, proven, with the key of its base and its
    /// plain bytes.
    pub(super) fn stored(&mut self, id: i64) -> Result<(Stored, Option<i64>, Vec<u8>), StoreError> {
        let (_, plain) = self.load(id)?;
        let row = self.row(id)?;
        let base = match row.base {
            Some(base) => self.base(base)?.map(|plain| Digest::of(&plain)),
            None => None,
        };
        let encoding = ENCODINGS.into_iter().find(|one| *one == row.encoding);
        let stored = Stored {
            digest: row.digest,
            base,
            sum: None,
            encoding: encoding.unwrap_or_default(),
            size: row.size,
            bytes: row.bytes,
        };
        Ok((stored, row.base, plain))
    }

    /// The object that others of its kind are to be compressed on: its base, or
    /// itself if it has none. `None` if it is damaged.
    pub(super) fn base_of(&mut self, id: i64) -> Result<Option<Base>, StoreError> {
        let row = match self.row(id) {
            Ok(row) => row,
            Err(error) => return error.damage().map(|_| None),
        };
        let id = row.base.unwrap_or(id);
        let Some(plain) = self.base(id)? else {
            return Ok(None);
        };
        let digest = Digest::of(&plain);
        Ok(Some(Base { digest, plain }))
    }

    /// A base's plain bytes; `None` if they are damaged, or it is no base.
    fn base(&mut self, id: i64) -> Result<Option<Arc<Vec<u8>>>, StoreError> {
        if let Some(plain) = self.bases.get(&id) {
            return Ok(Some(Arc::clone(plain)));
        }
        let mut plain = Vec::new();
        let read = self.row(id).and_then(|row| match row.base {
            None => self.proven(id, &row, &mut plain),
            Some(_) => Err(StoreError::damaged(named(id), "it is no base")),
        });
        let plain = match read {
            Ok(()) => Arc::new(plain),
            Err(error) => return error.damage().map(|_| None),
        };
        if self.kept + plain.len() > KEPT {
            self.bases.clear();
            self.kept = 0;
        }
        self.kept += plain.len();
        self.bases.insert(id, Arc::clone(&plain));
        Ok(Some(plain))
    }

    fn row(&self, id: i64) -> Result<Row, StoreError> {
        const SQL: &str = "SELECT digest, encoding, base, size, bytes FROM objects WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(SQL)?;
        let found = statement.query_row([id], |row| {
            Ok(Row {
                digest: Digest::from_bytes(row.get(0)?),
                encoding: row.get(1)?,
                base: row.get(2)?,
                size: row.get(3)?,
                bytes: row.get(4)?,
            })
        });
        found
            .optional()?
            .ok_or_else(|| StoreError::damaged(named(id), "it is not there"))
    }
}

fn proven(plain: &[u8], digest: Digest) -> Result<(), &'static str> {
    match Digest::of(plain) == digest {
        true => Ok(()),
        false => Err("its digest is another one"),
    }
}

fn named(id: i64) -> String {
    format!("object {id}")
}

/// A length as SQLite keeps it.
pub(super) fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

//! The table `objects`: bytes, kept once and named by their sha256.

use std::io::Read;

use rusqlite::{Connection, OptionalExtension};
use zstd::bulk::Compressor;

use super::StoreError;
use crate::helm::Digest;
use crate::helm::codec::PLAIN_LIMIT;

/// Where zstd still wins; above it costs time and brings little.
const LEVEL: i32 = 9;

/// Bytes as they go into the table.
pub(super) struct Stored {
    digest: Digest,
    encoding: &'static str,
    size: i64,
    bytes: Vec<u8>,
}

impl Stored {
    /// How many bytes it takes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A compressor, to be used again and again: setting one up costs more than
/// most objects do.
pub(super) fn compressor() -> Result<Compressor<'static>, StoreError> {
    Compressor::new(LEVEL).map_err(|error| StoreError::Database(error.into()))
}

/// Packs bytes, unless that makes them longer.
pub(super) fn pack(
    compressor: &mut Compressor<'_>,
    digest: Digest,
    plain: &[u8],
) -> Result<Stored, StoreError> {
    let packed = compressor
        .compress(plain)
        .map_err(|error| StoreError::Database(error.into()))?;
    let (encoding, bytes) = if packed.len() < plain.len() {
        ("zstd", packed)
    } else {
        ("raw", plain.to_owned())
    };
    let size = length(plain);
    Ok(Stored {
        digest,
        encoding,
        size,
        bytes,
    })
}

/// Finds an object.
pub(super) fn find(connection: &Connection, digest: Digest) -> Result<Option<i64>, StoreError> {
    const SQL: &str = "SELECT id FROM objects WHERE digest = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    let id = statement.query_row([digest.as_bytes()], |row| row.get(0));
    Ok(id.optional()?)
}

/// Stores an object. One that is there is replaced: another process stored the
/// same in the meantime, or it was found damaged.
pub(super) fn put(connection: &Connection, object: &Stored) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO objects (digest, encoding, size, bytes)
        VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (digest) DO UPDATE
        SET encoding = excluded.encoding, size = excluded.size, bytes = excluded.bytes";
    connection.prepare_cached(SQL)?.execute((
        object.digest.as_bytes(),
        object.encoding,
        object.size,
        &object.bytes,
    ))?;
    Ok(())
}

/// The ids of all objects.
pub(super) fn ids(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM objects ORDER BY id")?;
    let ids = statement.query_map((), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Reads an object's plain bytes and proves that they are what was stored.
pub(super) fn load(connection: &Connection, id: i64) -> Result<(Digest, Vec<u8>), StoreError> {
    const SQL: &str = "SELECT digest, encoding, size, bytes FROM objects WHERE id = ?1";
    let mut statement = connection.prepare_cached(SQL)?;
    let found = statement
        .query_row([id], |row| {
            let digest: [u8; 32] = row.get(0)?;
            let encoding: String = row.get(1)?;
            let size: i64 = row.get(2)?;
            let bytes: Vec<u8> = row.get(3)?;
            Ok((Digest::from_bytes(digest), encoding, size, bytes))
        })
        .optional()?;
    let damaged = |reason| StoreError::damaged(format!("object {id}"), reason);
    let (digest, encoding, size, bytes) = found.ok_or_else(|| damaged("it is not there"))?;
    let plain = match encoding.as_str() {
        "raw" => bytes,
        "zstd" => unpack(&bytes, size).ok_or_else(|| damaged("it does not unpack"))?,
        _ => return Err(damaged("its encoding is unknown")),
    };
    if length(&plain) != size || Digest::of(&plain) != digest {
        return Err(damaged("its digest is another one"));
    }
    Ok((digest, plain))
}

/// Unpacks at most one byte more than there should be. The size is only a
/// bound and reserves nothing, for it may be damaged too.
fn unpack(bytes: &[u8], size: i64) -> Option<Vec<u8>> {
    // No payload and no object of the API is larger.
    let largest = PLAIN_LIMIT as u64;
    let bound = u64::try_from(size).ok()?.min(largest).saturating_add(1);
    let mut plain = Vec::new();
    zstd::Decoder::with_buffer(bytes)
        .ok()?
        .take(bound)
        .read_to_end(&mut plain)
        .ok()?;
    Some(plain)
}

/// A length as SQLite keeps it.
pub(super) fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

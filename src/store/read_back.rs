//! Proving what was written, before it is reported.

use std::num::NonZero;
use std::path::Path;
use std::thread;

use super::objects::Reader;
use super::{Store, StoreError, files, headers, schema, snapshots};
use crate::helm::Digest;
use crate::snapshot::Snapshot;

/// Below so many objects, another thread costs more than it saves.
const WORTH_A_THREAD: usize = 64;

/// Reads what was written while something else is done, and compares it, through
/// connections of its own, whose caches hold nothing yet, on all cores. What was
/// there before was proven when it was found there.
pub(super) fn beside<T>(
    dir: &Path,
    written: &[(i64, Digest)],
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = written.len().div_ceil(cores).max(WORTH_A_THREAD);
    thread::scope(|scope| {
        let shares = written.chunks(share);
        let threads: Vec<_> = shares
            .map(|share| scope.spawn(move || objects(dir, share)))
            .collect();
        let done = work();
        let ended = threads.into_iter().map(|thread| thread.join());
        let proven = ended.map(|proven| proven.unwrap_or_else(|_| Err(broken("an object"))));
        proven.fold(done, |done, proven| proven.and(done))
    })
}

fn objects(dir: &Path, written: &[(i64, Digest)]) -> Result<(), StoreError> {
    let connection = schema::connect(&files::database(dir))?;
    let reading = schema::read(&connection)?;
    let mut reader = Reader::new(&reading);
    for (key, digest) in written {
        if reader.prove(*key)? != *digest {
            return Err(broken(&format!("object {key}")));
        }
    }
    Ok(())
}

/// Reads a snapshot and compares it, through a connection of its own.
pub(super) fn rows(store: &Store, snapshot: &Snapshot) -> Result<(), StoreError> {
    let connection = schema::connect(&files::database(store.dir()))?;
    let reading = schema::read(&connection)?;
    let header = headers::find(&reading, &snapshot.id.0)?;
    let loaded = snapshots::load(&reading, header)?;
    match loaded.damaged.is_empty() && loaded.snapshot == *snapshot {
        true => Ok(()),
        false => Err(broken(&format!("snapshot {}", snapshot.id))),
    }
}

fn broken(what: &str) -> StoreError {
    StoreError::damaged(what.to_owned(), "it is not what was written")
}

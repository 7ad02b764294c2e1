//! Proving a snapshot right after it was written.

use std::num::NonZero;
use std::path::Path;
use std::thread;

use super::objects::Reader;
use super::{Store, StoreError, files, headers, schema, snapshots};
use crate::helm::Digest;
use crate::snapshot::Snapshot;

/// Below so many objects, another thread costs more than it saves.
const WORTH_A_THREAD: usize = 64;

/// Reads what was written and compares it, through connections of its own, whose
/// caches hold nothing yet, on all cores. What was there before was proven when
/// it was found there.
pub(super) fn prove(
    store: &Store,
    written: &[(i64, Digest)],
    snapshot: &Snapshot,
) -> Result<(), StoreError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = written.len().div_ceil(cores).max(WORTH_A_THREAD);
    let dir = store.dir();
    thread::scope(|scope| {
        let shares = written.chunks(share);
        let threads: Vec<_> = shares
            .map(|share| scope.spawn(move || objects(dir, share, snapshot)))
            .collect();
        let proven = rows(store, snapshot);
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(broken(snapshot))))
            .fold(proven, Result::and)
    })
}

fn objects(dir: &Path, written: &[(i64, Digest)], snapshot: &Snapshot) -> Result<(), StoreError> {
    let connection = schema::connect(&files::database(dir))?;
    let mut reader = Reader::new(&connection);
    for (key, digest) in written {
        if reader.prove(*key)? != *digest {
            return Err(broken(snapshot));
        }
    }
    Ok(())
}

fn rows(store: &Store, snapshot: &Snapshot) -> Result<(), StoreError> {
    let connection = schema::connect(&files::database(&store.dir))?;
    let header = headers::find(&connection, &snapshot.id.0)?;
    let loaded = snapshots::load(&connection, header)?;
    match loaded.damaged.is_empty() && loaded.snapshot == *snapshot {
        true => Ok(()),
        false => Err(broken(snapshot)),
    }
}

fn broken(snapshot: &Snapshot) -> StoreError {
    let what = format!("snapshot {}", snapshot.id);
    StoreError::damaged(what, "it is not what was written")
}

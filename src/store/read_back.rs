//! Proving what was written: the objects before any of it is visible, the rows
//! before it is reported.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use rusqlite::Connection;

use super::objects::Reader;
use super::sum::Sum;
use super::{StoreError, files, headers, histories, schema, snapshots};
use crate::helm::Digest;
use crate::snapshot::SnapshotId;

/// Below so many objects, another thread costs more than it saves.
const WORTH_A_THREAD: usize = 64;

/// An object that was written.
pub(super) struct Written {
    pub(super) key: i64,
    pub(super) digest: Digest,
    /// Of its plain bytes, where they were packed here.
    pub(super) sum: Option<Sum>,
}

/// Reads what was written while something else is done, and compares it, through
/// connections of its own, whose caches hold nothing yet, on all cores. What was
/// there before was proven when it was found there.
pub(super) fn beside<T>(
    dir: &Path,
    written: &[Written],
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

fn objects(dir: &Path, written: &[Written]) -> Result<(), StoreError> {
    let connection = schema::connect(&files::database(dir))?;
    let reading = schema::read(&connection)?;
    let mut reader = Reader::new(&reading);
    for Written { key, digest, sum } in written {
        let same = match sum {
            Some(sum) => reader.is(*key, *digest, *sum)?,
            None => reader.prove(*key)? == *digest,
        };
        if !same {
            return Err(broken(&format!("object {key}")));
        }
    }
    Ok(())
}

/// Reads the rows of a snapshot while something else is done, through a connection
/// of its own, and compares them with its id, which is a part of the seal over all
/// of them. Of a history that was kept, its row.
pub(super) fn rows_beside(
    dir: &Path,
    id: &SnapshotId,
    kept: &HashSet<i64>,
    work: impl FnOnce(),
) -> Result<(), StoreError> {
    thread::scope(|scope| {
        let reading = thread::Builder::new().spawn_scoped(scope, || rows(dir, id, kept));
        work();
        match reading {
            Ok(reading) => reading.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // The snapshot is there: that a thread is refused must not end it here.
            Err(_) => rows(dir, id, kept),
        }
    })
}

fn rows(dir: &Path, id: &SnapshotId, kept: &HashSet<i64>) -> Result<(), StoreError> {
    let connection = schema::connect(&files::database(dir))?;
    let reading = schema::read(&connection)?;
    let header = headers::find(&reading, &id.0)?;
    let whole = header.damage().is_none() && sealed(&reading, &header, kept)? == header.contents;
    match whole {
        true => Ok(()),
        false => Err(broken(&format!("snapshot {id}"))),
    }
}

/// The digest over what a snapshot holds, from what is there.
fn sealed(
    reading: &Connection,
    header: &headers::Header,
    kept: &HashSet<i64>,
) -> Result<Digest, StoreError> {
    let lists = headers::lists(reading, header)?;
    let mut reader = Reader::new(reading);
    let mut seals = Vec::new();
    for key in lists.histories {
        seals.push(match kept.contains(&key) {
            true => histories::seal_of(reading, key)?,
            false => match histories::load(reading, &mut reader, key)? {
                Ok(history) => history.seal,
                Err((what, _)) => return Err(broken(&what)),
            },
        });
    }
    let mut live = BTreeMap::new();
    for (namespace, list) in lists.live {
        live.insert(namespace, snapshots::live_list(&mut reader, list)?.sealed());
    }
    Ok(snapshots::sealed_contents(seals, &live))
}

fn broken(what: &str) -> StoreError {
    StoreError::damaged(what.to_owned(), "it is not what was written")
}

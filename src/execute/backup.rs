//! Saving records and live objects as one snapshot: one reader, a thread for
//! each core that takes apart what was read, one writer.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::ExecuteError;
use crate::cluster::{ApiError, Cluster, Wanted};
use crate::live::ObjectRef;
use crate::snapshot::{About, Snapshot};
use crate::store::{Known, Packed, Packers, SnapshotWriter, Store, StoreError};
use crate::survey::{RawRecord, Unread};

/// How many times some packed records wait for the writer: of each only what is
/// new is held, compressed; a megabyte or two at a time where charts are alike,
/// never more than was read at a time.
const WAITING: usize = 4;

/// What is to be saved.
#[derive(Debug, Default)]
pub struct Backup {
    /// What the snapshot says of itself.
    pub about: About,
    /// The records to read.
    pub wanted: Wanted,
    /// Records that need not be read.
    pub known: Known,
    /// Live objects, with the namespace that stands in where they name none.
    pub objects: BTreeSet<(String, ObjectRef)>,
    /// Whether it is to hold something, if there is anything: a snapshot of nothing
    /// would be the latest, and hide those that hold something.
    pub some: bool,
    /// What is known to be missing already.
    pub missing: Vec<Unread>,
}

/// Saves records and live objects as one snapshot. What cannot be read does not
/// lose the rest: the snapshot says what is missing. What is gone by now is not
/// missing. `on_record` is told of each.
///
/// # Errors
///
/// If the store cannot be written, or nothing that there is could be read; then
/// there is no snapshot.
pub async fn backup(
    cluster: &Cluster,
    store: &Store,
    request: Backup,
    on_record: impl Fn(),
) -> Result<Snapshot, ExecuteError> {
    let mut writer = store.begin_snapshot(request.about)?;
    for missing in request.missing {
        writer.missing(missing);
    }
    writer.reuse(request.known);
    if request.wanted.count() > 0 {
        save_records(cluster, &mut writer, request.wanted, on_record).await?;
    }
    if request.some && writer.is_empty() && !writer.unread().is_empty() {
        return Err(ExecuteError::NothingRead(writer.unread().to_vec()));
    }
    save_objects(cluster, &mut writer, &request.objects).await?;
    Ok(writer.finish()?)
}

async fn save_records(
    cluster: &Cluster,
    writer: &mut SnapshotWriter<'_>,
    wanted: Wanted,
    on_record: impl Fn(),
) -> Result<(), StoreError> {
    let packers = Arc::new(Packers::new(writer.packer()?));
    let (out, mut packed) = mpsc::channel(WAITING);
    let reader = cluster.clone();
    let pack = move || {
        let mut packer = packers.lend();
        move |record: &RawRecord| packer.pack(record)
    };
    // A task of its own: it reads on while something is written here.
    let reading = tokio::spawn(async move { reader.read_records(wanted, pack, out).await });
    while let Some(all) = packed.recv().await {
        for (id, read) in all {
            put(writer, id.to_string(), read)?;
            on_record();
        }
    }
    // Its end is the channel's; what it could not read, it said.
    if reading.await.is_err() {
        writer.missing(Unread {
            what: "records that were still to be read".to_owned(),
            reason: "reading them broke off".to_owned(),
        });
    }
    Ok(())
}

fn put(
    writer: &mut SnapshotWriter<'_>,
    what: String,
    read: Result<Option<Result<Packed, StoreError>>, ApiError>,
) -> Result<(), StoreError> {
    match read {
        Ok(Some(packed)) => writer.put(packed?)?,
        Ok(None) => {}
        Err(error) => writer.missing(Unread {
            what,
            reason: error.reason(),
        }),
    }
    Ok(())
}

async fn save_objects(
    cluster: &Cluster,
    writer: &mut SnapshotWriter<'_>,
    objects: &BTreeSet<(String, ObjectRef)>,
) -> Result<(), StoreError> {
    if objects.is_empty() {
        return Ok(());
    }
    let mut saved = Ok(());
    let sink = |(object, read): crate::cluster::Whole| match read {
        Ok(Some(json)) if saved.is_ok() => saved = writer.add_object(&object, &json),
        Ok(_) => {}
        Err(reason) => writer.missing(Unread {
            what: object.to_string(),
            reason,
        }),
    };
    cluster.read_whole(objects, sink).await;
    saved
}

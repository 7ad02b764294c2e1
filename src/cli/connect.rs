//! Opening the cluster and the store, and what their errors mean to a person.

use tokio::task::{JoinHandle, spawn_blocking};

use super::reach::{unconnected, unreachable};
use super::settings::Settings;
use crate::cluster::Cluster;
use crate::error::{Exit, Failure};
use crate::execute::ExecuteError;
use crate::store::{Saved, Store, StoreError};

/// Connects to the cluster.
pub(super) async fn cluster(settings: &Settings) -> Result<Cluster, Failure> {
    settings.helm_driver()?;
    let connected = Cluster::connect(&settings.connect_options()).await;
    connected.map_err(|error| unconnected(&error))
}

/// Opens the store, creating it on first use.
pub(super) fn store(settings: &Settings) -> Result<Store, Failure> {
    Store::open(&settings.store_dir()?).map_err(unstored)
}

/// The same, for so many records to come.
pub(super) fn store_for(settings: &Settings, records: usize) -> Result<Store, Failure> {
    Store::open_for(&settings.store_dir()?, records).map_err(unstored)
}

/// Opens the store if there is one and reads what was saved last, on another
/// thread. Whatever speaks against it is found again when the store is needed.
pub(super) fn store_ahead(settings: &Settings) -> JoinHandle<Option<(Store, Saved)>> {
    let dir = settings.store_dir();
    spawn_blocking(move || Store::open_ahead(&dir.ok()?).ok()?)
}

/// Opens the store if there is one.
pub(super) fn existing_store(settings: &Settings) -> Result<Option<Store>, Failure> {
    Store::open_existing(&settings.store_dir()?).map_err(unstored)
}

/// A failure of the store.
pub(super) fn unstored(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::NetworkFilesystem { .. } => {
            "set ZADIG_DOCTOR_HOME to a directory on a local disk"
        }
        StoreError::LeftLog(_) => {
            "copy the whole directory to where it can be written, and set ZADIG_DOCTOR_HOME to the copy"
        }
        StoreError::NoSuchSnapshot { .. } | StoreError::AmbiguousSnapshot { .. } => {
            return Failure::caused(Exit::Usage, "failed to find the snapshot", error)
                .hint("`{self} backup list` lists the snapshots");
        }
        StoreError::NoSuchOperation { .. } | StoreError::AmbiguousOperation { .. } => {
            return Failure::caused(Exit::Usage, "failed to find the operation", error)
                .hint("`{self} log` lists the operations");
        }
        StoreError::NotAnArchive
        | StoreError::DamagedArchive { .. }
        | StoreError::ReadArchive(_) => {
            return Failure::caused(Exit::Unreachable, "failed to read the archive", error)
                .hint("`{self} backup export SNAPSHOT --format archive --to FILE` writes one");
        }
        StoreError::NewerArchive { .. } => {
            return Failure::caused(Exit::Unreachable, "failed to read the archive", error)
                .hint("a newer version of this program reads it");
        }
        StoreError::NoParent { parent } => {
            let hint = format!("import the archive of snapshot {parent} first");
            return Failure::caused(Exit::Refused, "refused to import the archive", error)
                .hint(hint);
        }
        StoreError::WriteArchive(_) => {
            return Failure::caused(Exit::Unreachable, "failed to export the snapshot", error);
        }
        _ => {
            "ZADIG_DOCTOR_HOME says where the store is; `{self} backup verify` tells whether it is whole"
        }
    };
    Failure::caused(Exit::Unreachable, "failed to use the local store", error).hint(hint)
}

/// What speaks against carrying out a plan.
pub(super) fn unexecuted(error: ExecuteError) -> Failure {
    match error {
        ExecuteError::Store(error) => unstored(error),
        ExecuteError::Interrupted => Failure::new(Exit::Interrupted, error.to_string()),
        ExecuteError::Read { what, source } => unreachable(&format!("read {what}"), source),
        ExecuteError::Look(source) => Failure {
            source: Some(source),
            ..Failure::new(
                Exit::Unreachable,
                "the second look failed; nothing was changed",
            )
        },
        ExecuteError::NothingRead(ref unread) => {
            let hint = match unread.iter().any(|one| one.reason.contains("forbidden")) {
                true => {
                    "no snapshot was made; ask for the right to list secrets and configmaps there"
                }
                false => "no snapshot was made; run it again when the API server answers",
            };
            Failure::new(Exit::Unreachable, error.to_string()).hint(hint)
        }
        ExecuteError::NoServerTime => Failure::new(Exit::Unreachable, error.to_string())
            .hint("does a proxy remove the Date header?"),
        ExecuteError::Rehearsal { object, source } => {
            let exit = match source.is_total() || source.outcome_unknown() {
                true => Exit::Unreachable,
                false => Exit::Refused,
            };
            Failure::caused(
                exit,
                format!("the API server would refuse to write {object}"),
                source,
            )
        }
        ExecuteError::Forbidden {
            resource: "leases", ..
        } => Failure::new(Exit::Refused, error.to_string())
            .hint("ask for that permission, or give --no-lock if nobody else works on the release"),
        ExecuteError::Forbidden { .. } => Failure::new(Exit::Refused, error.to_string())
            .hint("ask for that permission; nothing was changed"),
        ExecuteError::OtherCluster { .. } => Failure::new(Exit::Refused, error.to_string()).hint(
            "nothing was changed; choose the --context in which the operation was carried out",
        ),
        ExecuteError::Moved | ExecuteError::Guard { .. } => {
            Failure::new(Exit::Refused, error.to_string())
                .hint("nothing was changed; run `{self} check` again to see how it stands now")
        }
        ExecuteError::Held { .. } => Failure::new(Exit::Refused, error.to_string())
            .hint("nothing was changed; wait until it is released or expires"),
        ExecuteError::NotLeased { lease, source } => {
            let message = format!("{lease} cannot be taken");
            Failure::caused(Exit::Refused, message, source).hint("nothing was changed")
        }
        ExecuteError::Payload { .. } | ExecuteError::NotSaved { .. } => {
            Failure::new(Exit::Refused, error.to_string()).hint("nothing was changed")
        }
    }
}

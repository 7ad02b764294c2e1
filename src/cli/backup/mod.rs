//! `backup`: save records, look at what was saved, and put it back.

use super::args::{BackupArgs, BackupCommand};
use super::connect;
use super::settings::Settings;
use crate::cluster::is_name;
use crate::error::{Exit, Failure};
use crate::live::masked::Mask;
use crate::snapshot::Snapshot;
use crate::store::Store;

mod archive;
mod create;
mod diff;
mod export;
mod forget;
mod import;
mod look;
mod objects;
mod out;
mod pick;
mod restore;
mod show;
mod sides;
mod stats;
mod verify;

pub(super) async fn backup(settings: &Settings, args: &BackupArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => create::create(settings, &args.create).await,
        Some(BackupCommand::Create(args)) => create::create(settings, args).await,
        Some(BackupCommand::Forget(args)) => forget::forget(settings, args),
        Some(BackupCommand::Stats) => stats::stats(settings),
        Some(BackupCommand::List) => look::list(settings),
        Some(BackupCommand::Show(args)) => show::show(settings, args),
        Some(BackupCommand::Diff(args)) => diff::diff(settings, args).await,
        Some(BackupCommand::Export(args)) => export::export(settings, args),
        Some(BackupCommand::Import(args)) => import::import(settings, args),
        Some(BackupCommand::Restore(args)) => restore::restore(settings, args).await,
        Some(BackupCommand::Verify(args)) => verify::verify(settings, args).await,
    }
}

/// The store, which must be there already.
fn existing(settings: &Settings) -> Result<Store, Failure> {
    connect::existing_store(settings)?.ok_or_else(|| {
        let hint = format!("`{} backup` makes the first one", settings.voice.invoked);
        Failure::new(Exit::Usage, "there are no snapshots yet").hint(hint)
    })
}

/// Why a snapshot is not taken for one of the cluster that is spoken to.
fn of_another(snapshot: &Snapshot, identity: Option<&str>) -> String {
    const UNKNOWN: &str = "an unknown one";
    let (id, from) = (&snapshot.id, snapshot.cluster.as_deref());
    let (from, this) = (from.unwrap_or(UNKNOWN), identity.unwrap_or(UNKNOWN));
    match [snapshot.cluster.as_deref(), identity] {
        [Some(from), Some(this)] if is_name(from) && is_name(this) => {
            format!("snapshot {id} was taken from another cluster: {from}, and this is {this}")
        }
        // Whoever may not read namespaces knows a cluster by its address alone.
        _ => format!(
            "whether snapshot {id} was taken from this cluster cannot be told: it was taken from {from}, and this is {this}"
        ),
    }
}

/// What hides secrets in what is shown, with a salt that nobody knows.
fn mask() -> Result<Mask, Failure> {
    let mut salt = [0; 32];
    let filled = getrandom::fill(&mut salt);
    filled
        .map_err(|error| Failure::caused(Exit::Unreachable, "failed to get random bytes", error))?;
    Ok(Mask::new(salt))
}

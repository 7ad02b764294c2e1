//! `backup`: save records, look at what was saved, and put it back.

use super::args::{BackupArgs, BackupCommand};
use super::connect;
use super::settings::Settings;
use crate::error::{Exit, Failure};
use crate::live::masked::Mask;
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

/// What hides secrets in what is shown, with a salt that nobody knows.
fn mask() -> Result<Mask, Failure> {
    let mut salt = [0; 32];
    let filled = getrandom::fill(&mut salt);
    filled
        .map_err(|error| Failure::caused(Exit::Unreachable, "failed to get random bytes", error))?;
    Ok(Mask::new(salt))
}

//! `backup`: save records, and look at what was saved.

use super::args::{BackupArgs, BackupCommand};
use super::connect;
use super::settings::Settings;
use crate::error::{Exit, Failure};
use crate::store::Store;

mod create;
mod forget;
mod look;
mod stats;

pub(super) async fn backup(settings: &Settings, args: &BackupArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => create::create(settings, &args.create).await,
        Some(BackupCommand::Create(args)) => create::create(settings, args).await,
        Some(BackupCommand::Forget(args)) => forget::forget(settings, args),
        Some(BackupCommand::Stats) => stats::stats(settings),
        Some(BackupCommand::List) => look::list(settings),
        Some(BackupCommand::Show { snapshot }) => look::show(settings, snapshot),
        Some(BackupCommand::Verify { snapshot }) => look::verify(settings, snapshot.as_deref()),
    }
}

/// The store, which must be there already.
fn existing(settings: &Settings) -> Result<Store, Failure> {
    connect::existing_store(settings)?.ok_or_else(|| {
        let hint = format!("`{} backup` makes the first one", settings.voice.invoked);
        Failure::new(Exit::Usage, "there are no snapshots yet").hint(hint)
    })
}

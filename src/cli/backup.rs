//! `backup`: save records, and look at what was saved.

use super::args::{BackupArgs, BackupCommand, CreateArgs};
use super::reach::unseen;
use super::settings::Settings;
use super::{connect, look, print};
use crate::error::{Exit, Failure};
use crate::execute;
use crate::report::snapshot as report;
use crate::store::{Damage, Store};

pub(super) async fn backup(settings: &Settings, args: &BackupArgs) -> Result<Exit, Failure> {
    match &args.command {
        None => create(settings, &args.create).await,
        Some(BackupCommand::Create(args)) => create(settings, args).await,
        Some(BackupCommand::List) => list(settings),
        Some(BackupCommand::Show { snapshot }) => show(settings, snapshot),
        Some(BackupCommand::Verify { snapshot }) => verify(settings, snapshot.as_deref()),
    }
}

async fn create(settings: &Settings, args: &CreateArgs) -> Result<Exit, Failure> {
    settings.durable_store(args.ephemeral_store)?;
    let cluster = connect::cluster(settings).await?;
    let store = connect::store(settings)?;
    let scope = settings.scope(&args.releases, cluster.default_namespace());
    let surveyed = cluster.survey(&scope).await;
    let survey = surveyed.map_err(|error| unseen(&cluster, error))?;
    look::namespace_found(&cluster, &survey, &scope).await?;
    look::all_found(&survey, &scope, &settings.voice)?;
    let time = survey.time.ok_or_else(|| {
        Failure::new(Exit::Unreachable, "the API server does not tell its time")
            .hint("does a proxy remove the Date header?")
    })?;
    let ids: Vec<_> = survey.records.iter().map(|record| &record.id).collect();
    let progress = settings.terminal.progress_of("saving records", ids.len());
    let request = execute::Backup {
        ids: &ids,
        cluster: survey.cluster.as_deref(),
        missing: &survey.unread,
        time,
        reason: "backup",
    };
    let saved = execute::backup(&cluster, &store, &request, || progress.step()).await;
    drop(progress);
    let snapshot = saved.map_err(connect::unstored)?;
    let text = match settings.json() {
        true => report::created_json(&snapshot),
        false => report::created_text(&snapshot, &settings.voice),
    };
    print(settings, &text)?;
    Ok(match snapshot.complete() {
        true => Exit::Done,
        false => Exit::Unreachable,
    })
}

fn list(settings: &Settings) -> Result<Exit, Failure> {
    let snapshots = match connect::existing_store(settings)? {
        Some(store) => store.snapshots().map_err(connect::unstored)?,
        None => Vec::new(),
    };
    let text = match settings.json() {
        true => report::list_json(&snapshots),
        false => report::list_table(&snapshots, &settings.voice),
    };
    print(settings, &text)
}

fn show(settings: &Settings, id: &str) -> Result<Exit, Failure> {
    let snapshot = existing(settings)?
        .snapshot(id)
        .map_err(connect::unstored)?;
    let text = match settings.json() {
        true => report::show_json(&snapshot),
        false => report::show_table(&snapshot, &settings.voice),
    };
    print(settings, &text)
}

fn verify(settings: &Settings, id: Option<&str>) -> Result<Exit, Failure> {
    let store = existing(settings)?;
    let snapshot = id.map(|id| store.snapshot(id)).transpose();
    let snapshot = snapshot
        .map_err(connect::unstored)?
        .map(|snapshot| snapshot.id);
    let found = store.verify(snapshot.as_ref()).map_err(connect::unstored)?;
    let damage = |damage: &Damage| match &damage.snapshot {
        Some(snapshot) => format!("snapshot {snapshot}: {}: {}", damage.what, damage.reason),
        None => format!("{}: {}", damage.what, damage.reason),
    };
    let damaged: Vec<_> = found.damaged.iter().map(damage).collect();
    let text = match settings.json() {
        true => report::verify_json(found.snapshots, found.objects, &damaged),
        false => report::verify_text(found.snapshots, found.objects, &damaged),
    };
    print(settings, &text)?;
    Ok(match damaged.is_empty() {
        true => Exit::Done,
        false => Exit::Findings,
    })
}

fn existing(settings: &Settings) -> Result<Store, Failure> {
    connect::existing_store(settings)?.ok_or_else(|| {
        let hint = format!("`{} backup` makes the first one", settings.voice.invoked);
        Failure::new(Exit::Usage, "there are no snapshots yet").hint(hint)
    })
}

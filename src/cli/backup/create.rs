//! `backup create`: save records.

use crate::cli::args::CreateArgs;
use crate::cli::reach::unseen;
use crate::cli::settings::Settings;
use crate::cli::{connect, look, print};
use crate::error::{Exit, Failure};
use crate::execute;
use crate::report::snapshot as report;

pub(super) async fn create(settings: &Settings, args: &CreateArgs) -> Result<Exit, Failure> {
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

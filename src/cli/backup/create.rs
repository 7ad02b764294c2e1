//! `backup create`: save records.

use std::collections::BTreeSet;

use crate::cli::args::CreateArgs;
use crate::cli::reach::unseen;
use crate::cli::settings::Settings;
use crate::cli::{connect, look, print};
use crate::cluster::{Cluster, Wanted};
use crate::error::{Exit, Failure};
use crate::execute::{self, Backup, ExecuteError};
use crate::report::snapshot as report;
use crate::snapshot::{self, About};
use crate::store::{Known, Saved};
use crate::survey::{Need, Payload, Survey};

pub(super) async fn create(settings: &Settings, args: &CreateArgs) -> Result<Exit, Failure> {
    settings.durable_store(args.ephemeral_store)?;
    let cluster = connect::cluster(settings).await?;
    let scope = settings.scope(&args.releases, cluster.default_namespace());
    // Of some releases, the store is asked when they are known.
    let all = scope.releases.is_empty() && scope.selector.is_none() && scope.namespace.is_none();
    let ahead = (all && !args.check).then(|| connect::store_ahead(settings));
    let progress = settings.terminal.progress("reading the cluster");
    // Which objects a release has, its payloads say.
    let surveyed = match args.live {
        true => cluster.survey_ahead(&scope).await,
        false => cluster.survey(&scope).await,
    };
    let mut survey = surveyed.map_err(|error| unseen(&cluster, error))?;
    if args.live {
        read_current(&cluster, &mut survey).await;
    }
    drop(progress);
    look::namespace_found(&cluster, &survey, &scope).await?;
    look::all_found(&survey, &scope, &settings.voice)?;
    if survey.records.is_empty() && !survey.unread.is_empty() {
        // Before a store is begun for so many records as none.
        return Err(connect::unexecuted(ExecuteError::NothingRead(
            survey.unread,
        )));
    }

    let ahead = match ahead {
        Some(ahead) => ahead.await.ok().flatten(),
        None => None,
    };
    let (store, saved) = match ahead {
        Some(ahead) => ahead,
        None => {
            let store = connect::store_for(settings, survey.records.len())?;
            (store, Saved::default())
        }
    };
    let (cluster_id, version) = (survey.cluster.as_deref(), survey.version);
    let known = match args.check {
        true => Known::default(),
        false => store
            .known(saved, cluster_id, version, &survey.records)
            .map_err(connect::unstored)?,
    };
    let untold = match args.live {
        true => snapshot::untold_objects(&survey),
        false => Vec::new(),
    };
    let known_before = known.len();
    let request = Backup {
        about: about(&survey, args)?,
        wanted: Wanted::of(&survey, |id| !known.holds(id)),
        known,
        objects: match args.live {
            true => snapshot::live_objects(&survey),
            false => BTreeSet::new(),
        },
        some: true,
        missing: survey.unread.into_iter().chain(untold).collect(),
    };
    // Tens of megabytes, and what follows has buffers of its own.
    drop(survey.records);
    let count = request.wanted.count();
    let progress = settings.terminal.progress_of("saving records", count);
    let saved = execute::backup(&cluster, &store, request, || progress.step()).await;
    drop(progress);
    let snapshot = saved.map_err(connect::unexecuted)?;
    let read = snapshot.records.len().saturating_sub(known_before);
    let text = match settings.json() {
        true => report::created_json(&snapshot, read),
        false => report::created_text(&snapshot, read, &settings.voice),
    };
    print(settings, &text)?;
    Ok(match snapshot.complete() {
        true => Exit::Done,
        false => Exit::Unreachable,
    })
}

/// Reads the payloads that say which objects there are, as far as looking ahead
/// did not bring them.
async fn read_current(cluster: &Cluster, survey: &mut Survey) {
    let histories = survey.histories();
    let current = histories
        .iter()
        .flat_map(|one| one.deployed().chain(one.newest()));
    let unread = current.filter(|record| record.payload == Payload::Unread);
    let needs: Vec<_> = unread.map(|one| Need::Payload(one.id.clone())).collect();
    cluster.answer(survey, &needs, false).await;
    // What is gone by now is not missing.
    survey.unread.retain(|unread| !unread.is_gone());
}

fn about(survey: &Survey, args: &CreateArgs) -> Result<About, Failure> {
    let time = survey.time.ok_or_else(|| {
        Failure::new(Exit::Unreachable, "the API server does not tell its time")
            .hint("does a proxy remove the Date header?")
    })?;
    Ok(About {
        time,
        cluster: survey.cluster.clone(),
        reason: "backup".to_owned(),
        note: args.note.clone(),
        tags: args.tags.clone(),
        scope: survey.scope.clone(),
        version: survey.version,
    })
}

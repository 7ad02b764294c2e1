//! `prune`: old history that nobody rolls back to.

use super::args::PruneArgs;
use super::settings::Settings;
use super::write::Ready;
use super::{look, write, zadig};
use crate::diagnose::Policy;
use crate::error::{Exit, Failure};
use crate::execute::{ExecuteError, Manner};
use crate::plan;

pub(super) async fn prune(settings: &Settings, args: &PruneArgs) -> Result<Exit, Failure> {
    let writing = &args.writing;
    let watch = zadig::Watch::over(settings, &args.zadig, Policy::default())?;
    let ready = write::begin(settings, writing).await?;
    let Ready {
        cluster,
        store,
        lock,
        ..
    } = ready;

    // All payloads: a record that does not decode must not pass for old history.
    let policy = Policy {
        all_revisions: true,
        ignore_leases: writing.no_lock,
        surroundings: false,
        ..Policy::default()
    };
    let scope = settings.scope(&args.releases, cluster.default_namespace());
    let survey = look::survey(settings, &cluster, &scope, &policy).await?;
    look::namespace_found(&cluster, &survey, &scope).await?;
    look::all_found(&survey, &scope, &settings.voice)?;
    let keep = usize::try_from(args.keep).unwrap_or(usize::MAX);
    let plan = plan::prune(&survey, keep);
    let plan = watch.hold(settings, &cluster, &survey, plan).await?.plan;

    let manner = Manner {
        lock,
        also_save: write::siblings(&survey, &plan),
        ..Manner::default()
    };
    let again = async |_: &plan::OperationId| {
        let looked = look::survey(settings, &cluster, &scope, &policy).await;
        let survey = looked.map_err(ExecuteError::look)?;
        let plan = plan::prune(&survey, keep);
        let held = watch.hold(settings, &cluster, &survey, plan).await;
        Ok(held.map_err(ExecuteError::look)?.plan)
    };
    let how = (writing, &manner, args.releases.is_empty());
    let exit = write::carry_out(settings, &cluster, Some(&store), &plan, how, again).await?;
    Ok(exit.and(write::unread(settings, &survey, args.releases.is_empty())))
}

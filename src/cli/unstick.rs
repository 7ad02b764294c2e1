//! `unstick`: the safest repair of stuck records.

use super::args::UnstickArgs;
use super::settings::{Settings, policy, to_std};
use super::write::Ready;
use super::{look, write, zadig};
use crate::diagnose::Advice;
use crate::error::{Exit, Failure};
use crate::execute::{self, ExecuteError, Manner};
use crate::plan;

pub(super) async fn unstick(settings: &Settings, args: &UnstickArgs) -> Result<Exit, Failure> {
    let writing = &args.writing;
    let mut policy = policy(&args.life);
    policy.ignore_leases = writing.no_lock;
    let watch = zadig::Watch::over(settings, &args.zadig, policy.clone())?;
    let ready = write::begin(settings, writing).await?;
    let Ready {
        cluster,
        store,
        lock,
        ..
    } = ready;

    let scope = settings.scope(&args.releases, cluster.default_namespace());
    let looked = look::diagnosed(settings, &cluster, &scope, &policy, Some(&store));
    let (survey, findings) = looked.await?;
    look::namespace_found(&cluster, &survey, &scope).await?;
    look::all_found(&survey, &scope, &settings.voice)?;
    let paste = |advice: &Advice| settings.voice.command(advice);
    let plan = plan::unstick(&survey, &findings, !args.no_fence, paste);
    let held = watch.hold(settings, &cluster, &survey, plan).await?;
    let plan = &held.plan;

    let manner = Manner {
        lock,
        confirm_after: to_std(args.confirm_after),
        also_save: write::siblings(&survey, plan),
        ..Manner::default()
    };
    let again = async |operation: &plan::OperationId| {
        let mut policy = policy.clone();
        policy.own_holders.push(execute::holder(operation));
        let looked = look::diagnosed(settings, &cluster, &scope, &policy, Some(&store));
        let (survey, findings) = looked.await.map_err(ExecuteError::look)?;
        let plan = plan::unstick(&survey, &findings, !args.no_fence, paste);
        let held = watch.hold(settings, &cluster, &survey, plan).await;
        Ok(held.map_err(ExecuteError::look)?.plan)
    };
    let how = (writing, &manner, args.all);
    let exit = write::carry_out(settings, &cluster, Some(&store), plan, how, again).await?;
    held.say(settings, exit, writing);
    Ok(exit.and(write::unread(settings, &survey, args.all)))
}

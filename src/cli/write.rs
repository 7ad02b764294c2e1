//! What verbs that write have in common: show the plan, ask, carry out, report.

use super::args::Writing;
use super::connect::{self, unexecuted, unstored};
use super::interrupt::Interrupt;
use super::print;
use super::reach::unseen;
use super::settings::Settings;
use crate::cluster::Cluster;
use crate::error::{Exit, Failure};
use crate::execute::{self, ExecuteError, Manner, Resumed};
use crate::plan::{OperationId, Outcome, Plan, Receipt, Refusal};
use crate::report::{count, plan as report};
use crate::store::Store;
use crate::survey::{Record, RecordId, Survey, Unread};

/// What a verb that writes starts with.
pub(super) struct Ready {
    pub(super) cluster: Cluster,
    pub(super) store: Store,
    /// Whether Leases are taken.
    pub(super) lock: bool,
    /// What an earlier run began and this one ended.
    pub(super) settled: Vec<Receipt>,
}

/// Opens the cluster and a store that lasts, and settles what an earlier run
/// began; a dry run settles nothing.
pub(super) async fn begin(settings: &Settings, writing: &Writing) -> Result<Ready, Failure> {
    settings.durable_store(writing.ephemeral_store || writing.dry_run)?;
    let cluster = connect::cluster(settings).await?;
    let store = connect::store(settings)?;
    let lock = !writing.no_lock;
    let settled = match writing.dry_run {
        true => Vec::new(),
        false => resume(settings, &cluster, &store, lock).await?,
    };
    Ok(Ready {
        cluster,
        store,
        lock,
        settled,
    })
}

/// Settles what an earlier run began and did not end, and says so.
async fn resume(
    settings: &Settings,
    cluster: &Cluster,
    store: &Store,
    lock: bool,
) -> Result<Vec<Receipt>, Failure> {
    let identity = cluster.identity().await;
    let identity = identity.map_err(|error| unseen(cluster, error))?;
    let resumed = execute::resume(cluster, store, &identity, lock).await;
    let resumed = resumed.map_err(unstored)?;
    for Resumed { receipt, error } in &resumed {
        let outcome = match (receipt.ended(), error) {
            (true, _) => "was interrupted, and is settled now".to_owned(),
            (false, None) => "was interrupted, and cannot be settled yet".to_owned(),
            (false, Some(error)) => format!("was interrupted, and cannot be settled yet: {error}"),
        };
        let (verb, id) = (receipt.plan.verb, &receipt.operation);
        let text = format!("operation {id} ({verb}) {outcome}");
        settings.terminal.say(&text);
    }
    Ok(resumed.into_iter().map(|one| one.receipt).collect())
}

/// Shows a plan, asks, carries it out and reports. `all` says that the releases
/// were not asked for by name.
pub(super) async fn carry_out(
    settings: &Settings,
    cluster: &Cluster,
    store: Option<&Store>,
    plan: &Plan,
    (writing, manner, all): (&Writing, &Manner, bool),
    again: impl AsyncFnOnce(&OperationId) -> Result<Plan, ExecuteError>,
) -> Result<Exit, Failure> {
    let refused = refused(plan, all);
    let nothing = plan.steps.is_empty();
    let Some(store) = store.filter(|_| !nothing && !writing.dry_run) else {
        if !nothing && let Some(store) = store {
            let tried = execute::dry_run(cluster, store, plan, manner.lock).await;
            show(settings, plan)?;
            let would_be = tried.map_err(unexecuted)?;
            for Refusal {
                namespace,
                release,
                reason,
            } in &would_be
            {
                let text = format!("would be refused: {namespace}/{release}: {reason}");
                settings.terminal.say(&text);
            }
            settings
                .terminal
                .say("this was a dry run: nothing was changed");
            return Ok(match would_be.is_empty() {
                true => refused,
                false => refused.and(Exit::Findings),
            });
        }
        return nothing_done(settings, plan, writing.dry_run, refused);
    };
    let text = report::plan_text(plan, &settings.voice);
    // Nobody is asked about what they do not see: stdout may go elsewhere.
    let elsewhere = settings.terminal.interactive && settings.terminal.width.is_none();
    if !writing.yes && (settings.json() || elsewhere) {
        settings.terminal.say(&text);
    }
    if !settings.json() {
        print(settings, &text)?;
    }
    ask(settings, writing, plan)?;
    let interrupt = Interrupt::listen(&settings.terminal)?;
    let manner = Manner {
        interrupt: interrupt.token(),
        ..manner.clone()
    };
    let progress = settings.terminal.progress(&under_way(plan, &manner));
    let executed = execute::execute(cluster, store, plan, &manner, again).await;
    drop(progress);
    let receipt = match executed {
        Ok(receipt) => receipt,
        Err(error) => {
            let mut failure = unexecuted(error);
            failure.exit = interrupt.exit().unwrap_or(failure.exit);
            if settings.json() {
                let refused = all_refused(plan, &failure.message);
                print(settings, &report::receipt_json(None, &refused))?;
            }
            return Err(failure);
        }
    };
    let text = match settings.json() {
        true => report::receipt_json(Some(&receipt), &plan.refused),
        false => report::receipt_text(&receipt, &settings.voice),
    };
    print(settings, &text)?;
    let exit = ended(&receipt, all).and(refused);
    Ok(
        match interrupt.exit().filter(|_| left_out(settings, &receipt)) {
            Some(interrupted) => exit.and(interrupted),
            None => exit,
        },
    )
}

/// What the progress line says while a plan is carried out.
fn under_way(plan: &Plan, manner: &Manner) -> String {
    let steps = count(plan.steps.len(), "step");
    match manner.confirm_after.as_secs() {
        0 => format!("{}: {steps}", plan.verb),
        seconds => format!("{}: {steps}, after a second look in {seconds}s", plan.verb),
    }
}

/// Whether steps were left out because somebody wanted it to stop; it is said
/// on stderr.
fn left_out(settings: &Settings, receipt: &Receipt) -> bool {
    let outcomes = receipt.outcomes().into_iter();
    let left = outcomes.filter(|outcome| *outcome == Outcome::NotStarted);
    let left = left.count();
    if left > 0 {
        let text = format!(
            "interrupted: {} not started; the same command goes on with what is left",
            count(left, "step")
        );
        settings.terminal.say(&text);
    }
    left > 0
}

/// What a plan that was not begun refuses: everything.
fn all_refused(plan: &Plan, reason: &str) -> Vec<Refusal> {
    let releases = plan.releases().into_iter();
    let stopped = releases.map(|(namespace, release)| Refusal {
        namespace: namespace.to_owned(),
        release: release.to_owned(),
        reason: reason.to_owned(),
    });
    plan.refused.iter().cloned().chain(stopped).collect()
}

fn show(settings: &Settings, plan: &Plan) -> Result<Exit, Failure> {
    let text = match settings.json() {
        true => report::plan_json(plan),
        false => report::plan_text(plan, &settings.voice),
    };
    print(settings, &text)
}

fn nothing_done(
    settings: &Settings,
    plan: &Plan,
    dry_run: bool,
    refused: Exit,
) -> Result<Exit, Failure> {
    let text = match (settings.json(), dry_run) {
        (true, true) => report::plan_json(plan),
        (true, false) => report::receipt_json(None, &plan.refused),
        (false, _) => report::plan_text(plan, &settings.voice),
    };
    print(settings, &text)?;
    if plan.steps.is_empty() && plan.refused.is_empty() {
        settings.terminal.say("nothing to do");
    }
    Ok(refused)
}

fn ask(settings: &Settings, writing: &Writing, plan: &Plan) -> Result<(), Failure> {
    if writing.yes {
        return Ok(());
    }
    if !settings.terminal.interactive {
        let message = "this changes the cluster, and there is no terminal to ask at";
        return Err(Failure::new(Exit::Refused, message)
            .hint("look at the plan with --dry-run, then give --yes"));
    }
    let question = format!("Carry out this plan to {}?", plan.verb);
    match settings.terminal.confirm(&question) {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::Refused,
            "not confirmed; nothing was changed",
        )),
    }
}

/// What the plan's own refusals mean for the exit code. Where the releases were
/// not asked for by name, one beside others is work left undone.
fn refused(plan: &Plan, all: bool) -> Exit {
    match (plan.refused.is_empty(), all && !plan.steps.is_empty()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Findings,
        (false, false) => Exit::Refused,
    }
}

/// How the operation ended. Where the releases were not asked for by name, one
/// that was refused beside others that were done is work left undone.
fn ended(receipt: &Receipt, all: bool) -> Exit {
    let outcomes = receipt.outcomes();
    let some = outcomes.iter().any(Outcome::done);
    let exits = outcomes.iter().map(|outcome| match outcome {
        Outcome::Done { .. } => Exit::Done,
        Outcome::Unknown(_) | Outcome::Started { .. } => Exit::Unreachable,
        Outcome::Refused(_) if all && some => Exit::Findings,
        Outcome::Refused(_) => Exit::Refused,
        Outcome::NotStarted => Exit::Findings,
    });
    exits.fold(Exit::Done, Exit::and)
}

/// The records of the releases that a plan writes to, other than those it does.
pub(super) fn siblings(survey: &Survey, plan: &Plan) -> Vec<RecordId> {
    let releases = plan.releases();
    let of_plan = |record: &&Record| {
        let release = record.release_name().unwrap_or_default();
        releases.contains(&(record.id.namespace.as_str(), release.as_str()))
    };
    let records = survey.records.iter().filter(of_plan);
    records.map(|record| record.id.clone()).collect()
}

/// Whether something that could not be read may hide part of what the verb
/// looked at; it is said on stderr.
pub(super) fn unread(settings: &Settings, survey: &Survey, all: bool) -> Exit {
    let histories = survey.histories();
    let hides = |unread: &&Unread| all || histories.iter().any(|history| unread.hides(history));
    let unread: Vec<_> = survey.unread.iter().filter(hides).collect();
    for unread in &unread {
        let text = format!("not read: {}: {}", unread.what, unread.reason);
        settings.terminal.say(&text);
    }
    match unread.is_empty() {
        true => Exit::Done,
        false => Exit::Unreachable,
    }
}

//! `backup forget`: drop snapshots, by name or by rules.

use jiff::Timestamp;

use super::{existing, pick};
use crate::cli::args::ForgetArgs;
use crate::cli::settings::Settings;
use crate::cli::{connect, print};
use crate::error::{Exit, Failure};
use crate::report::stored as report;
use crate::snapshot::retention::{self, Decision};
use crate::snapshot::{SnapshotId, Summary};
use crate::store::{Forgotten, Store};

pub(super) fn forget(settings: &Settings, args: &ForgetArgs) -> Result<Exit, Failure> {
    pick::no_place(settings)?;
    let policy = args.rules.policy();
    if args.snapshots.is_empty() && policy.is_empty() {
        let message =
            "neither snapshots nor a rule was given, and without any rule nothing is kept";
        return Err(Failure::new(Exit::Usage, message)
            .hint("give a rule such as --keep-daily 7, or the snapshots' ids"));
    }
    let store = existing(settings)?;
    let snapshots = store.list().map_err(connect::unstored)?;
    let mut decisions = match args.snapshots.is_empty() {
        true => retention::decide(&snapshots, &policy, now()),
        false => named(&store, &snapshots, &args.snapshots)?,
    };
    let doomed = doomed(&decisions);
    for (id, reason) in store.needed(&doomed).map_err(connect::unstored)? {
        let decision = decisions.iter_mut().find(|decision| decision.id == id);
        if let Some(decision) = decision {
            decision.kept.push(reason);
        }
    }
    let doomed = self::doomed(&decisions);
    let mut done = None;
    if !args.dry_run && !doomed.is_empty() {
        if !settings.json() {
            print(
                settings,
                &report::forget_table(&snapshots, &decisions, &settings.voice),
            )?;
        }
        ask(settings, args, doomed.len())?;
        done = Some(store.forget(&doomed).map_err(connect::unstored)?);
    }
    told(settings, args, &snapshots, &decisions, done.as_ref())
}

fn told(
    settings: &Settings,
    args: &ForgetArgs,
    snapshots: &[Summary],
    decisions: &[Decision],
    done: Option<&Forgotten>,
) -> Result<Exit, Failure> {
    let freed = done.map(|done| report::Freed {
        bytes: done.freed,
        not: done.not_freed.as_deref(),
    });
    let text = match (settings.json(), &freed) {
        (true, _) => report::forget_json(decisions, args.dry_run, freed.as_ref()),
        (false, Some(freed)) => {
            let forgotten = done.map_or(0, |done| done.forgotten.len());
            report::forgotten_text(forgotten, freed)
        }
        (false, None) => report::forget_table(snapshots, decisions, &settings.voice),
    };
    print(settings, &text)?;
    if args.dry_run {
        let text = "this was a dry run: nothing was changed";
        settings.terminal.say(text);
    } else if done.is_none() {
        settings.terminal.say("nothing to do");
    }
    // Asked for by name, and kept all the same.
    let refused = !args.snapshots.is_empty() && decisions.iter().any(Decision::keeps);
    Ok(match refused {
        true => Exit::Refused,
        false => Exit::Done,
    })
}

/// Only tells which snapshots claim to be of the future.
#[expect(
    clippy::disallowed_methods,
    reason = "no API server is asked, and nothing is judged by it but what is to come"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The snapshots named, none of which any rule keeps.
fn named(store: &Store, snapshots: &[Summary], names: &[String]) -> Result<Vec<Decision>, Failure> {
    let mut decisions: Vec<Decision> = Vec::new();
    for name in names {
        let id = store.find(name).map_err(connect::unstored)?;
        let known = snapshots.iter().any(|one| one.id == id);
        if known && decisions.iter().all(|decision| decision.id != id) {
            let kept = Vec::new();
            decisions.push(Decision { id, kept });
        }
    }
    Ok(decisions)
}

fn doomed(decisions: &[Decision]) -> Vec<SnapshotId> {
    let doomed = decisions.iter().filter(|decision| !decision.keeps());
    doomed.map(|decision| decision.id.clone()).collect()
}

fn ask(settings: &Settings, args: &ForgetArgs, number: usize) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    if !settings.terminal.interactive {
        let message = "what is forgotten is gone, and there is no terminal to ask at";
        return Err(
            Failure::new(Exit::Refused, message).hint("look with --dry-run, then give --yes")
        );
    }
    let what = crate::report::count(number, "snapshot");
    match settings.terminal.confirm(&format!("Forget {what}?")) {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::Refused,
            "not confirmed; nothing was forgotten",
        )),
    }
}

//! `backup restore`: put records back as a snapshot holds them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;

use super::{existing, of_another, pick};
use crate::cli::args::RestoreArgs;
use crate::cli::reach::unseen;
use crate::cli::settings::Settings;
use crate::cli::write::{self, Ready};
use crate::cli::{connect, look, zadig};
use crate::cluster::{Cluster, Wanted, is_name};
use crate::diagnose::{Command, Finding, Policy};
use crate::error::{Exit, Failure};
use crate::execute::{ExecuteError, Manner};
use crate::plan::{
    self, Choice, ChoiceError, OperationId, Plan, Refusal, Restore, Saved, Seen, Standing,
};
use crate::report::count;
use crate::snapshot::{SavedRecord, Snapshot};
use crate::store::{Store, StoreError};
use crate::survey::{RawRecord, RecordId, Scope, Survey, Unread};

/// How many times some records that were read wait to be taken.
const WAITING: usize = 16;

pub(super) async fn restore(settings: &Settings, args: &RestoreArgs) -> Result<Exit, Failure> {
    if settings.global.selector.is_some() {
        let message = "restore takes no -l";
        return Err(Failure::new(Exit::Usage, message).hint("name the releases"));
    }
    if let Some(namespace) = &args.to_namespace {
        Settings::possible_namespace(namespace)?;
    }
    let writing = &args.writing;
    let snapshot = existing(settings)?.snapshot(&args.snapshot);
    let snapshot = snapshot.map_err(connect::unstored)?;
    let chosen = chosen(settings, args, &snapshot)?;
    let watch = zadig::Watch::over(settings, &args.zadig, Policy::default())?;
    let Ready {
        cluster,
        store,
        lock,
        ..
    } = write::begin(settings, writing).await?;
    let identity = cluster.identity().await;
    let identity = identity.map_err(|error| unseen(&cluster, error))?;
    let elsewhere = snapshot.cluster.as_ref() != Some(&identity);
    if elsewhere && !args.other_cluster {
        return Err(other_cluster(&snapshot, &identity));
    }
    let asked = load(settings, &store, &snapshot, &chosen, args, elsewhere)?;
    let lost = lost(settings, &asked);

    let all = args.releases.is_empty();
    let scope = scope(&asked);
    let (survey, plan) = planned(settings, &cluster, &store, &scope, &asked).await?;
    let held = watch.hold(settings, &cluster, &survey, plan).await?;
    let plan = &held.plan;
    let manner = Manner {
        lock,
        also_save: write::siblings(&survey, plan),
        ..Manner::default()
    };
    let again = async |_: &OperationId| {
        let planned = planned(settings, &cluster, &store, &scope, &asked).await;
        let (survey, plan) = planned.map_err(ExecuteError::look)?;
        let held = watch.hold(settings, &cluster, &survey, plan).await;
        Ok(held.map_err(ExecuteError::look)?.plan)
    };
    let how = (writing, &manner, all);
    let exit = write::carry_out(settings, &cluster, Some(&store), plan, how, again).await?;
    held.say(settings, exit, writing);
    if exit == Exit::Done && !writing.dry_run {
        say_objects(settings, &asked.rollbacks(plan, &survey));
    }
    Ok(exit.and(lost).and(write::unread(settings, &survey, all)))
}

/// Which of the snapshot's records are meant.
fn chosen<'a>(
    settings: &Settings,
    args: &RestoreArgs,
    snapshot: &'a Snapshot,
) -> Result<Vec<&'a SavedRecord>, Failure> {
    let choice = Choice {
        releases: &args.releases,
        replace: &args.replace,
        namespace: settings.asked_namespace(),
        all_namespaces: settings.global.all_namespaces,
        together: args.to_namespace.is_some(),
    };
    plan::choose(snapshot, &choice).map_err(|error| {
        if let (ChoiceError::NotHeld { .. }, Some(missing)) = (&error, snapshot.missing.first()) {
            let message = format!("{error}, but not all of it is there");
            let hint = format!("{}: {}", missing.what, missing.reason);
            return Failure::new(Exit::Unreachable, message).hint(hint);
        }
        let hint = match &error {
            ChoiceError::NotHeld { namespaces, .. } if namespaces.is_empty() => {
                pick::where_to_look(&snapshot.id)
            }
            ChoiceError::NotHeld { namespaces, .. } => format!(
                "it holds some of namespace {}: choose with -n, or take all with -A",
                namespaces.join(", ")
            ),
            ChoiceError::Several { .. } if args.to_namespace.is_some() => {
                "choose one with -n".to_owned()
            }
            ChoiceError::Several { .. } => "choose one with -n, or take all with -A".to_owned(),
        };
        Failure::new(Exit::Usage, error.to_string()).hint(hint)
    })
}

fn other_cluster(snapshot: &Snapshot, identity: &str) -> Failure {
    let named = |identity: &Option<String>| identity.as_deref().is_some_and(is_name);
    let hint = match named(&snapshot.cluster) && is_name(identity) {
        true => {
            "choose the --context of that cluster, or give --other-cluster if this one is meant"
        }
        false => {
            "a cluster is known by its namespace kube-system, which you, or whoever took the snapshot, may not get; give --other-cluster if this is the one"
        }
    };
    Failure::new(Exit::Refused, of_another(snapshot, Some(identity)))
        .hint(format!("nothing was changed; {hint}"))
}

/// Reads the records out of the store. What is damaged there does not keep the
/// rest from being restored.
fn load(
    settings: &Settings,
    store: &Store,
    snapshot: &Snapshot,
    chosen: &[&SavedRecord],
    args: &RestoreArgs,
    elsewhere: bool,
) -> Result<Restore, Failure> {
    let mut asked = Restore {
        snapshot: snapshot.id.clone(),
        time: snapshot.time,
        missing: snapshot.missing.clone(),
        all: args.releases.is_empty(),
        from: settings.asked_namespace().map(str::to_owned),
        saved: Vec::with_capacity(chosen.len()),
        unfit: Vec::new(),
        replace: args.replace.clone(),
    };
    let to = args.to_namespace.as_deref();
    let mut holding = store.holding(&snapshot.id).map_err(connect::unstored)?;
    for one in chosen {
        let raw = match holding.raw_record(&one.id) {
            Ok(raw) => raw,
            Err(StoreError::Damaged { what, reason }) => {
                asked.missing.push(Unread {
                    what: one.id.to_string(),
                    reason: format!("damaged in the store: {what}: {reason}"),
                });
                continue;
            }
            Err(error) => return Err(connect::unstored(error)),
        };
        match Saved::read(one, raw, to, elsewhere) {
            Ok(saved) => asked.saved.push(saved),
            Err((release, error)) => asked.unfit.push(Refusal {
                namespace: to.unwrap_or(&one.id.namespace).to_owned(),
                release,
                reason: format!("{}: {error}", one.id),
            }),
        }
    }
    asked.settle(&args.releases).map_err(|release| {
        let message = format!("nothing of release {release} is among what was chosen");
        let hint = format!("`{{self}} backup show {}` lists what it holds, `{{self}} backup verify` what is damaged", snapshot.id);
        Failure::new(Exit::Usage, message).hint(hint)
    })?;
    if asked.saved.is_empty() && asked.unfit.is_empty() {
        let message = "nothing of what was chosen can be read from the store";
        let hint = "`{self} backup verify` tells what is damaged";
        return Err(Failure::new(Exit::Unreachable, message).hint(hint));
    }
    Ok(asked)
}

/// Says what the snapshot should hold and does not.
fn lost(settings: &Settings, asked: &Restore) -> Exit {
    let lost = asked.lost();
    for missing in &lost {
        let text = format!(
            "not in the snapshot, and not put back: {}: {}",
            missing.what, missing.reason
        );
        settings.terminal.say(&text);
    }
    match lost.is_empty() {
        true => Exit::Done,
        false => Exit::Findings,
    }
}

/// How the objects come back, which nobody but Helm makes.
fn say_objects(settings: &Settings, rollbacks: &[Command]) {
    const SHOWN: usize = 3;
    if rollbacks.is_empty() {
        return;
    }
    let say = |text: &str| settings.terminal.say(text);
    say("only records were put back; the objects are as they were");
    say("  > where they are missing or differ, make them what the records say");
    for command in rollbacks.iter().take(SHOWN) {
        say(&format!("      {}", settings.voice.paste(command)));
    }
    if let Some(more) = rollbacks.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        say(&format!(
            "      and likewise {}",
            count(more, "more release")
        ));
    }
}

/// Where to look: at all that the releases have where they are to go.
fn scope(asked: &Restore) -> Scope {
    let saved = asked.saved.iter();
    let saved = saved.map(|saved| (&saved.object.namespace, &saved.release));
    let unfit = asked.unfit.iter();
    let unfit = unfit.map(|unfit| (&unfit.namespace, &unfit.release));
    let (places, releases): (BTreeSet<_>, BTreeSet<_>) = saved.chain(unfit).unzip();
    let mut places = places.into_iter();
    Scope {
        namespace: places.next().filter(|_| places.next().is_none()).cloned(),
        releases: releases.into_iter().cloned().collect(),
        ..Scope::default()
    }
}

/// Looks at what stands there, and plans.
async fn planned(
    settings: &Settings,
    cluster: &Cluster,
    store: &Store,
    scope: &Scope,
    asked: &Restore,
) -> Result<(Survey, Plan), Failure> {
    let policy = Policy {
        ignore_leases: true,
        surroundings: false,
        ..Policy::default()
    };
    let looked = look::diagnosed(settings, cluster, scope, &policy, Some(store));
    let (mut survey, findings): (Survey, Vec<Finding>) = looked.await?;
    cluster.answer(&mut survey, &asked.needs(), false).await;
    let standing = standing(cluster, &survey, asked).await;
    let seen = Seen {
        survey: &survey,
        findings: &findings,
        standing: &standing,
    };
    let plan = plan::restore(asked, seen);
    Ok((survey, plan))
}

/// What stands where saved records are to go, and is not plainly the same.
async fn standing(
    cluster: &Cluster,
    survey: &Survey,
    asked: &Restore,
) -> BTreeMap<RecordId, Result<Standing, String>> {
    let unlike: BTreeSet<_> = asked.unlike(survey).into_iter().collect();
    let wanted = Wanted::of(survey, |id| unlike.contains(id));
    let (out, mut read) = mpsc::channel(WAITING);
    let reading = cluster.read_records(wanted, || |raw: &RawRecord| Standing::read(raw), out);
    let taking = async {
        let mut standing = BTreeMap::new();
        while let Some(fetched) = read.recv().await {
            standing.extend(fetched.into_iter().map(|(id, record)| {
                let gone = || "gone while reading".to_owned();
                let record = record.map_err(|error| error.reason());
                (id, record.and_then(|one| one.ok_or_else(gone)))
            }));
        }
        standing
    };
    tokio::join!(reading, taking).1
}

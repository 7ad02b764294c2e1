//! `undo`: take back an operation.

use super::args::UndoArgs;
use super::reach::unseen;
use super::settings::Settings;
use super::write::Ready;
use super::{connect, look, write};
use crate::diagnose::Policy;
use crate::error::{Exit, Failure};
use crate::execute::{ExecuteError, Manner};
use crate::plan::{self, OperationId, Outcome, Receipt, Verb};
use crate::store::Store;
use crate::survey::Scope;

pub(super) async fn undo(settings: &Settings, args: &UndoArgs) -> Result<Exit, Failure> {
    refuse_scope(settings)?;
    let writing = &args.writing;
    let Ready {
        cluster,
        store,
        lock,
        settled,
    } = write::begin(settings, writing).await?;
    let finished = |receipt: &Receipt| receipt.plan.verb == Verb::Undo && receipt.all_done();
    if args.operation.is_none() && settled.iter().any(finished) {
        let text = "the undo that was interrupted is done; nothing more was undone";
        settings.terminal.say(text);
        return Ok(Exit::Done);
    }
    let identity = cluster.identity().await;
    let identity = identity.map_err(|error| unseen(&cluster, error))?;
    let Some(receipt) = wanted(&store, args.operation.as_deref(), &identity)? else {
        let text = "there is no operation on this cluster to take back: nothing to do";
        settings.terminal.say(text);
        return Ok(Exit::Done);
    };

    let policy = Policy {
        ignore_leases: true,
        surroundings: false,
        ..Policy::default()
    };
    let mut scope = Scope::default();
    let releases = receipt.plan.releases().into_iter();
    scope.releases = releases.map(|(_, release)| release.to_owned()).collect();
    let mut namespaces = receipt.plan.steps.iter().map(|step| &step.object.namespace);
    let first = namespaces.next();
    if namespaces.all(|other| Some(other) == first) {
        scope.namespace = first.cloned();
    }
    let looked = look::diagnosed(settings, &cluster, &scope, &policy, Some(&store));
    let (survey, findings) = looked.await?;
    let before = unfinished(&store, &receipt)?;
    let plan = plan::undo(&receipt, &before, &findings);
    let manner = Manner {
        lock,
        undoes: Some(receipt.operation.clone()),
        also_save: write::siblings(&survey, &plan),
        ..Manner::default()
    };
    let again = async |_: &OperationId| {
        let looked = look::diagnosed(settings, &cluster, &scope, &policy, Some(&store));
        let (_, findings) = looked.await.map_err(ExecuteError::look)?;
        Ok(plan::undo(&receipt, &before, &findings))
    };
    let how = (writing, &manner, false);
    write::carry_out(settings, &cluster, Some(&store), &plan, how, again).await
}

/// The operation asked for, else the last one on this cluster that did
/// something and is no undo, unless it was taken back already: to go further
/// back takes an id, so that a second `undo` never reaches another release.
fn wanted(store: &Store, id: Option<&str>, identity: &str) -> Result<Option<Receipt>, Failure> {
    if let Some(id) = id {
        return store.operation(id).map(Some).map_err(connect::unstored);
    }
    let receipts = store.operations().map_err(connect::unstored)?;
    let did_something = |receipt: &&Receipt| {
        receipt.plan.cluster.as_deref() == Some(identity)
            && receipt.plan.verb != Verb::Undo
            && receipt.outcomes().iter().any(Outcome::done)
    };
    let last = receipts.iter().rev().find(did_something);
    let undone = |receipt: &&Receipt| {
        let takes_back =
            |other: &Receipt| other.undoes.as_ref() == Some(&receipt.operation) && other.all_done();
        receipts.iter().any(takes_back)
    };
    Ok(last.filter(|last| !undone(last)).cloned())
}

/// Earlier undos of the operation that did not come to their end.
fn unfinished(store: &Store, receipt: &Receipt) -> Result<Vec<Receipt>, Failure> {
    let mut receipts = store.operations().map_err(connect::unstored)?;
    receipts.retain(|undo| undo.undoes.as_ref() == Some(&receipt.operation) && !undo.all_done());
    Ok(receipts)
}

/// What an operation wrote to is in its receipt: flags that choose something
/// else must not seem to count.
fn refuse_scope(settings: &Settings) -> Result<(), Failure> {
    let global = &settings.global;
    match global.namespace.is_some() || global.all_namespaces || global.selector.is_some() {
        true => Err(Failure::new(Exit::Usage, "undo takes no -n, -A or -l")
            .hint("it takes an operation's id; `{self} log` lists them")),
        false => Ok(()),
    }
}

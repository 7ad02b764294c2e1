//! The revision that a release stands on, beside its live objects
//! (`--deep`): what the checks of live objects have in common.

use std::collections::HashSet;

use crate::diagnose::Context;
use crate::helm::Status;
use crate::live::{Compared, ObjectRef};
use crate::survey::{Comparison, History, Need, Record, Release};

/// The revision whose objects should be in the cluster: the newest that is
/// deployed. None while an operation is at work or was cut off, whose own
/// finding tells of the objects; nor once the release is uninstalled.
fn deployed<'a>(history: &History<'a>) -> Option<(&'a Record, &'a Release)> {
    let newest = history.newest()?.decoded()?;
    let over = matches!(newest.status, Status::Uninstalling | Status::Uninstalled);
    if newest.status.is_pending() || over {
        return None;
    }
    let deployed = history.deployed().last()?;
    Some((deployed, deployed.decoded()?))
}

/// Asks for its objects, if live objects are to be looked at.
pub(super) fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    match deployed(history) {
        Some((record, release)) if context.policy.deep => {
            vec![Need::Comparison(comparison(record, release))]
        }
        _ => Vec::new(),
    }
}

/// The revision that a release stands on, and its objects as they were found.
pub(super) struct Standing<'a> {
    pub(super) record: &'a Record,
    pub(super) release: &'a Release,
    /// The namespace that stands in where its manifest names none.
    pub(super) namespace: String,
    pub(super) objects: &'a [Compared],
    /// The newest revision, where that is another one: it was not deployed, and
    /// may have changed and removed objects before it failed.
    newer: Option<(&'a Record, &'a Release)>,
}

impl Standing<'_> {
    /// Whether a newer revision may have left the objects as they are.
    pub(super) fn is_overtaken(&self) -> bool {
        self.newer.is_some()
    }

    /// What a summary adds: `; revision 3 is newer (failed) and …`.
    pub(super) fn newer(&self) -> String {
        let revision = |record: &Record| record.revision().unwrap_or_default();
        self.newer.map_or_else(String::new, |(record, release)| {
            let (newer, status) = (revision(record), &release.status);
            format!("; revision {newer} is newer ({status}) and may have left them so")
        })
    }
}

/// What was seen of it; `None` if it was not looked at, or has no objects.
pub(super) fn seen<'a>(context: Context<'a>, history: &History<'a>) -> Option<Standing<'a>> {
    let (record, release) = deployed(history)?;
    let of = comparison(record, release);
    let seen = context.survey.comparison(&of)?;
    let whole = seen.failed.is_none() && !seen.objects.is_empty();
    let newest = history.newest().filter(|newest| newest.id != record.id);
    whole.then(|| Standing {
        record,
        release,
        namespace: of.namespace,
        objects: &seen.objects,
        newer: newest.and_then(|newest| Some((newest, newest.decoded()?))),
    })
}

fn comparison(record: &Record, release: &Release) -> Comparison {
    let namespace = match release.namespace.as_str() {
        "" => &record.id.namespace,
        namespace => namespace,
    };
    Comparison {
        record: record.id.clone(),
        base: Some(record.id.clone()),
        namespace: namespace.to_owned(),
    }
}

/// The newest and all deployed revisions.
pub(super) fn current<'a>(history: &History<'a>) -> impl Iterator<Item = &'a Record> {
    history.newest().into_iter().chain(history.deployed())
}

/// Kind, namespace and name; groups have been renamed, versions even more. A
/// cluster-scoped object has no namespace, whatever its manifest says.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str);

/// All keys that what the current revisions declare may have when it is live.
pub(super) fn declared<'a>(history: &History<'a>) -> HashSet<Key<'a>> {
    let releases = current(history).filter_map(Record::decoded);
    let objects = releases.flat_map(|release| {
        let own = [release.namespace.as_str(), history.namespace, ""];
        release.objects.iter().map(move |object| (object, own))
    });
    let keys = objects.flat_map(|(object, own)| {
        let places = match object.namespace.as_deref() {
            Some(place) => [place, place, ""],
            None => own,
        };
        places.map(|place| (object.kind.as_str(), place, object.name.as_str()))
    });
    keys.collect()
}

pub(super) fn key(object: &ObjectRef) -> Key<'_> {
    let place = object.namespace.as_deref().unwrap_or("");
    (&object.kind, place, &object.name)
}

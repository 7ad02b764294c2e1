//! What checks of a release's surroundings have in common: which namespaces
//! and which records are looked at.

use std::collections::BTreeSet;

use crate::diagnose::Context;
use crate::helm::Status;
use crate::live::ObjectRef;
use crate::survey::{History, Need, Record, Release, Survey};

/// More namespaces of one release than this are not read one by one.
const FEW: usize = 16;

/// What must be asked for to know of these namespaces: where all are looked at,
/// one list brings them and all others.
pub fn namespaces<'a>(context: Context<'_>, names: impl Iterator<Item = &'a str>) -> Vec<Need> {
    if context.survey.scope.namespace.is_none() {
        return vec![Need::Namespaces];
    }
    let names: BTreeSet<&str> = names.take(FEW + 1).collect();
    match names.len() > FEW {
        true => vec![Need::Namespaces],
        false => {
            let names = names.into_iter().filter(|name| !name.is_empty());
            names.map(|name| Need::Namespace(name.to_owned())).collect()
        }
    }
}

/// The records whose manifests the next upgrade, rollback or uninstall builds:
/// the newest, and the deployed one that an upgrade starts from. None where the
/// newest says something that has a finding of its own, or is uninstalled.
pub fn acted_on<'a>(history: &History<'a>) -> Vec<(&'a Record, &'a Release)> {
    let newest = history.newest();
    let usable = newest.and_then(Record::status).is_some_and(|status| {
        matches!(
            status,
            Status::Deployed | Status::Failed | Status::Superseded
        )
    });
    let base = history.deployed().last();
    let base = base.filter(|base| newest.is_none_or(|newest| newest.id != base.id));
    let records = newest.into_iter().chain(base).filter(|_| usable);
    records
        .filter_map(|record| Some((record, record.decoded()?)))
        .collect()
}

/// What a manifest places into a namespace that it names itself. Whether the
/// object lies in one at all only its kind tells: charts place cluster-scoped
/// ones as well, out of habit.
pub fn placed(release: &Release) -> impl Iterator<Item = (&ObjectRef, &str)> {
    let objects = release.objects.iter();
    objects.filter_map(|object| Some((object, object.namespace.as_deref()?)))
}

/// The namespaces that a manifest names, those aside that it makes itself: Helm
/// would make them first.
pub fn named_by<'a>(survey: &Survey, release: &'a Release) -> BTreeSet<&'a str> {
    let made = |object: &&ObjectRef| object.kind == "Namespace" && object.api_version == "v1";
    let made = release.objects.iter().filter(made);
    let made: BTreeSet<&str> = made.map(|object| object.name.as_str()).collect();
    let placed = placed(release).filter(|(object, _)| survey.is_namespaced(object));
    placed
        .map(|(_, namespace)| namespace)
        .filter(|namespace| !made.contains(namespace))
        .collect()
}

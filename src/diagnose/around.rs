//! What checks of a release's surroundings have in common: which namespaces
//! and which records are looked at.

use std::collections::BTreeSet;

use crate::diagnose::Context;
use crate::helm::Status;
use crate::live::ObjectRef;
use crate::survey::{History, Need, Record, Release};

/// More namespaces of one release than this are not read one by one.
const FEW: usize = 16;

/// Kinds of Kubernetes' own that lie in no namespace, whatever a manifest says
/// of them. Charts give them one out of habit.
const CLUSTER_SCOPED: [&str; 15] = [
    "APIService",
    "CSIDriver",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "PersistentVolume",
    "PodSecurityPolicy",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingWebhookConfiguration",
];

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

/// The namespaces that the documents of a manifest name, those aside that the
/// manifest itself makes: Helm would make them first.
pub fn named_by(release: &Release) -> BTreeSet<&str> {
    let own = |object: &&ObjectRef| object.kind == "Namespace" && object.api_version == "v1";
    let own: BTreeSet<&str> = release
        .objects
        .iter()
        .filter(own)
        .map(|object| object.name.as_str())
        .collect();
    let placed = release
        .objects
        .iter()
        .filter(|object| !CLUSTER_SCOPED.contains(&object.kind.as_str()));
    let named = placed.filter_map(|object| object.namespace.as_deref());
    named.filter(|name| !own.contains(name)).collect()
}

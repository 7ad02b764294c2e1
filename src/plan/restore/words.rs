//! What a restore's steps and refusals say.

use super::{Moved, Saved};
use crate::snapshot::SnapshotId;
use crate::survey::{Record, Unread};

/// How many bytes of a list of names are repeated: they come from manifests.
const LIST_LIMIT: usize = 300;

/// Why a record is created.
pub(super) fn created(snapshot: &SnapshotId, saved: &Saved, shared: &[String]) -> String {
    let mut text = format!(
        "put back {} as snapshot {snapshot} holds it",
        revision(saved)
    );
    if let Some(moved) = &saved.moved {
        let from = &saved.fit.record.namespace;
        text += &format!(", moved here from namespace {from}");
        text += &changed(moved);
    }
    if saved.owners {
        text +=
            "; without its ownerReferences, for whose sake the garbage collector might delete it";
    }
    if saved.finalizers {
        text += "; without its finalizers, which nobody here may know how to remove";
    }
    if !shared.is_empty() {
        text += &format!(
            "; in no namespace, and so the same objects as those of the release it was saved from: {}",
            list(shared)
        );
    }
    text
}

fn changed(moved: &Moved) -> String {
    if !moved.decoded {
        return "; its payload does not decode, and stays as it is".to_owned();
    }
    let mut text = match moved.changed {
        0 => "; its manifest and hooks name no namespace that changes with it".to_owned(),
        changed => format!(
            "; {} in its manifest and hooks changed with it",
            count(changed, "namespace")
        ),
    };
    if moved.elsewhere > 0 {
        text += &format!(
            ", {} in other namespaces left alone",
            count(moved.elsewhere, "object")
        );
    }
    text
}

/// Why a record is deleted that is created again.
pub(super) fn replaced(saved: &Saved) -> String {
    format!(
        "remove {} as it is now, to be put back as it was",
        revision(saved)
    )
}

/// Why a record is deleted for good.
pub(super) fn removed(snapshot: &SnapshotId, record: &Record) -> String {
    format!(
        "remove {}, which snapshot {snapshot} does not hold",
        standing(record)
    )
}

/// What keeps a release from being restored that is not to be replaced.
pub(super) fn in_the_way(
    release: &str,
    newest: Option<u32>,
    newer: &[&Record],
    differ: &[&Saved],
) -> String {
    let mut reasons = Vec::new();
    if !newer.is_empty() {
        let names: Vec<_> = newer.iter().map(|record| standing(record)).collect();
        let newest = newest.map(|newest| format!(" (its newest is {newest})"));
        reasons.push(format!(
            "what is newer than the snapshot{} stays: {}",
            newest.unwrap_or_default(),
            list(&names)
        ));
    }
    if !differ.is_empty() {
        let names: Vec<_> = differ.iter().map(|saved| revision(saved)).collect();
        reasons.push(format!(
            "what differs from the snapshot stays: {}",
            list(&names)
        ));
    }
    format!(
        "{}; --replace {release} makes its history what the snapshot holds",
        reasons.join("; ")
    )
}

/// Records of the release lie in the other kind of object.
pub(super) fn other_driver(other: &Record) -> String {
    format!(
        "its records are kept in {} here ({}), and the snapshot holds none of those: there would be two releases of one name",
        other.id.driver.resource(),
        other.id.name
    )
}

/// The snapshot lacks something of a release that is to be replaced.
pub(super) fn incomplete(missing: &Unread) -> String {
    format!(
        "the snapshot does not hold all of it ({}: {}), and what it lacks would be removed here",
        missing.what, missing.reason
    )
}

fn revision(saved: &Saved) -> String {
    let status = saved.status.as_ref().map(|status| format!(" ({status})"));
    match saved.revision {
        Some(revision) => format!("revision {revision}{}", status.unwrap_or_default()),
        None => format!("record {}", saved.object.name),
    }
}

fn standing(record: &Record) -> String {
    let status = record.status().map(|status| format!(" ({status})"));
    match record.revision() {
        Some(revision) => format!("revision {revision}{}", status.unwrap_or_default()),
        None => format!("record {}", record.id.name),
    }
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// Names in a row, as many as fit.
fn list(names: &[String]) -> String {
    let mut text = String::new();
    for (told, name) in names.iter().enumerate() {
        if text.len() + name.len() > LIST_LIMIT {
            return format!("{text} and {} more", names.len() - told);
        }
        if told > 0 {
            text += ", ";
        }
        text += name;
    }
    text
}

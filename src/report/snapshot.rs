//! What `backup` prints.

use serde::Serialize;

use super::{Voice, count, json, prose::prose, size, table::table};
use crate::snapshot::{Snapshot, Summary};
use crate::survey::{Scope, Unread};

/// Of what was asked for by name, so many names stand in a table.
const NAMED: usize = 3;

/// A snapshot, in JSON.
#[derive(Serialize)]
pub(super) struct SnapshotV1<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
    id: String,
    time: String,
    reason: &'a str,
    note: &'a str,
    tags: &'a [String],
    /// What was asked for; nothing where it was everything, or a repair's releases.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeV1<'a>>,
    complete: bool,
    releases: u64,
    records: u64,
    /// How many of them were read from the cluster, and read back from the store, to
    /// make it; only where it was made just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<u64>,
    /// Live objects.
    objects: u64,
    /// Of the payloads, as the cluster stores them.
    bytes: u64,
    missing: Vec<MissingV1<'a>>,
    /// What is wrong with the snapshot's own row.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<&'a str>,
}

#[derive(Serialize)]
struct ScopeV1<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<&'a str>,
    /// By name; empty for all of them.
    releases: &'a [String],
}

#[derive(Serialize)]
struct MissingV1<'a> {
    what: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct SnapshotsV1<'a> {
    schema: &'static str,
    snapshots: Vec<SnapshotV1<'a>>,
}

impl<'a> From<&'a Snapshot> for SnapshotV1<'a> {
    fn from(snapshot: &'a Snapshot) -> Self {
        Self {
            schema: None,
            id: snapshot.id.to_string(),
            time: snapshot.time.to_string(),
            reason: &snapshot.reason,
            note: &snapshot.note,
            tags: &snapshot.tags,
            scope: scope_v1(&snapshot.scope),
            complete: snapshot.complete(),
            releases: snapshot.releases() as u64,
            records: snapshot.records.len() as u64,
            read: None,
            objects: snapshot.objects.len() as u64,
            bytes: snapshot.bytes(),
            missing: missing_v1(&snapshot.missing),
            damaged: None,
        }
    }
}

impl<'a> From<&'a Summary> for SnapshotV1<'a> {
    fn from(summary: &'a Summary) -> Self {
        Self {
            schema: None,
            id: summary.id.to_string(),
            time: summary.about.time.to_string(),
            reason: &summary.about.reason,
            note: &summary.about.note,
            tags: &summary.about.tags,
            scope: scope_v1(&summary.about.scope),
            complete: summary.complete(),
            releases: summary.releases,
            records: summary.records,
            read: None,
            objects: summary.objects,
            bytes: summary.bytes,
            missing: missing_v1(&summary.missing),
            damaged: summary.damaged.as_deref(),
        }
    }
}

fn scope_v1(scope: &Scope) -> Option<ScopeV1<'_>> {
    (*scope != Scope::default()).then(|| ScopeV1 {
        namespace: scope.namespace.as_deref(),
        selector: scope.selector.as_deref(),
        releases: &scope.releases,
    })
}

fn missing_v1(missing: &[Unread]) -> Vec<MissingV1<'_>> {
    let missing = missing.iter().map(|missing| MissingV1 {
        what: &missing.what,
        reason: &missing.reason,
    });
    missing.collect()
}

/// `backup -o json`: schema `zadig-doctor/snapshot/v1`. So many of its records were
/// read to make it.
pub fn created_json(snapshot: &Snapshot, read: usize) -> String {
    let mut value = SnapshotV1::from(snapshot);
    value.schema = Some("zadig-doctor/snapshot/v1");
    value.read = Some(read as u64);
    json(&value)
}

/// `backup` for a person. Only what was read was read back: of the rest, that it is
/// saved is all that can be said.
pub fn created_text(snapshot: &Snapshot, read: usize, voice: &Voice) -> String {
    let records = snapshot.records.len();
    let outcome = match snapshot.complete() {
        true if read == records => "saved and verified",
        true => "saved",
        false => "INCOMPLETE",
    };
    let mut head = format!(
        "Snapshot {}: {outcome}: {} of {}, {}",
        snapshot.id,
        count(records, "record"),
        count(snapshot.releases(), "release"),
        size(snapshot.bytes())
    );
    if !snapshot.objects.is_empty() {
        head += &format!("; {}", count(snapshot.objects.len(), "live object"));
    }
    head += &match read {
        all if all == records => String::new(),
        0 => "; all records as they were saved before".to_owned(),
        read => format!("; new or changed, and verified: {}", count(read, "record")),
    };
    let mut text = prose(voice, "", &head);
    if let (0, true, Some(namespace)) = (records, snapshot.complete(), &snapshot.scope.namespace) {
        let what = match snapshot.scope.selector {
            Some(_) => "no release that the selector means",
            None => "no records",
        };
        let empty = format!("namespace {namespace} holds {what}; -A looks in all namespaces");
        text += &prose(voice, "  ", &empty);
    }
    for missing in &snapshot.missing {
        let missing = format!("missing: {}: {}", missing.what, missing.reason);
        text += &prose(voice, "  ", &missing);
    }
    let show = voice.own(&["backup", "show", &snapshot.id.to_string()]);
    text + &format!("  > see what it holds\n      {show}\n")
}

/// `backup list -o json`: schema `zadig-doctor/snapshots/v1`, oldest first.
pub fn list_json(snapshots: &[Summary]) -> String {
    json(&SnapshotsV1 {
        schema: "zadig-doctor/snapshots/v1",
        snapshots: snapshots.iter().map(SnapshotV1::from).collect(),
    })
}

/// `backup list` for a person, oldest first. What nobody noted takes no place, nor
/// does what was asked for, where that was everything each time.
pub fn list_table(snapshots: &[Summary], voice: &Voice) -> String {
    if snapshots.is_empty() {
        return "no snapshots yet\n".to_owned();
    }
    let noted = snapshots.iter().any(|one| !noted(one).is_empty());
    let scoped = scoped(snapshots);
    let row = |snapshot: &Summary| {
        let complete = match (&snapshot.damaged, snapshot.complete()) {
            (Some(_), _) => "DAMAGED",
            (None, true) => "yes",
            (None, false) => "NO",
        };
        let row = [
            snapshot.id.to_string(),
            snapshot.about.time.to_string(),
            snapshot.about.reason.clone(),
            snapshot.releases.to_string(),
            snapshot.records.to_string(),
            size(snapshot.bytes),
            complete.to_owned(),
        ];
        let scope = scoped.then(|| asked(snapshot));
        let note = noted.then(|| self::noted(snapshot));
        row.into_iter().chain(scope).chain(note).collect()
    };
    let mut heading = vec![
        "SNAPSHOT", "TIME", "REASON", "RELEASES", "RECORDS", "SIZE", "COMPLETE",
    ];
    heading.extend(scoped.then_some("SCOPE"));
    heading.extend(noted.then_some("NOTE"));
    table(voice.width, &heading, snapshots.iter().map(row).collect())
}

/// Whether of any snapshot less was asked for than everything.
pub(super) fn scoped(snapshots: &[Summary]) -> bool {
    snapshots
        .iter()
        .any(|one| one.about.scope != Scope::default())
}

/// What was asked for, by its flags; nothing of what a repair saved, whose plan
/// says it, nor where what the row says is not to be believed.
pub(super) fn asked(summary: &Summary) -> String {
    let scope = &summary.about.scope;
    if summary.about.reason != "backup" || summary.damaged.is_some() {
        return String::new();
    }
    let place = scope.namespace.as_ref().map(|name| format!("-n {name}"));
    let selector = scope.selector.as_ref().map(|own| format!("-l {own}"));
    let releases = scope.releases.iter().take(NAMED).cloned();
    let more = scope.releases.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("and {more} more"));
    let all = place.unwrap_or_else(|| "-A".to_owned());
    let parts = [all]
        .into_iter()
        .chain(selector)
        .chain(releases)
        .chain(more);
    parts.collect::<Vec<_>>().join(" ")
}

/// A note, and behind it the tags.
fn noted(snapshot: &Summary) -> String {
    let tags = snapshot.about.tags.iter().map(|tag| format!("#{tag}"));
    let note = Some(snapshot.about.note.clone()).filter(|note| !note.is_empty());
    note.into_iter().chain(tags).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Lang;
    use crate::snapshot::About;

    #[test]
    fn a_note_and_tags_are_listed_where_there_are_any() {
        let voice = Voice {
            invoked: "zadig-doctor".into(),
            keep: Vec::new(),
            keep_for_helm: Vec::new(),
            driver: crate::helm::Driver::Secret,
            lang: Lang::En,
            width: None,
        };
        let summary = |note: &str, tags: &[&str]| Summary {
            id: crate::snapshot::SnapshotId("3f9a".into()),
            about: About {
                note: note.into(),
                tags: tags.iter().map(|tag| (*tag).into()).collect(),
                ..About::default()
            },
            releases: 1,
            records: 2,
            objects: 0,
            bytes: 3,
            missing: Vec::new(),
            damaged: None,
        };
        let plain = list_table(&[summary("", &[])], &voice);
        assert!(!plain.contains("NOTE"), "{plain}");
        let both = [summary("", &[]), summary("before the move", &["nightly"])];
        let told = list_table(&both, &voice);
        assert!(told.lines().next().unwrap().ends_with("NOTE"), "{told}");
        assert!(told.ends_with("before the move #nightly\n"), "{told}");
    }

    #[test]
    fn what_was_asked_for_is_told_as_it_is_asked_for() {
        let saved = |about: About| Summary {
            id: crate::snapshot::SnapshotId("3f9a".into()),
            about,
            releases: 1,
            records: 2,
            objects: 0,
            bytes: 3,
            missing: Vec::new(),
            damaged: None,
        };
        let about = |namespace: Option<&str>, releases: &[&str]| {
            saved(About {
                reason: "backup".into(),
                scope: Scope {
                    namespace: namespace.map(str::to_owned),
                    selector: namespace.map(|_| "team=a".to_owned()),
                    releases: releases.iter().map(|&name| name.to_owned()).collect(),
                    driver: None,
                },
                ..About::default()
            })
        };
        assert_eq!(asked(&about(None, &[])), "-A");
        assert_eq!(asked(&about(None, &["web"])), "-A web");
        assert_eq!(asked(&about(Some("shop"), &[])), "-n shop -l team=a");
        let many = about(None, &["a", "b", "c", "d", "e"]);
        assert_eq!(asked(&many), "-A a b c and 2 more");
        let repair = saved(About {
            reason: "unstick".into(),
            ..About::default()
        });
        assert_eq!(asked(&repair), "");
        // A scope that cannot be read any more was not everything.
        let damaged = Summary {
            damaged: Some("its seal".into()),
            ..about(None, &[])
        };
        assert_eq!(asked(&damaged), "");
    }
}

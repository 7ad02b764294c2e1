//! What `backup` prints.

use serde::Serialize;

use super::{Voice, count, json, prose::prose, size, table::table};
use crate::snapshot::{Snapshot, Summary};
use crate::survey::Unread;

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
    complete: bool,
    releases: u64,
    records: u64,
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
            complete: snapshot.complete(),
            releases: snapshot.releases() as u64,
            records: snapshot.records.len() as u64,
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
            complete: summary.complete(),
            releases: summary.releases,
            records: summary.records,
            objects: summary.objects,
            bytes: summary.bytes,
            missing: missing_v1(&summary.missing),
            damaged: summary.damaged.as_deref(),
        }
    }
}

fn missing_v1(missing: &[Unread]) -> Vec<MissingV1<'_>> {
    let missing = missing.iter().map(|missing| MissingV1 {
        what: &missing.what,
        reason: &missing.reason,
    });
    missing.collect()
}

/// `backup -o json`: schema `zadig-doctor/snapshot/v1`.
pub fn created_json(snapshot: &Snapshot) -> String {
    let mut value = SnapshotV1::from(snapshot);
    value.schema = Some("zadig-doctor/snapshot/v1");
    json(&value)
}

/// `backup` for a person.
pub fn created_text(snapshot: &Snapshot, voice: &Voice) -> String {
    let complete = match snapshot.complete() {
        true => "saved and verified",
        false => "INCOMPLETE",
    };
    let head = format!(
        "Snapshot {}: {complete}: {} of {}, {}",
        snapshot.id,
        count(snapshot.records.len(), "record"),
        count(snapshot.releases(), "release"),
        size(snapshot.bytes())
    );
    let mut text = prose(voice, "", &head);
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

/// `backup list` for a person, oldest first.
pub fn list_table(snapshots: &[Summary], voice: &Voice) -> String {
    if snapshots.is_empty() {
        return "no snapshots yet\n".to_owned();
    }
    let row = |snapshot: &Summary| {
        let complete = match (&snapshot.damaged, snapshot.complete()) {
            (Some(_), _) => "DAMAGED",
            (None, true) => "yes",
            (None, false) => "NO",
        };
        vec![
            snapshot.id.to_string(),
            snapshot.about.time.to_string(),
            snapshot.about.reason.clone(),
            snapshot.releases.to_string(),
            snapshot.records.to_string(),
            size(snapshot.bytes),
            complete.to_owned(),
        ]
    };
    let heading = [
        "SNAPSHOT", "TIME", "REASON", "RELEASES", "RECORDS", "SIZE", "COMPLETE",
    ];
    table(voice.width, &heading, snapshots.iter().map(row).collect())
}

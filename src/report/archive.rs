//! What `backup export --format archive` and `backup import` say.

use serde::Serialize;

use super::prose::prose;
use super::{Voice, count, json, size};
use crate::helm::Digest;
use crate::snapshot::{SnapshotId, Summary};

/// An archive that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where.
    pub to: String,
    /// The snapshot in it.
    pub snapshot: SnapshotId,
    /// The snapshot that it builds on.
    pub parent: Option<SnapshotId>,
    /// What names the file.
    pub digest: Digest,
    /// How many histories it holds.
    pub histories: u64,
    /// How many it leaves to the parent.
    pub kept: u64,
    /// How many objects it holds.
    pub objects: u64,
    /// Its size.
    pub bytes: u64,
}

/// An archive that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// Where.
    pub from: String,
    /// The snapshot that came out.
    pub summary: Summary,
    /// The snapshot that it builds on.
    pub parent: Option<SnapshotId>,
    /// What names the file.
    pub digest: Digest,
    /// Whether the store did not have it before.
    pub new: bool,
    /// The file's size.
    pub bytes: u64,
}

#[derive(Serialize)]
struct ExportedV1<'a> {
    schema: &'static str,
    archives: Vec<ArchiveV1<'a>>,
}

#[derive(Serialize)]
struct ArchiveV1<'a> {
    to: &'a str,
    snapshot: &'a SnapshotId,
    parent: Option<&'a SnapshotId>,
    digest: Digest,
    histories: u64,
    histories_of_parent: u64,
    objects: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct ImportedV1<'a> {
    schema: &'static str,
    from: &'a str,
    id: &'a SnapshotId,
    parent: Option<&'a SnapshotId>,
    digest: Digest,
    new: bool,
    complete: bool,
    releases: u64,
    records: u64,
    objects: u64,
    bytes: u64,
    file_bytes: u64,
}

/// `backup export --format archive -o json`: schema
/// `zadig-doctor/exported-archives/v1`.
pub fn exported_json(archives: &[Written]) -> String {
    let archives = archives.iter().map(|one| ArchiveV1 {
        to: &one.to,
        snapshot: &one.snapshot,
        parent: one.parent.as_ref(),
        digest: one.digest,
        histories: one.histories,
        histories_of_parent: one.kept,
        objects: one.objects,
        bytes: one.bytes,
    });
    json(&ExportedV1 {
        schema: "zadig-doctor/exported-archives/v1",
        archives: archives.collect(),
    })
}

/// The same for a person.
pub fn exported_text(archives: &[Written], voice: &Voice) -> String {
    let mut text = String::new();
    for one in archives {
        let Written { to, snapshot, .. } = one;
        let size = size(one.bytes);
        let line = format!("wrote snapshot {snapshot} to {to}: {size}");
        text += &prose(voice, "", &line);
        if let Some(parent) = &one.parent {
            let line = format!("it holds only what snapshot {parent} lacks: import that one first");
            text += &prose(voice, "  ", &line);
        }
        let command = voice.own(&["backup", "import", to]);
        text += &format!("  > take it into another store\n      {command}\n");
    }
    text
}

/// `backup import -o json`: schema `zadig-doctor/imported-archive/v1`.
pub fn imported_json(read: &Read) -> String {
    let summary = &read.summary;
    json(&ImportedV1 {
        schema: "zadig-doctor/imported-archive/v1",
        from: &read.from,
        id: &summary.id,
        parent: read.parent.as_ref(),
        digest: read.digest,
        new: read.new,
        complete: summary.complete(),
        releases: summary.releases,
        records: summary.records,
        objects: summary.objects,
        bytes: summary.bytes,
        file_bytes: read.bytes,
    })
}

/// The same for a person.
pub fn imported_text(read: &Read, voice: &Voice) -> String {
    let summary = &read.summary;
    let id = &summary.id;
    if !read.new {
        let line = format!("snapshot {id} is there already, and whole; nothing was done");
        return prose(voice, "", &line);
    }
    let releases = count(
        usize::try_from(summary.releases).unwrap_or(usize::MAX),
        "release",
    );
    let records = count(
        usize::try_from(summary.records).unwrap_or(usize::MAX),
        "record",
    );
    let line = format!("imported snapshot {id}: {records} of {releases}");
    let mut text = prose(voice, "", &line);
    if !summary.missing.is_empty() {
        let missing = count(summary.missing.len(), "thing");
        let line = format!("it was incomplete when it was taken: {missing} could not be saved");
        text += &prose(voice, "  ", &line);
    }
    let command = voice.own(&["backup", "show", &id.0]);
    text + &format!("  > see what it holds\n      {command}\n")
}

//! What `backup export` says: the head of the file it writes, and of what it
//! wrote.

use serde::Serialize;

use super::{Voice, count, json, prose::prose};
use crate::helm::chart::{Folder, USER_VALUES};
use crate::snapshot::Snapshot;
use crate::survey::Unread;

/// What a file of manifests holds.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Where it was written.
    pub to: String,
    /// How many files.
    pub files: usize,
    /// How many records.
    pub records: usize,
    /// How many live objects.
    pub objects: usize,
    /// What could not be read from the store, or was not in the snapshot.
    pub missing: Vec<Unread>,
}

#[derive(Serialize)]
struct ManifestsV1<'a> {
    schema: &'static str,
    to: &'a str,
    files: usize,
    records: usize,
    objects: usize,
    complete: bool,
    missing: Vec<MissingV1<'a>>,
}

#[derive(Serialize)]
struct ChartV1<'a> {
    schema: &'static str,
    to: &'a str,
    release: &'a str,
    revision: Option<u32>,
    files: Vec<&'a str>,
    missing: Vec<SubChartV1<'a>>,
    left_out: Vec<MissingV1<'a>>,
}

#[derive(Serialize)]
struct MissingV1<'a> {
    what: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct SubChartV1<'a> {
    name: &'a str,
    version: &'a str,
    alias_only: bool,
}

/// The comment above exported manifests: what they are, and how they come back
/// without this program.
///
/// `kubectl apply` keeps a copy of each object in an annotation, which has no
/// room for a record of some size; applied on the server it keeps none.
pub fn manifests_head(snapshot: &Snapshot) -> String {
    format!(
        "\
# Helm release records, as saved by zadig-doctor in snapshot {} at {}.
# They hold all that the releases were given, passwords too: keep this file private.
#
# To bring them back where they are gone, which changes nothing that is there:
#     kubectl create -f FILE
# To bring them back over what is there (records that are immutable excepted):
#     kubectl apply --server-side --force-conflicts -f FILE
# A plain `kubectl apply -f FILE` does it too, but only for records of less than 256 KiB:
# it keeps a copy of each object in an annotation.
#
# The namespaces must be there first. Then Helm lists, rolls back and upgrades the releases;
# where the objects are gone too, `helm rollback RELEASE REVISION` brings them back.
",
        snapshot.id, snapshot.time
    )
}

/// `backup export --format manifests -o json`: schema
/// `zadig-doctor/exported-manifests/v1`.
pub fn manifests_json(written: &Written) -> String {
    let missing = written.missing.iter().map(|missing| MissingV1 {
        what: &missing.what,
        reason: &missing.reason,
    });
    json(&ManifestsV1 {
        schema: "zadig-doctor/exported-manifests/v1",
        to: &written.to,
        files: written.files,
        records: written.records,
        objects: written.objects,
        complete: written.missing.is_empty(),
        missing: missing.collect(),
    })
}

/// The same for a person.
pub fn manifests_text(written: &Written, voice: &Voice) -> String {
    let objects = match written.objects {
        0 => String::new(),
        some => format!(" and {}", count(some, "live object")),
    };
    let records = count(written.records, "record");
    let files = match written.files {
        1 => String::new(),
        many => format!(" in {}", count(many, "file")),
    };
    let line = format!("wrote {records}{objects} to {}{files}", written.to);
    let mut text = prose(voice, "", &line);
    for missing in &written.missing {
        let line = format!("missing: {}: {}", missing.what, missing.reason);
        text += &prose(voice, "", &line);
    }
    text + &format!(
        "  > bring them back without this program\n      kubectl create -f {}\n",
        super::quote(&written.to)
    )
}

/// A chart's folder that was written.
#[derive(Clone, Copy)]
pub struct Chart<'a> {
    /// Where.
    pub to: &'a str,
    /// The release's namespace.
    pub namespace: &'a str,
    /// The release.
    pub release: &'a str,
    /// Of which revision the chart is.
    pub revision: Option<u32>,
    /// What is in it, and what is not.
    pub folder: &'a Folder,
}

/// `backup export --chart -o json`: schema `zadig-doctor/exported-chart/v1`.
pub fn chart_json(chart: &Chart<'_>) -> String {
    let missing = chart.folder.missing.iter().map(|one| SubChartV1 {
        name: &one.name,
        version: &one.version,
        alias_only: one.alias_only,
    });
    let left_out = chart
        .folder
        .left_out
        .iter()
        .map(|(path, reason)| MissingV1 { what: path, reason });
    let files = chart.folder.files.iter().map(|(path, _)| path.as_str());
    json(&ChartV1 {
        schema: "zadig-doctor/exported-chart/v1",
        to: chart.to,
        release: chart.release,
        revision: chart.revision,
        files: files.collect(),
        missing: missing.collect(),
        left_out: left_out.collect(),
    })
}

/// The same for a person.
pub fn chart_text(chart: &Chart<'_>, voice: &Voice) -> String {
    let Chart {
        to,
        namespace,
        release,
        revision,
        folder,
    } = chart;
    let revision = revision.map_or_else(String::new, |number| format!(", revision {number}"));
    let files = count(folder.files.len(), "file");
    let line = format!("wrote the chart of {release}{revision} to {to}: {files}");
    let mut text = prose(voice, "", &line);
    for (path, reason) in &folder.left_out {
        text += &prose(voice, "  ", &format!("left out: {path:?}: {reason}"));
    }
    for one in &folder.missing {
        let alias = match one.alias_only {
            true => " (the record keeps only its alias: put its name into Chart.yaml)",
            false => "",
        };
        let line = format!("missing: sub-chart {} {}{alias}", one.name, one.version);
        text += &prose(voice, "  ", &line);
    }
    let to = super::quote(to);
    if !folder.missing.is_empty() {
        text += &prose(
            voice,
            "  ",
            "a record never holds sub-charts; Helm fetches them",
        );
        text += &format!("  > fetch them\n      helm dependency update {to}\n");
    }
    let values = super::quote(&format!("{}/{USER_VALUES}", chart.to));
    let place = format!("-n {}", super::quote(namespace));
    let release = super::quote(release);
    text + &format!(
        "  > install it again\n      helm upgrade --install {release} {to} -f {values} {place}\n"
    )
}

//! What `backup show` prints.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::snapshot::SnapshotV1;
use super::{Voice, count, json, prose::prose, size, table::table};
use crate::helm::Driver;
use crate::snapshot::{SavedObject, SavedRecord, SavedRelease, Snapshot, Told, Untold};
use crate::survey::{RecordId, Unread};

/// How much of a description a line has room for. Helm puts whole error texts
/// there; the JSON has all of it.
const DESCRIPTION: usize = 300;

/// What was read of records: what each tells, or why it does not.
pub type Tolds = BTreeMap<RecordId, Result<Told, Untold>>;

#[derive(Serialize)]
struct ContentsV1<'a> {
    schema: &'static str,
    snapshot: SnapshotV1<'a>,
    releases: Vec<ReleaseV1<'a>>,
    records: Vec<RecordV1<'a>>,
    objects: Vec<ObjectV1<'a>>,
}

#[derive(Serialize)]
struct ObjectV1<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct ReleaseV1<'a> {
    namespace: &'a str,
    release: &'a str,
    driver: Driver,
    revisions: Vec<u32>,
    bytes: u64,
    newest: Option<NewestV1<'a>>,
}

#[derive(Serialize)]
struct NewestV1<'a> {
    revision: Option<u32>,
    #[serde(flatten)]
    told: Option<ToldV1<'a>>,
}

#[derive(Serialize)]
struct RecordV1<'a> {
    namespace: &'a str,
    driver: Driver,
    name: &'a str,
    release: Option<String>,
    revision: Option<u32>,
    uid: &'a str,
    resource_version: &'a str,
    bytes: u64,
    #[serde(flatten)]
    told: Option<ToldV1<'a>>,
}

#[derive(Default, Serialize)]
struct ToldV1<'a> {
    status: Option<&'a str>,
    updated: Option<String>,
    chart: Option<&'a str>,
    app_version: Option<&'a str>,
    description: Option<&'a str>,
    /// Why it cannot be decoded.
    undecodable: Option<String>,
    /// Why it was not read, though it may be sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
}

#[derive(Serialize)]
struct PartV1<'a> {
    schema: &'static str,
    snapshot: &'a str,
    namespace: &'a str,
    release: &'a str,
    driver: Driver,
    revision: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<&'a str>,
}

fn told_v1(told: &Result<Told, Untold>) -> ToldV1<'_> {
    match told {
        Ok(told) => ToldV1 {
            status: Some(&told.status),
            updated: told.updated.map(|time| time.to_string()),
            chart: told.chart.as_deref(),
            app_version: Some(&told.app_version),
            description: Some(&told.description),
            ..ToldV1::default()
        },
        Err(why @ Untold::TooLarge) => ToldV1 {
            unread: Some(why.to_string()),
            ..ToldV1::default()
        },
        Err(Untold::Undecodable(why)) => ToldV1 {
            undecodable: Some(why.clone()),
            ..ToldV1::default()
        },
    }
}

/// `backup show -o json`: schema `zadig-doctor/snapshot-contents/v1`. Records
/// that were not read say only what the snapshot's own list says.
pub fn contents_json(snapshot: &Snapshot, releases: &[SavedRelease<'_>], tolds: &Tolds) -> String {
    let newest = |release: &SavedRelease<'_>| {
        release.newest().map(|saved| NewestV1 {
            revision: saved.revision(),
            told: tolds.get(&saved.id).map(told_v1),
        })
    };
    let records = releases
        .iter()
        .flat_map(|release| release.records.iter().copied());
    let records = records.map(|saved| record_v1(saved, tolds));
    let listed = releases.iter().map(|release| ReleaseV1 {
        namespace: release.namespace,
        release: &release.release,
        driver: release.driver,
        revisions: revisions(release),
        bytes: release.bytes(),
        newest: newest(release),
    });
    json(&ContentsV1 {
        schema: "zadig-doctor/snapshot-contents/v1",
        snapshot: SnapshotV1::from(snapshot),
        releases: listed.collect(),
        records: records.collect(),
        objects: snapshot.objects.iter().map(object_v1).collect(),
    })
}

fn object_v1(saved: &SavedObject) -> ObjectV1<'_> {
    ObjectV1 {
        api_version: &saved.object.api_version,
        kind: &saved.object.kind,
        namespace: saved.object.namespace.as_deref(),
        name: &saved.object.name,
        bytes: saved.bytes,
    }
}

fn record_v1<'a>(saved: &'a SavedRecord, tolds: &'a Tolds) -> RecordV1<'a> {
    let key = saved.id.key();
    RecordV1 {
        namespace: &saved.id.namespace,
        driver: saved.id.driver,
        name: &saved.id.name,
        revision: key.as_ref().map(|key| key.revision),
        release: key.map(|key| key.release),
        uid: &saved.uid,
        resource_version: &saved.resource_version,
        bytes: saved.bytes,
        told: tolds.get(&saved.id).map(told_v1),
    }
}

fn revisions(release: &SavedRelease<'_>) -> Vec<u32> {
    let numbers = release.records.iter().filter_map(|saved| saved.revision());
    numbers.collect()
}

/// What stands for a status that could not be read.
pub(super) fn no_status(why: &Untold) -> &'static str {
    match why {
        Untold::TooLarge => "unread",
        Untold::Undecodable(_) => "undecodable",
    }
}

/// `backup show` for a person: one line per release.
pub fn contents_table(
    snapshot: &Snapshot,
    releases: &[SavedRelease<'_>],
    tolds: &Tolds,
    voice: &Voice,
) -> String {
    let row = |release: &SavedRelease<'_>| {
        let newest = release.newest().and_then(|saved| tolds.get(&saved.id));
        let (status, chart) = match newest {
            Some(Ok(told)) => (told.status.clone(), chart(told)),
            Some(Err(why)) => (no_status(why).to_owned(), String::new()),
            None => (String::new(), String::new()),
        };
        let numbers: Vec<_> = revisions(release).iter().map(u32::to_string).collect();
        vec![
            release.namespace.to_owned(),
            release.release.clone(),
            release.driver.to_string(),
            numbers.join(","),
            line(&status),
            line(&chart),
            size(release.bytes()),
        ]
    };
    let heading = [
        "NAMESPACE",
        "RELEASE",
        "DRIVER",
        "REVISIONS",
        "STATUS",
        "CHART",
        "SIZE",
    ];
    let rows = releases.iter().map(row).collect();
    let objects = match snapshot.objects.len() {
        0 => String::new(),
        some => prose(voice, "", &format!("and {}", count(some, "live object"))),
    };
    table(voice.width, &heading, rows) + &objects + &missing(&snapshot.missing, voice)
}

/// `backup show SNAPSHOT RELEASE` for a person: each release's revisions, as
/// `helm history` shows them, and what the snapshot lacks of them.
pub fn histories_table(
    releases: &[SavedRelease<'_>],
    tolds: &Tolds,
    lacking: Vec<&Unread>,
    voice: &Voice,
) -> String {
    let mut text = String::new();
    for release in releases {
        let driver = match release.twin {
            true => format!(", in {}s", release.driver.kind()),
            false => String::new(),
        };
        if !text.is_empty() {
            text.push('\n');
        }
        let head = format!("{}/{}{driver}", release.namespace, release.release);
        text += &prose(voice, "", &head);
        text += &history(release, tolds, voice);
    }
    text + &missing(lacking, voice)
}

fn history(release: &SavedRelease<'_>, tolds: &Tolds, voice: &Voice) -> String {
    let row = |saved: &&SavedRecord| {
        let [status, updated, chart, app_version, description] = match tolds.get(&saved.id) {
            Some(Ok(told)) => [
                told.status.clone(),
                told.updated.map_or_else(String::new, seconds),
                chart(told),
                told.app_version.clone(),
                told.description.clone(),
            ],
            Some(Err(why)) => {
                let status = no_status(why).to_owned();
                let none = String::new;
                [status, none(), none(), none(), why.to_string()]
            }
            None => [const { String::new() }; 5],
        };
        let revision = saved.revision().map(|number| number.to_string());
        vec![
            revision.unwrap_or_else(|| saved.id.name.clone()),
            updated,
            line(&status),
            line(&chart),
            line(&app_version),
            line(&description),
            size(saved.bytes),
        ]
    };
    let heading = [
        "REVISION",
        "UPDATED",
        "STATUS",
        "CHART",
        "APP VERSION",
        "DESCRIPTION",
        "SIZE",
    ];
    let rows = release.records.iter().map(row).collect();
    table(voice.width, &heading, rows)
}

/// A time as people read it, without what is below a second.
fn seconds(time: Timestamp) -> String {
    let whole = Timestamp::from_second(time.as_second());
    whole.unwrap_or(time).to_string()
}

/// As `helm list` shows it.
fn chart(told: &Told) -> String {
    told.chart.clone().unwrap_or_else(|| "MISSING".to_owned())
}

/// A text of anybody as part of a line.
fn line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(DESCRIPTION)
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect();
    if text.chars().nth(DESCRIPTION).is_some() {
        line.push('…');
    }
    line
}

fn missing<'a>(missing: impl IntoIterator<Item = &'a Unread>, voice: &Voice) -> String {
    let told = missing.into_iter().map(|missing| {
        let missing = format!("missing: {}: {}", missing.what, missing.reason);
        prose(voice, "", &missing)
    });
    told.collect()
}

/// One record of a snapshot, of which a part is shown.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// The release.
    pub release: &'a SavedRelease<'a>,
    /// The record.
    pub record: &'a SavedRecord,
}

impl<'a> Part<'a> {
    fn v1(&self, schema: &'static str) -> PartV1<'a> {
        PartV1 {
            schema,
            snapshot: &self.snapshot.id.0,
            namespace: self.release.namespace,
            release: &self.release.release,
            driver: self.release.driver,
            revision: self.record.revision(),
            values: None,
            manifest: None,
        }
    }

    /// `backup show --values -o json`: schema `zadig-doctor/saved-values/v1`.
    pub fn values_json(&self, values: &Value) -> String {
        let values = Some(values);
        json(&PartV1 {
            values,
            ..self.v1("zadig-doctor/saved-values/v1")
        })
    }

    /// `backup show --manifest -o json`: schema `zadig-doctor/saved-manifest/v1`.
    pub fn manifest_json(&self, manifest: &str) -> String {
        let manifest = Some(manifest);
        json(&PartV1 {
            manifest,
            ..self.v1("zadig-doctor/saved-manifest/v1")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_for_us_is_not_said_to_be_broken() {
        assert_eq!(no_status(&Untold::TooLarge), "unread");
        // The same words of anybody's do not make it so.
        let words = Untold::Undecodable(Untold::TooLarge.to_string());
        assert_eq!(no_status(&words), "undecodable");
    }

    #[test]
    fn what_stands_in_a_line_is_one() {
        assert_eq!(line("a\n\tb"), "a  b");
        let long = line(&"é".repeat(1000));
        assert_eq!(long.chars().count(), DESCRIPTION + 1);
        assert!(long.ends_with('…'));
        assert_eq!(line(&"x".repeat(DESCRIPTION)), "x".repeat(DESCRIPTION));
    }
}

//! What `backup forget` and `backup stats` print.

use serde::Serialize;

use super::snapshot::{asked, scoped};
use super::{Voice, count, json, size, table::table};
use crate::snapshot::Summary;
use crate::snapshot::retention::Decision;

/// Numbers of a store.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// Snapshots.
    pub snapshots: u64,
    /// Saved states of releases.
    pub histories: u64,
    /// Saved states of records.
    pub records: u64,
    /// Objects that these are made of.
    pub objects: u64,
    /// The payloads of all snapshots, as the cluster stored them.
    pub held: u64,
    /// Plain bytes of the objects.
    pub plain: u64,
    /// The same as they are stored.
    pub stored: u64,
    /// Size of the store's files.
    pub file: u64,
    /// How many times as large as these the payloads are.
    pub ratio: f64,
}

/// What became of the space.
#[derive(Clone, Copy, Debug)]
pub struct Freed<'a> {
    /// How many bytes the store became smaller.
    pub bytes: u64,
    /// Why not, where nothing was collected.
    pub not: Option<&'a str>,
}

#[derive(Serialize)]
struct ForgetV1<'a> {
    schema: &'static str,
    dry_run: bool,
    forgotten: Vec<&'a str>,
    kept: Vec<KeptV1<'a>>,
    /// Bytes.
    freed: u64,
    not_freed: Option<&'a str>,
}

#[derive(Serialize)]
struct KeptV1<'a> {
    id: &'a str,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct StatsV1 {
    schema: &'static str,
    snapshots: u64,
    histories: u64,
    records: u64,
    objects: u64,
    payload_bytes: u64,
    plain_bytes: u64,
    stored_bytes: u64,
    file_bytes: u64,
    ratio: f64,
}

/// `backup forget -o json`: schema `zadig-doctor/forget/v1`.
pub fn forget_json(decisions: &[Decision], dry_run: bool, freed: Option<&Freed<'_>>) -> String {
    let (kept, forgotten): (Vec<_>, Vec<_>) = decisions.iter().partition(|one| one.keeps());
    json(&ForgetV1 {
        schema: "zadig-doctor/forget/v1",
        dry_run,
        forgotten: forgotten.into_iter().map(|one| &*one.id.0).collect(),
        kept: kept
            .into_iter()
            .map(|one| KeptV1 {
                id: &one.id.0,
                reasons: &one.kept,
            })
            .collect(),
        freed: freed.map_or(0, |freed| freed.bytes),
        not_freed: freed.and_then(|freed| freed.not),
    })
}

/// What is to be forgotten and what is kept, and why, for a person.
pub fn forget_table(snapshots: &[Summary], decisions: &[Decision], voice: &Voice) -> String {
    if decisions.is_empty() {
        return "no snapshots yet\n".to_owned();
    }
    // Those of one scope are counted together.
    let scoped = scoped(snapshots);
    let rows = decisions.iter().map(|decision| {
        let summary = snapshots.iter().find(|one| one.id == decision.id);
        let about = summary.map(|one| &one.about);
        let scope = scoped.then(|| summary.map_or_else(String::new, asked));
        let head = [
            decision.id.to_string(),
            about.map_or_else(String::new, |about| about.time.to_string()),
            about.map_or_else(String::new, |about| about.reason.clone()),
        ];
        let tail = [
            match decision.keeps() {
                true => "keep".to_owned(),
                false => "forget".to_owned(),
            },
            decision.kept.join(", "),
        ];
        head.into_iter().chain(scope).chain(tail).collect()
    });
    let mut heading = vec!["SNAPSHOT", "TIME", "REASON"];
    heading.extend(scoped.then_some("SCOPE"));
    heading.extend(["WHAT", "WHY"]);
    table(voice.width, &heading, rows.collect())
}

/// `backup forget` for a person, once it is done.
pub fn forgotten_text(forgotten: usize, freed: &Freed<'_>) -> String {
    let space = match freed.not {
        None => format!("{} given back", size(freed.bytes)),
        Some(reason) => format!("no space given back: {reason}"),
    };
    format!("Forgot {}; {space}\n", count(forgotten, "snapshot"))
}

/// `backup stats -o json`: schema `zadig-doctor/stats/v1`.
pub fn stats_json(numbers: &Numbers) -> String {
    json(&StatsV1 {
        schema: "zadig-doctor/stats/v1",
        snapshots: numbers.snapshots,
        histories: numbers.histories,
        records: numbers.records,
        objects: numbers.objects,
        payload_bytes: numbers.held,
        plain_bytes: numbers.plain,
        stored_bytes: numbers.stored,
        file_bytes: numbers.file,
        ratio: (numbers.ratio * 100.0).round() / 100.0,
    })
}

/// `backup stats` for a person.
pub fn stats_text(numbers: &Numbers) -> String {
    let lines = [
        ("snapshots", numbers.snapshots.to_string()),
        ("states of releases", numbers.histories.to_string()),
        ("states of records", numbers.records.to_string()),
        ("objects", numbers.objects.to_string()),
        ("payloads held", size(numbers.held)),
        ("plain bytes", size(numbers.plain)),
        ("stored bytes", size(numbers.stored)),
        ("files", size(numbers.file)),
        ("ratio", format!("{:.1}", numbers.ratio)),
    ];
    let line = |(name, value): &(&str, String)| format!("{name:<20}{value}\n");
    lines.iter().map(line).collect()
}

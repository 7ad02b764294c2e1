//! What `backup diff` prints.

use jiff::Timestamp;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::contents::no_status;
use super::{Voice, count, json, prose::prose};
use crate::helm::Driver;
use crate::snapshot::diff::{Change, ReleaseDiff, RevisionDiff, Side, TextDiffed};
use crate::snapshot::{SnapshotId, Untold};
use crate::survey::Unread;

/// Below this, lines of a diff are left to the terminal.
const NARROWEST: usize = 30;

/// One of the two that are compared.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The snapshot; `None` for the cluster.
    pub snapshot: Option<SnapshotId>,
    /// When it was so.
    pub time: Option<Timestamp>,
    /// What is not known of it.
    pub unread: Vec<Unread>,
}

/// All that is told of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Before, and after.
    pub sides: [Whole; 2],
    /// How many releases were compared.
    pub compared: usize,
    /// The releases that differ.
    pub releases: Vec<ReleaseDiff>,
    /// The live objects that differ; `None` where not both sides have any.
    pub objects: Option<Vec<TextDiffed>>,
}

impl Comparison {
    /// Whether nothing differs, as far as it could be read.
    pub fn same(&self) -> bool {
        self.releases.is_empty() && self.objects.as_ref().is_none_or(Vec::is_empty)
    }

    /// Whether everything could be read.
    pub fn complete(&self) -> bool {
        self.sides.iter().all(|side| side.unread.is_empty())
    }
}

#[derive(Serialize)]
struct DiffV1<'a> {
    schema: &'static str,
    before: SideV1<'a>,
    after: SideV1<'a>,
    same: bool,
    complete: bool,
    compared: usize,
    releases: Vec<ReleaseV1<'a>>,
    objects: Option<Vec<TextV1<'a>>>,
}

#[derive(Serialize)]
struct SideV1<'a> {
    snapshot: Option<&'a str>,
    time: Option<String>,
    unread: Vec<UnreadV1<'a>>,
}

#[derive(Serialize)]
struct UnreadV1<'a> {
    what: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct ReleaseV1<'a> {
    namespace: &'a str,
    release: &'a str,
    driver: Driver,
    change: &'static str,
    before: HeldV1<'a>,
    after: HeldV1<'a>,
    revisions: Vec<RevisionV1<'a>>,
    values: Option<&'a str>,
    documents: Vec<TextV1<'a>>,
}

#[derive(Serialize)]
struct HeldV1<'a> {
    revisions: &'a [u32],
    newest: Option<RevisionSideV1<'a>>,
}

#[derive(Serialize)]
struct RevisionV1<'a> {
    name: &'a str,
    change: &'static str,
    fields: &'a [&'static str],
    before: Option<RevisionSideV1<'a>>,
    after: Option<RevisionSideV1<'a>>,
}

#[derive(Serialize)]
struct RevisionSideV1<'a> {
    revision: Option<u32>,
    status: Option<&'a str>,
    chart: Option<&'a str>,
    undecodable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
}

#[derive(Serialize)]
struct TextV1<'a> {
    name: &'a str,
    change: &'static str,
    diff: &'a str,
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

/// `backup diff -o json`: schema `zadig-doctor/diff/v1`.
pub fn diff_json(comparison: &Comparison) -> String {
    let [before, after] = &comparison.sides;
    let objects = comparison.objects.as_deref();
    json(&DiffV1 {
        schema: "zadig-doctor/diff/v1",
        before: side_v1(before),
        after: side_v1(after),
        same: comparison.same(),
        complete: comparison.complete(),
        compared: comparison.compared,
        releases: comparison.releases.iter().map(release_v1).collect(),
        objects: objects.map(|objects| objects.iter().map(text_v1).collect()),
    })
}

fn side_v1(side: &Whole) -> SideV1<'_> {
    let unread = side.unread.iter().map(|unread| UnreadV1 {
        what: &unread.what,
        reason: &unread.reason,
    });
    SideV1 {
        snapshot: side.snapshot.as_ref().map(|id| id.0.as_str()),
        time: side.time.map(|time| time.to_string()),
        unread: unread.collect(),
    }
}

fn release_v1(diff: &ReleaseDiff) -> ReleaseV1<'_> {
    let held = |side: usize| HeldV1 {
        revisions: &diff.revisions[side],
        newest: diff.newest[side].as_ref().map(revision_side_v1),
    };
    ReleaseV1 {
        namespace: &diff.namespace,
        release: &diff.release,
        driver: diff.driver,
        change: word(diff.change),
        before: held(0),
        after: held(1),
        revisions: diff.changed.iter().map(revision_v1).collect(),
        values: Some(diff.values.as_str()).filter(|values| !values.is_empty()),
        documents: diff.documents.iter().map(text_v1).collect(),
    }
}

fn revision_v1(diff: &RevisionDiff) -> RevisionV1<'_> {
    let [before, after] = &diff.sides;
    RevisionV1 {
        name: &diff.name,
        change: word(diff.change),
        fields: &diff.fields,
        before: before.as_ref().map(revision_side_v1),
        after: after.as_ref().map(revision_side_v1),
    }
}

fn revision_side_v1(side: &Side) -> RevisionSideV1<'_> {
    let told = side.told.as_ref();
    let (unread, undecodable) = match told.err() {
        Some(why @ Untold::TooLarge) => (Some(why.to_string()), None),
        why => (None, why.map(ToString::to_string)),
    };
    RevisionSideV1 {
        revision: side.revision,
        status: told.ok().map(|told| told.status.as_str()),
        chart: told.ok().and_then(|told| told.chart.as_deref()),
        undecodable,
        unread,
    }
}

fn text_v1(text: &TextDiffed) -> TextV1<'_> {
    TextV1 {
        name: &text.name,
        change: word(text.change),
        diff: &text.diff,
    }
}

/// `backup diff` for a person. Every line of a difference begins with its sign.
pub fn diff_text(comparison: &Comparison, voice: &Voice) -> String {
    let [before, after] = &comparison.sides;
    let head = format!("- {}\n+ {}\n", name(before), name(after));
    let mut text = head;
    for (side, sign) in comparison.sides.iter().zip(["-", "+"]) {
        for unread in &side.unread {
            let line = format!("not read: {}: {}", unread.what, unread.reason);
            text += &prose(voice, &format!("{sign} "), &line);
        }
    }
    for release in &comparison.releases {
        text += &release_text(release, voice);
    }
    let objects = comparison.objects.as_deref().unwrap_or_default();
    if !objects.is_empty() {
        text += "\nlive objects\n";
    }
    for object in objects {
        text += &text_diff(&object.name, object.change, &object.diff, voice);
    }
    let compared = count(comparison.compared, "release");
    let ending = match comparison.releases.len() {
        0 if comparison.same() => format!("{compared} compared: no difference"),
        0 => format!("{compared} compared: none differs, but live objects do"),
        1 => format!("{compared} compared: 1 differs"),
        many => format!("{compared} compared: {many} differ"),
    };
    text.push('\n');
    text + &prose(voice, "", &ending)
}

fn name(side: &Whole) -> String {
    let what = match &side.snapshot {
        Some(id) => format!("snapshot {id}"),
        None => "cluster".to_owned(),
    };
    match side.time {
        Some(time) => format!("{what}, {time}"),
        None => what,
    }
}

fn release_text(diff: &ReleaseDiff, voice: &Voice) -> String {
    let name = format!("{}/{} ({})", diff.namespace, diff.release, diff.driver);
    let side = match diff.change {
        Change::Added => 1,
        Change::Removed | Change::Changed => 0,
    };
    let newest = diff.newest.each_ref().map(|side| side.as_ref().map(told));
    let line = match diff.change {
        Change::Added | Change::Removed => {
            let newest = newest[side].clone();
            let newest = newest.map_or_else(String::new, |newest| format!("; newest {newest}"));
            let revisions = numbers(&diff.revisions[side]);
            let place = ["before", "after"][side];
            format!("{name}: only {place}: revisions {revisions}{newest}")
        }
        Change::Changed => match newest {
            [Some(before), Some(after)] if before != after => {
                format!("{name}: newest was {before}, is {after}")
            }
            _ => name,
        },
    };
    let sign = match diff.change {
        Change::Added => "+ ",
        Change::Removed => "- ",
        Change::Changed => "~ ",
    };
    let mut text = String::from("\n") + &prose(voice, sign, &line);
    for revision in &diff.changed {
        text += &revision_text(revision, voice);
    }
    if !diff.values.is_empty() {
        text += &text_diff("values", Change::Changed, &diff.values, voice);
    }
    for document in &diff.documents {
        text += &text_diff(&document.name, document.change, &document.diff, voice);
    }
    text
}

fn numbers(revisions: &[u32]) -> String {
    let numbers: Vec<_> = revisions.iter().map(u32::to_string).collect();
    numbers.join(",")
}

/// `revision 3, deployed, web-0.1.0`.
fn told(side: &Side) -> String {
    let revision = side.revision.map(|number| format!("revision {number}"));
    let revision = revision.unwrap_or_else(|| "a record".to_owned());
    match &side.told {
        Ok(told) => {
            let chart = told.chart.as_deref().unwrap_or("no chart");
            format!("{revision}, {}, {chart}", told.status)
        }
        Err(why) => format!("{revision}, {} ({why})", no_status(why)),
    }
}

fn revision_text(diff: &RevisionDiff, voice: &Voice) -> String {
    let sides = diff.sides.each_ref().map(|side| side.as_ref().map(told));
    let (sign, line) = match (diff.change, sides) {
        (Change::Added, [_, Some(after)]) => ("+", after),
        (Change::Removed, [Some(before), _]) => ("-", before),
        (Change::Changed, [Some(before), Some(after)]) => {
            let fields = diff.fields.join(", ");
            match before == after {
                true => ("~", format!("{before}: {fields}")),
                false => ("~", format!("{before} -> {after}: {fields}")),
            }
        }
        (Change::Added, _) => ("+", diff.name.clone()),
        (Change::Removed, _) => ("-", diff.name.clone()),
        (Change::Changed, _) => ("~", diff.name.clone()),
    };
    prose(voice, &format!("  {sign} "), &line)
}

fn text_diff(name: &str, change: Change, diff: &str, voice: &Voice) -> String {
    let mut text = prose(voice, "  ", &format!("{name}: {}", word(change)));
    for line in diff.lines() {
        text += &folded(line, voice.width);
    }
    text
}

/// A line of a diff; what does not fit goes on below, behind the same sign and
/// an ellipsis.
fn folded(line: &str, width: Option<u16>) -> String {
    const MARGIN: &str = "    ";
    let width = width.map(usize::from).filter(|width| *width >= NARROWEST);
    let room = width.map_or(usize::MAX, |width| width - MARGIN.len());
    if line.width() <= room {
        return format!("{MARGIN}{line}\n");
    }
    let sign = line.chars().next().unwrap_or(' ');
    let mut text = String::new();
    let mut part = String::new();
    let mut taken = 0;
    for c in line.chars() {
        let wide = c.width().unwrap_or(0);
        if taken + wide > room {
            text += &format!("{MARGIN}{part}\n");
            part = format!("{sign}…");
            taken = 2;
        }
        part.push(c);
        taken += wide;
    }
    text + &format!("{MARGIN}{part}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_behind_their_sign() {
        let line = format!("+{}", "abcdefghij".repeat(4));
        assert_eq!(
            folded(&line, Some(30)),
            "    +abcdefghijabcdefghijabcde\n    +…fghijabcdefghij\n"
        );
        assert_eq!(folded(&line, None), format!("    {line}\n"));
        let wide = format!(" {}", "文".repeat(20));
        for line in folded(&wide, Some(30)).lines() {
            assert!(line.width() <= 30, "{line}");
        }
    }
}

//! The list as a document, and what plays have shown.

use std::fmt::Write as _;
use std::io::Write as _;

use super::{Finds, Scenario, TOPICS, Unstick};
use crate::bed::Cluster;
use crate::helm::HelmVersion;

/// Names a file to which every play adds a line that says what it saw.
const SEEN: &str = "SCENARIOS_SEEN";

const HEAD: &str = "\
# Every state that an operation of Helm can leave behind

Each is made by real Helm on a real cluster, by a real kill, signal, race or refusal, and followed to its end: `make scenarios`
plays them all and prints what it saw. This list is rendered from `tests/e2e/scenarios`; a test holds the two together.

A dot says that the state is played with that Helm on Kubernetes 1.36, the last one of them with Helm 3.9 on Kubernetes 1.22.
What `check` says, it says an hour later, when the windows for signs of life have passed. Where `unstick` repairs, it marks
the newest revision failed and fences it.

";

/// The whole document.
fn document() -> String {
    let mut text = HEAD.to_owned();
    text += "| State | 3.9 | 3.17 | 3.22 | 4 | 1.22 | The next `helm upgrade` | `check` | `unstick` | And then |\n";
    text += "|---|---|---|---|---|---|---|---|---|---|\n";
    let all = TOPICS.iter().flat_map(|(_, scenarios)| *scenarios);
    for scenario in all {
        row(&mut text, scenario);
    }
    for (topic, scenarios) in &TOPICS {
        write!(text, "\n## {topic}\n\n").unwrap();
        for scenario in *scenarios {
            let (name, what, how) = (scenario.name(), scenario.what, scenario.how);
            writeln!(text, "- **{name}**: {what}. *Made by:* {how}.").unwrap();
        }
    }
    text
}

fn row(text: &mut String, scenario: &Scenario) {
    let dots = ["v3_9", "v3_17", "v3_22", "v4", "old"].map(|on| {
        let on = [on, if on == "old" { on } else { "every" }];
        let played = scenario.on.iter().any(|one| on.contains(one));
        if played { "•" } else { "" }
    });
    let (dots, name) = (dots.join(" | "), scenario.name());
    let (check, then) = (checked(scenario), then(scenario));
    let unstick = match (scenario.unstick, scenario.leaves) {
        (_, []) => "no such release",
        (Unstick::Repairs, _) => "repairs",
        (Unstick::Refuses, _) => "refuses",
        (Unstick::Nothing, _) => "nothing to do",
    };
    let now = upgrade(scenario.upgrade_says);
    writeln!(
        text,
        "| {name} | {dots} | {now} | {check} | {unstick} | {then} |"
    )
    .unwrap();
}

fn checked(scenario: &Scenario) -> String {
    let plain = match scenario.leaves {
        [] => "no such release".to_owned(),
        _ => found(scenario.finds),
    };
    match scenario.deep {
        None => plain,
        Some(deep) => format!("{plain}; with `--deep`: {}", found(deep)),
    }
}

fn found(finds: &[Finds]) -> String {
    let one = |finds: &Finds| match (finds.verdict, finds.extent) {
        (Some(verdict), Some(extent)) => format!("`{}`: {verdict}, {} in", finds.id, whole(extent)),
        (Some(verdict), None) => format!("`{}`: {verdict}", finds.id),
        (None, _) => format!("`{}`", finds.id),
    };
    match finds {
        [] => "nothing".to_owned(),
        _ => finds.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

fn whole(extent: &str) -> &str {
    match extent {
        "unknown" => "who knows what",
        "none" => "nothing",
        other => other,
    }
}

fn upgrade(says: Option<&str>) -> String {
    says.map_or("succeeds".to_owned(), |says| format!("“{says}”"))
}

/// How the upgrade after a repair goes.
fn next(says: Option<&str>) -> String {
    says.map_or("an upgrade succeeds".to_owned(), |says| {
        format!("an upgrade says “{says}”")
    })
}

/// What an upgrade says after a repair, or what is to be done where there was
/// none, and what `check` finds still.
fn then(scenario: &Scenario) -> String {
    let then = match (scenario.unstick, &scenario.way_out) {
        (Unstick::Repairs, _) => next(scenario.then_says),
        (_, Some(way_out)) => way_out.says.to_owned(),
        (_, None) => String::new(),
    };
    match scenario.remains {
        [] => then,
        remains => format!("{then} `check` still: {}", found(remains))
            .trim()
            .to_owned(),
    }
}

/// Adds what a play saw to the file that is asked for, if one is.
pub(super) fn saw(scenario: &Scenario, cluster: Cluster, version: HelmVersion, seen: &Seen) {
    let Some(path) = std::env::var_os(SEEN) else {
        return;
    };
    let (name, cluster) = (scenario.name(), cluster.number());
    let helm = version.number().trim_matches(['v', '.']);
    let Seen {
        check,
        unstick,
        then,
    } = seen;
    let line = format!("{name:32} {helm:4} {cluster}  {check:40} {unstick:14} {then}\n");
    let file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path);
    file.unwrap().write_all(line.as_bytes()).unwrap();
}

/// What a play saw.
pub(super) struct Seen {
    /// What `check` found.
    pub(super) check: String,
    /// What `unstick` did.
    pub(super) unstick: String,
    /// What the last upgrade said, and what `check` found then.
    pub(super) then: String,
}

#[test]
fn the_document_shows_the_list() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenarios.md");
    let document = document();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
        std::fs::write(path, &document).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let differs = kept
        .lines()
        .zip(document.lines())
        .find(|(kept, is)| kept != is);
    assert_eq!(
        differs, None,
        "run this test with INSTA_UPDATE=always and read the diff"
    );
    assert_eq!(kept.len(), document.len(), "the same");
}

//! The house rules that a compiler does not hold: which room may use which,
//! and how long a file may be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which rooms each room may use; DESIGN.md shows the same table.
const MAY_USE: [(&str, &[&str]); 16] = [
    ("helm", &[]),
    ("live", &["helm"]),
    ("survey", &["helm", "live"]),
    ("snapshot", &["survey", "helm"]),
    ("diagnose", &["survey", "live", "helm"]),
    ("trace", &["plan", "survey", "live", "helm"]),
    ("plan", &["diagnose", "snapshot", "survey", "live", "helm"]),
    ("wire", &[]),
    ("cluster", &["survey", "live", "helm", "wire"]),
    ("zadig", &["survey", "wire"]),
    ("store", &["snapshot", "plan", "survey", "helm"]),
    (
        "execute",
        &[
            "plan", "diagnose", "snapshot", "survey", "live", "helm", "cluster", "store",
        ],
    ),
    (
        "report",
        &[
            "plan", "trace", "diagnose", "snapshot", "survey", "live", "helm",
        ],
    ),
    ("error", &[]),
    ("terminal", &["error"]),
    (
        "cli",
        &[
            "helm", "live", "survey", "snapshot", "diagnose", "plan", "cluster", "store",
            "execute", "trace", "report", "terminal", "error", "wire", "zadig",
        ],
    ),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false => found.extend(
                path.extension()
                    .is_some_and(|end| end == "rs")
                    .then_some(path),
            ),
        }
    }
}

fn all(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut found,
    );
    found
}

/// Rooms that the text names as `crate::ROOM`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn rooms_use_only_what_they_may() {
    let may_use = BTreeMap::from(MAY_USE);
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms = 0;
    for path in all("src") {
        let inside = path.strip_prefix(&src).unwrap();
        let room = inside
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs");
        if ["main", "lib"].contains(&room) {
            continue;
        }
        rooms += 1;
        let allowed = may_use
            .get(room)
            .unwrap_or_else(|| panic!("{room} is no room of the house"));
        let text = std::fs::read_to_string(&path).unwrap();
        for used in named(&text).filter(|used| *used != room) {
            assert!(allowed.contains(&used), "{} uses {used}", inside.display());
        }
    }
    assert!(rooms > 40, "{rooms}");
}

#[test]
fn files_stay_short() {
    for path in all("src").into_iter().chain(all("tests/e2e")) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    }
}

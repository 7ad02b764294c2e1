//! Which of the saved releases is meant.

use super::super::settings::Settings;
use crate::error::{Exit, Failure};
use crate::snapshot::{SavedRecord, SavedRelease, Snapshot, SnapshotId};

/// The releases of a snapshot that the command line names; all of them, if it
/// names none.
pub(super) fn releases<'a>(
    settings: &Settings,
    snapshot: &'a Snapshot,
    names: &[String],
) -> Result<Vec<SavedRelease<'a>>, Failure> {
    let namespace = settings.global.namespace.as_deref();
    let found = snapshot.by_release(namespace, names);
    let known = |name: &&String| found.iter().any(|one| one.release == **name);
    match names.iter().find(|name| !known(name)) {
        Some(lost) => Err(unknown(settings, snapshot, lost)),
        None => Ok(found),
    }
}

/// Refuses a label selector, which would promise what is not done.
pub(super) fn no_selector(settings: &Settings) -> Result<(), Failure> {
    match settings.global.selector {
        None => Ok(()),
        Some(_) => {
            let message = "what was saved cannot be selected by labels";
            Err(Failure::new(Exit::Usage, message).hint("name releases, or a namespace with -n"))
        }
    }
}

/// Refuses what chooses among releases, where whole snapshots are dropped.
pub(super) fn no_place(settings: &Settings) -> Result<(), Failure> {
    let flag = match &settings.global {
        global if global.namespace.is_some() => "-n",
        global if global.selector.is_some() => "-l",
        _ => return Ok(()),
    };
    let message = format!("`backup forget` is of whole snapshots and takes no {flag}");
    Err(Failure::new(Exit::Usage, message)
        .hint("nothing was forgotten; name the snapshots that are meant: `{self} backup show SNAPSHOT` tells what one holds"))
}

fn unknown(settings: &Settings, snapshot: &Snapshot, release: &str) -> Failure {
    let place = match &settings.global.namespace {
        Some(namespace) => format!(" in namespace {namespace}"),
        None => String::new(),
    };
    let id = &snapshot.id;
    let message = format!("snapshot {id} holds no release {release}{place}");
    Failure::new(Exit::Usage, message).hint(where_to_look(id))
}

/// Where to look for what a snapshot does not hold.
pub(super) fn where_to_look(id: &SnapshotId) -> String {
    let lists = format!("`{{self}} backup show {id}` lists what it holds");
    lists + "; `{self} backup list` says of what the others are"
}

/// The one release and record that the command line means.
pub(super) fn one<'a>(
    settings: &Settings,
    snapshot: &'a Snapshot,
    names: &[String],
    revision: Option<u32>,
) -> Result<(SavedRelease<'a>, &'a SavedRecord), Failure> {
    if names.len() > 1 {
        let message = "this shows one release at a time";
        return Err(Failure::new(Exit::Usage, message).hint("name only one"));
    }
    let release = in_one_driver(settings, in_one_namespace(settings, snapshot, names)?)?;
    let record = match revision {
        Some(number) => release.revision(number),
        None => release.newest(),
    };
    match record {
        Some(record) => Ok((release, record)),
        None => {
            let id = &snapshot.id;
            let name = &release.release;
            let number = revision.unwrap_or_default();
            let message = format!("snapshot {id} holds no revision {number} of {name}");
            let hint = format!("`{{self}} backup show {id} {name}` lists its revisions");
            Err(Failure::new(Exit::Usage, message).hint(hint))
        }
    }
}

fn in_one_namespace<'a>(
    settings: &Settings,
    snapshot: &'a Snapshot,
    names: &[String],
) -> Result<Vec<SavedRelease<'a>>, Failure> {
    let mut found = releases(settings, snapshot, names)?;
    let first = found.first().map_or("", |one| one.namespace);
    if found.iter().all(|one| one.namespace == first) {
        return Ok(found);
    }
    let namespaces: Vec<_> = found.iter().map(|one| one.namespace).collect();
    let likely = settings.likely_namespace().unwrap_or_default();
    if namespaces.contains(&likely) {
        found.retain(|one| one.namespace == likely);
        return Ok(found);
    }
    let message = format!(
        "snapshot {} holds that release in several namespaces",
        snapshot.id
    );
    let hint = format!("give one with -n: {}", namespaces.join(", "));
    Err(Failure::new(Exit::Usage, message).hint(hint))
}

/// Where both drivers hold a release, the one that Helm would read from the
/// same shell; it is said.
fn in_one_driver<'a>(
    settings: &Settings,
    mut found: Vec<SavedRelease<'a>>,
) -> Result<SavedRelease<'a>, Failure> {
    if found.len() > 1 {
        let driver = settings.driver();
        found.retain(|one| one.driver == driver);
        let text = format!(
            "both drivers hold this release; this is what {}s hold (HELM_DRIVER says which)",
            driver.kind()
        );
        settings.terminal.say(&text);
    }
    let none = || Failure::new(Exit::Usage, "name a release");
    found.pop().ok_or_else(none)
}

//! Which records of a snapshot are meant.

use std::collections::BTreeSet;

use crate::snapshot::{SavedRecord, Snapshot};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// These releases; empty means all.
    pub releases: &'a [String],
    /// Releases that are to be replaced.
    pub replace: &'a [String],
    /// Only what was saved from that namespace.
    pub namespace: Option<&'a str>,
    /// Whatever namespaces they were saved from.
    pub all_namespaces: bool,
    /// Whether everything goes into one namespace.
    pub together: bool,
}

/// Why it is not clear what is meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The snapshot holds nothing that was asked for.
    #[error("the snapshot holds no {what}")]
    NotHeld {
        /// `release web in namespace shop`.
        what: String,
        /// In which namespaces it holds a release of that name.
        namespaces: Vec<String>,
    },
    /// Releases of one name in several namespaces.
    #[error("the snapshot holds {what} of several namespaces: {}", namespaces.join(", "))]
    Several {
        /// `release web`, or `releases`.
        what: String,
        /// Which.
        namespaces: Vec<String>,
    },
}

/// The records of a snapshot that are meant. Those whose name does not say of
/// which release they are come along from the namespaces of what was asked for,
/// or from all: their labels may say it.
///
/// # Errors
///
/// If it is not clear which are meant, or there are none.
pub fn choose<'a>(
    snapshot: &'a Snapshot,
    choice: &Choice<'_>,
) -> Result<Vec<&'a SavedRecord>, ChoiceError> {
    let inside =
        |saved: &&SavedRecord| choice.namespace.is_none_or(|one| one == saved.id.namespace);
    for release in choice.releases.iter().chain(choice.replace) {
        let of_name = |saved: &&SavedRecord| named(saved).as_deref() == Some(release);
        let held = || snapshot.records.iter().filter(of_name);
        let namespaces = spread(held());
        if held().any(|saved| inside(&saved)) {
            let clear = choice.namespace.is_some() || choice.all_namespaces;
            if namespaces.len() > 1 && !clear {
                let what = format!("release {release}");
                return Err(ChoiceError::Several { what, namespaces });
            }
        } else if !snapshot
            .records
            .iter()
            .filter(inside)
            .any(|saved| named(saved).is_none())
        {
            let place = choice
                .namespace
                .map(|namespace| format!(" in namespace {namespace}"));
            let what = format!("release {release}{}", place.unwrap_or_default());
            return Err(ChoiceError::NotHeld { what, namespaces });
        }
    }
    let asked = |name: &String| choice.releases.is_empty() || choice.releases.contains(name);
    let held = || snapshot.records.iter().filter(inside);
    let mut homes = spread(held().filter(|saved| named(saved).as_ref().is_some_and(asked)));
    let by_name = |release: &String| held().any(|saved| named(saved).as_ref() == Some(release));
    if !choice.releases.iter().all(by_name) {
        // One of them is odd altogether, wherever it is.
        homes.clear();
    }
    let everywhere = choice.releases.is_empty() || choice.all_namespaces || homes.is_empty();
    let meant = |saved: &&SavedRecord| match named(saved) {
        Some(name) => asked(&name),
        None => everywhere || homes.contains(&saved.id.namespace),
    };
    let chosen: Vec<_> = held().filter(meant).collect();
    let namespaces = spread(chosen.iter().copied());
    if chosen.is_empty() {
        let place = choice
            .namespace
            .map(|namespace| format!(" of namespace {namespace}"));
        let what = format!("records{}", place.unwrap_or_default());
        let namespaces = spread(snapshot.records.iter());
        return Err(ChoiceError::NotHeld { what, namespaces });
    }
    if choice.together && namespaces.len() > 1 {
        let what = "releases".to_owned();
        return Err(ChoiceError::Several { what, namespaces });
    }
    Ok(chosen)
}

/// The release that the record's name says.
fn named(saved: &SavedRecord) -> Option<String> {
    saved.id.key().map(|key| key.release)
}

fn spread<'a>(records: impl Iterator<Item = &'a SavedRecord>) -> Vec<String> {
    let namespaces: BTreeSet<_> = records.map(|saved| &saved.id.namespace).collect();
    namespaces.into_iter().cloned().collect()
}

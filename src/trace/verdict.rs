//! What the timeline comes to: is the release there, and if not, who removed it?

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Actor, Claim, Deed, Kind, Source, Subject, Thing};
use crate::helm::Status;
use crate::survey::Survey;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The release is there.
    There,
    /// An uninstall began and did not finish: its records are still there.
    UninstallUnfinished,
    /// Its records were removed.
    Removed,
    /// Its namespace was deleted, and its records with it.
    RemovedWithNamespace,
    /// There are no records, and nothing tells of their removal.
    Gone,
    /// There are none, and nothing tells that there ever were.
    NeverSeen,
    /// What is there could not be read.
    Unknown,
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How it ended.
    pub ending: Ending,
    /// The last claim that tells of it.
    pub by: Option<Claim>,
    /// Of a deletion of the namespace: who deleted that.
    pub actor: Option<Actor>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Judges a timeline.
pub fn verdict(subject: &Subject, survey: &Survey, timeline: &[Claim]) -> Verdict {
    let ending = |ending, by: Option<&Claim>| Verdict {
        ending,
        by: by.cloned(),
        actor: by.and_then(|claim| claim.actor.clone()),
        at: by.map(|claim| claim.at),
    };
    let records = survey.records.iter().filter(|one| subject.owns(&one.id));
    let newest = records.max_by_key(|record| record.revision());
    if let Some(newest) = newest {
        let revision = newest.revision().map(Thing::Record);
        let touches = |claim: &&Claim| {
            let it = revision.as_ref().is_some_and(|it| claim.what.contains(it));
            it && matches!(claim.deed, Deed::Created | Deed::Changed)
        };
        let by = last(timeline.iter().filter(touches));
        return match newest.status() {
            Some(Status::Uninstalling) => ending(Ending::UninstallUnfinished, by),
            _ => ending(Ending::There, by),
        };
    }
    if !survey.unread.is_empty() {
        return ending(Ending::Unknown, None);
    }
    let Some(removal) = removal(timeline) else {
        let of_it = |claim: &&Claim| claim.what.iter().any(|it| *it != Thing::Namespace);
        return match timeline.iter().find(of_it) {
            Some(_) => ending(Ending::Gone, None),
            None => ending(Ending::NeverSeen, None),
        };
    };
    let by_controller = removal.actor.as_ref().map(|actor| actor.kind);
    if by_controller != Some(Kind::NamespaceController) {
        return ending(Ending::Removed, Some(removal));
    }
    let removals = timeline.iter().filter(|claim| claim.deed == Deed::Removed);
    let before = |claim: &&Claim| claim.at <= removal.at && claim.what.contains(&Thing::Namespace);
    let own = |claim: &&Claim| {
        let kind = claim.actor.as_ref().map(|actor| actor.kind);
        kind != Some(Kind::NamespaceController)
    };
    let deleted = removals.filter(before).rfind(own);
    Verdict {
        ending: Ending::RemovedWithNamespace,
        by: Some(removal.clone()),
        actor: deleted.and_then(|claim| claim.actor.clone()),
        at: Some(deleted.map_or(removal.at, |claim| claim.at)),
    }
}

/// What removed the last of the records, of all that is told; `None` if some are
/// not told to be removed.
///
/// Whoever empties a namespace removes all records at once, if there are any
/// left: then it is not whoever removed them one by one before. This tool prunes
/// and puts back; it counts only where it is told to have removed the last.
fn removal(timeline: &[Claim]) -> Option<&Claim> {
    let (mut left, mut one_by_one, mut found) = (BTreeSet::new(), false, None);
    for claim in timeline.iter().filter(|claim| claim.source.acts()) {
        let ours = claim
            .actor
            .as_ref()
            .is_some_and(|one| one.kind == Kind::Doctor);
        for thing in &claim.what {
            match (thing, claim.deed) {
                (Thing::Record(revision), Deed::Created | Deed::Changed) => {
                    left.insert(*revision);
                    (one_by_one, found) = (false, None);
                }
                (Thing::Record(revision), Deed::Removed) => {
                    let known = left.remove(revision);
                    if !ours || (known && left.is_empty()) {
                        one_by_one = true;
                        found = Some(claim);
                    }
                }
                (Thing::All(_), Deed::Removed) if !left.is_empty() || !one_by_one => {
                    left.clear();
                    found = Some(claim);
                }
                _ => {}
            }
        }
    }
    found.filter(|_| left.is_empty())
}

/// The last claim of who did it; of two of the same second, that of the audit log.
/// What a record says of itself names nobody, and its clock is the client's.
fn last<'a>(claims: impl Iterator<Item = &'a Claim>) -> Option<&'a Claim> {
    let acts = claims.filter(|claim| claim.source.acts());
    acts.max_by_key(|claim| {
        (
            claim.at.as_second(),
            claim.source == Source::AuditLog,
            claim.at,
        )
    })
}

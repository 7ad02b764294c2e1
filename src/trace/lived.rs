//! Whether what was asked to be deleted was deleted.
//!
//! kubectl's dry run of a deletion says that it is one in the request's body
//! alone, and a log of level `Metadata` has no bodies. So it is told by what
//! became of the object: whether it was there afterwards, by the log or by what
//! is there now, without having been created anew.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Actor, Claim, Deed, Kind, Subject, Thing};
use crate::live::Observed;
use crate::survey::{NamespaceState, SeenObject, Survey};

/// So many signs are kept, of all objects together. What comes after is passed
/// over, so that no creation is missed before something that is seen.
const MANY: usize = 10_000;

/// What a claim says whose object was there afterwards.
const LIVED_ON: &str =
    "deletion asked for; it was there afterwards: a dry run, or something held it";

/// An object, as requests name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Its API group, `apps`; empty for the core one.
    pub(super) group: String,
    /// `secrets`.
    pub(super) resource: String,
    /// Its namespace; empty if it lies in none.
    pub(super) namespace: String,
    /// Its name; empty for all records that are kept in that resource.
    pub(super) name: String,
    /// Whether it is a record of the release.
    pub(super) record: bool,
}

/// What a request shows of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It was there.
    Alive,
    /// It was created.
    Made,
    /// It was not there, or going.
    Gone,
}

/// What was shown of the release's objects, and when.
#[derive(Debug, Default)]
pub(super) struct Signs {
    of: BTreeMap<Key, Vec<(Timestamp, Sign)>>,
    count: usize,
}

/// A deletion that may have been a dry run, as far as its own event tells.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) key: Key,
    /// When it was answered.
    pub(super) done: Timestamp,
}

impl Signs {
    pub(super) fn note(&mut self, key: Key, at: Timestamp, sign: Sign) {
        if self.count == MANY {
            return;
        }
        let signs = self.of.entry(key).or_default();
        match signs.last_mut() {
            // Of a life the end counts.
            Some((last, Sign::Alive)) if sign == Sign::Alive && *last <= at => *last = at,
            _ => {
                signs.push((at, sign));
                self.count += 1;
            }
        }
    }

    /// The first that was shown of it after that time.
    fn next(&self, key: &Key, after: Timestamp) -> Option<(Timestamp, Sign)> {
        let signs = self.of.get(key)?.iter();
        let later = signs.filter(|(at, _)| *at > after);
        later.min_by_key(|(at, _)| *at).copied()
    }

    /// Whether all records were deleted between two times, as where a namespace
    /// is emptied.
    fn swept(&self, record: &Key, after: Timestamp, until: Timestamp) -> bool {
        let all = Key {
            name: String::new(),
            ..record.clone()
        };
        let sweep = self.next(&all, after);
        record.record && sweep.is_some_and(|(at, _)| at <= until)
    }

    /// What became of it, as far as that was shown.
    fn after(&self, asked: &Asked) -> Option<Sign> {
        if !asked.key.name.is_empty() {
            let (at, sign) = self.next(&asked.key, asked.done)?;
            // Whoever misses it then need not miss it for that request.
            let other = sign == Sign::Gone && self.swept(&asked.key, asked.done, at);
            return (!other).then_some(sign);
        }
        let keys = self.of.keys();
        let mut records = keys.filter(|key| key.record && key.resource == asked.key.resource);
        let alive = |key: &Key| {
            self.next(key, asked.done)
                .is_some_and(|(_, sign)| sign == Sign::Alive)
        };
        records.any(alive).then_some(Sign::Alive)
    }

    /// The claim of a deletion, as far as it can be upheld.
    pub(super) fn judge(&self, claim: &mut Claim, asked: &Asked) {
        let dry = claim.actor.as_ref().is_some_and(asks_for_dry_runs);
        match self.after(asked) {
            Some(Sign::Alive) if asked.key.record => take_back(claim),
            // Others may be held by a finalizer, and go later.
            Some(Sign::Alive) | None => claim.perhaps_dry = dry,
            Some(Sign::Made | Sign::Gone) => {}
        }
    }
}

/// Helm's own dry runs delete nothing, on no server; and what empties a namespace
/// makes none.
fn asks_for_dry_runs(actor: &Actor) -> bool {
    matches!(actor.kind, Kind::Kubectl | Kind::Other)
}

/// Takes back the claim if what it says to be removed is there, and was before.
pub(super) fn hold_against(claim: &mut Claim, subject: &Subject, survey: &Survey) {
    // Creation times are whole seconds.
    let before = |created: Option<Timestamp>| {
        created.is_some_and(|created| created.as_second() < claim.at.as_second())
    };
    let is_there = |thing: &Thing| match thing {
        Thing::Record(revision) => survey.records.iter().any(|one| {
            subject.owns(&one.id) && one.revision() == Some(*revision) && before(one.created)
        }),
        Thing::All(resource) => survey.records.iter().any(|one| {
            subject.owns(&one.id) && one.id.driver.resource() == resource && before(one.created)
        }),
        Thing::Namespace => survey.namespaces.iter().any(|one| match &one.state {
            NamespaceState::Present {
                created, deleting, ..
            } => one.name == subject.namespace && deleting.is_none() && before(*created),
            _ => false,
        }),
        Thing::Object(name) => {
            let named =
                |one: &&SeenObject| format!("{} {}", one.object.kind, one.object.name) == *name;
            let lives = |one: &SeenObject| match &one.observed {
                Observed::Present(live) => live.deleting.is_none() && before(live.created),
                _ => false,
            };
            // Several namespaces may have one of that name.
            let mut named = survey.objects.iter().filter(named).peekable();
            named.peek().is_some() && named.all(lives)
        }
    };
    if claim.perhaps_dry && claim.what.iter().any(is_there) {
        take_back(claim);
    }
}

fn take_back(claim: &mut Claim) {
    claim.deed = Deed::Noted;
    claim.perhaps_dry = false;
    claim.words = match claim.words.as_str() {
        "" => LIVED_ON.to_owned(),
        said => format!("{said}; {LIVED_ON}"),
    };
}

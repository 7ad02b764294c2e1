//! `backup restore`: records as a snapshot holds them.
//!
//! Nothing that exists is overwritten, unless the release was named for it. The
//! newest revision comes first, so that a crash never leaves the release
//! without it; what is to go goes last, the newest at the very end, so that
//! until then the release is what it was.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::diagnose::garbled::under_way;
use crate::diagnose::life::by_us;
use crate::diagnose::{Finding, Policy, Seconds, Verdict};
use crate::helm::{Driver, Status};
use crate::plan::{Action, Guard, Plan, Refusal, Step, Verb};
use crate::snapshot::SnapshotId;
use crate::survey::{ApiState, NamespaceState, Need, Record, RecordId, Survey, Unread};

mod after;
mod choice;
mod fit;
mod saved;
mod words;

#[cfg(test)]
mod tests;

pub use choice::{Choice, ChoiceError, choose};
pub use fit::{Fit, FitError, Fitted, Moved, fit};
pub use saved::{Saved, Standing};

/// What is to be restored.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// When it was taken.
    pub time: Timestamp,
    /// What it does not hold although it should.
    pub missing: Vec<Unread>,
    /// Not some releases are meant, but all that it was to hold.
    pub all: bool,
    /// From that namespace alone.
    pub from: Option<String>,
    /// Its records that are meant.
    pub saved: Vec<Saved>,
    /// Releases that do not fit where they are to go.
    pub unfit: Vec<Refusal>,
    /// Releases whose history becomes what the snapshot holds, whatever stands
    /// there now.
    pub replace: Vec<String>,
}

/// What stands there now.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What was seen.
    pub survey: &'a Survey,
    /// What was found.
    pub findings: &'a [Finding],
    /// Records that were read whole, or why not; see [`Restore::unlike`].
    pub standing: &'a BTreeMap<RecordId, Result<Standing, String>>,
}

impl Restore {
    /// What must be known beside the records: whether the namespaces are there,
    /// and of what moves, which of its kinds lie in namespaces.
    pub fn needs(&self) -> Vec<Need> {
        let places = self.saved.iter().map(|saved| &saved.object.namespace);
        let places = places.map(|place| Need::Namespace(place.clone()));
        let objects = self.saved.iter().flat_map(|saved| &saved.objects);
        let apis = objects.map(|object| Need::Api(object.api_version.clone()));
        let mut needs: Vec<_> = places.chain(apis).collect();
        needs.sort();
        needs.dedup();
        needs
    }

    /// Leaves what belongs to these releases, all if there are none named.
    ///
    /// # Errors
    ///
    /// The first of them of which there is nothing.
    pub fn settle(&mut self, releases: &[String]) -> Result<(), String> {
        if releases.is_empty() {
            return self.settled(&self.replace);
        }
        self.saved.retain(|saved| releases.contains(&saved.release));
        self.unfit.retain(|unfit| releases.contains(&unfit.release));
        self.settled(releases)?;
        self.settled(&self.replace)
    }

    fn settled(&self, releases: &[String]) -> Result<(), String> {
        let held = |release: &&String| {
            let saved = self.saved.iter().map(|saved| &saved.release);
            let unfit = self.unfit.iter().map(|unfit| &unfit.release);
            saved.chain(unfit).any(|name| name == *release)
        };
        match releases.iter().find(|release| !held(release)) {
            Some(release) => Err(release.clone()),
            None => Ok(()),
        }
    }

    /// What the snapshot lacks of what is restored.
    pub fn lost(&self) -> Vec<&Unread> {
        let of_all = |missing: &Unread| {
            let own = missing.may_be_of(self.from.as_deref(), None, None);
            self.all && own.unwrap_or(false)
        };
        let lost = self.missing.iter().filter(|missing| {
            let of_one = self.saved.iter().any(|saved| saved.lacks(missing));
            of_one || of_all(missing) || self.saved.is_empty()
        });
        lost.collect()
    }

    /// The records that exist where saved ones are to go and are not plainly the
    /// same: these must be read whole.
    pub fn unlike(&self, survey: &Survey) -> Vec<RecordId> {
        let unlike = |saved: &&Saved| {
            let there = survey.record(&saved.object);
            there.is_some_and(|there| !saved.is_untouched(there))
        };
        let records = self.saved.iter().filter(unlike);
        records.map(|saved| saved.object.clone()).collect()
    }
}

impl Saved {
    /// Whether that may be a part of its release's history.
    fn lacks(&self, missing: &Unread) -> bool {
        let from = &self.fit.record;
        let (namespace, driver) = (Some(&*from.namespace), Some(from.driver));
        let own = missing.may_be_of(namespace, driver, Some(&self.release));
        // Of its live objects nobody knows whose they are; its history they are not.
        own.unwrap_or(false)
    }

    /// Whether the record is the very one that was saved, never written since.
    fn is_untouched(&self, there: &Record) -> bool {
        let (uid, resource_version) = &self.version;
        self.moved.is_none() && there.uid == *uid && there.resource_version == *resource_version
    }
}

/// Plans to create what is missing of the saved releases.
///
/// A release of which something newer or different exists is refused, unless it
/// is to be replaced; one that may be alive is always.
pub fn restore(asked: &Restore, seen: Seen<'_>) -> Plan {
    let mut plan = Plan {
        verb: Verb::Restore,
        cluster: seen.survey.cluster.clone(),
        steps: Vec::new(),
        refused: asked.unfit.clone(),
    };
    let mut releases: BTreeMap<(&str, &str), Vec<&Saved>> = BTreeMap::new();
    for saved in &asked.saved {
        let release = (saved.object.namespace.as_str(), saved.release.as_str());
        releases.entry(release).or_default().push(saved);
    }
    let mut there: BTreeMap<(&str, String), Vec<&Record>> = BTreeMap::new();
    for record in &seen.survey.records {
        if let Some(release) = record.release_name() {
            let place = (record.id.namespace.as_str(), release);
            there.entry(place).or_default().push(record);
        }
    }
    for ((namespace, release), saved) in releases {
        let of = |refusal: &Refusal| refusal.namespace == namespace && refusal.release == release;
        if asked.unfit.iter().any(of) {
            continue;
        }
        let one = One {
            asked,
            seen,
            namespace,
            release,
            saved,
            there: there
                .remove(&(namespace, release.to_owned()))
                .unwrap_or_default(),
        };
        match one.changes() {
            Ok(changes) => one.steps(changes, &mut plan.steps),
            Err(reason) => plan.refused.push(Refusal {
                namespace: namespace.to_owned(),
                release: release.to_owned(),
                reason,
            }),
        }
    }
    plan
}

/// One release.
struct One<'a> {
    asked: &'a Restore,
    seen: Seen<'a>,
    namespace: &'a str,
    release: &'a str,
    saved: Vec<&'a Saved>,
    /// The records that it has now, of both drivers.
    there: Vec<&'a Record>,
}

/// What is to be done to one release.
#[derive(Default)]
struct Changes<'a> {
    /// Saved records to create, and what stands in their place.
    create: Vec<(&'a Saved, Option<&'a Standing>)>,
    /// Records that the snapshot does not hold.
    delete: Vec<&'a Record>,
}

impl Changes<'_> {
    fn is_empty(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty()
    }
}

impl<'a> One<'a> {
    fn changes(&self) -> Result<Changes<'a>, String> {
        self.place()?;
        match (self.wanted(), self.asleep()) {
            // Where nothing is to be done, nothing is in the way.
            (Ok(wanted), _) if wanted.is_empty() => Ok(wanted),
            (_, Err(alive)) => Err(alive),
            (wanted, Ok(())) => wanted,
        }
    }

    fn wanted(&self) -> Result<Changes<'a>, String> {
        let mut changes = Changes::default();
        for driver in Driver::ALL {
            self.of_driver(driver, &mut changes)?;
        }
        let order = |saved: &Saved| {
            let newest = self.newest(saved.object.driver) == saved.revision;
            let deployed = saved.status == Some(Status::Deployed);
            (newest, deployed, saved.revision)
        };
        changes
            .create
            .sort_by_key(|(saved, _)| std::cmp::Reverse(order(saved)));
        changes.delete.sort_by_key(|record| record.revision());
        Ok(changes)
    }

    /// That there is a namespace to put it into, and that all of its records
    /// there are known.
    fn place(&self) -> Result<(), String> {
        let namespace = self.namespace;
        match self.seen.survey.namespace(namespace) {
            Some(NamespaceState::Missing) => {
                return Err(format!(
                    "there is no namespace {namespace}; make it first: kubectl create namespace {namespace}"
                ));
            }
            Some(NamespaceState::Present {
                deleting: Some(_), ..
            }) => {
                return Err(format!(
                    "namespace {namespace} is being deleted; once it is gone, make it anew: kubectl create namespace {namespace}"
                ));
            }
            _ => {}
        }
        match self.seen.survey.lists_all_records() {
            true => Ok(()),
            false => {
                Err("not all records could be listed: it is not known what stands there".to_owned())
            }
        }
    }

    /// That no operation may be at work on it.
    fn asleep(&self) -> Result<(), String> {
        let alive = |finding: &&Finding| {
            finding.subject.namespace == self.namespace
                && finding.subject.release.as_deref() == Some(self.release)
                && finding
                    .verdict
                    .is_some_and(|verdict| verdict != Verdict::Stale)
                && !self.put_back(finding)
        };
        if let Some(finding) = self.seen.findings.iter().find(alive) {
            return Err(format!(
                "an operation may be at work on it: {}",
                finding.summary
            ));
        }
        let window = Policy::default().wait_window();
        let announced =
            |one: &&Record| Some((one.id.clone(), under_way(one, self.seen.survey, window)?));
        match self.there.iter().find_map(announced) {
            None => Ok(()),
            Some((record, status)) => Err(format!(
                "an operation may be at work on it: {record} is labeled {status}, cannot be read, and was written less than {} ago",
                Seconds(window)
            )),
        }
    }

    /// Whether the finding is about a record that an earlier restore put there:
    /// what it announces was announced before it was saved.
    fn put_back(&self, finding: &Finding) -> bool {
        let subject = &finding.subject;
        self.saved.iter().any(|saved| {
            let record = self.seen.survey.record(&saved.object);
            Some(saved.object.driver) == subject.driver
                && saved.revision == subject.revision
                && record.is_some_and(by_us)
                && matches!(self.standing(saved), Ok(Some(Stands::Same)))
        })
    }

    fn newest(&self, driver: Driver) -> Option<u32> {
        let own = self
            .saved
            .iter()
            .filter(|saved| saved.object.driver == driver);
        own.filter_map(|saved| saved.revision).max()
    }

    fn of_driver(&self, driver: Driver, changes: &mut Changes<'a>) -> Result<(), String> {
        let mut saved = self
            .saved
            .iter()
            .copied()
            .filter(|saved| saved.object.driver == driver)
            .peekable();
        let there = self.there.iter().copied();
        let there = there.filter(|record| record.id.driver == driver);
        let known = |record: &&Record| self.saved.iter().any(|saved| saved.object == record.id);
        let others: Vec<_> = there.filter(|record| !known(record)).collect();
        if saved.peek().is_none() {
            return match others.first() {
                None => Ok(()),
                Some(other) => Err(words::other_driver(other)),
            };
        }
        let replace = self.asked.replace.iter().any(|name| name == self.release);
        let newest = self.newest(driver);
        let since = |record: &&&Record| {
            let late = record.created.is_some_and(|at| at > self.asked.time);
            record.revision() > newest || (late && !by_us(record))
        };
        let newer: Vec<_> = others.iter().filter(since).copied().collect();
        let mut differ = Vec::new();
        for saved in saved {
            match self.standing(saved)? {
                None => changes.create.push((saved, None)),
                Some(Stands::Same) => {}
                Some(Stands::Other(standing)) => {
                    differ.push(saved);
                    changes.create.push((saved, Some(standing)));
                }
            }
        }
        if !replace {
            return match newer.is_empty() && differ.is_empty() {
                true => Ok(()),
                false => Err(words::in_the_way(self.release, newest, &newer, &differ)),
            };
        }
        if let Some(missing) = self.missing(driver).filter(|_| !others.is_empty()) {
            return Err(words::incomplete(missing));
        }
        changes.delete.extend(others);
        Ok(())
    }

    /// What stands where a saved record is to go; `None` if nothing does.
    fn standing(&self, saved: &Saved) -> Result<Option<Stands<'a>>, String> {
        let Some(there) = self.seen.survey.record(&saved.object) else {
            return Ok(None);
        };
        if saved.is_untouched(there) {
            return Ok(Some(Stands::Same));
        }
        match self.seen.standing.get(&saved.object) {
            Some(Ok(standing)) if standing.deleting => {
                Err(format!("{} is being deleted", saved.object))
            }
            Some(Ok(standing)) if standing.content == saved.content => Ok(Some(Stands::Same)),
            Some(Ok(standing)) => Ok(Some(Stands::Other(standing))),
            Some(Err(reason)) => Err(format!("{} could not be read: {reason}", saved.object)),
            None => Err(format!("{} could not be read", saved.object)),
        }
    }

    /// What the snapshot lacks of this release's history.
    fn missing(&self, driver: Driver) -> Option<&'a Unread> {
        let mut saved = self.saved.iter();
        let first = saved.find(|saved| saved.object.driver == driver)?;
        self.asked
            .missing
            .iter()
            .find(|missing| first.lacks(missing))
    }

    fn steps(&self, changes: Changes<'_>, steps: &mut Vec<Step>) {
        for (saved, standing) in changes.create {
            let mut guard = Guard::Absent;
            if let Some(standing) = standing {
                let seen = Guard::Seen {
                    uid: standing.uid.clone(),
                    resource_version: standing.resource_version.clone(),
                    digest: Some(standing.text),
                };
                let reason = words::replaced(saved);
                steps.push(self.step(Action::DeleteRecord, &saved.object, seen, reason));
                guard = Guard::LeftBy {
                    step: steps.len() - 1,
                };
            }
            let create = Action::CreateRecord {
                from: self.asked.snapshot.clone(),
                fit: Some(saved.fit.clone()),
            };
            let shared = match self.newest(saved.object.driver) == saved.revision {
                true => shared(self.seen.survey, saved),
                false => Vec::new(),
            };
            let reason = words::created(&self.asked.snapshot, saved, &shared);
            steps.push(self.step(create, &saved.object, guard, reason));
        }
        for record in changes.delete {
            let reason = words::removed(&self.asked.snapshot, record);
            let guard = Guard::seen(record);
            steps.push(self.step(Action::DeleteRecord, &record.id, guard, reason));
        }
    }

    fn step(&self, action: Action, object: &RecordId, guard: Guard, reason: String) -> Step {
        Step {
            action,
            object: object.clone(),
            release: self.release.to_owned(),
            guard,
            reason,
        }
    }
}

/// The objects of a record that moves which lie in no namespace: they are the
/// same ones as the original release's.
fn shared(survey: &Survey, saved: &Saved) -> Vec<String> {
    let clusterwide = saved.objects.iter().filter(|object| {
        let api = survey.api(&object.api_version);
        let Some(ApiState::Served { kinds }) = api else {
            return false;
        };
        kinds.get(&object.kind) == Some(&false)
    });
    clusterwide
        .map(|object| format!("{} {}", object.kind, object.name))
        .collect()
}

/// What stands in a saved record's place.
enum Stands<'a> {
    /// The same.
    Same,
    /// Another one.
    Other(&'a Standing),
}

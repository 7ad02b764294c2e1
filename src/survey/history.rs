//! Histories: the revisions of one release name in one storage namespace.

use std::collections::BTreeMap;

use crate::helm::{Driver, Status};
use crate::survey::{Payload, Record, Release, Survey};

/// All records of one release name in one storage namespace and driver, by
/// ascending revision.
#[derive(Clone, Debug)]
pub struct History<'a> {
    /// The storage namespace.
    pub namespace: &'a str,
    /// Which kind of object holds it.
    pub driver: Driver,
    /// The release's name: the records' names say it, else their label.
    pub release: String,
    /// Its records; empty where all that bear its name are of another format.
    pub records: Vec<&'a Record>,
    /// Records of another format under its name: none of Helm's business, and
    /// none of ours.
    pub foreign: Vec<&'a Record>,
    /// The same release in the other driver, if it has records there.
    pub twin: Option<Box<Self>>,
}

impl<'a> History<'a> {
    /// The newest record that Helm sees: labeled for its drivers, and not known
    /// to be undecodable. `None` if Helm would say that there is no release.
    ///
    /// Helm selects by label and skips what does not decode (helm v4
    /// `pkg/storage/driver/secrets.go`), so a newer record can hide from it.
    pub fn newest(&self) -> Option<&'a Record> {
        self.visible().next_back()
    }

    /// The namespace that the newest record names as the release's, if it was
    /// read and names one. Some tools store records elsewhere.
    pub fn release_namespace(&self) -> Option<&'a str> {
        let release = self.newest()?.decoded()?;
        Some(release.namespace.as_str()).filter(|namespace| !namespace.is_empty())
    }

    /// Whether the release is one of another namespace than its records.
    pub fn is_kept_apart(&self) -> bool {
        let own = self.release_namespace();
        own.is_some_and(|namespace| namespace != self.namespace)
    }

    /// The records that Helm sees, by ascending revision.
    pub fn visible(&self) -> impl DoubleEndedIterator<Item = &'a Record> + '_ {
        let seen = |record: &&&Record| record.labeled() && !record.broken();
        self.records.iter().filter(seen).copied()
    }

    /// Records at or above that revision that Helm does not see. Their
    /// existence makes any judgement of the release doubtful.
    pub fn hidden_from(&self, revision: u32) -> impl Iterator<Item = &'a Record> + '_ {
        self.records.iter().copied().filter(move |record| {
            record.revision().unwrap_or(u32::MAX) >= revision
                && (!record.labeled() || record.broken())
        })
    }

    /// The records that Helm's `Deployed` would select.
    pub fn deployed(&self) -> impl Iterator<Item = &'a Record> + '_ {
        self.visible()
            .filter(|record| record.label("status") == Some(Status::Deployed.as_str()))
    }

    /// Tells both of each other, if they are the same release.
    fn pair(&mut self, other: &mut Self) {
        let same = self.namespace == other.namespace && self.release == other.release;
        if same && !self.records.is_empty() && !other.records.is_empty() {
            self.twin = Some(Box::new(other.clone()));
            other.twin = Some(Box::new(Self {
                twin: None,
                ..self.clone()
            }));
        }
    }
}

impl Survey {
    /// The records sorted into histories, by namespace, release and driver.
    /// A record that names no release in any way stands alone under its own
    /// name.
    pub fn histories(&self) -> Vec<History<'_>> {
        let mut histories: BTreeMap<(&str, String, Driver), Vec<&Record>> = BTreeMap::new();
        for record in &self.records {
            let release = record.release_name().unwrap_or(record.id.name.clone());
            let key = (record.id.namespace.as_str(), release, record.id.driver);
            histories.entry(key).or_default().push(record);
        }
        let mut sorted: Vec<History<'_>> = Vec::with_capacity(histories.len());
        for ((namespace, release, driver), mut records) in histories {
            records.sort_by(|a, b| {
                let revision = a.revision().cmp(&b.revision());
                revision.then_with(|| a.id.name.cmp(&b.id.name))
            });
            let foreign = |record: &&Record| matches!(record.payload, Payload::Foreign { .. });
            let (foreign, records) = records.into_iter().partition(foreign);
            let mut history = History {
                namespace,
                driver,
                release,
                records,
                foreign,
                twin: None,
            };
            // The two drivers of a release follow each other.
            if let Some(before) = sorted.last_mut() {
                before.pair(&mut history);
            }
            sorted.push(history);
        }
        sorted
    }
}

impl Record {
    /// The release that the object's name says, else its `name` label.
    pub fn release_name(&self) -> Option<String> {
        match self.id.key() {
            Some(key) => Some(key.release),
            None => self.label("name").map(str::to_owned),
        }
    }

    /// The revision that the object's name says, else its `version` label.
    pub fn revision(&self) -> Option<u32> {
        match self.id.key() {
            Some(key) => Some(key.revision),
            None => self.label("version")?.parse().ok(),
        }
    }

    /// Whether it carries the four labels that Helm's drivers always set, and
    /// without which they do not find it.
    pub fn labeled(&self) -> bool {
        self.label("owner") == Some("helm")
            && ["name", "status", "version"]
                .iter()
                .all(|key| self.label(key).is_some())
    }

    /// Whether its payload was read and does not decode.
    pub fn broken(&self) -> bool {
        matches!(self.payload, Payload::Undecodable { .. })
    }

    /// What its payload says, if it was read and decodes.
    pub fn decoded(&self) -> Option<&Release> {
        match &self.payload {
            Payload::Decoded { release, .. } => Some(release),
            _ => None,
        }
    }

    /// Its status: the payload's, which is what Helm acts on, else the label's.
    pub fn status(&self) -> Option<Status> {
        match self.decoded() {
            Some(release) => Some(release.status.clone()),
            None => self.label("status").map(Status::from),
        }
    }
}

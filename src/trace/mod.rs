//! Who changed or removed a release, and when: one timeline from whatever tells
//! of it, each claim with its source.
//!
//! Pure. It reads no log and asks nobody; it never says more than its sources
//! do. A field manager and a user agent are what a client calls itself; only the
//! API server's audit log names users that were authenticated.

use std::fmt;

use jiff::Timestamp;

use crate::helm::RecordKey;
use crate::live::ObjectRef;
use crate::survey::RecordId;

mod actor;
mod audit;
mod lived;
mod timeline;
mod verdict;

#[cfg(test)]
mod tests;

pub use actor::{Actor, Kind};
pub use audit::{Log, Requests};
pub use timeline::{Told, timeline};
pub use verdict::{Ending, Verdict, verdict};

/// What is traced.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The storage namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// The objects that its last known manifest and hooks name.
    pub objects: Vec<ObjectRef>,
    /// The key of the project in Zadig whose namespace it is.
    pub project: Option<String>,
}

impl Subject {
    /// The revision of the release's record that is called so.
    pub fn revision(&self, name: &str) -> Option<u32> {
        let key = RecordKey::parse(name)?;
        (key.release == self.release).then_some(key.revision)
    }

    /// Whether a record is the release's.
    pub fn owns(&self, record: &RecordId) -> bool {
        record.namespace == self.namespace && self.revision(&record.name).is_some()
    }
}

/// Where a claim comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The API server's audit log.
    AuditLog,
    /// `metadata.managedFields` of what is there now.
    ManagedFields,
    /// What Helm wrote into a record.
    Record,
    /// An Event of the namespace.
    Event,
    /// Zadig's operation log.
    Zadig,
    /// Our own operations.
    OwnLog,
}

impl Source {
    /// As people say it.
    pub fn told(self) -> &'static str {
        match self {
            Self::AuditLog => "audit log",
            Self::ManagedFields => "managedFields",
            Self::Record => "record",
            Self::Event => "event",
            Self::Zadig => "Zadig",
            Self::OwnLog => "own log",
        }
    }

    /// Whether it tells of acts, and of who acted.
    fn acts(self) -> bool {
        !matches!(self, Self::Record | Self::Event | Self::Zadig)
    }

    /// `the audit log says`.
    pub fn says(self) -> &'static str {
        match self {
            Self::AuditLog => "the audit log says",
            Self::ManagedFields => "managedFields say",
            Self::Record => "its record says",
            Self::Event => "an event says",
            Self::Zadig => "Zadig's operation log says",
            Self::OwnLog => "this tool's own log says",
        }
    }

    /// How far it can be trusted, as half a sentence.
    pub fn trust(self) -> &'static str {
        match self {
            Self::AuditLog => {
                "users were authenticated by the API server, times are its own; a user agent is what a client calls itself"
            }
            Self::ManagedFields => {
                "times are the API server's, of the last write only; a manager is what a client calls itself"
            }
            Self::Record => "Helm's own words, by the clock of the machine that ran it",
            Self::Event => {
                "kept for an hour by default; anybody who may create events can write one"
            }
            Self::Zadig => {
                "what users asked Zadig for, by its clock; deletions go on after they were answered"
            }
            Self::OwnLog => "what this tool did from this machine, by the API server's clock",
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Something was created.
    Created,
    /// Something was changed.
    Changed,
    /// Something was deleted, or its deletion began.
    Removed,
    /// Something else was said of it.
    Noted,
}

impl Deed {
    /// As people say it.
    pub fn told(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Noted => "noted",
        }
    }
}

/// One thing that some source tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub deed: Deed,
    /// To what: `revision 3`, `Deployment web`.
    pub what: Vec<Thing>,
    /// By whom, as far as the source says.
    pub actor: Option<Actor>,
    /// The source.
    pub source: Source,
    /// What else it says.
    pub words: String,
    /// Whether what is said to be removed may not have been: the source would say
    /// the same of a dry run.
    pub perhaps_dry: bool,
}

/// What something was done to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A record of the release.
    Record(u32),
    /// All records of the namespace, or all of a kind.
    All(String),
    /// The namespace itself.
    Namespace,
    /// An object of the release: `Deployment web`.
    Object(String),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(revision) => write!(f, "record of revision {revision}"),
            Self::All(resource) => write!(f, "all {resource} of the namespace"),
            Self::Namespace => f.write_str("the namespace"),
            Self::Object(object) => f.write_str(object),
        }
    }
}

//! Findings: problems, with typed evidence and advice.

use std::fmt;

use serde::Serialize;

use crate::diagnose::Evidence;
use crate::diagnose::extent::Extent;
use crate::helm::Driver;
use crate::survey::{History, Record};

/// How bad a finding is. Ordered: `Info` is least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Something may go wrong, or could not be judged.
    Warning,
    /// Something is wrong.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Whether an operation that announced itself is still alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Proven: all was read, and nothing has stirred for the whole window.
    Stale,
    /// There is a sign of life.
    PossiblyRunning,
    /// No sign of life, but not everything could be read.
    Unknown,
}

impl Verdict {
    /// Severity follows the verdict: a deploy at work is healthy.
    pub fn severity(self) -> Severity {
        match self {
            Self::Stale => Severity::Error,
            Self::Unknown => Severity::Warning,
            Self::PossiblyRunning => Severity::Info,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stale => "stale",
            Self::PossiblyRunning => "possibly-running",
            Self::Unknown => "unknown",
        })
    }
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The storage namespace.
    pub namespace: String,
    /// The release, where one is named.
    pub release: Option<String>,
    /// The revision, where it is about one.
    pub revision: Option<u32>,
    /// Which kind of object holds it, where it is about records.
    pub driver: Option<Driver>,
}

impl Subject {
    /// One record.
    pub fn record(record: &Record) -> Self {
        Self {
            namespace: record.id.namespace.clone(),
            release: record.release_name(),
            revision: record.revision(),
            driver: Some(record.id.driver),
        }
    }

    /// A release, whatever its revisions.
    pub fn release(history: &History<'_>) -> Self {
        Self {
            namespace: history.namespace.to_owned(),
            release: Some(history.release.clone()),
            revision: None,
            driver: Some(history.driver),
        }
    }

    /// A namespace.
    pub fn namespace(name: &str) -> Self {
        Self {
            namespace: name.to_owned(),
            release: None,
            revision: None,
            driver: None,
        }
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The check that found it; its file, its test and `explain` are named so.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub subject: Subject,
    /// Whether the operation is alive, where that is the question.
    pub verdict: Option<Verdict>,
    /// One line, for a person.
    pub summary: String,
    /// What it rests on, most telling first.
    pub evidence: Vec<Evidence>,
    /// What to do next.
    pub advice: Vec<Advice>,
}

impl Finding {
    /// How much of the operation got in, where it is about an interrupted one.
    pub fn extent(&self) -> Option<Extent> {
        self.evidence.iter().find_map(|evidence| match evidence {
            Evidence::GotIn { extent, .. } => Some(*extent),
            _ => None,
        })
    }
}

/// One thing to do next: a sentence, and where there is one a command.
///
/// A command is given as arguments of this tool or of Helm; whoever prints it
/// puts the name under which the user invoked us in front, and the flags that
/// lead to the same cluster behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What it does and when it is right.
    pub text: String,
    /// To paste.
    pub command: Option<Command>,
}

/// A command to paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Arguments of this tool.
    Own(Vec<String>),
    /// Arguments of Helm, for a release whose records that driver holds.
    Helm(Driver, Vec<String>),
}

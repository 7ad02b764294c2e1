//! Findings: problems, with typed evidence and advice.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::helm::{Driver, Status};
use crate::survey::{History, Record, RecordId};

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

/// A fact that a finding rests on. Times are the API server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// What a record's payload says of itself.
    Says {
        /// The record.
        record: RecordId,
        /// Its status.
        status: Status,
        /// Its description.
        description: String,
    },
    /// What a record's label says, where that is not what the payload says.
    LabelSays {
        /// The record.
        record: RecordId,
        /// `status`, `name`, `version`.
        label: String,
        /// The label's value.
        value: String,
        /// The payload's value.
        payload: String,
    },
    /// Labels that are not there.
    LabelsMissing {
        /// The record.
        record: RecordId,
        /// Which.
        labels: Vec<String>,
    },
    /// What a record's label says, where that is all that was read of it.
    Labeled {
        /// The record.
        record: RecordId,
        /// Its status.
        status: Status,
    },
    /// The namespace that a record's payload names, where it is not the one
    /// that the record is stored in.
    Namespace {
        /// The record.
        record: RecordId,
        /// The payload's namespace.
        namespace: String,
    },
    /// How large a record's payload is.
    Size {
        /// The record.
        record: RecordId,
        /// Of the payload's text, in bytes.
        bytes: u64,
        /// How many the API server accepts.
        limit: u64,
    },
    /// How many records a release has, and how much they may hold.
    Kept {
        /// How many.
        records: usize,
        /// Of payload, in bytes, judged by those that were read.
        bytes: u64,
    },
    /// An object, and what is known of its API.
    Api {
        /// The object.
        object: String,
        /// As its manifest names it.
        api_version: String,
        /// `is not served`.
        told: String,
    },
    /// A namespace that is being deleted.
    Terminating {
        /// The namespace.
        namespace: String,
        /// Since when.
        since: Timestamp,
    },
    /// A namespace that a record names and that does not exist.
    NoNamespace {
        /// The record.
        record: RecordId,
        /// The namespace.
        namespace: String,
    },
    /// A label of a namespace.
    NamespaceLabel {
        /// The namespace.
        namespace: String,
        /// The label and its value.
        label: String,
    },
    /// A record of another format.
    Foreign {
        /// The record.
        record: RecordId,
        /// Which format.
        format: String,
    },
    /// An object that is there.
    Exists {
        /// The object.
        object: String,
        /// Since when.
        created: Option<Timestamp>,
    },
    /// A payload that does not decode.
    Undecodable {
        /// The record.
        record: RecordId,
        /// Why.
        reason: String,
    },
    /// A write to a record or a live object.
    Write {
        /// To what.
        object: String,
        /// By which field manager.
        writer: String,
        /// When.
        at: Timestamp,
        /// How long ago.
        seconds_ago: i64,
    },
    /// A hook that has not finished.
    HookRunning {
        /// The Job or Pod.
        object: String,
        /// What it lacks.
        reason: String,
    },
    /// An object that `helm --wait` would still be waiting on.
    Waiting {
        /// The object.
        object: String,
        /// What it lacks.
        reason: String,
    },
    /// Somebody holds the release's Lease.
    LeaseHeld {
        /// The Lease.
        lease: String,
        /// Who.
        holder: String,
    },
    /// Something could not be read.
    Unread {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// Nothing has stirred for the whole window.
    Quiet {
        /// For how long, in seconds.
        seconds: i64,
        /// The window, in seconds.
        window: i64,
        /// How many records and objects were looked at.
        looked_at: usize,
    },
}

impl Evidence {
    /// A word for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Says { .. } => "says",
            Self::LabelSays { .. } => "label",
            Self::LabelsMissing { .. } => "labels-missing",
            Self::Labeled { .. } => "labeled",
            Self::Namespace { .. } => "namespace",
            Self::Size { .. } => "size",
            Self::Kept { .. } => "kept",
            Self::Api { .. } => "api",
            Self::Terminating { .. } => "terminating",
            Self::NoNamespace { .. } => "no-namespace",
            Self::NamespaceLabel { .. } => "namespace-label",
            Self::Foreign { .. } => "foreign",
            Self::Exists { .. } => "exists",
            Self::Undecodable { .. } => "undecodable",
            Self::Write { .. } => "write",
            Self::HookRunning { .. } => "hook-running",
            Self::Waiting { .. } => "waiting",
            Self::LeaseHeld { .. } => "lease-held",
            Self::Unread { .. } => "unread",
            Self::Quiet { .. } => "quiet",
        }
    }

    /// What it is about.
    pub fn object(&self) -> Option<String> {
        match self {
            Self::Says { record, .. }
            | Self::LabelSays { record, .. }
            | Self::LabelsMissing { record, .. }
            | Self::Labeled { record, .. }
            | Self::Namespace { record, .. }
            | Self::Size { record, .. }
            | Self::Foreign { record, .. }
            | Self::NoNamespace { record, .. }
            | Self::Undecodable { record, .. } => Some(record.to_string()),
            Self::Write { object, .. }
            | Self::Exists { object, .. }
            | Self::Api { object, .. }
            | Self::HookRunning { object, .. }
            | Self::Waiting { object, .. } => Some(object.clone()),
            Self::LeaseHeld { lease, .. } => Some(lease.clone()),
            Self::Unread { what, .. } => Some(what.clone()),
            Self::Terminating { namespace, .. } | Self::NamespaceLabel { namespace, .. } => {
                Some(format!("Namespace {namespace}"))
            }
            Self::Quiet { .. } | Self::Kept { .. } => None,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Says {
                record,
                status,
                description,
            } => write!(f, "{record} says {status}: {description:?}"),
            Self::LabelSays {
                record,
                label,
                value,
                payload,
            } => write!(
                f,
                "{record}: label {label} says {value:?}, its payload {payload:?}"
            ),
            Self::LabelsMissing { record, labels } => {
                write!(f, "{record} lacks {}", labels.join(", "))
            }
            Self::Labeled { record, status } => write!(f, "{record} is labeled {status}"),
            Self::Namespace { record, namespace } => {
                write!(f, "{record}: its payload names namespace {namespace:?}")
            }
            Self::Size {
                record,
                bytes,
                limit,
            } => write!(f, "{record}: {bytes} of {limit} bytes"),
            Self::Kept { records, bytes } => {
                write!(
                    f,
                    "{records} records, about {} KiB of payload",
                    bytes / 1024
                )
            }
            Self::Api {
                object,
                api_version,
                told,
            } => write!(f, "{object}: {api_version} {told}"),
            Self::Terminating { namespace, since } => {
                write!(f, "Namespace {namespace} is being deleted since {since}")
            }
            Self::NoNamespace { record, namespace } => {
                write!(
                    f,
                    "{record} names {namespace:?}, and there is no such namespace"
                )
            }
            Self::NamespaceLabel { namespace, label } => {
                write!(f, "Namespace {namespace} bears the label {label}")
            }
            Self::Foreign { record, format } => write!(f, "{record} holds {format}"),
            Self::Exists { object, created } => match created {
                Some(created) => write!(f, "{object} is there since {created}"),
                None => write!(f, "{object} is there"),
            },
            Self::Undecodable { record, reason } => write!(f, "{record}: {reason}"),
            Self::Write {
                object,
                writer,
                at,
                seconds_ago,
            } => {
                write!(f, "{object} written by {writer:?} at {at}")?;
                write!(f, ", {} ago", Seconds(*seconds_ago))
            }
            Self::HookRunning { object, reason } => {
                write!(f, "hook {object} has not finished: {reason}")
            }
            Self::Waiting { object, reason } => {
                write!(f, "helm --wait would still wait on {object}: {reason}")
            }
            Self::LeaseHeld { lease, holder } => write!(f, "{lease} is held by {holder:?}"),
            Self::Unread { what, reason } => write!(f, "could not read {what}: {reason}"),
            Self::Quiet {
                seconds,
                window,
                looked_at,
            } => {
                write!(f, "nothing wrote for {}", Seconds(*seconds))?;
                write!(f, " (the bar is {})", Seconds(*window))?;
                write!(f, "; looked at {looked_at} records and objects")
            }
        }
    }
}

/// A duration as people write it: `45s`, `12m`, `3h 5m`, `9d 4h`.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0);
        let (big, unit, small, part) = match seconds {
            0..120 => return write!(f, "{seconds}s"),
            120..7_200 => (seconds / 60, 'm', seconds % 60, 's'),
            7_200..172_800 => (seconds / 3_600, 'h', seconds % 3_600 / 60, 'm'),
            _ => (seconds / 86_400, 'd', seconds % 86_400 / 3_600, 'h'),
        };
        write!(f, "{big}{unit}")?;
        if small > 0 {
            write!(f, " {small}{part}")?;
        }
        Ok(())
    }
}

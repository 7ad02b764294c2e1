//! Evidence: the facts that findings rest on.

use std::fmt;

use jiff::Timestamp;

use crate::diagnose::extent::Extent;
use crate::diagnose::words::{HookState, Names, Seconds};
use crate::helm::Status;
use crate::survey::RecordId;

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
    /// How much of an interrupted operation is in the cluster.
    GotIn {
        /// Nothing, a part, all.
        extent: Extent,
        /// Objects that are as it was to make them, or gone if it was to
        /// delete them.
        applied: Vec<String>,
        /// Objects that still are as they were before it.
        not_applied: Vec<String>,
        /// Objects like neither, with the first place that differs.
        unlike: Vec<String>,
        /// How many objects could not be compared.
        untold: usize,
        /// How many it was not to change.
        same: usize,
    },
    /// How far a hook of an interrupted operation got.
    Hook {
        /// The hook's object.
        object: String,
        /// `pre-upgrade`, ….
        events: Vec<String>,
        /// How far.
        state: HookState,
    },
    /// Objects that a revision declares and that do not exist.
    Missing {
        /// Which.
        objects: Vec<String>,
    },
    /// Live objects that bear a release's marks.
    Marked {
        /// Which.
        objects: Vec<String>,
    },
    /// An object that names another release as its own.
    Claimed {
        /// The object.
        object: String,
        /// `NAMESPACE/NAME` of that release.
        release: String,
    },
    /// An object that is not as its manifest has it.
    Drifted {
        /// The object.
        object: String,
        /// Where it differs.
        fields: Vec<String>,
        /// Who owns these fields, as far as it is known.
        writers: Vec<String>,
    },
    /// Somebody holds the release's Lease.
    LeaseHeld {
        /// The Lease.
        lease: String,
        /// Who.
        holder: String,
    },
    /// Something that Zadig tells of itself.
    Zadig {
        /// What.
        told: String,
    },
    /// What is missing to say it for certain.
    Lacking {
        /// Which condition.
        condition: String,
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
            Self::GotIn { .. } => "got-in",
            Self::Hook { .. } => "hook",
            Self::Missing { .. } => "missing",
            Self::Marked { .. } => "marked",
            Self::Claimed { .. } => "claimed",
            Self::Drifted { .. } => "drifted",
            Self::LeaseHeld { .. } => "lease-held",
            Self::Zadig { .. } => "zadig",
            Self::Lacking { .. } => "lacking",
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
            | Self::Hook { object, .. }
            | Self::Claimed { object, .. }
            | Self::Drifted { object, .. }
            | Self::Waiting { object, .. } => Some(object.clone()),
            Self::LeaseHeld { lease, .. } => Some(lease.clone()),
            Self::Unread { what, .. } => Some(what.clone()),
            Self::Terminating { namespace, .. } | Self::NamespaceLabel { namespace, .. } => {
                Some(format!("Namespace {namespace}"))
            }
            Self::Quiet { .. }
            | Self::Zadig { .. }
            | Self::Lacking { .. }
            | Self::Kept { .. }
            | Self::GotIn { .. }
            | Self::Missing { .. }
            | Self::Marked { .. } => None,
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
            Self::GotIn { .. } => self.got_in(f),
            Self::Hook {
                object,
                events,
                state,
            } => write!(f, "hook {object} ({}) {state}", events.join(", ")),
            Self::Missing { objects } => write!(f, "not there: {}", Names(objects)),
            Self::Marked { objects } => write!(f, "there: {}", Names(objects)),
            Self::Claimed { object, release } => {
                write!(f, "{object} says that it belongs to {release}")
            }
            Self::Drifted {
                object,
                fields,
                writers,
            } => {
                write!(f, "{object} differs in {}", Names(fields))?;
                match writers.is_empty() {
                    true => Ok(()),
                    false => write!(f, ", written by {}", Names(writers)),
                }
            }
            Self::LeaseHeld { lease, holder } => write!(f, "{lease} is held by {holder:?}"),
            Self::Zadig { told } => write!(f, "Zadig: {told}"),
            Self::Lacking { condition } => write!(f, "not known for certain: {condition}"),
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

impl Evidence {
    /// How much of an operation got in.
    fn got_in(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::GotIn {
            extent,
            applied,
            not_applied,
            unlike,
            untold,
            same,
        } = self
        else {
            return Ok(());
        };
        let changes = applied.len() + not_applied.len() + unlike.len();
        match (extent, changes) {
            (Extent::Unknown, _) if changes + untold == 0 => {
                return f.write_str("how much of it got in could not be found out");
            }
            (Extent::Unknown, _) => write!(f, "how much of it got in is not known for certain")?,
            (Extent::None, 0) => write!(f, "nothing of it got in: its hooks did not run")?,
            (Extent::All, 0) => write!(f, "all of it got in: it was to change no object")?,
            (Extent::None, _) => write!(f, "nothing of it got in")?,
            (Extent::Part, _) => write!(f, "a part of it got in")?,
            (Extent::All, _) => write!(f, "all of it got in")?,
        }
        let lists = [
            ("as it was to make them", applied),
            ("still as before", not_applied),
            ("like neither", unlike),
        ];
        for (told, names) in lists {
            if !names.is_empty() {
                write!(f, "; {told}: {}", Names(names))?;
            }
        }
        if *untold > 0 {
            write!(f, "; not compared: {untold}")?;
        }
        match same {
            0 => Ok(()),
            1 => write!(f, "; 1 object was to stay as it was"),
            same => write!(f, "; {same} objects were to stay as they were"),
        }
    }
}

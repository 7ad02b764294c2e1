//! From findings, an intent and a survey to a [`Plan`]: ordered steps with
//! nothing left to decide.
//!
//! Pure. A plan is immutable and can be printed, digested and stored; the
//! `execute` room carries it out, and what happened is a [`Receipt`]. Undo is
//! not a mechanism of its own: it is a plan made from a receipt and a snapshot.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::helm::{Digest, Status};
use crate::snapshot::SnapshotId;
use crate::survey::{Payload, Record, RecordId};

mod prune;
mod receipt;
mod restore;
mod undo;
mod unstick;

#[cfg(test)]
mod tests;

pub use prune::prune;
pub use receipt::{Event, OperationId, Outcome, Receipt};
pub use restore::{
    Choice, ChoiceError, Fit, FitError, Fitted, Moved, Restore, Saved, Seen, Standing,
};
pub use restore::{choose, fit, restore};
pub use undo::undo;
pub use unstick::unstick;

/// A verb that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Repair stuck records.
    Unstick,
    /// Remove residue.
    Prune,
    /// Put back what a snapshot holds.
    Restore,
    /// Take back an operation.
    Undo,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unstick => "unstick",
            Self::Prune => "prune",
            Self::Restore => "restore",
            Self::Undo => "undo",
        })
    }
}

/// Ordered steps, and what is refused beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What the user asked for.
    pub verb: Verb,
    /// The cluster it was made for (see `Survey::cluster`).
    pub cluster: Option<String>,
    /// Carried out in this order; the first refusal stops all that follow.
    pub steps: Vec<Step>,
    /// What was asked for and is not done.
    pub refused: Vec<Refusal>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// To which record.
    pub object: RecordId,
    /// The release it belongs to: its Lease is held while writing.
    pub release: String,
    /// What must still be true for it to be done.
    pub guard: Guard,
    /// Why, as a sentence for a person.
    pub reason: String,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Changes the status, in payload and label together.
    EditRecord {
        /// The new `info.status` and `status` label.
        status: Status,
        /// The new `info.description`.
        description: String,
        /// Whether the record becomes `immutable`, so that a late write of a
        /// Helm that wakes up is refused.
        fence: bool,
    },
    /// Creates the record as a snapshot holds it.
    CreateRecord {
        /// The snapshot.
        from: SnapshotId,
        /// How it is made to fit, where it is not put back exactly as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fit: Option<Fit>,
    },
    /// Deletes the record.
    DeleteRecord,
}

/// What must be true of a step's object when it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "guard")]
pub enum Guard {
    /// There is no such object.
    Absent,
    /// It is the object that was seen, unchanged.
    Seen {
        /// `metadata.uid`.
        uid: String,
        /// `metadata.resourceVersion`.
        resource_version: String,
        /// Of the payload's text, if it was read.
        digest: Option<Digest>,
    },
    /// It is as that earlier step of this plan left it.
    LeftBy {
        /// The step's index.
        step: usize,
    },
}

/// Something asked for that is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The storage namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// Why, and what would change the answer.
    pub reason: String,
}

impl Plan {
    /// Names what the plan does to what: steps and guards, without prose and
    /// refusals, so that a second look that agrees on what is done gives the
    /// same digest, whatever else began or ended meanwhile.
    pub fn digest(&self) -> Digest {
        let mut text = format!("{} {:?}\n", self.verb, self.cluster);
        for step in &self.steps {
            text += &format!("{:?} {} {:?}\n", step.action, step.object, step.guard);
        }
        Digest::of(text.as_bytes())
    }

    /// The plan without the steps in those namespaces for which there is a reason
    /// against; their releases are refused for it.
    #[must_use]
    pub fn without(self, against: impl Fn(&str) -> Option<String>) -> Self {
        let Self {
            verb,
            cluster,
            steps,
            mut refused,
        } = self;
        let mut kept: Vec<Step> = Vec::with_capacity(steps.len());
        // Where each step is now: others refer to it.
        let mut places: Vec<usize> = Vec::with_capacity(steps.len());
        for mut step in steps {
            places.push(kept.len());
            let (namespace, release) = step.release();
            match against(namespace) {
                Some(reason) => {
                    let refusal = Refusal {
                        namespace: namespace.to_owned(),
                        release: release.to_owned(),
                        reason,
                    };
                    if !refused.contains(&refusal) {
                        refused.push(refusal);
                    }
                }
                None => {
                    if let Guard::LeftBy { step: before } = &mut step.guard {
                        // Of the same release, so it was kept as well.
                        *before = places.get(*before).copied().unwrap_or(*before);
                    }
                    kept.push(step);
                }
            }
        }
        Self {
            verb,
            cluster,
            steps: kept,
            refused,
        }
    }

    /// The releases it writes to, as (storage namespace, name).
    pub fn releases(&self) -> BTreeSet<(&str, &str)> {
        self.steps.iter().map(Step::release).collect()
    }
}

impl Step {
    /// The release it belongs to, as (storage namespace, name).
    pub fn release(&self) -> (&str, &str) {
        (&self.object.namespace, &self.release)
    }
}

impl Guard {
    /// That the record is as the survey saw it.
    fn seen(record: &Record) -> Self {
        let digest = match &record.payload {
            Payload::Decoded { digest, .. }
            | Payload::Undecodable { digest, .. }
            | Payload::TooLarge { digest, .. } => Some(*digest),
            Payload::Unread | Payload::Foreign { .. } => None,
        };
        Self::Seen {
            uid: record.uid.clone(),
            resource_version: record.resource_version.clone(),
            digest,
        }
    }
}

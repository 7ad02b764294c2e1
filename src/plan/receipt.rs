//! Receipts: what happened to each step of a plan.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::helm::Digest;
use crate::plan::Plan;
use crate::snapshot::SnapshotId;

/// Names an operation: lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub String);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened to a plan: an event per change, appended as it happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which operation.
    pub operation: OperationId,
    /// When it began; the API server's time.
    pub began: Timestamp,
    /// The snapshot taken before its first write.
    pub snapshot: SnapshotId,
    /// The operation that this one takes back, if it is an undo.
    pub undoes: Option<OperationId>,
    /// The plan.
    pub plan: Plan,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Something that happened to a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The write is about to be sent: durable before it is.
    Started {
        /// The step's index.
        step: usize,
        /// The payload's digest once it is written; `None` for a deletion.
        will_be: Option<Digest>,
        /// The API server's time, so that it can be told how long the request may
        /// still be under way; `None` if no answer said it.
        #[serde(default)]
        at: Option<Timestamp>,
    },
    /// It was done, and read back.
    Done {
        /// The step's index.
        step: usize,
        /// The object's uid afterwards; `None` for a deletion.
        uid: Option<String>,
        /// The object's resourceVersion afterwards.
        resource_version: Option<String>,
    },
    /// It was not done; nothing was changed.
    Refused {
        /// The step's index.
        step: usize,
        /// Why.
        reason: String,
    },
    /// It may have been done: the answer was lost and it could not be read
    /// back.
    Unknown {
        /// The step's index.
        step: usize,
        /// Why.
        reason: String,
    },
    /// Nothing more will happen to this operation.
    Ended,
}

/// How a step stands, from all that its receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was sent.
    NotStarted,
    /// It was about to be sent, and nothing more is known.
    Started {
        /// The payload's digest if it was written; `None` for a deletion.
        will_be: Option<Digest>,
    },
    /// It was done.
    Done {
        /// The payload's digest; `None` for a deletion.
        is: Option<Digest>,
        /// The object's uid afterwards; `None` for a deletion.
        uid: Option<String>,
        /// The object's resourceVersion afterwards.
        resource_version: Option<String>,
    },
    /// It was not done.
    Refused(String),
    /// It may have been done.
    Unknown(String),
}

impl Outcome {
    /// Whether it was done.
    pub fn done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// A word for scripts and people.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::Started { .. } => "started",
            Self::Done { .. } => "done",
            Self::Refused(_) => "refused",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl Receipt {
    /// How the steps of the plan stand, in its order.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::NotStarted; self.plan.steps.len()];
        let mut written = vec![None; outcomes.len()];
        for event in &self.events {
            let (step, outcome) = match event {
                Event::Started { step, will_be, .. } => {
                    if let Some(written) = written.get_mut(*step) {
                        *written = *will_be;
                    }
                    (step, Outcome::Started { will_be: *will_be })
                }
                Event::Done {
                    step,
                    uid,
                    resource_version,
                } => {
                    let is = written.get(*step).copied().flatten();
                    let (uid, resource_version) = (uid.clone(), resource_version.clone());
                    let done = Outcome::Done {
                        is,
                        uid,
                        resource_version,
                    };
                    (step, done)
                }
                Event::Refused { step, reason } => (step, Outcome::Refused(reason.clone())),
                Event::Unknown { step, reason } => (step, Outcome::Unknown(reason.clone())),
                Event::Ended => continue,
            };
            if let Some(last) = outcomes.get_mut(*step) {
                *last = outcome;
            }
        }
        outcomes
    }

    /// Whether every step was done.
    pub fn all_done(&self) -> bool {
        self.outcomes().iter().all(Outcome::done)
    }

    /// Whether nothing more will happen to it.
    pub fn ended(&self) -> bool {
        self.events.contains(&Event::Ended)
    }
}

//! What speaks against carrying out a plan.

use std::error::Error;

use crate::cluster::ApiError;
use crate::store::StoreError;
use crate::survey::Unread;

/// Of many, the first few: the rest failed alike.
const TOLD: usize = 4;

/// Why a plan was not begun. Nothing was written to a record.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// Somebody wanted it to stop.
    #[error("interrupted before the first write; nothing was changed")]
    Interrupted,
    /// The second look gave another plan.
    #[error("the second look does not agree with the first: something changed meanwhile")]
    Moved,
    /// The plan was made for another cluster.
    #[error("the plan is for another cluster: {planned}, and this is {connected}")]
    OtherCluster {
        /// What names the plan's cluster.
        planned: String,
        /// What names the one that is connected.
        connected: String,
    },
    /// A guard failed: the object is not as it was seen.
    #[error("{object} is not as it was seen: {reason}")]
    Guard {
        /// The object.
        object: String,
        /// What is different.
        reason: String,
    },
    /// Somebody holds the release's Lease.
    #[error("{lease} is held by {holder:?}: somebody works on this release")]
    Held {
        /// The Lease.
        lease: String,
        /// Its holder.
        holder: String,
    },
    /// The API server does not let the Lease be taken, although it may be: its
    /// namespace is being deleted, or a webhook is against it.
    #[error("{lease} cannot be taken")]
    NotLeased {
        /// The Lease.
        lease: String,
        /// Its words.
        #[source]
        source: ApiError,
    },
    /// The second look failed.
    #[error("the second look failed")]
    Look(#[source] Box<dyn Error + Send + Sync>),
    /// A permission that the plan needs is missing.
    #[error("you may not {verb} {resource} in namespace {namespace}")]
    Forbidden {
        /// `update`.
        verb: &'static str,
        /// `secrets`.
        resource: &'static str,
        /// Where.
        namespace: String,
    },
    /// The new payload would not fit into the record.
    #[error("{object} cannot be rewritten: {reason}")]
    Payload {
        /// The record.
        object: String,
        /// Why.
        reason: String,
    },
    /// A record that the plan writes to could not be saved first.
    #[error("{what} could not be saved before it is changed: {reason}")]
    NotSaved {
        /// The record.
        what: String,
        /// Why.
        reason: String,
    },
    /// Nothing of what was to be saved could be read.
    #[error("no record was saved: {}", told(.0))]
    NothingRead(Vec<Unread>),
    /// No answer of the API server carried its time.
    #[error("the API server does not tell its time")]
    NoServerTime,
    /// The API server would refuse the write.
    #[error("the API server would refuse to write {object}")]
    Rehearsal {
        /// The object.
        object: String,
        /// Its words.
        #[source]
        source: ApiError,
    },
    /// A read failed.
    #[error("the cluster cannot be read: {what}")]
    Read {
        /// What was being read.
        what: String,
        /// Why it failed.
        #[source]
        source: ApiError,
    },
    /// The store failed.
    #[error("the local store failed")]
    Store(#[from] StoreError),
}

impl ExecuteError {
    /// The second look failed because of `source`.
    pub fn look(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Look(Box::new(source))
    }
}

/// What could not be read, and why.
fn told(unread: &[Unread]) -> String {
    let told = unread.iter().take(TOLD);
    let mut told: Vec<_> = told
        .map(|one| format!("{}: {}", one.what, one.reason))
        .collect();
    if unread.len() > TOLD {
        told.push(format!("{} more", unread.len() - TOLD));
    }
    told.join("; ")
}

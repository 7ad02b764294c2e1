//! The only room that speaks to the Kubernetes API: connect, read, write, lock.
//!
//! One [`Cluster`] per context. It hands out owned values: records, live
//! objects, leases, in the terms of `survey` and `live`. It judges nothing and
//! decides nothing: what cannot be read is told as such, and every write is one
//! that the caller guarded. It never reads the environment (but that of a
//! pod, which kube reads), never asks the terminal, and never retries a write.

#![expect(
    clippy::disallowed_types,
    reason = "this room owns the Kubernetes client"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "reads are retried after a pause; the files that options name are opened"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

mod access;
mod ahead;
mod answer;
mod apply;
mod around;
mod cause;
mod client;
mod compare;
mod connect;
mod error;
mod events;
mod item;
mod kubeconfig;
mod lease;
mod listing;
mod login;
mod many;
mod named;
mod names;
mod objects;
mod owned;
mod platform;
mod protobuf;
mod raw;
mod records;
mod request;
mod rooms;
mod url;
mod wanted;
mod whole;
mod write;

pub use connect::{ConnectError, ConnectOptions};
pub use error::ApiError;
pub use kubeconfig::Entry;
pub use lease::{Claim, HeldLease};
pub use login::Login;
pub use many::Fetched;
pub use names::contexts;
pub use records::{Looked, is_name};
pub use wanted::Wanted;
pub use whole::Whole;

/// The field manager of our writes to records and leases.
pub const FIELD_MANAGER: &str = "zadig-doctor";

/// A connection to one cluster as one user. Cheap to clone; clones share the
/// connections and the server's time.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    client: kube::Client,
    context: String,
    server: String,
    proxy: Option<String>,
    login: Login,
    default_namespace: String,
    answer_timeout: Duration,
    /// Unix seconds of the latest `Date` header, [`NEVER`] before the first.
    time: AtomicI64,
}

const NEVER: i64 = i64::MIN;

impl Cluster {
    /// The namespace of the context, else `default`; in a pod, its own.
    pub fn default_namespace(&self) -> &str {
        &self.0.default_namespace
    }

    /// The URL of the API server, for messages.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// Which cluster this is, as a person knows it: the server's URL, the
    /// context, and the proxy in between.
    pub fn place(&self) -> String {
        let mut also = Vec::new();
        if !self.0.context.is_empty() {
            also.push(format!("context {:?}", self.0.context));
        }
        if let Some(proxy) = &self.0.proxy {
            also.push(format!("through the proxy {proxy}"));
        }
        match also.is_empty() {
            true => self.0.server.clone(),
            false => format!("{} ({})", self.0.server, also.join(", ")),
        }
    }

    /// The API server's time: the `Date` header of its latest answer that had
    /// one, in whole seconds. `None` before the first, or if a proxy strips it.
    pub fn server_time(&self) -> Option<Timestamp> {
        match self.0.time.load(Ordering::Relaxed) {
            NEVER => None,
            seconds => Timestamp::from_second(seconds).ok(),
        }
    }

    fn note_time(&self, now: Timestamp) {
        self.0.time.store(now.as_second(), Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("context", &self.0.context)
            .field("server", &self.0.server)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Cluster;
    use crate::survey::{Need, Scope, Survey};

    /// Compiles only if the long reads can run as tasks of their own.
    fn _reads_can_be_spawned(cluster: &Cluster, survey: &mut Survey, needs: &[Need]) {
        fn can(_: impl Send) {}
        can(cluster.survey(&Scope::default()));
        can(cluster.answer(survey, needs, true));
    }
}

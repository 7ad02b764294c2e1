//! The releases' Leases: taken before the second look, given back at the end.
//!
//! Helm itself does not look at them; helm-lock, helm-unwedge and this tool do.

use std::time::{Duration, Instant};

use super::ExecuteError;
use super::stops::Stops;
use crate::cluster::{ApiError, Claim, Cluster, HeldLease};
use crate::diagnose::life::lease_name;
use crate::plan::{OperationId, Plan};
use crate::store::Store;
use crate::survey::LeaseState;

/// What a Lease's holder begins with when it is this tool.
const OWN_HOLDER: &str = "zadig-doctor/";

/// How long a Lease lasts unless renewed, in seconds; helm-unwedge's figure.
const SECONDS: u32 = 15;

/// How old a Lease may get before it is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(5);

/// The holder that an operation signs its Leases with.
pub fn holder(operation: &OperationId) -> String {
    format!("{OWN_HOLDER}{operation}")
}

/// The Leases that are held.
#[derive(Debug)]
pub(super) struct Leases {
    holder: String,
    held: Vec<HeldLease>,
    renewed: Instant,
}

impl Leases {
    /// None yet.
    pub(super) fn none(operation: &OperationId) -> Self {
        Self {
            holder: holder(operation),
            held: Vec::new(),
            renewed: Instant::now(),
        }
    }

    /// Takes the Lease of every release that the plan writes to. One whose
    /// holder is an operation of ours that died is taken over at once.
    pub(super) async fn take(
        &mut self,
        cluster: &Cluster,
        store: &Store,
        plan: &Plan,
        stops: &mut Stops,
    ) {
        for release in plan.releases() {
            if !stops.has(release)
                && let Err(why) = self.take_one(cluster, store, release).await
            {
                stops.add(release, why);
            }
        }
        self.renewed = Instant::now();
    }

    async fn take_one(
        &mut self,
        cluster: &Cluster,
        store: &Store,
        (namespace, release): (&str, &str),
    ) -> Result<(), ExecuteError> {
        let name = lease_name(release);
        let lease = format!("Lease {namespace}/{name}");
        let dead = |holder: &str| died(store, holder);
        let claim = cluster.acquire_lease(namespace, &name, &self.holder, SECONDS, dead);
        match claim.await {
            Ok(Claim::Ours(held)) => {
                self.held.push(held);
                Ok(())
            }
            Ok(Claim::Theirs(LeaseState::Held { holder, .. })) => {
                Err(ExecuteError::Held { lease, holder })
            }
            Ok(Claim::Theirs(_)) => {
                let holder = "somebody".to_owned();
                Err(ExecuteError::Held { lease, holder })
            }
            Err(source) if source.is_forbidden() => Err(ExecuteError::NotLeased { lease, source }),
            Err(source) => Err(ExecuteError::Read {
                what: lease,
                source,
            }),
        }
    }

    /// Renews them if they have grown old.
    pub(super) async fn renew(&mut self, cluster: &Cluster) -> Result<(), ApiError> {
        if self.renewed.elapsed() < RENEW_AFTER {
            return Ok(());
        }
        for lease in &mut self.held {
            cluster.renew_lease(lease).await?;
        }
        self.renewed = Instant::now();
        Ok(())
    }

    /// Gives them back. What fails here expires by itself.
    pub(super) async fn release(self, cluster: &Cluster) {
        for lease in self.held {
            let _ = cluster.release_lease(lease).await;
        }
    }
}

/// Whether the holder is an operation of this store that nobody carries out any
/// more.
pub fn died(store: &Store, holder: &str) -> bool {
    let Some(id) = holder.strip_prefix(OWN_HOLDER) else {
        return false;
    };
    store.died(&OperationId(id.to_owned())).unwrap_or(false)
}

//! Carries out a plan: lock, look again, save, write, read back.
//!
//! The order is the promise. Intent is durable before the first write, every
//! write is guarded by what was seen, and an answer that was lost is never
//! guessed: the object is read back. Killed between any two instructions, the
//! next run settles or finishes what this one began ([`resume()`]). This room
//! owns the waiting; it decides nothing that the plan has not decided.
#![expect(
    clippy::disallowed_methods,
    reason = "waits between the looks, and paces the renewal of Leases"
)]

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::cluster::{Cluster, Wanted};
use crate::plan::{Event, OperationId, Plan, Receipt, Refusal};
use crate::snapshot::{About, Snapshot, SnapshotId};
use crate::store::{OperationLock, Store};
use crate::survey::{RecordId, Unread};

mod access;
mod backup;
mod error;
mod lock;
mod prepare;
mod resume;
mod stops;
mod write;

pub use backup::{Backup, backup};
pub use error::ExecuteError;
pub use lock::{died, holder};
pub use resume::{Resumed, resume};

use lock::Leases;
use prepare::{Prepared, prepare};
use stops::Stops;

/// How a plan is carried out.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// Whether the releases' Leases are taken (`--no-lock` switches it off).
    pub lock: bool,
    /// How long to wait before the second look (`--confirm-after`).
    pub confirm_after: Duration,
    /// The operation that this plan takes back.
    pub undoes: Option<OperationId>,
    /// Records to save besides those that the plan writes to.
    pub also_save: Vec<RecordId>,
    /// Cancelled when somebody wants it to stop: the next write is not begun.
    pub interrupt: CancellationToken,
}

/// Carries out a plan and returns its receipt.
///
/// `again` looks a second time, with the Leases taken, and plans anew; a release
/// for which that gives other steps is left alone. What speaks against one
/// release does not keep the others from being repaired: the receipt says so.
///
/// # Errors
///
/// What speaks against all of it; then nothing was begun. From the first write
/// on the receipt tells; only a store that cannot be written is still an error.
pub async fn execute(
    cluster: &Cluster,
    store: &Store,
    plan: &Plan,
    manner: &Manner,
    again: impl AsyncFnOnce(&OperationId) -> Result<Plan, ExecuteError>,
) -> Result<Receipt, ExecuteError> {
    same_cluster(cluster, plan).await?;
    let mut stops = Stops::default();
    access::check(cluster, plan, manner.lock, &mut stops).await?;
    stops.unless_all(plan)?;
    let lock = store.claim()?;
    let mut leases = Leases::none(lock.operation());
    let result = async {
        if manner.lock {
            leases.take(cluster, store, plan, &mut stops).await;
            stops.unless_all(plan)?;
        }
        let ready = async {
            tokio::time::sleep(manner.confirm_after).await;
            stops.where_moved(plan, &again(lock.operation()).await?);
            let prepared = prepare(cluster, store, plan, &mut stops).await;
            // What is deleted in order to be created again must be creatable.
            let follows = |prepared: &Prepared| prepared.follows;
            rehearse(cluster, store, (plan, &prepared), follows, &mut stops).await;
            stops.unless_all(plan)?;
            let snapshot = save(cluster, store, plan, &manner.also_save).await?;
            Ok((prepared, snapshot))
        };
        // Nothing of this is missed if it is dropped in the middle.
        let ready = manner.interrupt.run_until_cancelled(ready).await;
        let (prepared, snapshot) = ready.unwrap_or(Err(ExecuteError::Interrupted))?;
        let operation = Operation {
            began: cluster.server_time().unwrap_or(snapshot.time),
            undoes: manner.undoes.as_ref(),
            snapshot: &snapshot.id,
            stops: &stops,
            interrupt: &manner.interrupt,
        };
        operation
            .run(cluster, store, plan, &lock, &mut leases, prepared)
            .await
    }
    .await;
    leases.release(cluster).await;
    result
}

/// An operation about to be written down.
struct Operation<'a> {
    began: Timestamp,
    undoes: Option<&'a OperationId>,
    snapshot: &'a SnapshotId,
    stops: &'a Stops,
    interrupt: &'a CancellationToken,
}

impl Operation<'_> {
    /// The first refusal stops what follows for the same release; an outcome
    /// that is not known stops everything, and so does being interrupted.
    async fn run(
        self,
        cluster: &Cluster,
        store: &Store,
        plan: &Plan,
        lock: &OperationLock,
        leases: &mut Leases,
        mut prepared: Vec<Option<Prepared>>,
    ) -> Result<Receipt, ExecuteError> {
        store.begin_operation(lock, plan, self.snapshot, self.undoes, self.began)?;
        let id = lock.operation();
        let mut failed = Vec::new();
        for step in 0..plan.steps.len() {
            let release = plan.steps[step].release();
            let stopped = self.stops.reason(release);
            let ready = prepared.get_mut(step).and_then(Option::take);
            let Some(ready) = ready.filter(|_| stopped.is_none()) else {
                let reason = stopped.unwrap_or_else(|| "it was not made ready".to_owned());
                store.append(id, &Event::Refused { step, reason })?;
                continue;
            };
            if failed.contains(&release) {
                continue;
            }
            // Never between a deletion and the creation that it was done for.
            if !ready.follows {
                if self.interrupt.is_cancelled() {
                    break;
                }
                if let Err(error) = leases.renew(cluster).await {
                    let reason = format!("the Lease was lost: {}", error.reason());
                    store.append(id, &Event::Refused { step, reason })?;
                    break;
                }
            }
            // What is deleted in order to be created again is in memory by then.
            let next = prepared.get_mut(step + 1).and_then(Option::as_mut);
            if let Some(next) = next.filter(|next| next.follows)
                && let Err(why) = next.hold(store)
            {
                let reason = stops::line(&why);
                store.append(id, &Event::Refused { step, reason })?;
                failed.push(release);
                continue;
            }
            match write::carry_out(cluster, store, id, step, ready).await? {
                Event::Done { .. } => {}
                Event::Refused { .. } => failed.push(release),
                _ => break,
            }
        }
        write::end(store, id)?;
        Ok(store.operation(&id.0)?)
    }
}

/// Checks a plan against the cluster without writing: guards, permissions and a
/// server-side dry run of every write. Returns what would be refused.
///
/// # Errors
///
/// What would stop all of it.
pub async fn dry_run(
    cluster: &Cluster,
    store: &Store,
    plan: &Plan,
    lock: bool,
) -> Result<Vec<Refusal>, ExecuteError> {
    same_cluster(cluster, plan).await?;
    let mut stops = Stops::default();
    access::check(cluster, plan, lock, &mut stops).await?;
    let prepared = prepare(cluster, store, plan, &mut stops).await;
    rehearse(cluster, store, (plan, &prepared), |_| true, &mut stops).await;
    stops.unless_all(plan)?;
    Ok(stops.refusals())
}

/// Tries writes as server-side dry runs; what would be refused stops its
/// release.
async fn rehearse(
    cluster: &Cluster,
    store: &Store,
    (plan, prepared): (&Plan, &[Option<Prepared>]),
    which: impl Fn(&Prepared) -> bool,
    stops: &mut Stops,
) {
    for (step, prepared) in plan.steps.iter().zip(prepared) {
        if let Some(prepared) = prepared.as_ref().filter(|one| which(one))
            && let Err(why) = write::rehearse(cluster, store, prepared).await
        {
            stops.add(step.release(), why);
        }
    }
}

/// That the plan was made for the cluster that is connected.
async fn same_cluster(cluster: &Cluster, plan: &Plan) -> Result<(), ExecuteError> {
    let connected = cluster.identity().await;
    let connected = connected.map_err(|source| ExecuteError::Read {
        what: "the cluster's identity".to_owned(),
        source,
    })?;
    match plan.cluster.as_deref() == Some(&connected) {
        true => Ok(()),
        false => Err(ExecuteError::OtherCluster {
            planned: plan.cluster.clone().unwrap_or_else(|| "unknown".to_owned()),
            connected,
        }),
    }
}

/// Saves the records that a plan writes to, and others of their releases, as
/// they are now.
async fn save(
    cluster: &Cluster,
    store: &Store,
    plan: &Plan,
    also: &[RecordId],
) -> Result<Snapshot, ExecuteError> {
    let mut ids: Vec<&RecordId> = plan.steps.iter().map(|step| &step.object).collect();
    ids.extend(also);
    ids.sort();
    ids.dedup();
    let request = Backup {
        about: About {
            time: cluster.server_time().ok_or(ExecuteError::NoServerTime)?,
            cluster: plan.cluster.clone(),
            reason: plan.verb.to_string(),
            ..About::default()
        },
        // Read anew, whatever the store holds: this is what is put back.
        wanted: Wanted::only(ids.into_iter().cloned()),
        ..Backup::default()
    };
    let snapshot = backup(cluster, store, request, || ()).await?;
    let needed = |missing: &&Unread| {
        let mut written = plan.steps.iter().map(|step| step.object.to_string());
        written.any(|object| object == missing.what)
    };
    match snapshot.missing.iter().find(needed) {
        Some(missing) => Err(ExecuteError::NotSaved {
            what: missing.what.clone(),
            reason: missing.reason.clone(),
        }),
        None => Ok(snapshot),
    }
}

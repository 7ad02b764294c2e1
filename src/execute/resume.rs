//! What an earlier run began and did not end.
//!
//! Every operation that is neither ended nor being carried out is read back
//! against its journal. Edits and deletions that were not sent are left undone:
//! nothing depends on them. A record that was deleted in order to be put back is
//! put back now, if its release is still there: between those two steps it
//! exists in the store alone.

use jiff::Timestamp;

use super::ExecuteError;
use super::lock::Leases;
use super::prepare::prepare_step;
use super::stops::Stops;
use super::write::{carry_out, done, end, look};
use crate::cluster::Cluster;
use crate::helm::Digest;
use crate::plan::{Action, Event, Guard, OperationId, Outcome, Receipt, Step};
use crate::snapshot::SavedRecord;
use crate::store::{Store, StoreError};
use crate::survey::RawRecord;

/// How long a request may still be under way although its process is dead, in
/// seconds.
const UNDER_WAY: i64 = 60;

/// What became of an interrupted operation.
#[derive(Debug)]
pub struct Resumed {
    /// Its receipt as it is now.
    pub receipt: Receipt,
    /// What kept it from being settled. It stays open, and the next run tries
    /// again.
    pub error: Option<ExecuteError>,
}

/// Settles or finishes interrupted operations on the cluster that `identity`
/// names. `lock` as for the operation itself.
///
/// One that cannot be settled does not keep the others, nor the caller, from
/// going on: guards protect what it may still write.
///
/// # Errors
///
/// If the store cannot be read or written: nothing new should be begun then.
pub async fn resume(
    cluster: &Cluster,
    store: &Store,
    identity: &str,
    lock: bool,
) -> Result<Vec<Resumed>, StoreError> {
    let mut resumed = Vec::new();
    for receipt in store.unfinished()? {
        if receipt.plan.cluster.as_deref() != Some(identity) {
            continue;
        }
        let id = receipt.operation.clone();
        let _held = match store.hold(&id) {
            Ok(held) => held,
            Err(StoreError::Running { .. }) => continue,
            Err(error) => return Err(error),
        };
        let error = match finish(cluster, store, &receipt, lock).await {
            Ok(()) => None,
            Err(ExecuteError::Store(error)) => return Err(error),
            Err(error) => Some(error),
        };
        let receipt = store.operation(&id.0)?;
        resumed.push(Resumed { receipt, error });
    }
    Ok(resumed)
}

async fn finish(
    cluster: &Cluster,
    store: &Store,
    receipt: &Receipt,
    lock: bool,
) -> Result<(), ExecuteError> {
    let id = &receipt.operation;
    let steps = receipt.plan.steps.iter().zip(receipt.outcomes());
    for (index, (step, outcome)) in steps.enumerate() {
        if let Outcome::Started { .. } | Outcome::Unknown(_) = outcome {
            let now = look(cluster, &step.object).await?;
            let (will_be, sent) = started(receipt, index);
            if landed(will_be, step, now.as_ref()) {
                store.append(id, &done(index, now.as_ref()))?;
            } else if under_way(cluster.server_time(), sent, step) {
                // Said later: until then the operation stays open.
                return Ok(());
            } else {
                let reason = "interrupted before it was written".to_owned();
                store.append(
                    id,
                    &Event::Refused {
                        step: index,
                        reason,
                    },
                )?;
            }
        }
    }
    let mut leases = Leases::none(id);
    let result = put_back(cluster, store, id, lock, &mut leases).await;
    leases.release(cluster).await;
    result?;
    end(store, id)?;
    Ok(())
}

/// What a step was about to write, and when.
fn started(receipt: &Receipt, index: usize) -> (Option<Digest>, Timestamp) {
    let started = receipt.events.iter().rev().find_map(|event| match event {
        Event::Started { step, will_be, at } if *step == index => Some((*will_be, *at)),
        _ => None,
    });
    let (will_be, at) = started.unwrap_or_default();
    (will_be, at.unwrap_or(receipt.began))
}

/// Whether a write whose outcome was not noted has been done.
fn landed(will_be: Option<Digest>, step: &Step, now: Option<&RawRecord>) -> bool {
    match (&step.action, &step.guard, now) {
        (Action::EditRecord { .. }, Guard::Seen { uid, .. }, Some(now)) => {
            now.uid() == uid && will_be == Some(now.digest())
        }
        (Action::CreateRecord { .. }, _, Some(now)) => will_be == Some(now.digest()),
        (Action::DeleteRecord, Guard::Seen { uid, .. }, now) => {
            now.is_none_or(|now| now.uid() != uid)
        }
        _ => false,
    }
}

/// Whether a request of the dead process could still reach the API server and
/// change what is said now. Where a record is to be put back it could not: the
/// name is taken by then.
fn under_way(now: Option<Timestamp>, sent: Timestamp, step: &Step) -> bool {
    if matches!(step.guard, Guard::LeftBy { .. }) {
        return false;
    }
    now.is_none_or(|now| now.as_second() - sent.as_second() < UNDER_WAY)
}

/// Creates what an earlier step of the same plan deleted for that purpose.
async fn put_back(
    cluster: &Cluster,
    store: &Store,
    id: &OperationId,
    lock: bool,
    leases: &mut Leases,
) -> Result<(), ExecuteError> {
    let receipt = store.operation(&id.0)?;
    let outcomes = receipt.outcomes();
    let mut left_out = None;
    for (index, step) in receipt.plan.steps.iter().enumerate() {
        let Guard::LeftBy { step: before } = step.guard else {
            continue;
        };
        let done = |index: usize| outcomes.get(index).is_some_and(Outcome::done);
        if !done(before) || done(index) {
            continue;
        }
        if let Some(reason) = unwanted(cluster, store, &receipt, step).await? {
            store.append(
                id,
                &Event::Refused {
                    step: index,
                    reason,
                },
            )?;
            continue;
        }
        if lock {
            let mut stops = Stops::default();
            leases.take(cluster, store, &receipt.plan, &mut stops).await;
            // Others of the plan are put back all the same; this one next time.
            if let Some(why) = stops.take(step.release()) {
                left_out = Some(why);
                continue;
            }
        }
        let prepared = prepare_step(cluster, store, step).await?;
        carry_out(cluster, store, id, index, prepared).await?;
    }
    left_out.map_or(Ok(()), Err)
}

/// Why a deleted record is not put back: somebody made another one meanwhile,
/// or uninstalled the release.
async fn unwanted(
    cluster: &Cluster,
    store: &Store,
    receipt: &Receipt,
    step: &Step,
) -> Result<Option<String>, ExecuteError> {
    if look(cluster, &step.object).await?.is_some() {
        return Ok(Some("somebody made another one meanwhile".to_owned()));
    }
    let written = |saved: &&SavedRecord| {
        let mut steps = receipt.plan.steps.iter();
        steps.any(|step| step.object == saved.id)
    };
    let snapshot = store.snapshot(&receipt.snapshot.0)?;
    let sibling = |saved: &&SavedRecord| {
        let (namespace, release) = step.release();
        let key = saved.id.key();
        saved.id.namespace == namespace && key.is_some_and(|key| key.release == release)
    };
    let others = snapshot.records.iter().filter(sibling);
    let mut others = others.filter(|saved| !written(saved)).peekable();
    if others.peek().is_none() {
        return Ok(None);
    }
    for saved in others {
        if look(cluster, &saved.id).await?.is_some() {
            return Ok(None);
        }
    }
    let snapshot = &receipt.snapshot;
    Ok(Some(format!(
        "the release is gone by now; snapshot {snapshot} still holds the record"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::Driver;
    use crate::plan::{Plan, Verb};
    use crate::snapshot::SnapshotId;
    use crate::survey::RecordId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn deletion(guard: Guard) -> Step {
        Step {
            action: Action::DeleteRecord,
            object: RecordId {
                driver: Driver::Secret,
                namespace: "shop".into(),
                name: "sh.helm.release.v1.web.v1".into(),
            },
            release: "web".into(),
            guard,
            reason: String::new(),
        }
    }

    #[test]
    fn a_request_is_under_way_for_a_minute_from_when_it_was_sent() {
        let will_be = Some(Digest::of(b"new"));
        let begun = |at| Receipt {
            operation: OperationId("a1".into()),
            began: "1970-01-01T00:10:00Z".parse().unwrap(),
            snapshot: SnapshotId("b2".into()),
            undoes: None,
            plan: Plan {
                verb: Verb::Prune,
                cluster: None,
                steps: vec![deletion(Guard::Absent)],
                refused: Vec::new(),
            },
            events: vec![Event::Started {
                step: 0,
                will_be,
                at,
            }],
        };
        assert_eq!(started(&begun(Some(at(2_000))), 0), (will_be, at(2_000)));
        // Earlier versions did not note when.
        assert_eq!(started(&begun(None), 0), (will_be, at(600)));
        let (alone, following) = (Guard::Absent, Guard::LeftBy { step: 0 });
        let open = |now, guard: &Guard| under_way(now, at(2_000), &deletion(guard.clone()));
        assert!(open(Some(at(2_059)), &alone) && open(None, &alone));
        assert!(!open(Some(at(2_060)), &alone));
        assert!(!open(Some(at(2_000)), &following) && !open(None, &following));
    }
}

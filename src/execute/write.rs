//! One write: journal, send, read back.

use super::ExecuteError;
use super::prepare::{Prepared, Request, Write};
use super::stops::line;
use crate::cluster::{ApiError, Cluster};
use crate::plan::{Event, Guard, OperationId, Outcome, Step};
use crate::store::{Store, StoreError};
use crate::survey::{RawRecord, RecordId};

/// Carries out one step; returns what was noted of it.
pub(super) async fn carry_out(
    cluster: &Cluster,
    store: &Store,
    id: &OperationId,
    step: usize,
    prepared: Prepared,
) -> Result<Event, StoreError> {
    let event = match prepared.request(store) {
        Ok(request) => {
            let will_be = prepared.will_be();
            let at = cluster.server_time();
            store.append(id, &Event::Started { step, will_be, at })?;
            match send(cluster, &prepared.object, &request, false).await {
                Err(error) if !error.outcome_unknown() => Event::Refused {
                    step,
                    reason: error.reason(),
                },
                sent => settle(cluster, step, &prepared, sent.err()).await,
            }
        }
        Err(error) => Event::Refused {
            step,
            reason: line(&error),
        },
    };
    store.append(id, &event)?;
    Ok(event)
}

/// Tries the write as a server-side dry run. One that follows a deletion is
/// tried under another name: its own is still taken.
pub(super) async fn rehearse(
    cluster: &Cluster,
    store: &Store,
    prepared: &Prepared,
) -> Result<(), ExecuteError> {
    let sent = match prepared.request(store)? {
        Request::Create(record) if prepared.follows => {
            let mut understudy = record.into_owned();
            understudy.id.name += ".rehearsal";
            understudy.object["metadata"]["name"] = understudy.id.name.clone().into();
            cluster.create_record(&understudy, true).await.map(drop)
        }
        request => send(cluster, &prepared.object, &request, true).await,
    };
    sent.map_err(|source| ExecuteError::Rehearsal {
        object: prepared.object.to_string(),
        source,
    })
}

/// Writes down that nothing more will happen, unless there is something left to
/// do: an outcome to find out, or a record to put back. The next run does it.
pub(super) fn end(store: &Store, id: &OperationId) -> Result<(), StoreError> {
    let receipt = store.operation(&id.0)?;
    let outcomes = receipt.outcomes();
    let open = |(step, outcome): (&Step, &Outcome)| match (outcome, &step.guard) {
        (Outcome::Unknown(_) | Outcome::Started { .. }, _) => true,
        (Outcome::Done { .. }, _) => false,
        (_, Guard::LeftBy { step }) => outcomes.get(*step).is_some_and(Outcome::done),
        (_, _) => false,
    };
    if !receipt.plan.steps.iter().zip(&outcomes).any(open) {
        store.append(id, &Event::Ended)?;
    }
    Ok(())
}

async fn send(
    cluster: &Cluster,
    object: &RecordId,
    request: &Request<'_>,
    dry_run: bool,
) -> Result<(), ApiError> {
    match request {
        Request::Replace(record) => cluster.replace_record(record, dry_run).await.map(drop),
        Request::Create(record) => cluster.create_record(record, dry_run).await.map(drop),
        Request::Delete(uid, version) => cluster.delete_record(object, uid, version, dry_run).await,
    }
}

/// Reads back what a write left, whether it was answered or its answer lost.
async fn settle(
    cluster: &Cluster,
    step: usize,
    prepared: &Prepared,
    lost: Option<ApiError>,
) -> Event {
    let why = match &lost {
        Some(error) => format!("the answer was lost ({})", error.reason()),
        None => "it was answered".to_owned(),
    };
    let now = match cluster.read_record(&prepared.object).await {
        Ok(now) => now,
        Err(error) => {
            let reason = format!("{why}, and it could not be read back: {}", error.reason());
            return Event::Unknown { step, reason };
        }
    };
    match landed(prepared, now.as_ref()) {
        true => done(step, now.as_ref()),
        false => Event::Unknown {
            step,
            reason: format!(
                "{why}; read back, {} is not as it was written",
                prepared.object
            ),
        },
    }
}

/// Whether the object is what the write would have left.
fn landed(prepared: &Prepared, now: Option<&RawRecord>) -> bool {
    match (&prepared.write, now) {
        (Write::Replace(written), Some(now)) => {
            now.uid() == written.uid() && now.digest() == written.digest()
        }
        (Write::Create(written), Some(now)) => now.digest() == written.digest,
        (Write::Delete { uid, .. }, now) => now.is_none_or(|now| now.uid() != uid),
        (_, None) => false,
    }
}

/// The event of a write that was found done.
pub(super) fn done(step: usize, now: Option<&RawRecord>) -> Event {
    Event::Done {
        step,
        uid: now.map(|record| record.uid().to_owned()),
        resource_version: now.map(|record| record.resource_version().to_owned()),
    }
}

/// Reads an object to see how an interrupted write ended.
pub(super) async fn look(
    cluster: &Cluster,
    object: &RecordId,
) -> Result<Option<RawRecord>, ExecuteError> {
    let record = cluster.read_record(object).await;
    record.map_err(|source| ExecuteError::Read {
        what: object.to_string(),
        source,
    })
}

//! Every write of a plan, made ready and checked against its guard before the
//! first one is sent.

use std::borrow::Cow;

use super::ExecuteError;
use super::stops::Stops;
use crate::cluster::Cluster;
use crate::helm::{Digest, Status, codec, edit};
use crate::plan::{self, Action, Fit, Guard, Plan, Step};
use crate::snapshot::SnapshotId;
use crate::store::Store;
use crate::survey::{RawRecord, RecordId};

/// How many bytes of what is to be created are held until they are sent. A
/// restore may create more than memory holds: what is beyond is packed again.
const HELD: usize = 16 << 20;

/// A write ready to be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    /// To what.
    pub(super) object: RecordId,
    /// What.
    pub(super) write: Write,
    /// Whether an earlier step of the plan writes to the same object.
    pub(super) follows: bool,
}

/// What is written.
#[derive(Debug)]
pub(super) enum Write {
    /// The record, with what was changed.
    Replace(RawRecord),
    /// What a snapshot holds.
    Create(Creation),
    /// The record that was seen.
    Delete {
        /// `metadata.uid`.
        uid: String,
        /// `metadata.resourceVersion`.
        resource_version: String,
    },
}

/// A record out of a snapshot.
#[derive(Debug)]
pub(super) struct Creation {
    from: SnapshotId,
    fit: Option<Fit>,
    /// Its payload's.
    pub(super) digest: Digest,
    held: Option<RawRecord>,
}

/// What is sent.
pub(super) enum Request<'a> {
    /// `PUT` with the resourceVersion inside.
    Replace(&'a RawRecord),
    /// `POST`.
    Create(Cow<'a, RawRecord>),
    /// `DELETE` with preconditions: uid and resourceVersion.
    Delete(&'a str, &'a str),
}

impl Prepared {
    /// The payload's digest once it is written; `None` for a deletion.
    pub(super) fn will_be(&self) -> Option<Digest> {
        match &self.write {
            Write::Replace(record) => Some(record.digest()),
            Write::Create(creation) => Some(creation.digest),
            Write::Delete { .. } => None,
        }
    }

    /// What is to be sent.
    pub(super) fn request(&self, store: &Store) -> Result<Request<'_>, ExecuteError> {
        let creation = match &self.write {
            Write::Replace(record) => return Ok(Request::Replace(record)),
            Write::Delete {
                uid,
                resource_version,
            } => return Ok(Request::Delete(uid, resource_version)),
            Write::Create(creation) => creation,
        };
        if let Some(record) = &creation.held {
            return Ok(Request::Create(Cow::Borrowed(record)));
        }
        let record = saved(store, &creation.from, creation.fit.as_ref(), &self.object)?;
        match record.digest() == creation.digest {
            true => Ok(Request::Create(Cow::Owned(record))),
            false => Err(guard(&self.object, "the store holds something else now")),
        }
    }

    /// Holds what is to be sent.
    pub(super) fn hold(&mut self, store: &Store) -> Result<(), ExecuteError> {
        let record = match self.request(store)? {
            Request::Create(Cow::Owned(record)) => Some(record),
            _ => return Ok(()),
        };
        if let Write::Create(creation) = &mut self.write {
            creation.held = record;
        }
        Ok(())
    }

    /// How many bytes of a payload it holds that the store holds as well.
    fn held(&self) -> usize {
        let held = match &self.write {
            Write::Create(creation) => creation.held.as_ref(),
            Write::Replace(_) | Write::Delete { .. } => None,
        };
        let payload = held.and_then(|record| record.payload.as_ref());
        payload.map_or(0, |payload| payload.len())
    }

    fn let_go(&mut self) {
        if let Write::Create(creation) = &mut self.write {
            creation.held = None;
        }
    }
}

/// Prepares every step whose release is not left alone. The objects are read;
/// nothing is written.
pub(super) async fn prepare(
    cluster: &Cluster,
    store: &Store,
    plan: &Plan,
    stops: &mut Stops,
) -> Vec<Option<Prepared>> {
    let mut prepared = Vec::with_capacity(plan.steps.len());
    let mut held = 0;
    for step in &plan.steps {
        prepared.push(match stops.has(step.release()) {
            true => None,
            false => match prepare_step(cluster, store, step).await {
                Ok(mut ready) => {
                    held += ready.held();
                    if held > HELD {
                        held -= ready.held();
                        ready.let_go();
                    }
                    Some(ready)
                }
                Err(why) => {
                    stops.add(step.release(), why);
                    None
                }
            },
        });
    }
    prepared
}

/// Prepares one step.
pub(super) async fn prepare_step(
    cluster: &Cluster,
    store: &Store,
    step: &Step,
) -> Result<Prepared, ExecuteError> {
    let object = &step.object;
    let follows = matches!(step.guard, Guard::LeftBy { .. });
    let write = match &step.action {
        Action::CreateRecord { from, fit } => {
            let saved = saved(store, from, fit.as_ref(), object)?;
            if !follows {
                absent(cluster, object).await?;
            }
            Write::Create(Creation {
                from: from.clone(),
                fit: fit.clone(),
                digest: saved.digest(),
                held: Some(saved),
            })
        }
        Action::DeleteRecord => {
            let record = guarded(cluster, step).await?;
            // It would stay, and keep what is to follow from being created.
            let finalizers = &record.object["metadata"]["finalizers"];
            if finalizers.as_array().is_some_and(|held| !held.is_empty()) {
                let reason = format!("it is held by finalizers {finalizers}");
                return Err(guard(object, &reason));
            }
            Write::Delete {
                uid: record.uid().to_owned(),
                resource_version: record.resource_version().to_owned(),
            }
        }
        Action::EditRecord {
            status,
            description,
            fence,
        } => {
            let mut record = guarded(cluster, step).await?;
            if record.object["immutable"] == true {
                return Err(guard(object, "it is immutable, so nobody can edit it"));
            }
            let now = cluster.server_time().ok_or(ExecuteError::NoServerTime)?;
            change_payload(&mut record, status, description)?;
            change_object(&mut record, status, now.as_second(), *fence);
            Write::Replace(record)
        }
    };
    Ok(Prepared {
        object: object.clone(),
        write,
        follows,
    })
}

/// The record that a snapshot holds, made to fit where it is put.
fn saved(
    store: &Store,
    from: &SnapshotId,
    fit: Option<&Fit>,
    object: &RecordId,
) -> Result<RawRecord, ExecuteError> {
    let Some(fit) = fit else {
        return Ok(store.raw_record(from, object)?);
    };
    let saved = store.raw_record(from, &fit.record)?;
    let fitted = plan::fit(saved, fit, object).map_err(|error| ExecuteError::Payload {
        object: object.to_string(),
        reason: error.to_string(),
    })?;
    Ok(fitted.record)
}

async fn read(cluster: &Cluster, object: &RecordId) -> Result<Option<RawRecord>, ExecuteError> {
    let record = cluster.read_record(object).await;
    record.map_err(|source| ExecuteError::Read {
        what: object.to_string(),
        source,
    })
}

async fn absent(cluster: &Cluster, object: &RecordId) -> Result<(), ExecuteError> {
    match read(cluster, object).await? {
        None => Ok(()),
        Some(_) => Err(guard(object, "it exists")),
    }
}

/// The object as it is, if it is what the guard saw.
async fn guarded(cluster: &Cluster, step: &Step) -> Result<RawRecord, ExecuteError> {
    let object = &step.object;
    let record = read(cluster, object)
        .await?
        .ok_or_else(|| guard(object, "it is gone"))?;
    let Guard::Seen {
        uid,
        resource_version,
        digest,
    } = &step.guard
    else {
        return Err(guard(object, "it exists"));
    };
    if !record.object["metadata"]["deletionTimestamp"].is_null() {
        return Err(guard(object, "it is being deleted"));
    }
    if record.uid() != uid {
        return Err(guard(object, "it was deleted and made anew"));
    }
    if record.resource_version() != resource_version {
        return Err(guard(object, "it was written meanwhile"));
    }
    if digest.is_some_and(|digest| digest != record.digest()) {
        return Err(guard(object, "its payload is another one"));
    }
    Ok(record)
}

fn guard(object: &RecordId, reason: &str) -> ExecuteError {
    ExecuteError::Guard {
        object: object.to_string(),
        reason: reason.to_owned(),
    }
}

/// Sets the status and description inside the payload; every other byte of the
/// decoded JSON stays as it was.
fn change_payload(
    record: &mut RawRecord,
    status: &Status,
    description: &str,
) -> Result<(), ExecuteError> {
    let object = record.id.to_string();
    let fail = |reason: String| ExecuteError::Payload {
        object: object.clone(),
        reason,
    };
    let text = record.payload.as_deref().unwrap_or_default();
    let plain = codec::decode(text, codec::PLAIN_LIMIT).map_err(|error| fail(error.to_string()))?;
    let edits: [(&[&str], &str); 2] = [
        (&["info", "status"], status.as_str()),
        (&["info", "description"], description),
    ];
    let json = edit::set_strings(&plain.json, &edits).map_err(|error| fail(error.to_string()))?;
    let text = codec::encode(&json, record.room()).map_err(|error| fail(error.to_string()))?;
    record.payload = Some(text.into());
    Ok(())
}

/// Sets the labels that say the same as the payload, and the fence.
fn change_object(record: &mut RawRecord, status: &Status, now: i64, fence: bool) {
    let labels = &mut record.object["metadata"]["labels"];
    labels["status"] = status.as_str().into();
    labels["modifiedAt"] = now.to_string().into();
    if fence {
        record.object["immutable"] = true.into();
    }
}

//! Answers what diagnosis asked for into the survey.
//!
//! Failures to read are answers too: they are written into the survey, and
//! never stop what else was asked.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use futures::future::join;
use tokio::sync::mpsc;

use super::error::ApiError;
use super::item::Item;
use super::rooms::Rooms;
use super::{Cluster, Wanted};
use crate::helm::Driver;
use crate::live::ObjectRef;
use crate::survey::{Need, Payload, Record, RecordId, Survey, Unread};

/// Single reads under way at a time: kind to the API server's fairness queues.
pub(super) const AT_ONCE: usize = 8;

impl Cluster {
    /// Reads what is needed and writes it into the survey.
    ///
    /// A record whose payload is read is replaced as a whole, so that its
    /// labels and its payload are of the same `resourceVersion`. A record that
    /// is gone meanwhile stays, unread, with an entry in `unread`. Payloads of
    /// records that the survey does not hold, or holds as read, are not asked
    /// for again; objects and leases are.
    ///
    /// With `dry_runs`, what differs from a manifest is put to the API server,
    /// where a dry run is exact.
    pub async fn answer(&self, survey: &mut Survey, needs: &[Need], dry_runs: bool) {
        let mut payloads = BTreeSet::new();
        let mut objects: BTreeSet<(String, ObjectRef)> = BTreeSet::new();
        let mut leases = BTreeSet::new();
        let mut comparisons = BTreeSet::new();
        let mut owned = false;
        for need in needs.iter().cloned() {
            match need {
                Need::Payload(id) => _ = payloads.insert(id),
                Need::Object { namespace, object } => _ = objects.insert((namespace, object)),
                Need::Lease { namespace, name } => _ = leases.insert((namespace, name)),
                Need::Comparison(of) => _ = comparisons.insert(of),
                Need::Owned => owned = true,
                Need::Namespaces | Need::Namespace(_) | Need::Api(_) | Need::SecretsNamed(_) => {}
            }
        }
        let gate = Gate::default();
        self.answer_payloads(&gate, survey, &payloads).await;
        self.answer_objects(&gate, survey, objects).await;
        self.answer_leases(&gate, survey, leases).await;
        self.answer_comparisons(&gate, survey, comparisons, dry_runs)
            .await;
        if owned {
            self.answer_owned(&gate, survey).await;
        }
        self.answer_around(&gate, survey, needs).await;
    }

    async fn answer_payloads(&self, gate: &Gate, survey: &mut Survey, asked: &BTreeSet<RecordId>) {
        let mut places = HashMap::new();
        for (place, record) in survey.records.iter().enumerate() {
            if record.payload == Payload::Unread && asked.contains(&record.id) {
                places.insert(record.id.clone(), place);
            }
        }
        let wanted = Wanted::of(survey, |id| places.contains_key(id));
        let work = |id: &RecordId, item: Item| {
            let record = read(&item, id.driver)?;
            (record.id == *id).then_some(Some(record)).ok_or(GARBLED)
        };
        let (out, mut read) = mpsc::channel(AT_ONCE);
        let begin = move || work;
        let reading = self.read_items(gate.clone(), Rooms::default(), wanted, begin, out);
        let putting = async {
            while let Some(fetched) = read.recv().await {
                for (id, read) in fetched {
                    let what = id.to_string();
                    survey.unread.push(match read {
                        Ok(Some(record)) => {
                            if let Some(place) = places.get(&id) {
                                // As a whole.
                                survey.records[*place] = record;
                            }
                            continue;
                        }
                        Ok(None) => Unread::gone(what),
                        Err(error) => Unread {
                            what,
                            reason: error.reason(),
                        },
                    });
                }
            }
        };
        join(reading, putting).await;
        survey.unread.sort_unstable();
        survey.unread.dedup();
    }
}

const GARBLED: ApiError = ApiError::Garbled {
    what: "not the record that was asked for",
};

/// Decodes an item with its payload.
pub(super) fn read(item: &Item, driver: Driver) -> Result<Record, ApiError> {
    let mut record = item.record(driver)?;
    record.payload = item.payload(driver)?;
    Ok(record)
}

/// Once the API server cannot be spoken to at all, the rest of a batch fails
/// at once instead of one time out after the other.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<OnceLock<ApiError>>);

impl Gate {
    pub(super) async fn through<T>(
        &self,
        read: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        if let Some(error) = self.0.get() {
            return Err(error.clone());
        }
        let result = read.await;
        if let Err(error) = &result
            && error.is_total()
        {
            // Another one of the batch may have been first; its word is as good.
            let _ = self.0.set(error.clone());
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Login;

    #[tokio::test]
    async fn after_a_total_failure_nothing_is_tried() {
        let gate = Gate::default();
        let refused = ApiError::Unauthorized {
            message: "no".into(),
            login: Login::Nobody,
        };
        assert_eq!(
            gate.through(async { Err::<(), _>(ApiError::NotFound) })
                .await,
            Err(ApiError::NotFound)
        );
        assert_eq!(gate.through(async { Ok(1) }).await, Ok(1));
        assert_eq!(
            gate.through(async { Err::<(), _>(refused.clone()) }).await,
            Err(refused.clone())
        );
        assert_eq!(gate.through(async { Ok(1) }).await, Err(refused));
    }
}

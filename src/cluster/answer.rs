//! Answers what diagnosis asked for into the survey.
//!
//! Failures to read are answers too: they are written into the survey, and
//! never stop what else was asked.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use futures::StreamExt;
use futures::stream;

use super::Cluster;
use super::error::ApiError;
use super::item::Item;
use super::listing::Selection;
use super::records::labels;
use crate::helm::{CURRENT_SELECTOR, Driver, OWNER_SELECTOR};
use crate::live::ObjectRef;
use crate::survey::{Need, Payload, Record, RecordId, Survey, Unread};

/// Single reads under way at a time: kind to the API server's fairness queues.
pub(super) const AT_ONCE: usize = 8;

/// Up to so many payloads are read one by one.
const FEW: usize = 16;

/// A list costs the API server and the wire every body in it, a read one body
/// and a round trip: a list pays if this share of it is wanted.
const LIST_PAYS: usize = 4;

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
        for driver in Driver::ALL {
            let wanted: HashSet<_> = places
                .keys()
                .filter(|id| id.driver == driver)
                .cloned()
                .collect();
            if let Some(selection) = worth_listing(survey, driver, &wanted) {
                let wanted = move |id: &RecordId| wanted.contains(id);
                let read = self.list_payloads(gate, selection, wanted).await;
                put(survey, &mut places, read);
            }
        }
        let rest: Vec<RecordId> = places.keys().cloned().collect();
        let reads = stream::iter(rest)
            .map(|id| async {
                let read = gate.through(self.get_record(&id)).await;
                (id, read)
            })
            .buffer_unordered(AT_ONCE);
        let mut reads = pin!(reads);
        while let Some((id, read)) = reads.next().await {
            match read {
                Ok(record) => put(survey, &mut places, vec![record]),
                Err(error) => survey.unread.push(Unread {
                    what: id.to_string(),
                    reason: match error {
                        ApiError::NotFound => "gone while reading".to_owned(),
                        other => other.reason(),
                    },
                }),
            }
        }
        survey.unread.sort_unstable();
        survey.unread.dedup();
    }

    /// Reads bodies by one list; the wanted ones are decoded on other threads
    /// while more arrive. What fails is left for a read of its own.
    pub(super) async fn list_payloads(
        &self,
        gate: &Gate,
        selection: Selection,
        wanted: impl Fn(&RecordId) -> bool + Send + Sync + 'static,
    ) -> Vec<Record> {
        let driver = selection.driver;
        let wanted = Arc::new(wanted);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let listing = self.list(selection);
        let items = stream::unfold(listing, |mut listing| async {
            let item = listing.next().await.transpose()?;
            Some((item, listing))
        });
        let records = items
            .map(|item| {
                let wanted = Arc::clone(&wanted);
                async move {
                    let item = gate.through(async { item }).await.ok()?;
                    let read = move || read(&item, driver, &*wanted);
                    tokio::task::spawn_blocking(read).await.ok()?.ok()?
                }
            })
            // One waits for its turn: each holds a payload, unpacked some megabytes.
            .buffer_unordered(threads + 1);
        let mut records = pin!(records);
        let mut read = Vec::new();
        while let Some(record) = records.next().await {
            read.extend(record);
        }
        read
    }

    async fn get_record(&self, id: &RecordId) -> Result<Record, ApiError> {
        const GARBLED: ApiError = ApiError::Garbled {
            what: "not the record that was asked for",
        };
        let item = self.item(id).await?;
        let id = id.clone();
        let decode = move || read(&item, id.driver, |found| *found == id)?.ok_or(GARBLED);
        tokio::task::spawn_blocking(decode)
            .await
            .unwrap_or(Err(GARBLED))
    }
}

/// Decodes an item with its payload, if it is wanted.
fn read(
    item: &Item,
    driver: Driver,
    wanted: impl FnOnce(&RecordId) -> bool,
) -> Result<Option<Record>, ApiError> {
    let mut record = item.record(driver)?;
    if !wanted(&record.id) {
        return Ok(None);
    }
    record.payload = item.payload(driver)?;
    Ok(Some(record))
}

/// Puts records that were read in their places, which are then no longer
/// wanted.
fn put(survey: &mut Survey, places: &mut HashMap<RecordId, usize>, read: Vec<Record>) {
    for record in read {
        let place = places.remove(&record.id);
        if let Some(seen) = place.and_then(|place| survey.records.get_mut(place)) {
            *seen = record;
        }
    }
}

/// The list that brings most of the wanted payloads, if it costs less than
/// reading them one by one.
fn worth_listing(survey: &Survey, driver: Driver, wanted: &HashSet<RecordId>) -> Option<Selection> {
    if wanted.len() <= FEW {
        return None;
    }
    let namespaces: HashSet<&str> = wanted.iter().map(|id| id.namespace.as_str()).collect();
    let namespace = match (&survey.scope.namespace, namespaces.len()) {
        (None, 1) => namespaces.into_iter().next().map(str::to_owned),
        (scope, _) => scope.clone(),
    };
    let superseded = |record: &&Record| record.label("status") == Some("superseded");
    let labeled = |record: &&Record| {
        let here = namespace
            .as_ref()
            .is_none_or(|ns| *ns == record.id.namespace);
        here && record.id.driver == driver && record.label("owner") == Some("helm")
    };
    let all = survey.records.iter().filter(labeled);
    let (old, new): (Vec<_>, Vec<_>) = all.partition(superseded);
    let count = |of: &[&Record]| of.iter().filter(|r| wanted.contains(&r.id)).count();
    let (old_wanted, new_wanted) = (count(&old), count(&new));
    let whole = old_wanted > FEW && (old_wanted + new_wanted) * LIST_PAYS >= old.len() + new.len();
    let first = match whole {
        true => OWNER_SELECTOR.to_owned(),
        false if new_wanted > FEW && new_wanted * LIST_PAYS >= new.len() => {
            CURRENT_SELECTOR.to_owned()
        }
        false => return None,
    };
    Some(Selection {
        driver,
        namespace,
        labels: Some(labels(&survey.scope, &first)),
        fields: None,
        whole: true,
        all_bodies: whole,
    })
}

/// Once the API server cannot be spoken to at all, the rest of a batch fails
/// at once instead of one time out after the other.
#[derive(Default)]
pub(super) struct Gate(OnceLock<ApiError>);

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
    use serde_json::json;

    use super::super::item::from_json;
    use super::*;
    use crate::cluster::Login;
    use crate::survey::Scope;

    /// `new` current and `old` superseded records in each of the namespaces.
    fn survey(namespaces: &[&str], new: usize, old: usize) -> Survey {
        let mut records = Vec::new();
        for namespace in namespaces {
            for n in 0..new + old {
                let status = if n < new { "deployed" } else { "superseded" };
                records.push(from_json(
                    &json!({
                        "namespace": namespace, "name": format!("r{n}"), "uid": format!("{namespace}{n}"),
                        "labels": {"owner": "helm", "status": status},
                    }),
                    Driver::Secret,
                ));
            }
        }
        Survey {
            cluster: None,
            time: None,
            scope: Scope::default(),
            records,
            objects: vec![],
            leases: vec![],
            unread: vec![],
            ..Survey::default()
        }
    }

    fn wanted(survey: &Survey, which: impl Fn(&Record) -> bool) -> HashSet<RecordId> {
        let records = survey.records.iter().filter(|r| which(r));
        records.map(|r| r.id.clone()).collect()
    }

    fn current(record: &Record) -> bool {
        record.label("status") == Some("deployed")
    }

    #[test]
    fn few_are_read_one_by_one() {
        let few = survey(&["a"], 16, 0);
        let all = wanted(&few, |_| true);
        assert!(worth_listing(&few, Driver::Secret, &all).is_none());
    }

    #[test]
    fn many_current_ones_are_listed_without_the_superseded() {
        let many = survey(&["a", "b"], 20, 500);
        let list = worth_listing(&many, Driver::Secret, &wanted(&many, current)).unwrap();
        assert_eq!(
            list.labels.as_deref(),
            Some("owner=helm,status!=superseded")
        );
        assert_eq!(list.namespace, None);
        assert!(list.whole);
    }

    #[test]
    fn all_are_listed_with_the_superseded() {
        let many = survey(&["a"], 2, 40);
        let list = worth_listing(&many, Driver::Secret, &wanted(&many, |_| true)).unwrap();
        assert_eq!(list.labels.as_deref(), Some("owner=helm"));
        assert_eq!(list.namespace.as_deref(), Some("a"));
    }

    #[test]
    fn a_small_share_is_not_worth_a_list() {
        let many = survey(&["a"], 100, 0);
        let some = wanted(&many, |r| r.id.name.len() == 2 || r.id.name == "r10");
        assert_eq!(some.len(), 11);
        let more = wanted(&many, |r| r.id.name.as_str() < "r25");
        assert!(more.len() > FEW && more.len() * LIST_PAYS < 100);
        assert!(worth_listing(&many, Driver::Secret, &more).is_none());
    }

    #[test]
    fn a_record_is_replaced_as_a_whole() {
        let mut seen = survey(&["a"], 1, 0);
        let mut places = HashMap::from([(seen.records[0].id.clone(), 0)]);
        let mut fresh = seen.records[0].clone();
        fresh.resource_version = "99".to_owned();
        put(&mut seen, &mut places, vec![fresh.clone()]);
        assert_eq!(seen.records, [fresh]);
        assert!(places.is_empty());
    }

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

//! The two sides of `backup diff`: a snapshot, or the cluster as it is now.

use futures::future::join;
use tokio::sync::mpsc;

use super::existing;
use crate::cli::reach::unseen;
use crate::cli::settings::Settings;
use crate::cli::{connect, look};
use crate::cluster::{Cluster, Wanted};
use crate::error::Failure;
use crate::report::count;
use crate::report::diff::Whole;
use crate::snapshot::diff::{Held, Read, Reads, read};
use crate::snapshot::{HistoryId, Snapshot};
use crate::store::Store;
use crate::survey::{RecordId, Scope, Survey, Unread};

/// What stands for the cluster on the command line.
pub(super) const CLUSTER: &str = "cluster";

/// How many times some records that were read wait to be taken.
const WAITING: usize = 8;

/// One side.
pub(super) enum Side {
    Saved(Box<(Store, Snapshot)>),
    Now(Cluster, Box<Survey>),
}

impl Side {
    /// A snapshot, by the beginning of its id.
    pub(super) fn saved(settings: &Settings, id: &str) -> Result<Self, Failure> {
        let store = existing(settings)?;
        let snapshot = store.snapshot(id).map_err(connect::unstored)?;
        Ok(Self::Saved(Box::new((store, snapshot))))
    }

    /// The cluster, as far as `other` was asked for; where no flag says another
    /// place, in the namespaces that it holds records of.
    pub(super) async fn now(
        settings: &Settings,
        names: &[String],
        other: &Snapshot,
    ) -> Result<Self, Failure> {
        let cluster = connect::cluster(settings).await?;
        let global = &settings.global;
        let chosen = global.all_namespaces || global.namespace.is_some();
        let mut namespaces: Vec<_> = other.records.iter().map(|one| &one.id.namespace).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let namespace = match (&global.namespace, &namespaces[..]) {
            (Some(namespace), _) => Some(namespace.clone()),
            (None, [only]) if !chosen => Some((*only).clone()),
            (None, _) => other.scope.namespace.clone().filter(|_| !chosen),
        };
        let scope = Scope {
            namespace,
            releases: match names.is_empty() {
                true => other.scope.releases.clone(),
                false => names.to_vec(),
            },
            selector: other.scope.selector.clone(),
            driver: None,
        };
        let surveyed = cluster.survey(&scope).await;
        let mut survey = surveyed.map_err(|error| unseen(&cluster, error))?;
        look::namespace_found(&cluster, &survey, &scope).await?;
        if !chosen {
            let found = survey.records.len();
            let records = &mut survey.records;
            records.retain(|record| namespaces.contains(&&record.id.namespace));
            let elsewhere = found - records.len();
            if elsewhere > 0 {
                let text = format!(
                    "{} in other namespaces are not compared; -A compares them too",
                    count(elsewhere, "record")
                );
                settings.terminal.say(&text);
            }
        }
        Ok(Self::Now(cluster, Box::new(survey)))
    }

    /// The snapshot, if it is one.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Saved(saved) => Some(&saved.1),
            Self::Now(..) => None,
        }
    }

    /// Which cluster it is of.
    pub(super) fn cluster(&self) -> Option<&str> {
        match self {
            Self::Saved(saved) => saved.1.cluster.as_deref(),
            Self::Now(_, survey) => survey.cluster.as_deref(),
        }
    }

    /// The records that are compared.
    pub(super) fn held(&self, settings: &Settings, names: &[String]) -> Vec<Held> {
        match self {
            Self::Saved(saved) => {
                let snapshot = &saved.1;
                let namespace = settings.global.namespace.as_deref();
                let releases = snapshot.by_release(namespace, names);
                let records = releases.iter().flat_map(|one| one.records.iter());
                let held = records.map(|saved| Held {
                    id: saved.id.clone(),
                    uid: saved.uid.clone(),
                    resource_version: saved.resource_version.clone(),
                });
                held.collect()
            }
            Self::Now(_, survey) => {
                let held = survey.records.iter().map(|record| Held {
                    id: record.id.clone(),
                    uid: record.uid.clone(),
                    resource_version: record.resource_version.clone(),
                });
                held.collect()
            }
        }
    }

    /// How it is told of.
    pub(super) fn whole(&self) -> Whole {
        match self {
            Self::Saved(saved) => Whole {
                snapshot: Some(saved.1.id.clone()),
                time: Some(saved.1.time),
                unread: saved.1.missing.clone(),
            },
            Self::Now(_, survey) => Whole {
                snapshot: None,
                time: survey.time,
                unread: survey.unread.clone(),
            },
        }
    }

    /// Whether it would hold that record, had it been there: it is part of what
    /// was asked for.
    pub(super) fn covers(&self, id: &RecordId) -> bool {
        let asked = |scope: &Scope| {
            let release = || {
                id.key()
                    .is_some_and(|key| scope.releases.contains(&key.release))
            };
            scope
                .namespace
                .as_ref()
                .is_none_or(|one| *one == id.namespace)
                && (scope.releases.is_empty() || release())
        };
        match self {
            // What precedes a verb's writes is of the releases it wrote to; what a
            // selector chose, only the cluster could tell.
            Self::Saved(saved)
                if saved.1.reason != "backup" || saved.1.scope.selector.is_some() =>
            {
                let history = HistoryId::of(id);
                let mut records = saved.1.records.iter();
                records.any(|one| HistoryId::of(&one.id) == history)
            }
            Self::Saved(saved) => asked(&saved.1.scope),
            Self::Now(_, survey) => asked(&survey.scope),
        }
    }

    /// Reads records. What cannot be read is told; what is gone by now is not.
    pub(super) async fn read(&self, ids: &[&RecordId]) -> (Reads, Vec<Unread>) {
        let (mut reads, mut unread) = (Reads::new(), Vec::new());
        let mut take = |id: &RecordId, done: Result<Option<Read>, String>| match done {
            Ok(done) => reads.extend(done.map(|read| (id.clone(), read))),
            Err(reason) => unread.push(Unread {
                what: id.to_string(),
                reason,
            }),
        };
        match self {
            Self::Saved(saved) => {
                let (store, snapshot) = &**saved;
                match store.holding(&snapshot.id) {
                    Ok(mut holding) => ids.iter().for_each(|id| {
                        let raw = holding.raw_record(id);
                        let done = raw.map(|raw| Some(read(&raw)));
                        take(id, done.map_err(|error| error.to_string()));
                    }),
                    Err(error) => ids.iter().for_each(|id| take(id, Err(error.to_string()))),
                }
            }
            Self::Now(cluster, _) => {
                // As a backup reads them: who may only list gets them out of lists.
                let wanted = Wanted::only(ids.iter().map(|id| (*id).clone()));
                let (out, mut some) = mpsc::channel(WAITING);
                let reading = cluster.read_records(wanted, || read, out);
                let taking = async {
                    while let Some(some) = some.recv().await {
                        for (id, done) in some {
                            take(&id, done.map_err(|error| error.reason()));
                        }
                    }
                };
                join(reading, taking).await;
            }
        }
        (reads, unread)
    }
}

//! Reading many records whole, exactly as they are stored.
//!
//! Many of a namespace come as its list in protobuf, few one by one. Each is
//! handed to some work as it arrives, on another thread: taking records apart
//! costs more than reading them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio::task::{JoinSet, spawn_blocking};

use super::Cluster;
use super::answer::{AT_ONCE, Gate};
use super::error::ApiError;
use super::item::Item;
use super::listing::Selection;
use super::raw;
use super::write::split;
use crate::helm::{Driver, OWNER_SELECTOR};
use crate::survey::{RawRecord, Record, RecordId};

/// A list costs every body in it, a read one body and a round trip: a list pays
/// if this share of it is wanted.
const LIST_PAYS: usize = 4;

/// Up to so many of a namespace are read one by one.
const FEW: usize = 16;

/// What became of a record that was to be read: the work's outcome, `None` if
/// there is no such record any more, or why it could not be read.
pub type Fetched<T> = (RecordId, Result<Option<T>, ApiError>);

/// What is to be read, of all that there is.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// These records.
    pub ids: HashSet<RecordId>,
    /// How many records bear Helm's label, by driver and namespace: what a list
    /// would bring.
    pub labeled: BTreeMap<(Driver, String), usize>,
}

impl Wanted {
    /// These of the records that were seen.
    pub fn of(seen: &[Record], wanted: impl Fn(&RecordId) -> bool) -> Self {
        let mut labeled = BTreeMap::new();
        for record in seen.iter().filter(|record| record.labeled()) {
            let place = (record.id.driver, record.id.namespace.clone());
            *labeled.entry(place).or_default() += 1;
        }
        let ids = seen.iter().map(|record| &record.id).filter(|id| wanted(id));
        Self {
            ids: ids.cloned().collect(),
            labeled,
        }
    }
}

impl Cluster {
    /// Reads records whole and hands each to `work`, on threads of its own; what
    /// comes of it goes into `out`, every wanted record once, in no order. It
    /// waits where nobody takes out what is there, and stops when nobody will.
    pub async fn read_records<T, W>(&self, wanted: Wanted, work: W, out: Sender<Fetched<T>>)
    where
        T: Send + 'static,
        W: Fn(RawRecord) -> T + Send + Sync + 'static,
    {
        let reading = Arc::new(Reading {
            cluster: self.clone(),
            gate: Gate::default(),
            work,
        });
        let mut rest = wanted.ids;
        for selection in lists(&rest, &wanted.labeled) {
            if list(&reading, selection, &mut rest, &out).await.is_none() {
                return;
            }
        }
        let mut tasks = Tasks::new(AT_ONCE, out);
        for id in rest {
            if tasks.add(by_name(Arc::clone(&reading), id)).await.is_none() {
                return;
            }
        }
        tasks.finish().await;
    }
}

/// The namespaces' lists that cost less than reading one by one.
fn lists(
    wanted: &HashSet<RecordId>,
    labeled: &BTreeMap<(Driver, String), usize>,
) -> Vec<Selection> {
    let mut counts: BTreeMap<(Driver, &str), usize> = BTreeMap::new();
    for id in wanted {
        *counts.entry((id.driver, &id.namespace)).or_default() += 1;
    }
    let pays = |((driver, namespace), count): &((Driver, &str), usize)| {
        let all = labeled.get(&(*driver, (*namespace).to_owned()));
        *count > FEW && all.is_some_and(|all| count * LIST_PAYS >= *all)
    };
    let selection = |((driver, namespace), _): ((Driver, &str), usize)| Selection {
        driver,
        namespace: Some(namespace.to_owned()),
        labels: Some(OWNER_SELECTOR.to_owned()),
        fields: None,
        whole: true,
        all_bodies: true,
    };
    counts.into_iter().filter(pays).map(selection).collect()
}

/// A reading under way.
struct Reading<W> {
    cluster: Cluster,
    gate: Gate,
    work: W,
}

/// Reads the wanted records of a list, which are then no longer in `rest`. What
/// the list does not bring is left there. `None` if nobody takes any more.
async fn list<T, W>(
    reading: &Arc<Reading<W>>,
    selection: Selection,
    rest: &mut HashSet<RecordId>,
    out: &Sender<Fetched<T>>,
) -> Option<()>
where
    T: Send + 'static,
    W: Fn(RawRecord) -> T + Send + Sync + 'static,
{
    let driver = selection.driver;
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    // One waits for its turn: each holds a payload, unpacked some megabytes.
    let mut tasks = Tasks::new(threads + 1, out.clone());
    let mut listing = reading.cluster.list(selection);
    while let Ok(Some(item)) = reading.gate.through(listing.next()).await {
        let id = item.record(driver).map(|record| record.id);
        if let Some(id) = id.ok().filter(|id| rest.remove(id)) {
            tasks.add(opened(Arc::clone(reading), id, item)).await?;
        }
    }
    tasks.finish().await
}

async fn by_name<T, W>(reading: Arc<Reading<W>>, id: RecordId) -> Fetched<T>
where
    T: Send + 'static,
    W: Fn(RawRecord) -> T + Send + Sync + 'static,
{
    match reading.gate.through(reading.cluster.item(&id)).await {
        Ok(item) => opened(reading, id, item).await,
        Err(ApiError::NotFound) => (id, Ok(None)),
        Err(error) => (id, Err(error)),
    }
}

/// Opens an item and does the work, on another thread. What its protobuf does
/// not tell whole is read in JSON.
async fn opened<T, W>(reading: Arc<Reading<W>>, id: RecordId, item: Item) -> Fetched<T>
where
    T: Send + 'static,
    W: Fn(RawRecord) -> T + Send + Sync + 'static,
{
    let (own, worker) = (id.clone(), Arc::clone(&reading));
    let work = move || open(&own, item).map(|raw| raw.map(|raw| (worker.work)(raw)));
    match spawn_blocking(work).await {
        Ok(Ok(Some(done))) => (id, Ok(Some(done))),
        Ok(Ok(None)) => in_json(reading, id).await,
        Ok(Err(error)) => (id, Err(error)),
        Err(_) => (id, Err(GARBLED)),
    }
}

async fn in_json<T, W>(reading: Arc<Reading<W>>, id: RecordId) -> Fetched<T>
where
    T: Send + 'static,
    W: Fn(RawRecord) -> T + Send + Sync + 'static,
{
    let read = reading.gate.through(reading.cluster.read_record(&id)).await;
    let done = match read {
        Ok(Some(raw)) => {
            let done = spawn_blocking(move || (reading.work)(raw)).await;
            done.map(Some).map_err(|_| GARBLED)
        }
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    (id, done)
}

const GARBLED: ApiError = ApiError::Garbled {
    what: "a record that cannot be taken apart",
};

/// The record as it is stored; `None` if its protobuf does not tell it whole.
fn open(id: &RecordId, item: Item) -> Result<Option<RawRecord>, ApiError> {
    let object = match item {
        Item::Json(mut object) if object.is_object() => {
            // The items of a list do not say what they are.
            object["kind"] = id.driver.kind().into();
            object["apiVersion"] = "v1".into();
            Some(object)
        }
        Item::Json(_) => return Err(GARBLED),
        Item::Protobuf(bytes) => raw::to_json(&bytes, id.driver)?,
    };
    object.map(|object| split(id, object)).transpose()
}

/// A few tasks at a time, whose outcomes go out as they come.
struct Tasks<T> {
    set: JoinSet<Fetched<T>>,
    most: usize,
    out: Sender<Fetched<T>>,
}

impl<T: Send + 'static> Tasks<T> {
    fn new(most: usize, out: Sender<Fetched<T>>) -> Self {
        Self {
            set: JoinSet::new(),
            most,
            out,
        }
    }

    /// Begins another one, after one has ended if there are enough. `None` if
    /// nobody takes what comes out.
    async fn add(&mut self, task: impl Future<Output = Fetched<T>> + Send + 'static) -> Option<()> {
        if self.set.len() >= self.most {
            self.next().await?;
        }
        self.set.spawn(task);
        Some(())
    }

    async fn finish(mut self) -> Option<()> {
        while !self.set.is_empty() {
            self.next().await?;
        }
        Some(())
    }

    async fn next(&mut self) -> Option<()> {
        match self.set.join_next().await {
            Some(Ok(fetched)) => self.out.send(fetched).await.ok(),
            // Nobody cancels them, and a panic stays one.
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => Some(()),
        }
    }
}

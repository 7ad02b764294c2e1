//! Reading many records whole, exactly as they are stored.
//!
//! Many come as lists in protobuf, few one by one. They are handed to some work
//! as they arrive, on other threads: taking records apart costs more than reading
//! them.

use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, Stream};
use tokio::sync::mpsc::Sender;
use tokio::task::{JoinSet, spawn_blocking};

use super::Cluster;
use super::answer::{AT_ONCE, Gate};
use super::error::ApiError;
use super::item::Item;
use super::listing::Selection;
use super::raw;
use super::rooms::Rooms;
use super::wanted::Wanted;
use super::write::split;
use crate::survey::{RawRecord, RecordId};

/// Lists under way at a time: while one is asked for, another is read.
const LISTS_AT_ONCE: usize = 2;

/// How many cores one reader keeps busy at most: it reads a gigabyte in the time
/// in which five of them take it apart. Each holds what it works on.
const FED: usize = 8;

/// How many bytes are handed over at a time, at least where more are to come: a
/// thread is not woken for a small record alone.
const ENOUGH: usize = 256 << 10;

/// And at most, or one record: up to this, the records of one release go
/// together. They are much alike, so whoever takes one apart knows most of the
/// others. It bounds in bytes what a channel of what came of them holds.
const MOST: usize = 8 << 20;

/// What became of a record that was to be read: the work's outcome, `None` if
/// there is no such record any more, or why it could not be read.
pub type Fetched<T> = (RecordId, Result<Option<T>, ApiError>);

impl Cluster {
    /// Reads records whole and has them worked on, on threads of its own; what
    /// comes of it goes into `out`, every wanted record once, in no order, some at
    /// a time: at most what eight megabytes held, or one record. `begin` begins the
    /// work on so many, one thread's. It waits where nobody takes out what is
    /// there, and stops when nobody will.
    pub async fn read_records<T, B, W>(
        &self,
        wanted: Wanted,
        begin: B,
        out: Sender<Vec<Fetched<T>>>,
    ) where
        T: Send + 'static,
        B: Fn() -> W + Send + Sync + 'static,
        W: FnMut(&RawRecord) -> T + 'static,
    {
        let rooms = Rooms::default();
        let from = rooms.clone();
        let begin = move || {
            let mut work = begin();
            let rooms = rooms.clone();
            move |id: &RecordId, item| {
                let Some(record) = open(id, item)? else {
                    return Ok(None);
                };
                let done = work(&record);
                rooms.give_back(record.payload.unwrap_or_default());
                Ok(Some(done))
            }
        };
        let gate = Gate::default();
        self.read_items(gate, from, wanted, begin, out).await;
    }

    /// The same with work that takes items as they came; where they do not tell
    /// enough, it gives `None`, and gets the same item in JSON.
    pub(super) async fn read_items<T, B, W>(
        &self,
        gate: Gate,
        rooms: Rooms,
        wanted: Wanted,
        begin: B,
        out: Sender<Vec<Fetched<T>>>,
    ) where
        T: Send + 'static,
        B: Fn() -> W + Send + Sync + 'static,
        W: FnMut(&RecordId, Item) -> Result<Option<T>, ApiError> + 'static,
    {
        let cluster = self.clone();
        let reading = Arc::new(Reading {
            cluster,
            gate,
            rooms,
            begin,
        });
        let mut rest = wanted.ids;
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let threads = threads.min(FED);
        // One more than are kept busy, for whoever is done first.
        let mut tasks = Tasks::new(threads + 1, out.clone());
        let lists = stream::iter(wanted.lists);
        let batches = |list| Box::pin(reading.batches(list));
        let mut batches = pin!(lists.flat_map_unordered(LISTS_AT_ONCE, batches));
        while let Some(mut batch) = batches.next().await {
            batch.retain(|(id, _)| rest.remove(id));
            if batch.is_empty() {
                continue;
            }
            let task = opened(Arc::clone(&reading), batch);
            if tasks.add(task).await.is_none() {
                return;
            }
        }
        if tasks.finish().await.is_none() {
            return;
        }
        // What the lists did not bring.
        let mut tasks = Tasks::new(AT_ONCE, out);
        for id in rest {
            if tasks.add(by_name(Arc::clone(&reading), id)).await.is_none() {
                return;
            }
        }
        tasks.finish().await;
    }
}

/// A reading under way.
struct Reading<B> {
    cluster: Cluster,
    gate: Gate,
    rooms: Rooms,
    begin: B,
}

impl<B> Reading<B> {
    /// What a list brings, some at a time.
    fn batches(&self, selection: Selection) -> impl Stream<Item = Vec<(RecordId, Item)>> {
        let items = Box::pin(self.items(selection).peekable());
        stream::unfold(items, |mut items| async move {
            let mut batch = vec![items.next().await?];
            let mut bytes = batch[0].1.size();
            while let Some((id, item)) = items.as_mut().peek().await {
                let before = batch.last().map(|(id, _)| id);
                let full = match before.is_some_and(|before| same_release(before, id)) {
                    true => bytes + item.size() > MOST,
                    false => bytes >= ENOUGH,
                };
                if full {
                    break;
                }
                bytes += item.size();
                batch.extend(items.next().await);
            }
            Some((batch, items))
        })
    }

    /// What a list brings; it ends where it fails.
    fn items(&self, selection: Selection) -> impl Stream<Item = (RecordId, Item)> {
        let driver = selection.driver;
        let listing = self.cluster.list(selection).in_rooms(&self.rooms);
        stream::unfold(listing, move |mut listing| async move {
            let item = self.gate.through(listing.next()).await.ok()??;
            let id = item.id(driver).ok();
            Some((id.map(|id| (id, item)), listing))
        })
        .filter_map(std::future::ready)
    }
}

async fn by_name<T, B, W>(reading: Arc<Reading<B>>, id: RecordId) -> Vec<Fetched<T>>
where
    T: Send + 'static,
    B: Fn() -> W + Send + Sync + 'static,
    W: FnMut(&RecordId, Item) -> Result<Option<T>, ApiError> + 'static,
{
    match reading.gate.through(reading.cluster.item(&id)).await {
        Ok(item) => opened(reading, vec![(id, item)]).await,
        Err(ApiError::NotFound) => vec![(id, Ok(None))],
        Err(error) => vec![(id, Err(error))],
    }
}

/// Does the work on items, on another thread. What its protobuf does not tell
/// whole is read in JSON.
async fn opened<T, B, W>(reading: Arc<Reading<B>>, batch: Vec<(RecordId, Item)>) -> Vec<Fetched<T>>
where
    T: Send + 'static,
    B: Fn() -> W + Send + Sync + 'static,
    W: FnMut(&RecordId, Item) -> Result<Option<T>, ApiError> + 'static,
{
    let mut fetched = worked(&reading, batch).await;
    for (id, done) in &mut fetched {
        if !matches!(done, Ok(None)) {
            continue;
        }
        let json = reading.gate.through(reading.cluster.item_in_json(id));
        *done = match json.await {
            Ok(item) => match worked(&reading, vec![(id.clone(), item)]).await.pop() {
                Some((_, Ok(Some(done)))) => Ok(Some(done)),
                Some((_, Err(error))) => Err(error),
                Some((_, Ok(None))) | None => Err(GARBLED),
            },
            Err(ApiError::NotFound) => Ok(None),
            Err(error) => Err(error),
        };
    }
    fetched
}

async fn worked<T, B, W>(reading: &Arc<Reading<B>>, batch: Vec<(RecordId, Item)>) -> Vec<Fetched<T>>
where
    T: Send + 'static,
    B: Fn() -> W + Send + Sync + 'static,
    W: FnMut(&RecordId, Item) -> Result<Option<T>, ApiError> + 'static,
{
    let reading = Arc::clone(reading);
    let ids: Vec<_> = batch.iter().map(|(id, _)| id.clone()).collect();
    let work = spawn_blocking(move || {
        let mut work = (reading.begin)();
        let work = |(id, item)| {
            let done = work(&id, item);
            (id, done)
        };
        batch.into_iter().map(work).collect()
    });
    let garbled = |_| ids.into_iter().map(|id| (id, Err(GARBLED))).collect();
    work.await.unwrap_or_else(garbled)
}

const GARBLED: ApiError = ApiError::Garbled {
    what: "a record that cannot be taken apart",
};

fn same_release(one: &RecordId, other: &RecordId) -> bool {
    match (one.key(), other.key()) {
        (Some(one), Some(other)) => one.release == other.release,
        _ => false,
    }
}

/// The record as it is stored; `None` if its protobuf does not tell it whole.
fn open(id: &RecordId, item: Item) -> Result<Option<RawRecord>, ApiError> {
    match item {
        Item::Json(mut object) if object.is_object() => {
            // The items of a list do not say what they are.
            object["kind"] = id.driver.kind().into();
            object["apiVersion"] = "v1".into();
            split(id, object).map(Some)
        }
        Item::Json(_) => Err(GARBLED),
        Item::Protobuf(bytes) => raw::record(id, bytes),
    }
}

/// A few tasks at a time, whose outcomes go out as they come.
struct Tasks<T> {
    set: JoinSet<Vec<Fetched<T>>>,
    most: usize,
    out: Sender<Vec<Fetched<T>>>,
}

impl<T: Send + 'static> Tasks<T> {
    fn new(most: usize, out: Sender<Vec<Fetched<T>>>) -> Self {
        Self {
            set: JoinSet::new(),
            most,
            out,
        }
    }

    /// Begins another one, after one has ended if there are enough. `None` if
    /// nobody takes what comes out.
    async fn add<F>(&mut self, task: F) -> Option<()>
    where
        F: Future<Output = Vec<Fetched<T>>> + Send + 'static,
    {
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

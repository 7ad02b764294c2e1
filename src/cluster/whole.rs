//! Live objects whole, as a backup keeps them.

use std::collections::BTreeSet;
use std::pin::pin;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::Cluster;
use super::answer::{AT_ONCE, Gate};
use super::listing::ONE_JSON;
use super::objects::{Fetched, address};
use crate::live::{ObjectRef, bare};

/// What became of a live object that was to be read: the object, `None` if
/// there is none, or why it could not be read.
pub type Whole = (ObjectRef, Result<Option<Value>, String>);

impl Cluster {
    /// Reads live objects without what the API server sets in them, and hands
    /// each to `sink`, in no order. A namespace stands in where an object's
    /// document names none; what comes back says where the object is.
    ///
    /// Objects whose names the API server makes (`generateName`) cannot be made
    /// again, and are passed over.
    pub async fn read_whole(
        &self,
        asked: &BTreeSet<(String, ObjectRef)>,
        mut sink: impl FnMut(Whole),
    ) {
        let gate = Gate::default();
        let versions = asked.iter().map(|(_, object)| object.api_version.clone());
        let served = self.discover(&gate, versions.collect()).await;
        let named = asked
            .iter()
            .filter(|(_, object)| object.generated().is_none());
        let reads = stream::iter(named).map(async |(namespace, object)| {
            let fetched = self
                .fetch(&gate, &served, namespace, object, ONE_JSON)
                .await;
            let lies = address(&served, object).is_ok_and(|resource| resource.namespaced);
            let own = object.namespace.as_ref().unwrap_or(namespace);
            let object = ObjectRef {
                namespace: lies.then(|| own.clone()),
                ..object.clone()
            };
            let read = match fetched {
                Fetched::Json(mut json) => {
                    bare(&mut json);
                    Ok(Some(json))
                }
                Fetched::Missing => Ok(None),
                Fetched::Unserved => Err("the API server does not serve its kind".to_owned()),
                Fetched::Unreadable(reason) => Err(reason),
            };
            (object, read)
        });
        let mut reads = pin!(reads.buffer_unordered(AT_ONCE));
        while let Some(whole) = reads.next().await {
            sink(whole);
        }
    }
}

//! Lists, item by item, page by page.

use std::collections::VecDeque;

use http::Method;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::Cluster;
use super::error::ApiError;
use super::item::Item;
use super::protobuf::{End, ListWalker};
use super::request::{Failed, JSON, Tries, collect, is_protobuf};
use super::rooms::Rooms;
use super::url::Url;
use crate::helm::Driver;

const METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
    application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const BODIES: &str = "application/vnd.kubernetes.protobuf,application/json";

/// JSON comes whole, so a page of it is bounded.
const MAX_JSON: usize = 64 << 20;

/// A page that is sure to fit: no record is larger than 1.5 MiB.
const SMALL_PAGE: u32 = 20;

const BODIES_PAGE: u32 = 500;

/// Which objects a list is of.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) driver: Driver,
    pub(super) namespace: Option<String>,
    pub(super) labels: Option<String>,
    pub(super) fields: Option<String>,
    /// With their data, or their metadata alone.
    pub(super) whole: bool,
    /// The `resourceVersion` that it is to be no older than. Any API server
    /// answers this out of its watch cache, without asking etcd; before 1.31 only
    /// this, a list of no version it read from etcd.
    pub(super) at_least: Option<u64>,
}

/// A list under way. Items may come twice where a page had to be asked for
/// again; the caller drops what it has.
pub(super) struct Listing {
    cluster: Cluster,
    selection: Selection,
    rooms: Rooms,
    /// How many items a page has; 0 is all of them.
    limit: u32,
    next_page: Option<String>,
    page: Option<(Body, ListWalker)>,
    ready: VecDeque<Item>,
    tries: Tries,
    restarted: bool,
    done: bool,
    version: Option<u64>,
}

impl Cluster {
    /// Starts a list; nothing is sent before the first [`Listing::next`].
    pub(super) fn list(&self, selection: Selection) -> Listing {
        Listing {
            cluster: self.clone(),
            selection,
            rooms: Rooms::default(),
            // A whole list comes out of the API server's watch cache; each page of
            // one makes it look through etcd (20 times as slow at 20,000 records).
            limit: 0,
            next_page: None,
            page: None,
            ready: VecDeque::new(),
            tries: Tries::default(),
            restarted: false,
            done: false,
            version: None,
        }
    }
}

impl Listing {
    /// Its items take their room from there.
    pub(super) fn in_rooms(mut self, rooms: &Rooms) -> Self {
        self.rooms = rooms.clone();
        self
    }

    /// The `resourceVersion` of what was listed, once some of it was.
    pub(super) fn version(&self) -> Option<u64> {
        self.version
    }

    /// The next item, or `None` at the end of the list. After an error there is
    /// nothing more.
    pub(super) async fn next(&mut self) -> Result<Option<Item>, ApiError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.done {
                return Ok(None);
            }
            if let Err(failed) = self.advance().await {
                self.page = None;
                self.recover(failed).await?;
            }
        }
    }

    /// Opens a page, or reads one piece of it.
    async fn advance(&mut self) -> Result<(), Failed> {
        let timeout = self.cluster.0.answer_timeout;
        let Some((body, walker)) = &mut self.page else {
            let open = tokio::time::timeout(timeout, self.open());
            return open.await.unwrap_or(Err(ApiError::Timeout.into()));
        };
        match tokio::time::timeout(timeout, body.frame()).await {
            Err(_) => Err(ApiError::Timeout.into()),
            Ok(Some(Err(e))) => Err(ApiError::from_client(&e).into()),
            Ok(Some(Ok(frame))) => {
                if let Some(piece) = frame.data_ref() {
                    walker.push(piece, |item| self.ready.push_back(Item::Protobuf(item)))?;
                }
                Ok(())
            }
            Ok(None) => {
                if let Some((_, walker)) = self.page.take() {
                    self.page_done(walker.finish()?);
                }
                Ok(())
            }
        }
    }

    async fn open(&mut self) -> Result<(), Failed> {
        let selection = &self.selection;
        let url = Url::records(selection.driver, selection.namespace.as_deref())?
            .with("limit", &self.limit.to_string())
            .with_some("labelSelector", selection.labels.as_deref())
            .with_some("fieldSelector", selection.fields.as_deref())
            .with_some("continue", self.next_page.as_deref());
        // Pages are read from etcd, as of now.
        let at_least = selection.at_least.filter(|_| self.limit == 0);
        let url = match at_least {
            Some(version) => url
                .with("resourceVersion", &version.to_string())
                .with("resourceVersionMatch", "NotOlderThan"),
            None => url,
        };
        let accept = if selection.whole { BODIES } else { METADATA };
        let response = self.cluster.send(&Method::GET, &url, accept, None).await?;
        if is_protobuf(response.headers()) {
            let walker = ListWalker::in_rooms(self.rooms.clone());
            self.page = Some((response.into_body(), walker));
            return Ok(());
        }
        let body = collect(response.into_body(), MAX_JSON).await?;
        let (items, end) = json_page(&body)?;
        self.ready.extend(items.into_iter().map(Item::Json));
        self.page_done(end);
        Ok(())
    }

    fn page_done(&mut self, end: End) {
        self.tries = Tries::default();
        self.done = end.next_page.is_none();
        self.next_page = end.next_page;
        self.version = self.version.or(end.version);
    }

    /// Metadata of a record is one or two kilobytes, a body up to a megabyte:
    /// these pages keep the API server's own memory small as well.
    fn page_size(&self) -> u32 {
        match self.selection.whole {
            true => BODIES_PAGE,
            false => 5000,
        }
    }

    /// Goes on after an error if that can help, else gives it back.
    async fn recover(&mut self, failed: Failed) -> Result<(), ApiError> {
        match failed.error {
            // The list is older than etcd's history: once more from its start.
            ApiError::Expired if !self.restarted => {
                self.restarted = true;
                self.next_page = None;
                Ok(())
            }
            ApiError::TooLarge if self.limit == 0 => {
                self.limit = self.page_size();
                Ok(())
            }
            ApiError::TooLarge if self.limit > SMALL_PAGE => {
                self.limit = SMALL_PAGE;
                Ok(())
            }
            // What was too much at once may come in pieces; so does what the watch
            // cache does not hold yet.
            ApiError::Timeout | ApiError::Status { code: 504, .. } if self.limit == 0 => {
                self.limit = self.page_size();
                Ok(())
            }
            _ => {
                let again = self.tries.another(failed).await;
                self.done |= again.is_err();
                again
            }
        }
    }
}

/// The items of a list in JSON, and what it says of itself.
pub(super) fn json_page(body: &[u8]) -> Result<(Vec<Value>, End), ApiError> {
    const GARBLED: ApiError = ApiError::Garbled { what: "no list" };
    let mut list: Value = serde_json::from_slice(body).map_err(|_| GARBLED)?;
    let metadata = |field: &str| list["metadata"][field].as_str();
    let end = End {
        next_page: metadata("continue")
            .filter(|token| !token.is_empty())
            .map(str::to_owned),
        version: metadata("resourceVersion").and_then(|text| text.parse().ok()),
    };
    // Go writes an empty list as `null` now and then.
    match list.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok((items, end)),
        Some(Value::Null) => Ok((Vec::new(), end)),
        _ => Err(GARBLED),
    }
}

/// The `Accept` header for one whole object.
pub(super) const ONE_BODY: &str = BODIES;

/// The `Accept` header for a list of metadata, in JSON.
pub(super) const MANY_METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// The `Accept` header for one object's metadata, in JSON.
pub(super) const ONE_METADATA: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// The `Accept` header for one object in JSON.
pub(super) const ONE_JSON: &str = JSON;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_json() {
        let page = br#"{"kind":"List","metadata":{"continue":"t","resourceVersion":"7"},"items":[{"a":1},{"a":2}]}"#;
        let (items, end) = json_page(page).unwrap();
        assert_eq!((items.len(), end.next_page.as_deref()), (2, Some("t")));
        assert_eq!(end.version, Some(7));
        let last = br#"{"metadata":{"continue":""},"items":null}"#;
        assert_eq!(json_page(last), Ok((vec![], End::default())));
        for garbled in [&b"{}"[..], b"[]", b"", b"{\"items\":{}}", b"{\"items\":["] {
            assert!(json_page(garbled).is_err());
        }
    }
}

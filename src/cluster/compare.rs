//! Puts manifests beside the live objects they declare.
//!
//! Payloads and objects pass through: what stays are outcomes and the places of
//! differences, never a value.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::Cluster;
use super::answer::{AT_ONCE, Gate};
use super::error::ApiError;
use super::listing::ONE_JSON;
use super::objects::{Fetched, Served, address};
use crate::helm::{codec, release};
use crate::live::compare::{compare, expires};
use crate::live::document::{Stated, stated};
use crate::live::{Change, Compared, Found, ObjectRef, live_object};
use crate::survey::{Comparison, RecordId, SeenComparison, Survey};

/// Comparisons under way at a time; each holds two manifests.
const RELEASES_AT_ONCE: usize = 4;

/// A manifest's objects, and how many documents of it could not be read.
#[derive(Default)]
struct Manifest {
    objects: Vec<Arc<Stated>>,
    unreadable: usize,
}

impl Cluster {
    pub(super) async fn answer_comparisons(
        &self,
        gate: &Gate,
        survey: &mut Survey,
        asked: BTreeSet<Comparison>,
        dry_runs: bool,
    ) {
        let mut seen: Vec<SeenComparison> = stream::iter(asked)
            .map(|of| self.compared(gate, of, dry_runs))
            .buffer_unordered(RELEASES_AT_ONCE)
            .collect()
            .await;
        survey.comparisons.append(&mut seen);
        survey.comparisons.sort_by(|a, b| a.of.cmp(&b.of));
    }

    async fn compared(&self, gate: &Gate, of: Comparison, dry_runs: bool) -> SeenComparison {
        match self.compare(gate, &of, dry_runs).await {
            Ok(seen) => seen,
            Err(reason) => SeenComparison {
                of,
                objects: Vec::new(),
                documents: 0,
                generated: 0,
                failed: Some(reason),
            },
        }
    }

    async fn compare(
        &self,
        gate: &Gate,
        of: &Comparison,
        dry_runs: bool,
    ) -> Result<SeenComparison, String> {
        let new = Arc::new(self.manifest(gate, &of.record).await?);
        let old = match &of.base {
            None => Arc::default(),
            Some(base) if *base == of.record => Arc::clone(&new),
            Some(base) => Arc::new(self.manifest(gate, base).await?),
        };
        let all = old.objects.iter().chain(&new.objects);
        let versions = all.map(|one| one.declared.object.api_version.clone());
        let served = self.discover(gate, versions.collect()).await;
        let key = |one: &Stated| key(one, &of.namespace, &served);
        let pairs = pairs(&old.objects, &new.objects, key);
        // By number: a future that borrows the item itself could not be spawned.
        let objects = stream::iter(0..pairs.len())
            .map(|at| self.compare_one(gate, &served, &of.namespace, &pairs[at], dry_runs))
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let generated = |one: &&Arc<Stated>| one.declared.generated;
        Ok(SeenComparison {
            of: of.clone(),
            objects,
            documents: new.unreadable,
            generated: new.objects.iter().filter(generated).count(),
            failed: None,
        })
    }

    async fn manifest(&self, gate: &Gate, id: &RecordId) -> Result<Manifest, String> {
        let item = gate.through(self.item(id)).await;
        let item = item.map_err(|error| match error {
            ApiError::NotFound => "gone while reading".to_owned(),
            error => error.reason(),
        })?;
        let driver = id.driver;
        let read = move || {
            let (text, _) = item.text(driver).map_err(|error| error.reason())?;
            let text = text.unwrap_or_default();
            let plain = codec::decode(&text, codec::PLAIN_LIMIT).map_err(|e| e.to_string())?;
            let view = release::parse(&plain.json).map_err(|e| e.to_string())?;
            let (objects, unreadable) = stated(&view.manifest);
            let objects = objects.into_iter().map(Arc::new).collect();
            Ok(Manifest {
                objects,
                unreadable,
            })
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|_| Err("it could not be read".to_owned()))
    }

    /// What only looks different, by the word of the API server: it may keep
    /// what a manifest says in another form.
    async fn same_when_applied(
        &self,
        gate: &Gate,
        served: &HashMap<String, Served>,
        namespace: &str,
        (change, pair): (Change, &Pair),
        live: &Value,
    ) -> Option<Found> {
        let object = pair.object();
        let resource = address(served, object).ok()?;
        let url = resource.url(namespace, object).ok()?;
        let url = url.join(&object.name).ok()?;
        let old = pair.old.as_ref().filter(|_| change == Change::Changed);
        for (stated, found) in [(pair.new.as_ref(), Found::New), (old, Found::Old)] {
            let Some(stated) = stated else { continue };
            let asked = self.is_applied(&url, &stated.content, live);
            if gate.through(asked).await.ok()?? {
                return Some(found);
            }
        }
        None
    }

    async fn compare_one(
        &self,
        gate: &Gate,
        served: &HashMap<String, Served>,
        namespace: &str,
        pair: &Pair,
        dry_runs: bool,
    ) -> Compared {
        let object = pair.object();
        let live = self.fetch(gate, served, namespace, object, ONE_JSON).await;
        let (live, failed) = match live {
            Fetched::Json(json) => (Some(json), None),
            Fetched::Missing => (None, None),
            Fetched::Unserved => (None, Some(Found::Unserved)),
            Fetched::Unreadable(reason) => (None, Some(Found::Unreadable { reason })),
        };
        let live = live.map(Arc::new);
        let (change, mut found) = pair.compare(live.clone()).await;
        if let (Found::Differs { .. }, Some(live), true) = (&found, &live, dry_runs) {
            let same = self.same_when_applied(gate, served, namespace, (change, pair), live);
            found = same.await.unwrap_or(found);
        }
        Compared {
            object: object.clone(),
            change,
            found: failed.unwrap_or(found),
            keep: pair.keep(),
            expires: expires(&pair.any.content),
            owner: live.and_then(|live| live_object(&live).owner),
        }
    }
}

/// An object as the old and the new manifest have it: at least one does.
#[derive(Clone)]
struct Pair {
    old: Option<Arc<Stated>>,
    new: Option<Arc<Stated>>,
    /// The one that is there; the new one, if both are.
    any: Arc<Stated>,
}

impl Pair {
    fn object(&self) -> &ObjectRef {
        &self.any.declared.object
    }

    fn keep(&self) -> bool {
        self.any.declared.policy.as_deref() == Some("keep")
    }

    /// Beside what is live, on another thread: an object may be made to cost.
    async fn compare(&self, live: Option<Arc<Value>>) -> (Change, Found) {
        let pair = self.clone();
        let compared = tokio::task::spawn_blocking(move || {
            let [old, new] = [&pair.old, &pair.new].map(|one| one.as_ref().map(|one| &one.content));
            compare(old, new, live.as_deref())
        });
        compared.await.unwrap_or_else(|_| {
            let reason = "it could not be compared".to_owned();
            (Change::Changed, Found::Unreadable { reason })
        })
    }
}

/// What Helm tells objects apart by: group, kind, namespace and name, but not
/// the version (helm v3.18 and v4.2 `pkg/kube/resource.go`). What lies in no
/// namespace has none, whatever its document says.
type Key = (String, String, String, String);

fn key(one: &Stated, namespace: &str, served: &HashMap<String, Served>) -> Key {
    let ObjectRef {
        api_version,
        kind,
        namespace: own,
        name,
    } = &one.declared.object;
    let own_group = group(api_version);
    // Its own version may be gone: another one of its group tells it as well.
    let mut known = served
        .iter()
        .filter(|(version, _)| group(version) == own_group);
    let clusters = known.any(|(_, served)| match served {
        Served::Kinds(kinds) => kinds.get(kind).is_some_and(|one| !one.namespaced),
        Served::Gone | Served::Failed(_) => false,
    });
    let place = match clusters {
        true => "",
        false => own.as_deref().unwrap_or(namespace),
    };
    (
        own_group.to_owned(),
        kind.clone(),
        place.to_owned(),
        name.clone(),
    )
}

fn group(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// The objects of two manifests, those of the same key together. Objects that
/// the API server names have no counterpart and are left out.
fn pairs(old: &[Arc<Stated>], new: &[Arc<Stated>], key: impl Fn(&Stated) -> Key) -> Vec<Pair> {
    let named = |one: &&Arc<Stated>| !one.declared.generated;
    let (old, new) = (old.iter().filter(named), new.iter().filter(named));
    let mut before: HashMap<Key, &Arc<Stated>> = old.clone().map(|one| (key(one), one)).collect();
    let mut pairs: Vec<Pair> = Vec::new();
    for one in new {
        pairs.push(Pair {
            old: before.remove(&key(one)).cloned(),
            new: Some(Arc::clone(one)),
            any: Arc::clone(one),
        });
    }
    let removed = old.filter(|one| before.contains_key(&key(one)));
    pairs.extend(removed.map(|one| Pair {
        old: Some(Arc::clone(one)),
        new: None,
        any: Arc::clone(one),
    }));
    pairs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::objects::kinds;

    fn paired(old: &str, new: &str) -> Vec<(String, bool, bool)> {
        let read = |text: &str| -> Vec<_> { stated(text).0.into_iter().map(Arc::new).collect() };
        let (old, new) = (read(old), read(new));
        let told = |pair: &Pair| {
            let name = pair.object().to_string();
            (name, pair.old.is_some(), pair.new.is_some())
        };
        let served = [
            ("apps/v1", "Deployment", true),
            ("a.example/v1", "Tenant", false),
        ];
        let served = served.map(|(version, kind, namespaced)| {
            let resource = json!({"name": "x", "kind": kind, "namespaced": namespaced});
            let list = json!({"resources": [resource]});
            (version.to_owned(), Served::Kinds(kinds(&list)))
        });
        let served = HashMap::from(served);
        let key = |one: &Stated| key(one, "shop", &served);
        pairs(&old, &new, key).iter().map(told).collect()
    }

    #[test]
    fn what_lies_in_no_namespace_has_none_whatever_its_document_says() {
        let tenant = |version: &str, namespace: &str| {
            format!(
                "---\napiVersion: a.example/{version}\nkind: Tenant\nmetadata: {{name: web{namespace}}}\n"
            )
        };
        let (without, with) = ("", ", namespace: shop");
        let expected = |name: &str| [(name.to_owned(), true, true)];
        let gains = paired(&tenant("v1", without), &tenant("v1", with));
        assert_eq!(gains, expected("Tenant shop/web"));
        // A version that is gone was one of the same kind.
        let loses = paired(&tenant("v1beta1", with), &tenant("v1", without));
        assert_eq!(loses, expected("Tenant web"));
        let elsewhere = ", namespace: elsewhere";
        let moves = paired(&tenant("v1", elsewhere), &tenant("v1", with));
        assert_eq!(moves, expected("Tenant shop/web"));
    }

    #[test]
    fn objects_meet_whatever_their_version_and_namespace_is_spelled() {
        let object = |version: &str, namespace: &str, name: &str| {
            format!(
                "---\napiVersion: {version}\nkind: Deployment\nmetadata: {{name: {name}{namespace}}}\n"
            )
        };
        let old = object("apps/v1beta1", ", namespace: shop", "web") + &object("v1", "", "old");
        let new = object("apps/v1", "", "web") + &object("v1", ", namespace: other", "old");
        let expected = [
            ("Deployment web", true, true),
            ("Deployment other/old", false, true),
            ("Deployment old", true, false),
        ];
        let expected = expected.map(|(name, old, new)| (name.to_owned(), old, new));
        assert_eq!(paired(&old, &new), expected);
    }

    #[test]
    fn generated_names_have_no_counterpart() {
        let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: web-}\n";
        assert_eq!(paired(job, job), []);
    }
}

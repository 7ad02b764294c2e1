//! Live objects and leases, as they are now.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::Cluster;
use super::answer::{AT_ONCE, Gate};
use super::error::ApiError;
use super::lease::state;
use super::listing::{MANY_METADATA, ONE_JSON, ONE_METADATA};
use super::url::Url;
use crate::live::{ObjectRef, Observed, live_object};
use crate::survey::{LeaseState, SeenLease, SeenObject, Survey};

/// What a group version serves.
pub(super) enum Served {
    /// By kind.
    Kinds(HashMap<String, Resource>),
    /// The API server does not know the group version.
    Gone,
    /// It could not be found out.
    Failed(String),
}

const NOT_JSON: ApiError = ApiError::Garbled { what: "not JSON" };

/// Of how many objects whose names the API server made is told.
const MANY: usize = 1000;

/// What a read of an object brought.
pub(super) enum Fetched {
    Json(Value),
    Missing,
    Unserved,
    Unreadable(String),
}

/// How objects of a kind are addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    plural: String,
    pub(super) namespaced: bool,
}

impl Resource {
    /// Where objects of this kind are, as that document places them.
    pub(super) fn url(&self, namespace: &str, object: &ObjectRef) -> Result<Url, ApiError> {
        let namespace = object.namespace.as_deref().unwrap_or(namespace);
        let namespace = self.namespaced.then_some(namespace);
        Url::resource(&object.api_version, &self.plural, namespace)
    }
}

/// How to address the object, or why it cannot be.
pub(super) fn address<'a>(
    served: &'a HashMap<String, Served>,
    object: &ObjectRef,
) -> Result<&'a Resource, Fetched> {
    match served.get(&object.api_version) {
        Some(Served::Kinds(kinds)) => kinds.get(&object.kind).ok_or(Fetched::Unserved),
        Some(Served::Gone) | None => Err(Fetched::Unserved),
        Some(Served::Failed(reason)) => Err(Fetched::Unreadable(reason.clone())),
    }
}

impl Cluster {
    pub(super) async fn answer_objects(
        &self,
        gate: &Gate,
        survey: &mut Survey,
        asked: BTreeSet<(String, ObjectRef)>,
    ) {
        let versions = asked.iter().map(|(_, object)| object.api_version.clone());
        let served = self.discover(gate, versions.collect()).await;
        let reads = stream::iter(asked)
            .map(|(namespace, object)| async {
                let observed = self.observe(gate, &served, &namespace, &object).await;
                SeenObject {
                    namespace,
                    object,
                    observed,
                }
            })
            .buffer_unordered(AT_ONCE);
        let mut reads = pin!(reads);
        let mut seen = HashMap::new();
        while let Some(object) = reads.next().await {
            seen.insert((object.namespace.clone(), object.object.clone()), object);
        }
        survey
            .objects
            .retain(|old| !seen.contains_key(&(old.namespace.clone(), old.object.clone())));
        survey.objects.extend(seen.into_values());
        survey
            .objects
            .sort_unstable_by(|a, b| (&a.namespace, &a.object).cmp(&(&b.namespace, &b.object)));
    }

    /// Asks afresh in each batch: a CRD may have come or gone since.
    pub(super) async fn discover(
        &self,
        gate: &Gate,
        versions: BTreeSet<String>,
    ) -> HashMap<String, Served> {
        let served = stream::iter(versions)
            .map(|version| async {
                let resources = async { self.get(&Url::group_version(&version)?).await };
                let served = match gate.through(resources).await {
                    Ok(list) => Served::Kinds(kinds(&list)),
                    // A garbage apiVersion is one that nobody serves.
                    Err(ApiError::NotFound | ApiError::Invalid { .. }) => Served::Gone,
                    Err(error) => Served::Failed(error.reason()),
                };
                (version, served)
            })
            .buffer_unordered(AT_ONCE);
        served.collect().await
    }

    async fn observe(
        &self,
        gate: &Gate,
        served: &HashMap<String, Served>,
        namespace: &str,
        object: &ObjectRef,
    ) -> Observed {
        if let Some(prefix) = object.generated() {
            return self.several(gate, served, namespace, object, prefix).await;
        }
        let accept = accept(object);
        match self.fetch(gate, served, namespace, object, accept).await {
            Fetched::Json(json) => Observed::Present(Box::new(live_object(&json))),
            Fetched::Missing => Observed::Missing,
            Fetched::Unserved => Observed::Unserved,
            Fetched::Unreadable(reason) => Observed::Unreadable { reason },
        }
    }

    /// Lists the objects of a kind whose names the API server made from that
    /// prefix; Helm labels what it applies.
    async fn several(
        &self,
        gate: &Gate,
        served: &HashMap<String, Served>,
        namespace: &str,
        object: &ObjectRef,
        prefix: &str,
    ) -> Observed {
        let resource = match address(served, object) {
            Ok(resource) => resource,
            Err(Fetched::Unreadable(reason)) => return Observed::Unreadable { reason },
            Err(_) => return Observed::Unserved,
        };
        let mut objects = Vec::new();
        let listed = async {
            let url = resource.url(namespace, object)?;
            let url = url.with("labelSelector", "app.kubernetes.io/managed-by=Helm");
            let own = |json: Value| {
                if json["metadata"]["generateName"] == prefix && objects.len() < MANY {
                    let json = typed(json, object);
                    let name = json["metadata"]["name"].as_str().unwrap_or_default();
                    objects.push((name.to_owned(), live_object(&json)));
                }
            };
            self.pages(&url, ONE_JSON, own).await
        };
        match gate.through(listed).await {
            Ok(()) => Observed::Several { objects },
            Err(error) => Observed::Unreadable {
                reason: error.reason(),
            },
        }
    }

    /// Reads one object, which `namespace` holds if its document names none.
    pub(super) async fn fetch(
        &self,
        gate: &Gate,
        served: &HashMap<String, Served>,
        namespace: &str,
        object: &ObjectRef,
        accept: &str,
    ) -> Fetched {
        let resource = match address(served, object) {
            Ok(resource) => resource,
            Err(failed) => return failed,
        };
        let read = async {
            let all = resource.url(namespace, object)?;
            match self
                .get_bytes(&all.clone().join(&object.name)?, accept)
                .await
            {
                Ok((_, body)) => serde_json::from_slice(&body).map_err(|_| NOT_JSON),
                Err(error @ ApiError::Forbidden { .. }) => {
                    let found = self.out_of_all(&all, object, accept).await;
                    found.map_err(|_| error)?.ok_or(ApiError::NotFound)
                }
                Err(error) => Err(error),
            }
        };
        match gate.through(read).await {
            Ok(json) => Fetched::Json(json),
            Err(ApiError::NotFound) => Fetched::Missing,
            Err(error) => Fetched::Unreadable(error.reason()),
        }
    }

    /// Who may list such objects and not get one gets it out of a list of one.
    async fn out_of_all(
        &self,
        all: &Url,
        object: &ObjectRef,
        accept: &str,
    ) -> Result<Option<Value>, ApiError> {
        let own = format!("metadata.name={}", object.name);
        let url = all.clone().with("fieldSelector", &own);
        let accept = if accept == ONE_METADATA {
            MANY_METADATA
        } else {
            accept
        };
        let mut found = None;
        self.pages(&url, accept, |json| found = Some(json)).await?;
        Ok(found.map(|json| typed(json, object)))
    }

    pub(super) async fn answer_leases(
        &self,
        gate: &Gate,
        survey: &mut Survey,
        asked: BTreeSet<(String, String)>,
    ) {
        let reads = stream::iter(asked)
            .map(|(namespace, name)| async {
                let state = match gate.through(self.get_lease(&namespace, &name)).await {
                    Ok(lease) => state(&lease.unwrap_or_default()),
                    Err(error) => LeaseState::Unreadable {
                        reason: error.reason(),
                    },
                };
                SeenLease {
                    namespace,
                    name,
                    state,
                }
            })
            .buffer_unordered(AT_ONCE);
        let mut reads = pin!(reads);
        while let Some(seen) = reads.next().await {
            let same =
                |old: &SeenLease| (&old.namespace, &old.name) == (&seen.namespace, &seen.name);
            survey.leases.retain(|old| !same(old));
            survey.leases.push(seen);
        }
        survey
            .leases
            .sort_unstable_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    }
}

/// Elements of a list do not say what they are. One that is no object has
/// nothing to say at all.
fn typed(mut json: Value, object: &ObjectRef) -> Value {
    if let Some(members) = json.as_object_mut() {
        let ObjectRef {
            api_version, kind, ..
        } = object;
        members.insert("apiVersion".to_owned(), api_version.as_str().into());
        members.insert("kind".to_owned(), kind.as_str().into());
    }
    json
}

/// Of kinds that hold secrets and say nothing of readiness, only the metadata
/// is asked for.
fn accept(object: &ObjectRef) -> &'static str {
    match (object.api_version.as_str(), object.kind.as_str()) {
        ("v1", "Secret" | "ConfigMap") => ONE_METADATA,
        _ => ONE_JSON,
    }
}

/// From an `APIResourceList`; subresources (`pods/log`) left out.
pub(super) fn kinds(list: &Value) -> HashMap<String, Resource> {
    let resources = list["resources"].as_array().into_iter().flatten();
    let mut kinds = HashMap::new();
    for resource in resources {
        let (Some(plural), Some(kind)) = (resource["name"].as_str(), resource["kind"].as_str())
        else {
            continue;
        };
        if !plural.contains('/') {
            kinds.entry(kind.to_owned()).or_insert_with(|| Resource {
                plural: plural.to_owned(),
                namespaced: resource["namespaced"] == true,
            });
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn discovery_without_subresources() {
        let kinds = kinds(&json!({"resources": [
            {"name": "namespaces/status", "kind": "Namespace", "namespaced": false},
            {"name": "namespaces", "kind": "Namespace", "namespaced": false},
            {"name": "pods", "kind": "Pod", "namespaced": true},
            {"name": "pods/eviction", "kind": "Eviction", "namespaced": true},
            {"kind": "Nameless"},
        ]}));
        let resource = |plural: &str, namespaced| Resource {
            plural: plural.to_owned(),
            namespaced,
        };
        assert_eq!(kinds.len(), 2);
        assert_eq!(kinds["Namespace"], resource("namespaces", false));
        assert_eq!(kinds["Pod"], resource("pods", true));
    }

    #[test]
    fn elements_are_told_what_they_are() {
        let object = ObjectRef {
            api_version: "batch/v1".into(),
            kind: "Job".into(),
            namespace: None,
            name: "x".into(),
        };
        let expected = json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {}});
        assert_eq!(typed(json!({"spec": {}}), &object), expected);
        assert_eq!(typed(json!("odd"), &object), "odd");
    }

    #[test]
    fn values_of_secrets_are_not_even_asked_for() {
        let object = |api_version: &str, kind: &str| ObjectRef {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: None,
            name: "x".into(),
        };
        assert_eq!(accept(&object("v1", "Secret")), ONE_METADATA);
        assert_eq!(accept(&object("apps/v1", "Deployment")), ONE_JSON);
        assert_eq!(accept(&object("example.com/v1", "Secret")), ONE_JSON);
    }
}

//! Lists, kind by kind, what Helm marked as a release's: metadata only.

use std::collections::{BTreeMap, HashSet};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::Cluster;
use super::answer::{AT_ONCE, Gate};
use super::error::ApiError;
use super::listing::MANY_METADATA;
use super::url::Url;
use crate::live::ObjectRef;
use crate::live::read::{self, RELEASE_NAME, RELEASE_NAMESPACE};
use crate::survey::{Besides, Owned, SeenOwned, Survey, Unread};

/// What Helm labels all that it applies, hooks and `crds/` aside.
const MANAGED: &str = "app.kubernetes.io/managed-by=Helm";

/// How many kinds that could not be listed are named.
const TOLD: usize = 5;

/// How many objects are kept in mind; a cluster with more is told so.
const LIMIT: usize = 2_000_000;

/// A kind that can be listed.
struct Kind {
    api_version: String,
    kind: String,
    plural: String,
    namespaced: bool,
}

impl Kind {
    /// What it is in every version: its group and its plural.
    fn resource(&self) -> (String, String) {
        let group = self.api_version.split_once('/');
        let group = group.map_or("", |(group, _)| group);
        (group.to_owned(), self.plural.clone())
    }
}

impl Cluster {
    pub(super) async fn answer_owned(&self, gate: &Gate, survey: &mut Survey) {
        let mut seen = SeenOwned::default();
        let kinds = self.listable(gate, &mut seen.unread).await;
        let place = survey.scope.namespace.as_deref();
        let lists = stream::iter(kinds)
            .map(|kind| self.owned_of(gate, kind, place))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut failed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (plural, listed) in lists {
            match listed {
                Ok(mut objects) => seen.objects.append(&mut objects),
                Err(error) => failed.entry(class(&error)).or_default().push(plural),
            }
        }
        seen.unread.extend(failed.into_iter().map(unread));
        if let Some(namespace) = place {
            seen.objects.retain(|one| one.namespace == namespace);
        }
        seen.objects.sort();
        survey.owned = Some(seen);
    }

    /// Every kind that can be listed, each once: in its group's preferred version
    /// if that serves it, else in the next that does.
    async fn listable(&self, gate: &Gate, unread: &mut Vec<Unread>) -> Vec<Kind> {
        let mut versions = vec!["v1".to_owned()];
        match gate.through(self.get(&Url::groups())).await {
            Ok(groups) => versions.extend(served(&groups)),
            Err(error) => unread.push(Unread {
                what: "which kinds there are".to_owned(),
                reason: error.reason(),
            }),
        }
        let found = stream::iter(versions)
            .map(|version| async {
                let list = async { self.get(&Url::group_version(&version)?).await };
                let list = gate.through(list).await;
                (version, list)
            })
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut lists = Vec::new();
        for (version, list) in found {
            match list {
                Ok(list) => lists.push((version, list)),
                // It went while we looked.
                Err(ApiError::NotFound) => {}
                Err(error) => unread.push(Unread {
                    what: format!("the kinds of {version}"),
                    reason: error.reason(),
                }),
            }
        }
        each_once(lists.iter().map(|(version, list)| (version.as_str(), list)))
    }

    async fn owned_of(
        &self,
        gate: &Gate,
        kind: Kind,
        place: Option<&str>,
    ) -> (String, Result<Vec<Owned>, ApiError>) {
        let mut objects = Vec::new();
        let place = place.filter(|_| kind.namespaced);
        let listed = async {
            let url = Url::resource(&kind.api_version, &kind.plural, place)?;
            let url = url.with("labelSelector", MANAGED);
            let mut all = true;
            let sink = |json: Value| match objects.len() < LIMIT {
                true => objects.extend(owned(&kind, &json)),
                false => all = false,
            };
            self.pages(&url, MANY_METADATA, sink).await?;
            match all {
                true => Ok(()),
                false => Err(ApiError::TooLarge),
            }
        };
        let listed = match gate.through(listed).await {
            Ok(()) => Ok(objects),
            // Some kinds are served and cannot be listed, whatever discovery says.
            Err(ApiError::NotFound) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        (kind.plural, listed)
    }
}

/// All versions of all groups, of each group the preferred one first.
fn served(groups: &Value) -> Vec<String> {
    let text = |version: &Value| Some(version["groupVersion"].as_str()?.to_owned());
    let mut served: Vec<String> = Vec::new();
    for group in groups["groups"].as_array().into_iter().flatten() {
        let preferred = text(&group["preferredVersion"]);
        let all = group["versions"].as_array().into_iter().flatten();
        let others = all
            .filter_map(text)
            .filter(|version| Some(version) != preferred.as_ref());
        let others: Vec<String> = others.collect();
        served.extend(preferred.into_iter().chain(others));
    }
    served
}

/// The kinds of these lists, each in the first version that has it.
fn each_once<'a>(lists: impl Iterator<Item = (&'a str, &'a Value)>) -> Vec<Kind> {
    let mut known = HashSet::new();
    lists
        .flat_map(|(version, list)| listable(version, list))
        .filter(|kind| known.insert(kind.resource()))
        .collect()
}

/// The kinds of an `APIResourceList` that can be listed and are kept.
fn listable(version: &str, list: &Value) -> Vec<Kind> {
    let resources = list["resources"].as_array().into_iter().flatten();
    let kind = |resource: &Value| {
        let (plural, kind) = (resource["name"].as_str()?, resource["kind"].as_str()?);
        let verbs = resource["verbs"].as_array()?;
        // Events are many, short-lived and nobody's chart's.
        let wanted = verbs.iter().any(|verb| verb == "list") && kind != "Event";
        (wanted && !plural.contains('/')).then(|| Kind {
            api_version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced: resource["namespaced"] == true,
        })
    };
    resources.filter_map(kind).collect()
}

/// An object with both annotations; one alone proves nothing.
fn owned(kind: &Kind, json: &Value) -> Option<Owned> {
    let metadata = &json["metadata"];
    let annotation = |key: &str| metadata["annotations"][key].as_str();
    Some(Owned {
        namespace: annotation(RELEASE_NAMESPACE)?.to_owned(),
        release: annotation(RELEASE_NAME)?.to_owned(),
        object: ObjectRef {
            api_version: kind.api_version.clone(),
            kind: kind.kind.clone(),
            namespace: metadata["namespace"].as_str().map(str::to_owned),
            name: metadata["name"].as_str()?.to_owned(),
        },
        created: read::time(&metadata["creationTimestamp"]),
        besides: besides(metadata),
    })
}

/// Whose it is besides. Argo CD's and Flux's marks are those that they track
/// their own objects by.
fn besides(metadata: &Value) -> Option<Besides> {
    let annotations = &metadata["annotations"];
    let labels = metadata["labels"].as_object().into_iter().flatten();
    let labeled = |prefix: &str| labels.clone().any(|(key, _)| key.starts_with(prefix));
    let filled = |value: &Value| value.as_array().is_some_and(|list| !list.is_empty());
    if annotations["helm.sh/resource-policy"] == "keep" {
        Some(Besides::Kept)
    } else if filled(&metadata["ownerReferences"]) {
        Some(Besides::Owner)
    } else if metadata["generateName"].is_string() {
        Some(Besides::Generated)
    } else if metadata["deletionTimestamp"].is_string() {
        Some(Besides::Deleting)
    } else if annotations["argocd.argoproj.io/tracking-id"].is_string()
        || labeled("argocd.argoproj.io/")
    {
        Some(Besides::ArgoCd)
    } else if labeled("helm.toolkit.fluxcd.io/") || labeled("kustomize.toolkit.fluxcd.io/") {
        Some(Besides::Flux)
    } else {
        None
    }
}

/// Failures of one kind are told together.
fn class(error: &ApiError) -> String {
    match error {
        ApiError::Forbidden { .. } => "forbidden: the user may not list them".to_owned(),
        error => error.reason(),
    }
}

fn unread((reason, mut plurals): (String, Vec<String>)) -> Unread {
    plurals.sort();
    let more = plurals.len().saturating_sub(TOLD);
    plurals.truncate(TOLD);
    let mut what = format!("which {} are a release's", plurals.join(", "));
    if more > 0 {
        what = format!(
            "which {} and {more} more kinds are a release's",
            plurals.join(", ")
        );
    }
    Unread { what, reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map() -> Kind {
        Kind {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespaced: true,
        }
    }

    fn marked(more: &Value) -> Value {
        let mut metadata = json!({"name": "web", "namespace": "shop", "annotations": {
            "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop",
        }});
        for (key, value) in more.as_object().unwrap() {
            match value.as_object() {
                Some(members) => members.iter().for_each(|(name, value)| {
                    metadata[key][name] = value.clone();
                }),
                None => metadata[key] = value.clone(),
            }
        }
        json!({"metadata": metadata})
    }

    #[test]
    fn both_annotations_make_an_object_a_release_s() {
        let one = owned(&map(), &marked(&json!({}))).unwrap();
        assert_eq!(one.object.to_string(), "ConfigMap shop/web");
        assert_eq!(
            (one.namespace.as_str(), one.release.as_str(), one.besides),
            ("shop", "web", None)
        );
        let half = json!({"metadata": {"name": "web", "annotations": {"meta.helm.sh/release-name": "web"}}});
        assert_eq!(owned(&map(), &half), None);
    }

    #[test]
    fn what_is_not_the_release_s_alone() {
        let seen = |more: Value| owned(&map(), &marked(&more)).unwrap().besides;
        let annotated = |key: &str, value: &str| seen(json!({"annotations": {key: value}}));
        assert_eq!(
            annotated("helm.sh/resource-policy", "keep"),
            Some(Besides::Kept)
        );
        // Helm itself takes nothing else for keep (`resource_policy.go`).
        assert_eq!(annotated("helm.sh/resource-policy", "delete"), None);
        assert_eq!(
            annotated("argocd.argoproj.io/tracking-id", "x"),
            Some(Besides::ArgoCd)
        );
        let labeled = |key: &str| seen(json!({"labels": {key: "x"}}));
        assert_eq!(
            labeled("argocd.argoproj.io/instance"),
            Some(Besides::ArgoCd)
        );
        assert_eq!(labeled("helm.toolkit.fluxcd.io/name"), Some(Besides::Flux));
        assert_eq!(
            labeled("kustomize.toolkit.fluxcd.io/name"),
            Some(Besides::Flux)
        );
        assert_eq!(labeled("app.kubernetes.io/instance"), None);
        assert_eq!(
            seen(json!({"ownerReferences": [{"uid": "u"}]})),
            Some(Besides::Owner)
        );
        assert_eq!(seen(json!({"ownerReferences": []})), None);
        assert_eq!(
            seen(json!({"generateName": "web-"})),
            Some(Besides::Generated)
        );
        let going = json!({"deletionTimestamp": "2026-11-01T10:00:00Z"});
        assert_eq!(seen(going), Some(Besides::Deleting));
    }

    #[test]
    fn kinds_that_can_be_listed() {
        let list = json!({"resources": [
            {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get", "list"]},
            {"name": "pods/log", "kind": "Pod", "namespaced": true, "verbs": ["get", "list"]},
            {"name": "bindings", "kind": "Binding", "namespaced": true, "verbs": ["create"]},
            {"name": "events", "kind": "Event", "namespaced": true, "verbs": ["list"]},
            {"name": "odd"},
        ]});
        let kinds = listable("v1", &list);
        assert_eq!((kinds.len(), kinds[0].plural.as_str()), (1, "pods"));
    }

    #[test]
    fn kinds_of_every_version_are_listed_in_the_preferred_one_where_it_has_them() {
        let version = |name: &str| json!({"groupVersion": name});
        let groups = json!({"groups": [
            {"versions": [version("a/v2"), version("a/v1"), version("a/v1beta1")], "preferredVersion": version("a/v1")},
            {"preferredVersion": version("apps/v1")},
            {},
        ]});
        let versions = served(&groups);
        assert_eq!(versions, ["a/v1", "a/v2", "a/v1beta1", "apps/v1"]);
        let kind = |plural: &str| json!({"name": plural, "kind": plural, "verbs": ["list"]});
        let listed = |version: &str, plurals: &[&str]| {
            let kinds: Vec<_> = plurals.iter().map(|plural| kind(plural)).collect();
            (version.to_owned(), json!({"resources": kinds}))
        };
        let lists = [
            listed("a/v1", &["apples"]),
            listed("a/v2", &["apples", "pears"]),
            listed("a/v1beta1", &["pears"]),
            listed("b/v1", &["apples"]),
        ];
        let kinds = each_once(lists.iter().map(|(version, list)| (version.as_str(), list)));
        let kinds: Vec<_> = kinds
            .iter()
            .map(|kind| (kind.api_version.as_str(), kind.plural.as_str()))
            .collect();
        assert_eq!(
            kinds,
            [("a/v1", "apples"), ("a/v2", "pears"), ("b/v1", "apples")]
        );
    }

    #[test]
    fn kinds_that_failed_are_told_together() {
        let many = (0..7).map(|n| format!("k{n}")).collect();
        let told = unread(("forbidden".into(), many));
        assert_eq!(
            told.what,
            "which k0, k1, k2, k3, k4 and 2 more kinds are a release's"
        );
        let told = unread(("forbidden".into(), vec!["pods".into()]));
        assert_eq!(told.what, "which pods are a release's");
    }
}

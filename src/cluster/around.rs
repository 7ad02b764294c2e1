//! What surrounds the releases: namespaces, which APIs are served, and Secrets
//! that other tools leave.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream;
use serde_json::Value;

use super::Cluster;
use super::answer::{AT_ONCE, Gate};
use super::error::ApiError;
use super::listing::{MANY_METADATA, ONE_METADATA, json_page};
use super::objects::kinds;
use super::url::Url;
use crate::live::read;
use crate::survey::{
    ApiState, Listed, NamespaceState, Need, SecretsState, SeenApi, SeenNamespace, SeenSecrets,
    Survey, Unreadable,
};

/// How many objects a page holds: a few kilobytes each.
const PAGE: &str = "500";

impl Cluster {
    pub(super) async fn answer_around(&self, gate: &Gate, survey: &mut Survey, needs: &[Need]) {
        let mut names = BTreeSet::new();
        let mut versions = BTreeSet::new();
        let mut secrets = BTreeSet::new();
        let mut all = false;
        for need in needs {
            match need {
                Need::Namespaces => all = true,
                Need::Namespace(name) => _ = names.insert(name.clone()),
                Need::Api(version) => _ = versions.insert(version.clone()),
                Need::SecretsNamed(name) => _ = secrets.insert(name.clone()),
                _ => {}
            }
        }
        if all {
            self.list_namespaces(gate, survey).await;
        }
        for name in secrets {
            let seen = self.see_secrets(gate, survey, name).await;
            survey.secrets.push(seen);
        }
        names.retain(|name| survey.namespace(name).is_none());
        let mut seen: Vec<SeenNamespace> = stream::iter(names)
            .map(|name| self.see_namespace(gate, name))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        survey.namespaces.append(&mut seen);
        survey.namespaces.sort_by(|a, b| a.name.cmp(&b.name));
        survey.namespaces.dedup_by(|a, b| a.name == b.name);
        let mut served: Vec<SeenApi> = stream::iter(versions)
            .map(|version| self.see_api(gate, version))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        survey.apis.append(&mut served);
        survey
            .apis
            .sort_by(|a, b| a.api_version.cmp(&b.api_version));
    }

    async fn list_namespaces(&self, gate: &Gate, survey: &mut Survey) {
        let mut seen = Vec::new();
        let listed = async {
            let url = Url::group_version("v1")?.join("namespaces")?;
            self.pages(&url, MANY_METADATA, |item| seen.extend(namespace(&item)))
                .await
        };
        survey.namespaces_listed = Some(match gate.through(listed).await {
            Ok(()) => {
                survey.namespaces = seen;
                Listed::All
            }
            Err(error) => Listed::Unreadable(unreadable(&error)),
        });
    }

    async fn see_namespace(&self, gate: &Gate, name: String) -> SeenNamespace {
        let read = async {
            let url = Url::group_version("v1")?.join("namespaces")?.join(&name)?;
            let body = self.get_bytes(&url, ONE_METADATA).await?.1;
            serde_json::from_slice(&body).map_err(|_| ApiError::Garbled { what: "not JSON" })
        };
        let state = match gate.through(read).await {
            Ok(json) => present(&json),
            Err(ApiError::NotFound | ApiError::Invalid { .. }) => NamespaceState::Missing,
            Err(error) => NamespaceState::Unreadable(unreadable(&error)),
        };
        SeenNamespace { name, state }
    }

    /// Of all Secrets of that name in the scope, their namespaces alone: as of
    /// any time (`resourceVersion=0`), so that the API server answers from its
    /// cache and does not read every Secret there is to leave most of them out.
    async fn see_secrets(&self, gate: &Gate, survey: &Survey, name: String) -> SeenSecrets {
        let mut namespaces = BTreeSet::new();
        let listed = async {
            let scope = survey.scope.namespace.as_deref();
            let url = Url::resource("v1", "secrets", scope)?
                .with("fieldSelector", &format!("metadata.name={name}"))
                .with("resourceVersion", "0");
            let place = |item: &Value| Some(item["metadata"]["namespace"].as_str()?.to_owned());
            let all = |item: Value| namespaces.extend(place(&item));
            self.pages(&url, MANY_METADATA, all).await
        };
        let state = match gate.through(listed).await {
            Ok(()) => SecretsState::In { namespaces },
            Err(error) => SecretsState::Unreadable(unreadable(&error)),
        };
        SeenSecrets { name, state }
    }

    async fn see_api(&self, gate: &Gate, api_version: String) -> SeenApi {
        let resources = async { self.get(&Url::group_version(&api_version)?).await };
        let state = match gate.through(resources).await {
            Ok(list) => ApiState::Served {
                kinds: kinds(&list)
                    .into_iter()
                    .map(|(kind, resource)| (kind, resource.namespaced))
                    .collect(),
            },
            // A garbage apiVersion is one that nobody serves.
            Err(ApiError::NotFound | ApiError::Invalid { .. }) => ApiState::Gone,
            Err(error) => ApiState::Unreadable(unreadable(&error)),
        };
        SeenApi { api_version, state }
    }

    /// Hands all objects at that address to `sink`; after an error it has had a
    /// part of them. They are asked for all at once, which the API server
    /// answers from its cache, and in pages if that is too much.
    pub(super) async fn pages(
        &self,
        url: &Url,
        accept: &str,
        mut sink: impl FnMut(Value),
    ) -> Result<(), ApiError> {
        match self.get_bytes(url, accept).await {
            Err(ApiError::TooLarge) => {}
            answer => {
                let (items, end) = json_page(&answer?.1)?;
                items.into_iter().for_each(&mut sink);
                return match end.next_page {
                    None => Ok(()),
                    Some(_) => Err(ApiError::Garbled {
                        what: "a part of a list that was asked for whole",
                    }),
                };
            }
        }
        let mut next = None;
        loop {
            let page = url.clone().with("limit", PAGE);
            let page = page.with_some("continue", next.as_deref());
            let body = self.get_bytes(&page, accept).await?.1;
            let (items, end) = json_page(&body)?;
            items.into_iter().for_each(&mut sink);
            match end.next_page {
                Some(token) => next = Some(token),
                None => return Ok(()),
            }
        }
    }
}

fn namespace(json: &Value) -> Option<SeenNamespace> {
    Some(SeenNamespace {
        name: json["metadata"]["name"].as_str()?.to_owned(),
        state: present(json),
    })
}

fn present(json: &Value) -> NamespaceState {
    let metadata = &json["metadata"];
    let labels = metadata["labels"].as_object().into_iter().flatten();
    NamespaceState::Present {
        labels: labels
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        created: read::time(&metadata["creationTimestamp"]),
        deleting: read::time(&metadata["deletionTimestamp"]),
    }
}

fn unreadable(error: &ApiError) -> Unreadable {
    Unreadable {
        reason: error.reason(),
        forbidden: matches!(error, ApiError::Forbidden { .. }),
    }
}

//! Everything that is asked of a Zadig, in order.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream;

use super::Zadig;
use crate::survey::SeenZadig;
use crate::survey::zadig::{Detail, Place, ZadigApi, ZadigEnvironment, ZadigList};

/// How many questions are under way at the same time.
const AT_ONCE: usize = 8;

/// More environments than that are not looked at closely.
const MOST: usize = 2000;

/// What is to be asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The namespace that is looked at, or all of them.
    pub namespace: Option<String>,
    /// Keys of projects that the cluster names: a project that Zadig has lost
    /// may have environments still.
    pub projects: BTreeSet<String>,
    /// What the cluster tells of where Zadig is.
    pub place: Place,
}

impl Zadig {
    /// Asks for all of it. What Zadig does not tell is told as such.
    pub async fn read(&self, asked: &Asked) -> SeenZadig {
        let mut seen = SeenZadig {
            server: self.server().to_owned(),
            place: asked.place.clone(),
            ..SeenZadig::default()
        };
        let probed = match self.probe().await {
            Ok(probed) => probed,
            Err(error) => {
                seen.failed = Some(error.to_string());
                return seen;
            }
        };
        let api = probed.api;
        seen.time = self.time();
        seen.api = Some(api);
        seen.version = probed.version;
        seen.licence = probed.licence;
        seen.admin = probed.admin;
        seen.clusters = self.clusters(api).await;
        seen.projects = self.projects(api).await;
        seen.environments = self.all_environments(api, &seen, asked).await;
        if let Ok(here) = seen.here().map(str::to_owned) {
            self.look_closely(api, &mut seen, &here, asked).await;
        }
        seen.operations = self.operations(api).await;
        seen
    }

    async fn all_environments(
        &self,
        api: ZadigApi,
        seen: &SeenZadig,
        asked: &Asked,
    ) -> Vec<ZadigList> {
        let projects: BTreeSet<&String> =
            seen.projects.items.iter().chain(&asked.projects).collect();
        let lists = projects
            .into_iter()
            .flat_map(|project| [(project, false), (project, true)]);
        let mut lists: Vec<ZadigList> = stream::iter(lists)
            .map(|(project, production)| self.environments(api, project, production))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        lists.sort_by(|a, b| (&a.project, a.production).cmp(&(&b.project, b.production)));
        lists
    }

    /// Looks closely at the environments of that cluster that may be in the
    /// namespace asked for.
    async fn look_closely(&self, api: ZadigApi, seen: &mut SeenZadig, here: &str, asked: &Asked) {
        let meant = |one: &&mut ZadigEnvironment| {
            let inside = match (&asked.namespace, &one.namespace) {
                (Some(asked), Some(namespace)) => asked == namespace,
                _ => true,
            };
            one.cluster == here && inside
        };
        let lists = seen.environments.iter_mut();
        let meant = lists.flat_map(|list| {
            let whose = (list.project.clone(), list.production);
            let meant = list.list.items.iter_mut().filter(meant);
            meant.map(move |one| (whose.clone(), one))
        });
        let (first, rest) = {
            let mut meant: Vec<_> = meant.collect();
            let rest = meant.split_off(meant.len().min(MOST));
            (meant, rest)
        };
        for (_, environment) in rest {
            environment.detail = Detail::Unread {
                reason: format!("there are more than {MOST} environments"),
            };
        }
        stream::iter(first)
            .for_each_concurrent(AT_ONCE, async |((project, production), environment)| {
                self.look_at(api, (&project, production), environment).await;
            })
            .await;
    }
}

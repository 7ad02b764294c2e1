//! Lists: projects, environments, clusters. Each is told whole, or why not.

use std::collections::BTreeSet;

use super::Zadig;
use super::error::ZadigError;
use super::request::Question;
use super::shapes::{Cluster, Environment, Project, Projects};
use crate::survey::zadig::{Told, ZadigApi, ZadigCluster, ZadigList};

/// What a page holds; without it Zadig gives 20.
const PAGE: u64 = 100;

/// More pages of projects than any Zadig has.
const PAGES: u64 = 100;

impl Zadig {
    /// The keys of all projects. Pages are read until they bring nothing new,
    /// and compared with Zadig's own count.
    pub(super) async fn projects(&self, api: ZadigApi) -> Told<String> {
        let mut found = BTreeSet::new();
        let mut counted: Option<u64> = None;
        for page in 1..=PAGES {
            let told = match self.get::<Projects>(&projects(api, page)).await {
                Ok(told) => told,
                Err(error) => return part(found, error.to_string()),
            };
            let (projects, total) = match told {
                Projects::Page { projects, total } => (projects, Some(total)),
                Projects::All(projects) => (projects, None),
            };
            let before = (found.len(), counted);
            let named: Vec<_> = projects.into_iter().map(Project::key).collect();
            if named.contains(&None) {
                return part(found, "an entry of the list has no key");
            }
            found.extend(named.into_iter().flatten());
            let Some(total) = total else {
                return part_if(found, None);
            };
            counted = Some(total);
            if before.1.is_some_and(|earlier| earlier != total) {
                return part(found, "the list changed while it was read");
            }
            if found.len() as u64 >= total || found.len() == before.0 {
                break;
            }
        }
        let short = counted.filter(|counted| *counted != found.len() as u64);
        let why = short.map(|counted| format!("Zadig counts {counted} and told {}", found.len()));
        part_if(found, why)
    }

    /// The environments of one project, of one kind.
    pub(super) async fn environments(
        &self,
        api: ZadigApi,
        project: &str,
        production: bool,
    ) -> ZadigList {
        let question = environments(api, project, production);
        let list = match self.get::<Vec<Environment>>(&question).await {
            Ok(list) => {
                let number = list.len();
                let items: Vec<_> = list.into_iter().filter_map(Environment::seen).collect();
                match items.len() == number {
                    true => Told::all(items),
                    false => Told::part(items, "an entry of the list has no key"),
                }
            }
            // Before 1.17 there were no production environments.
            Err(ZadigError::NoSuchPath) if api == ZadigApi::Aslan && production => {
                Told::all(Vec::new())
            }
            Err(error) => {
                let licence = matches!(error, ZadigError::Licence { .. });
                let nothing = Told::nothing(error.to_string());
                match licence {
                    true => nothing.excused(),
                    false => nothing,
                }
            }
        };
        ZadigList {
            project: project.to_owned(),
            production,
            list,
        }
    }

    /// The clusters that Zadig deploys to.
    pub(super) async fn clusters(&self, api: ZadigApi) -> Told<ZadigCluster> {
        if api < ZadigApi::Open {
            return Told::nothing("before 1.18 Zadig does not list them").excused();
        }
        let question = Question::of(&["openapi", "system", "cluster"]);
        match self.get::<Vec<Cluster>>(&question).await {
            Ok(clusters) => Told::all(clusters.into_iter().map(Cluster::seen).collect()),
            Err(error) => Told::nothing(error.to_string()),
        }
    }
}

fn part(found: BTreeSet<String>, why: impl Into<String>) -> Told<String> {
    part_if(found, Some(why.into()))
}

fn part_if(found: BTreeSet<String>, why: Option<String>) -> Told<String> {
    let items = found.into_iter().collect();
    match why {
        Some(why) => Told::part(items, why),
        None => Told::all(items),
    }
}

fn projects(api: ZadigApi, page: u64) -> Question {
    let (size, page) = (PAGE.to_string(), page.to_string());
    match api {
        ZadigApi::Aslan => Question::of(&["api", "aslan", "project", "projects"])
            .with("verbosity", "brief")
            .with("ungrouped", "false")
            .with("page_size", &size)
            .with("page_num", &page),
        _ => Question::of(&["openapi", "projects", "project"])
            .with("pageSize", &size)
            .with("pageNum", &page),
    }
}

fn environments(api: ZadigApi, project: &str, production: bool) -> Question {
    match (api, production) {
        (ZadigApi::Aslan, false) => Question::of(&["api", "aslan", "environment", "environments"])
            .with("projectName", project),
        (ZadigApi::Aslan, true) => {
            Question::of(&["api", "aslan", "environment", "production", "environments"])
                .with("projectName", project)
        }
        (_, false) => Question::of(&["openapi", "environments"]).with("projectKey", project),
        (_, true) => {
            Question::of(&["openapi", "environments", "production"]).with("projectKey", project)
        }
    }
}

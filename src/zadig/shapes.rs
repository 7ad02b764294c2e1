//! What Zadig's answers look like, version by version, and what of them is kept.
//!
//! Fields that a version lacks have a default; what a newer one adds is passed
//! over. Nothing is believed to make sense: every text is cut.

use jiff::Timestamp;
use serde::Deserialize;

use crate::survey::zadig::{
    EnvironmentDetail, LOCAL, ZadigCluster, ZadigEnvironment, ZadigOperation, ZadigService,
};
use crate::wire::cut;

/// No name of Zadig's or of Kubernetes' is longer.
const NAME: usize = 253;

/// A name, cut.
fn name(text: &str) -> String {
    let end = text.floor_char_boundary(NAME);
    text.get(..end).unwrap_or_default().to_owned()
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| name(text))
}

/// An empty id means Zadig's own cluster.
fn cluster(id: &str) -> String {
    match id {
        "" => LOCAL.to_owned(),
        id => name(id),
    }
}

fn time(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)
}

/// `GET /openapi/system/cli/context`, since 5.0. What is behind the user only
/// an administrator gets.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Context {
    pub(super) server_version: Option<String>,
    pub(super) license_status: Option<String>,
}

/// A project in `GET /openapi/projects/project` (`project_key`) or in
/// `GET /api/aslan/project/projects` (`name`).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Project {
    project_key: String,
    name: String,
}

impl Project {
    /// `project_name` is what people see; the key is what counts.
    pub(super) fn key(self) -> Option<String> {
        some(&self.project_key).or_else(|| some(&self.name))
    }
}

/// A page of projects; Zadig 1.15 has no pages.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Projects {
    Page { projects: Vec<Project>, total: u64 },
    All(Vec<Project>),
}

/// An environment in one of the lists: `/openapi` has `env_key` (its
/// documentation `env_name`), `/api` has `name`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Environment {
    env_key: String,
    env_name: String,
    name: String,
    cluster_id: String,
    namespace: String,
    status: String,
    update_time: i64,
    #[serde(rename = "updateTime")]
    update_time_of_api: i64,
}

impl Environment {
    pub(super) fn seen(self) -> Option<ZadigEnvironment> {
        let keys = [&self.env_key, &self.env_name, &self.name];
        Some(ZadigEnvironment {
            name: keys.into_iter().find_map(|key| some(key))?,
            namespace: some(&self.namespace),
            cluster: cluster(&self.cluster_id),
            status: name(&self.status.to_lowercase()),
            updated: time(self.update_time.max(self.update_time_of_api)),
            detail: Default::default(),
        })
    }
}

/// `GET /api/aslan/environment/environments/ENV`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Product {
    pub(super) namespace: String,
    source: String,
    is_existed: bool,
    recycle_day: i64,
    services: Vec<Vec<Service>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Service {
    service_name: String,
    release_name: String,
    #[serde(rename = "type")]
    kind: String,
    update_time: i64,
    error: Option<String>,
    deploy_strategy: Option<String>,
}

impl Product {
    pub(super) fn detail(self) -> EnvironmentDetail {
        let services = self.services.into_iter().flatten();
        EnvironmentDetail {
            recycle_days: Some(self.recycle_day).filter(|days| *days > 0),
            adopted: self.is_existed,
            helm: match self.source.as_str() {
                "" => None,
                source => Some(source == "helm"),
            },
            services: services.map(Service::seen).collect(),
            refused: None,
        }
    }
}

impl Service {
    fn seen(self) -> ZadigService {
        ZadigService {
            name: name(&self.service_name),
            release: some(&self.release_name),
            chart: self.kind == "helm_chart",
            strategy: name(&self.deploy_strategy.unwrap_or_default()),
            updated: time(self.update_time),
            status: None,
            error: self.error.as_deref().filter(|it| !it.is_empty()).map(cut),
        }
    }
}

/// A line of `GET /api/aslan/environment/environments/ENV/helm/releases`.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Release {
    release_name: String,
    service_name: String,
    status: String,
    error: Option<String>,
    deploy_strategy: Option<String>,
    is_helm_chart_deploy: bool,
}

impl Release {
    /// Adds what it says to the service it is about; one that the environment
    /// does not list is a service of its own.
    pub(super) fn add_to(self, detail: &mut EnvironmentDetail) {
        let release = some(&self.release_name);
        let same = |one: &&mut ZadigService| match (&one.release, &release) {
            (Some(one), Some(other)) => one == other,
            _ => one.name == self.service_name,
        };
        let mut added = ZadigService {
            name: name(&self.service_name),
            chart: self.is_helm_chart_deploy,
            ..ZadigService::default()
        };
        let found = detail.services.iter_mut().find(same);
        let new = found.is_none();
        let service = found.unwrap_or(&mut added);
        service.release = service.release.take().or(release);
        service.status = some(&self.status);
        let error = self.error.as_deref().filter(|it| !it.is_empty()).map(cut);
        service.error = error.or(service.error.take());
        if service.strategy.is_empty() {
            service.strategy = name(&self.deploy_strategy.unwrap_or_default());
        }
        if new {
            detail.services.push(added);
        }
    }
}

/// A cluster in `GET /openapi/system/cluster`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Cluster {
    cluster_id: String,
    name: String,
    local: bool,
}

impl Cluster {
    pub(super) fn seen(self) -> ZadigCluster {
        ZadigCluster {
            local: self.local || self.cluster_id == LOCAL,
            id: cluster(&self.cluster_id),
            name: name(&self.name),
        }
    }
}

/// A page of `GET /openapi/system/operation`.
#[derive(Deserialize)]
pub(super) struct Operations {
    pub(super) operation_logs: Vec<Operation>,
    pub(super) total: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Operation {
    username: String,
    project_key: String,
    method: String,
    function: String,
    targets: Option<Vec<String>>,
    detail: String,
    status: i64,
    created_at: i64,
}

impl Operation {
    /// What tells of a deletion; who deleted what else is nobody's business.
    pub(super) fn seen(self) -> Option<ZadigOperation> {
        const DELETE: &str = "删除";
        if !self.method.contains(DELETE) {
            return None;
        }
        let mut targets: Vec<String> = self.targets.unwrap_or_default();
        if targets.is_empty() {
            targets.push(self.detail);
        }
        Some(ZadigOperation {
            time: time(self.created_at),
            user: name(&self.username),
            project: name(&self.project_key),
            method: name(&self.method),
            function: name(&self.function),
            targets: targets.iter().take(100).map(|one| name(one)).collect(),
            status: self.status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: serde::de::DeserializeOwned>(text: &str) -> T {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn environments_of_either_interface() {
        let open: Environment = of(
            r#"{"env_key":"dev","cluster_id":"","namespace":"shop-env-dev","production":false,"registry_id":"","status":"success","update_by":"a","update_time":1700000000}"#,
        );
        let open = open.seen().unwrap();
        assert_eq!((open.name.as_str(), open.cluster.as_str()), ("dev", LOCAL));
        assert_eq!(open.updated.map(|at| at.as_second()), Some(1_700_000_000));
        let old: Environment = of(
            r#"{"projectName":"shop","status":"Sleeping","name":"dev","updateTime":1700000000,"cluster_id":"abc"}"#,
        );
        let old = old.seen().unwrap();
        assert_eq!((old.namespace, old.status.as_str()), (None, "sleeping"));
        assert!(
            of::<Environment>(r#"{"status":"success"}"#)
                .seen()
                .is_none()
        );
        let docs: Environment = of(r#"{"env_name":"dev"}"#);
        assert_eq!(docs.seen().unwrap().name, "dev");
    }

    #[test]
    fn projects_with_and_without_pages() {
        let page: Projects =
            of(r#"{"total":7,"projects":[{"project_name":"Shop","project_key":"shop"}]}"#);
        assert!(matches!(page, Projects::Page { total: 7, projects } if projects.len() == 1));
        let all: Projects = of(r#"[{"name":"shop"}]"#);
        let Projects::All(mut all) = all else {
            panic!("no list");
        };
        assert_eq!(all.remove(0).key().as_deref(), Some("shop"));
    }

    #[test]
    fn services_and_their_releases() {
        let product: Product = of(
            r#"{"source":"helm","recycle_day":7,"services":[[{"service_name":"web","release_name":"web","type":"helm"}],[{"service_name":"db","type":"helm","deploy_strategy":"import"}]]}"#,
        );
        let mut detail = product.detail();
        let lines: Vec<Release> = of(
            r#"[{"releaseName":"web","serviceName":"web","status":"failed","error":"boom"},
                {"releaseName":"redis","serviceName":"","status":"deployed","isHelmChartDeploy":true}]"#,
        );
        lines.into_iter().for_each(|one| one.add_to(&mut detail));
        let names: Vec<_> = detail
            .services
            .iter()
            .map(|one| one.release.as_deref())
            .collect();
        assert_eq!(names, [Some("web"), None, Some("redis")]);
        assert_eq!(detail.services[0].error.as_deref(), Some("boom"));
        assert!(!detail.services[1].is_deployed_by_zadig() && detail.services[2].chart);
        assert_eq!((detail.recycle_days, detail.helm), (Some(7), Some(true)));
    }

    #[test]
    fn of_the_log_only_deletions_are_kept() {
        let page: Operations = of(r#"{"operation_logs":[
                {"username":"a","project_key":"shop","method":"(OpenAPI)删除","function":"测试环境","scene":"environment","targets":["dev"],"detail":"","request_body":"","body_type":"","status":200,"created_at":1700000000},
                {"username":"a","project_key":"shop","method":"更新","function":"环境","targets":["dev"],"status":200,"created_at":1700000000}],"total":2}"#);
        let seen: Vec<_> = page
            .operation_logs
            .into_iter()
            .filter_map(Operation::seen)
            .collect();
        assert_eq!(seen.len(), 1);
        assert_eq!(
            (seen[0].targets[0].as_str(), seen[0].user.as_str()),
            ("dev", "a")
        );
    }
}

//! Its answers: the recorded shapes of each version, and nothing else. A path
//! that a version does not have is answered as that version answers it.

use serde_json::{Value, json};

use super::state::{Environment, State, Version};

/// A question: its path's segments and its parameters.
pub(super) struct Question<'a> {
    pub(super) path: Vec<&'a str>,
    pub(super) query: Vec<(String, String)>,
}

/// A status and a body.
pub(super) enum Answer {
    Json(u16, Value),
    Text(u16, String),
}

impl Question<'_> {
    fn parameter(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.parameter(name).parse().unwrap_or(default)
    }
}

/// What the gateway and aslan say to a question with a good token.
pub(super) fn answer(state: &State, question: &Question<'_>) -> Answer {
    let found = match question.path.as_slice() {
        ["openapi", rest @ ..] => open(state, rest, question),
        ["api", "aslan", rest @ ..] => api(state, rest, question),
        _ => None,
    };
    found.unwrap_or_else(|| {
        let path = question.path.join("/");
        Answer::Text(404, format!("Invalid path: /{path}"))
    })
}

fn open(state: &State, rest: &[&str], question: &Question<'_>) -> Option<Answer> {
    let since = |version: Version| (state.version >= version).then_some(());
    let of = |production: bool| environments(state, question.parameter("projectKey"), production);
    match rest {
        ["system", "cli", "context"] => {
            since(Version::V5_0)?;
            Some(ok(context(state)))
        }
        ["system", "operation", "env"] => {
            since(Version::V3_4)?;
            Some(match state.admin {
                true => ok(json!({"operation_logs": [], "total": 0})),
                false => Answer::Text(403, String::new()),
            })
        }
        ["system", "operation"] => {
            since(Version::V3_4)?;
            Some(ok(operations(state, question)))
        }
        ["system", "cluster"] => {
            since(Version::V1_18)?;
            Some(ok(clusters(state)))
        }
        ["projects", "project"] => {
            since(Version::V1_18)?;
            Some(ok(projects(state, question)))
        }
        ["environments"] => {
            since(Version::V1_18)?;
            Some(ok(of(false).iter().map(|one| open_line(one)).collect()))
        }
        ["environments", "production"] => {
            since(Version::V1_18)?;
            Some(match state.licence {
                true => ok(of(true).iter().map(|one| open_line(one)).collect()),
                false => licence(),
            })
        }
        ["environments", "production", name] => {
            since(Version::V1_18)?;
            Some(open_detail(&of(true), name))
        }
        ["environments", name] => {
            since(Version::V1_18)?;
            Some(open_detail(&of(false), name))
        }
        _ => None,
    }
}

fn api(state: &State, rest: &[&str], question: &Question<'_>) -> Option<Answer> {
    let apart = state.version == Version::V1_18;
    let project = question.parameter("projectName");
    let production = question.parameter("production") == "true" && state.version > Version::V1_18;
    let of = |production: bool| environments(state, project, production);
    match rest {
        ["project", "projects"] => Some(ok(api_projects(state))),
        ["system", "operation"] => Some(match state.admin {
            true => ok(json!([])),
            false => Answer::Text(403, String::new()),
        }),
        ["environment", "environments"] => {
            let version = state.version;
            Some(ok(of(production)
                .iter()
                .map(|one| api_line(one, version))
                .collect()))
        }
        ["environment", "environments", name, rest @ ..] => api_one(&of(production), name, rest),
        ["environment", "production", "environments", name, rest @ ..] if apart => {
            api_one(&of(true), name, rest)
        }
        _ => None,
    }
}

fn api_one(all: &[&Environment], name: &str, rest: &[&str]) -> Option<Answer> {
    let found = all.iter().find(|one| one.name == name);
    match (rest, found) {
        ([], Some(one)) => Some(ok(product(one))),
        ([], None) => Some(unreadable()),
        (["helm", "releases"], Some(one)) => Some(ok(one.services.iter().map(release).collect())),
        (["helm", "releases"], None) => Some(no_documents()),
        _ => None,
    }
}

fn ok(body: Value) -> Answer {
    Answer::Json(200, body)
}

/// A licence that is not there, or has run out.
fn licence() -> Answer {
    error(7050, "license expired")
}

/// An environment that is not there, or not readable as a whole.
fn unreadable() -> Answer {
    error(6078, "获取环境失败")
}

fn error(code: i64, message: &str) -> Answer {
    let body =
        json!({"type": "error", "message": message, "code": code, "description": "", "extra": {}});
    Answer::Json(400, body)
}

fn no_documents() -> Answer {
    let description = "mongo: no documents in result";
    let body = json!({"message": "Internal Error: ", "code": 500, "description": description});
    Answer::Json(500, body)
}

/// What the caller may not see is left out, as if it were not there.
fn environments<'a>(state: &'a State, project: &str, production: bool) -> Vec<&'a Environment> {
    let all = state.environments.iter().filter(|_| state.admin);
    all.filter(|one| one.project == project && one.production == production)
        .collect()
}

fn context(state: &State) -> Value {
    let mut body =
        json!({"user": {"uid": "1", "name": "a", "account": "a", "identity_type": "system"}});
    if state.admin {
        body["edition"] = "community".into();
        body["license_status"] = "normal".into();
        body["features"] = json!([]);
        body["server_version"] = "5.0.0".into();
        body["request_id"] = "r".into();
    }
    body
}

fn projects(state: &State, question: &Question<'_>) -> Value {
    if !state.admin {
        return json!({"projects": [], "total": 0});
    }
    let (size, page) = (
        question.number("pageSize", 20),
        question.number("pageNum", 1),
    );
    let all = state.projects.iter().skip(size * (page - 1)).take(size);
    let projects: Vec<Value> = all
        .map(|key| json!({"project_name": key.to_uppercase(), "project_key": key, "description": "", "deploy_type": "helm"}))
        .collect();
    json!({"total": state.projects.len(), "projects": projects})
}

fn api_projects(state: &State) -> Value {
    let all = state.projects.iter().filter(|_| state.admin);
    all.map(|key| json!({"name": key})).collect()
}

fn clusters(state: &State) -> Value {
    let one = |one: &super::state::Cluster| {
        json!({"cluster_id": one.id, "name": one.name, "production": false, "description": "", "provider": 0,
            "provider_name": "", "created_by": "", "created_time": 0, "local": one.local, "status": "normal",
            "type": "agent", "project_names": []})
    };
    state
        .clusters
        .iter()
        .filter(|_| state.admin)
        .map(one)
        .collect()
}

fn operations(state: &State, question: &Question<'_>) -> Value {
    let (size, page) = (question.number("perPage", 0), question.number("page", 1));
    let all = state.operations.iter().skip(size * (page - 1)).take(size);
    let logs: Vec<Value> = all
        .map(|one| {
            json!({"username": one.user, "project_key": one.project, "method": one.method, "function": one.function,
                "scene": "environment", "targets": one.targets, "detail": "", "request_body": "", "body_type": "",
                "status": 200, "created_at": one.at})
        })
        .collect();
    json!({"operation_logs": logs, "total": state.operations.len()})
}

/// The database's status, in lower case.
fn open_line(one: &Environment) -> Value {
    json!({"env_key": one.name, "cluster_id": one.cluster, "namespace": one.namespace, "production": one.production,
        "registry_id": "", "status": one.status.to_lowercase(), "update_by": "a", "update_time": one.updated})
}

fn open_detail(all: &[&Environment], name: &str) -> Answer {
    let Some(one) = all.iter().find(|one| one.name == name) else {
        return no_documents();
    };
    if one.template_missing || one.services.iter().any(|service| service.chart) {
        return unreadable();
    }
    let services: Vec<Value> = one
        .services
        .iter()
        .map(|one| json!({"service_name": one.name, "containers": [], "variable_kvs": [], "status": "", "type": "helm"}))
        .collect();
    ok(
        json!({"project_key": one.project, "env_key": one.name, "update_by": "a", "update_time": one.updated,
        "cluster_id": one.cluster, "namespace": one.namespace, "registry_id": "", "global_variables": [],
        "services": services, "status": one.status.to_lowercase()}),
    )
}

/// Up to 1.15 without the namespace.
fn api_line(one: &Environment, version: Version) -> Value {
    let mut line = json!({"projectName": one.project, "status": one.status, "error": "", "name": one.name,
        "updateBy": "a", "updateTime": one.updated, "isPublic": true, "clusterName": "", "cluster_id": one.cluster,
        "production": one.production, "source": "helm"});
    if version > Version::V1_15 {
        line["namespace"] = one.namespace.clone().into();
    }
    line
}

fn product(one: &Environment) -> Value {
    let services: Vec<Value> = one
        .services
        .iter()
        .map(|one| {
            let kind = if one.chart { "helm_chart" } else { "helm" };
            json!({"service_name": one.name, "release_name": one.release, "product_name": "", "type": kind,
                "revision": 1, "workloads": [], "error": one.error, "update_time": one.updated, "updatable": false,
                "deploy_strategy": one.strategy})
        })
        .collect();
    json!({"id": "1", "product_name": one.project, "namespace": one.namespace, "status": "Running", "error": "",
        "env_name": one.name, "update_by": "a", "update_time": one.updated, "services": [services], "vars": [],
        "isPublic": true, "cluster_id": one.cluster, "recycle_day": one.recycle_day, "is_prod": one.production,
        "is_local": true, "is_existed": one.adopted, "source": "helm", "registry_id": "", "related_envs": []})
}

/// Any error that is kept makes it failed.
fn release(one: &super::state::Service) -> Value {
    let status = match one.error.is_empty() {
        true => &*one.status,
        false => "failed",
    };
    json!({"releaseName": one.release, "serviceName": one.name, "revision": 1, "chart": one.name, "appVersion": "",
        "overrideValues": "", "overrideYaml": "", "status": status, "updatable": false,
        "isHelmChartDeploy": one.chart, "deployStrategy": one.strategy, "error": one.error})
}

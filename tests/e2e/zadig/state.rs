//! What the double knows, as a value: a test changes it as an operation of
//! Zadig's would, and a demonstration reads it from a file.

use serde::Deserialize;

/// The interfaces of a Zadig: each has what the ones before it have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) enum Version {
    /// `/api/aslan` alone; lists of projects are never paged.
    #[serde(rename = "1.15")]
    V1_15,
    /// `/openapi` too, production environments under paths of their own.
    #[serde(rename = "1.18")]
    V1_18,
    /// With the operation log in it.
    #[serde(rename = "3.4")]
    V3_4,
    /// With a word about the caller.
    #[default]
    #[serde(rename = "5.0")]
    V5_0,
}

/// All that it knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) version: Version,
    pub(crate) token: String,
    /// Whether the token is an administrator's.
    pub(crate) admin: bool,
    /// Whether the licence covers production environments.
    pub(crate) licence: bool,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) projects: Vec<String>,
    pub(crate) environments: Vec<Environment>,
    pub(crate) operations: Vec<Operation>,
}

/// A cluster that it deploys to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) local: bool,
}

/// An environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Environment {
    pub(crate) project: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Empty means the cluster that Zadig runs in.
    pub(crate) cluster: String,
    pub(crate) production: bool,
    pub(crate) status: String,
    /// Unix seconds.
    pub(crate) updated: i64,
    pub(crate) recycle_day: i64,
    pub(crate) adopted: bool,
    pub(crate) services: Vec<Service>,
    /// Whether a service has lost its template.
    pub(crate) template_missing: bool,
}

/// A service of an environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) release: String,
    /// Whether it is a chart of a repository.
    pub(crate) chart: bool,
    pub(crate) strategy: String,
    /// As the list of releases has it: `deployed`, `failed`, `notDeployed`.
    pub(crate) status: String,
    pub(crate) error: String,
    pub(crate) updated: i64,
}

/// An entry of the operation log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Operation {
    pub(crate) user: String,
    pub(crate) project: String,
    pub(crate) method: String,
    pub(crate) function: String,
    pub(crate) targets: Vec<String>,
    pub(crate) at: i64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: Version::default(),
            token: "an-administrators-token".to_owned(),
            admin: true,
            licence: true,
            clusters: vec![Cluster {
                id: super::LOCAL.to_owned(),
                name: "local".to_owned(),
                local: true,
            }],
            projects: Vec::new(),
            environments: Vec::new(),
            operations: Vec::new(),
        }
    }
}

impl Environment {
    /// A test environment that nobody touched for two hours.
    pub(crate) fn new(project: &str, name: &str, namespace: &str) -> Self {
        Self {
            project: project.to_owned(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            status: "success".to_owned(),
            updated: jiff::Timestamp::now().as_second() - 7200,
            ..Self::default()
        }
    }

    /// With a service that is deployed under its own name.
    pub(crate) fn with(mut self, service: &str) -> Self {
        self.services.push(Service {
            name: service.to_owned(),
            release: service.to_owned(),
            status: "deployed".to_owned(),
            updated: self.updated,
            ..Service::default()
        });
        self
    }
}

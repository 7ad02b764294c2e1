//! Real Helm of each line that is in the field, run as a user would run it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zadig_doctor::helm::Driver;

use crate::bed::{Cluster, Namespace, setting};
use crate::process::{Output, Program, Victim};
use crate::proxy::Proxy;

/// Which Helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelmVersion {
    /// 3.9.4, the one that Zadig embeds.
    V3_9,
    /// 3.17.2.
    V3_17,
    /// 3.22.0, the last line of Helm 3.
    V3_22,
    /// 4.3.1.
    V4,
}

impl HelmVersion {
    pub(crate) const ALL: [Self; 4] = [Self::V3_9, Self::V3_17, Self::V3_22, Self::V4];

    /// How `helm version` begins.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V3_9 => "v3.9.",
            Self::V3_17 => "v3.17.",
            Self::V3_22 => "v3.22.",
            Self::V4 => "v4.",
        }
    }

    /// The program itself.
    pub(crate) fn program(self) -> PathBuf {
        let key = match self {
            Self::V3_9 => "BED_HELM_3_9",
            Self::V3_17 => "BED_HELM_3_17",
            Self::V3_22 => "BED_HELM_3_22",
            Self::V4 => "BED_HELM_4",
        };
        setting(key).into()
    }
}

/// A chart of the bed: `web`, a small service whose Deployment can be held, or
/// `quiet`, one ConfigMap.
pub(crate) fn chart(name: &str) -> String {
    format!("{}/tests/bed/charts/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Helm for one namespace, with a home of its own.
pub(crate) struct Helm {
    version: HelmVersion,
    namespace: String,
    kubeconfig: PathBuf,
    driver: Driver,
    home: TempDir,
}

impl Helm {
    /// Helm as the administrator, straight to the API server.
    pub(crate) fn new(version: HelmVersion, namespace: &Namespace) -> Self {
        Self {
            version,
            namespace: namespace.name().to_owned(),
            kubeconfig: namespace.bed().kubeconfig.clone(),
            driver: Driver::Secret,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The same with the proxy in between.
    pub(crate) fn through(mut self, proxy: &Proxy) -> Self {
        self.kubeconfig = proxy.kubeconfig().to_owned();
        self
    }

    /// The same with its records in objects of that kind.
    pub(crate) fn driver(mut self, driver: Driver) -> Self {
        self.driver = driver;
        self
    }

    /// A command, ready to start. The namespace is given; the rest is the caller's.
    pub(crate) fn command(&self, args: &[&str]) -> Program {
        let home = self.home.path();
        Program::new(&self.version.program())
            .args(args)
            .args(["--namespace", &self.namespace])
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HELM_DRIVER", self.driver.to_string())
            .env("HOME", home)
            .env("HELM_CACHE_HOME", home.join("cache"))
            .env("HELM_CONFIG_HOME", home.join("config"))
            .env("HELM_DATA_HOME", home.join("data"))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).run()
    }

    /// Runs a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> Output {
        self.run(args).expect_code(0)
    }

    /// Starts a command at which rules of the proxy may aim.
    pub(crate) fn aimed_at(&self, victim: &Victim, args: &[&str]) -> Program {
        self.command(args).victim(victim)
    }

    /// Its home, which no other Helm shares.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }
}

#[test]
fn each_helm_is_the_one_it_is_called() {
    let namespace = Namespace::new("helm-version");
    for version in HelmVersion::ALL {
        let helm = Helm::new(version, &namespace);
        let said = helm.ok(&["version", "--short"]).stdout;
        assert!(said.starts_with(version.number()), "{version:?}: {said}");
    }
}

#[test]
fn every_helm_serves_the_old_cluster() {
    for version in HelmVersion::ALL {
        let namespace = Namespace::on(Cluster::Old, "helm-on-old");
        let helm = Helm::new(version, &namespace);
        for name in ["quiet", "web"] {
            helm.ok(&["install", name, &chart(name)]);
            helm.ok(&["upgrade", name, &chart(name), "--set=message=two"]);
        }
    }
}

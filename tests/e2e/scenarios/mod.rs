//! Every state of a release that the tests know, in one list: how it comes
//! about, what it leaves in the cluster, what Helm and what `check` say to it.
//!
//! Each is made by real Helm and a real kill or refusal, in seconds. The bed
//! has no node and the charts are told to want one that never comes, so
//! `--wait` waits for as long as it is let.

use serde_json::json;
use zadig_doctor::helm::Driver;

use crate::bed::{Bed, Namespace};
use crate::helm::{Helm, HelmVersion};
use crate::proxy::Proxy;
use crate::records::{self, Record};

pub(crate) mod make;
mod says;

#[cfg(test)]
mod tests;

/// The release of every scenario.
pub(crate) const RELEASE: &str = "shop";

/// What Helm says to an upgrade of a release that it takes to be busy.
const BUSY: &str = "another operation (install/upgrade/rollback) is in progress";

/// What it says when the next revision's name is taken by a record that it cannot see.
const TAKEN: &str = "already exists";

/// One state of a release.
pub(crate) struct Scenario {
    /// In kebab-case; also the name of its tests.
    pub(crate) name: &'static str,
    /// What somebody finds.
    pub(crate) what: &'static str,
    /// How it comes about here.
    pub(crate) how: &'static str,
    /// Which Helms can make it.
    pub(crate) helms: &'static [HelmVersion],
    /// Where they keep their records.
    pub(crate) driver: Driver,
    /// Each record: revision, status label, payload status; `-` for what is not there or cannot be read.
    pub(crate) leaves: &'static [(u32, &'static str, &'static str)],
    /// What the next `helm upgrade` says; `None` if it succeeds.
    pub(crate) upgrade_says: Option<&'static str>,
    /// The findings `check` must show once the windows for signs of life have passed.
    pub(crate) finds: &'static [Finds],
    /// Ids of findings that `check` may show besides, as information or a warning.
    pub(crate) may_find: &'static [&'static str],
    make: fn(&Stage),
}

/// A finding that `check` must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finds {
    pub(crate) id: &'static str,
    /// `None` where the check gives no verdict.
    pub(crate) verdict: Option<&'static str>,
}

/// A finding with the verdict *stale*.
const fn stale(id: &'static str) -> Finds {
    Finds {
        id,
        verdict: Some("stale"),
    }
}

/// A finding without a verdict.
const fn finds(id: &'static str) -> Finds {
    Finds { id, verdict: None }
}

/// All of them.
pub(crate) static ALL: [Scenario; 14] = [
    Scenario {
        name: "healthy",
        what: "a release of three revisions, the newest deployed",
        how: "an install and two upgrades",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "superseded", "superseded"),
            (3, "deployed", "deployed"),
        ],
        upgrade_says: None,
        finds: &[],
        may_find: &[],
        make: make::healthy,
    },
    Scenario {
        name: "pending-install",
        what: "a first install that never ended",
        how: "SIGKILL while `install --wait` waits for pods",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &["none-deployed"],
        make: make::pending_install,
    },
    Scenario {
        name: "install-unrecorded",
        what: "an install that said it succeeded, but is pending",
        how: "the last write of `install` is refused (500): Helm only logs that, and exits 0",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &["none-deployed"],
        make: make::install_unrecorded,
    },
    Scenario {
        name: "pending-upgrade-in-wait",
        what: "an upgrade that never ended; the old revision is still deployed",
        how: "SIGKILL while `upgrade --wait` waits for pods",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &[],
        make: make::pending_upgrade_in_wait,
    },
    Scenario {
        name: "pending-upgrade-between",
        what: "an upgrade that was all but done: no revision is deployed",
        how: "SIGKILL at the write that would mark the new revision deployed, the old one being superseded",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending"), finds("none-deployed")],
        may_find: &[],
        make: make::pending_upgrade_between,
    },
    Scenario {
        name: "pending-in-configmaps",
        what: "an upgrade that never ended, of a release whose records are ConfigMaps",
        how: "as pending-upgrade-in-wait, with HELM_DRIVER=configmap",
        helms: &HelmVersion::ALL,
        driver: Driver::ConfigMap,
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "pending-upgrade", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &[],
        make: make::pending_upgrade_in_wait,
    },
    Scenario {
        name: "pending-rollback",
        what: "a rollback that never ended",
        how: "SIGKILL while `rollback --wait` waits for pods",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "deployed", "deployed"),
            (3, "pending-rollback", "pending-rollback"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending")],
        may_find: &[],
        make: make::pending_rollback,
    },
    Scenario {
        name: "uninstalling-held",
        what: "an uninstall that never ended: a finalizer holds an object",
        how: "SIGKILL while `uninstall --wait` waits for the ConfigMap to go",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[(1, "uninstalling", "uninstalling")],
        upgrade_says: Some("has no deployed releases"),
        finds: &[stale("stuck-uninstalling")],
        may_find: &["none-deployed"],
        make: make::uninstalling_held,
    },
    Scenario {
        name: "truncated-record",
        what: "the newest record is cut off in the middle: Helm sees only the one before",
        how: "kubectl patch writes the first half of its payload",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[(1, "superseded", "superseded"), (2, "deployed", "-")],
        upgrade_says: Some(TAKEN),
        finds: &[finds("undecodable-record")],
        may_find: &["none-deployed"],
        make: make::truncated_record,
    },
    Scenario {
        name: "label-against-payload",
        what: "a pending upgrade that somebody tried to repair by its label: Helm reads the payload",
        how: "kubectl label sets status=failed on a pending-upgrade record",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[
            (1, "deployed", "deployed"),
            (2, "failed", "pending-upgrade"),
        ],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending"), finds("label-payload-mismatch")],
        may_find: &[],
        make: make::label_against_payload,
    },
    Scenario {
        name: "without-labels",
        what: "the newest record has lost its labels: Helm sees only the one before",
        how: "kubectl label removes owner, name, status and version",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[(1, "superseded", "superseded"), (2, "-", "deployed")],
        upgrade_says: Some(TAKEN),
        finds: &[finds("unlabeled-record")],
        may_find: &["none-deployed"],
        make: make::without_labels,
    },
    Scenario {
        name: "two-deployed",
        what: "two revisions say that they are deployed",
        how: "`upgrade` is stopped between its last two writes, `rollback` passes it, then it is woken",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "deployed", "deployed"),
            (3, "deployed", "deployed"),
        ],
        upgrade_says: None,
        finds: &[finds("several-deployed")],
        may_find: &[],
        make: make::two_deployed,
    },
    Scenario {
        name: "none-deployed",
        what: "a rollback failed: no revision says that it is deployed",
        how: "the write of `rollback` to the ConfigMap is refused (403)",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "superseded", "superseded"),
            (3, "failed", "failed"),
        ],
        upgrade_says: None,
        finds: &[finds("none-deployed")],
        may_find: &[],
        make: make::none_deployed,
    },
    Scenario {
        name: "failed-upgrade",
        what: "an upgrade failed and said so; the old revision is still deployed: nothing is stuck",
        how: "the write of `upgrade` to the ConfigMap is refused (403)",
        helms: &HelmVersion::ALL,
        driver: Driver::Secret,
        leaves: &[(1, "deployed", "deployed"), (2, "failed", "failed")],
        upgrade_says: None,
        finds: &[],
        may_find: &[],
        make: make::failed_upgrade,
    },
];

/// Makes a test of each scenario and Helm: `fn(&Scenario, HelmVersion)`.
///
/// The names stand here once more because a macro cannot read a constant; a
/// test holds both lists together.
macro_rules! on_every_scenario {
    ($test:path) => {
        on_every_scenario! { $test:
            healthy
            pending_install
            install_unrecorded
            pending_upgrade_in_wait
            pending_upgrade_between
            pending_in_configmaps
            pending_rollback
            uninstalling_held
            truncated_record
            label_against_payload
            without_labels
            two_deployed
            none_deployed
            failed_upgrade
        }
    };
    ($test:path: $($name:ident)*) => {
        $(mod $name {
            #[test]
            fn helm_3_9() {
                $crate::scenarios::run(stringify!($name), $crate::helm::HelmVersion::V3_9, $test);
            }
            #[test]
            fn helm_3_17() {
                $crate::scenarios::run(stringify!($name), $crate::helm::HelmVersion::V3_17, $test);
            }
            #[test]
            fn helm_3_22() {
                $crate::scenarios::run(stringify!($name), $crate::helm::HelmVersion::V3_22, $test);
            }
            #[test]
            fn helm_4() {
                $crate::scenarios::run(stringify!($name), $crate::helm::HelmVersion::V4, $test);
            }
        })*
    };
}
pub(crate) use on_every_scenario;

/// The scenario of that name (`_` for `-`).
pub(crate) fn find(name: &str) -> &'static Scenario {
    let name = name.replace('_', "-");
    match ALL.iter().find(|scenario| scenario.name == name) {
        Some(scenario) => scenario,
        None => panic!("no scenario is called {name}"),
    }
}

/// Calls a test with the scenario of that name, if this Helm can make it.
pub(crate) fn run(name: &str, version: HelmVersion, test: fn(&Scenario, HelmVersion)) {
    let scenario = find(name);
    if scenario.helms.contains(&version) {
        test(scenario, version);
    }
}

impl Scenario {
    /// Makes it, in a namespace of its own.
    pub(crate) fn make(&self, version: HelmVersion) -> Stage {
        let stage = Stage::new(self.name, version, self.driver);
        self.make_in(&stage);
        stage
    }

    /// Makes it in a namespace that holds no release of that name yet, and makes sure of it.
    pub(crate) fn make_in(&self, stage: &Stage) {
        (self.make)(stage);
        let records = stage.records();
        assert_eq!(
            records::states(&records),
            self.leaves,
            "{}: {}",
            self.name,
            self.how
        );
    }
}

/// Where a scenario is played: a namespace, one Helm, one release.
pub(crate) struct Stage {
    pub(crate) namespace: Namespace,
    version: HelmVersion,
    driver: Driver,
    /// Helm straight to the API server.
    pub(crate) helm: Helm,
}

impl Stage {
    /// An empty one.
    pub(crate) fn new(label: &str, version: HelmVersion, driver: Driver) -> Self {
        let namespace = Namespace::new(label);
        Self {
            helm: Helm::new(version, &namespace).driver(driver),
            namespace,
            version,
            driver,
        }
    }

    /// The same Helm with the proxy in between.
    pub(crate) fn helm_through(&self, proxy: &Proxy) -> Helm {
        let helm = Helm::new(self.version, &self.namespace);
        helm.driver(self.driver).through(proxy)
    }

    /// The release's records, oldest first.
    pub(crate) fn records(&self) -> Vec<Record> {
        records::of(&self.namespace, self.driver, RELEASE)
    }

    /// The record of that revision; the test fails if there is none.
    pub(crate) fn record(&self, revision: u32) -> Record {
        let records = self.records();
        let found = records.into_iter().find(|one| one.revision == revision);
        found.expect("the record should be there")
    }

    /// The image of the release's Deployment (chart `web`), once it exists.
    fn image(&self) -> Option<String> {
        let path = self.namespace.apps(&format!("deployments/{RELEASE}"));
        let deployment = Bed::get().api().get(&path)?;
        let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        image.as_str().map(str::to_owned)
    }

    /// Whether the release's ConfigMap is being deleted.
    fn is_held(&self) -> bool {
        let path = self.namespace.core(&format!("configmaps/{RELEASE}"));
        let map = Bed::get().api().get(&path).unwrap_or(json!(null));
        map["metadata"]["deletionTimestamp"].is_string()
    }
}

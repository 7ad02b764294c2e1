//! Every state of a release that the tests know, in one list: how it comes
//! about, what it leaves in the cluster, what Helm and what `check` say to it,
//! and what `unstick` does. One file per operation that leaves it behind.
//!
//! Each is made by real Helm and a real kill, signal, race or refusal, in
//! seconds. The bed has no node and the charts are told to want one that never
//! comes, so `--wait` waits for as long as it is let.

use std::sync::Mutex;

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use crate::bed::{Cluster, Namespace, setting};
use crate::helm::{Helm, HelmVersion};
use crate::process::{Output, Program};
use crate::proxy::Proxy;
use crate::records::{Record, of, states};

pub(crate) mod charts;
mod histories;
mod install;
pub(crate) mod make;
mod moved;
mod objects;
mod play;
mod records;
mod rollback;
mod says;
mod size;
mod table;
mod uninstall;
mod upgrade;
mod zadig;

pub(crate) use records::packed;

/// The release of every scenario.
pub(crate) const RELEASE: &str = "shop";

/// What Helm says to an upgrade of a release that it takes to be busy.
const BUSY: &str = "another operation (install/upgrade/rollback) is in progress";

/// What it says when the next revision's name is taken by a record that it cannot see.
const TAKEN: &str = "already exists";

/// What it says when there is nothing to upgrade from.
const NOTHING_DEPLOYED: &str = "has no deployed releases";

/// One state of a release.
pub(crate) struct Scenario {
    /// In snake_case; also the name of its tests.
    name: &'static str,
    /// What somebody finds.
    pub(crate) what: &'static str,
    /// How it comes about here.
    pub(crate) how: &'static str,
    /// Which Helms leave it, and where it is played: see `scenarios!`.
    on: &'static [&'static str],
    /// Where its records are kept.
    pub(crate) driver: Driver,
    /// Each record: revision, status label, payload status; `-` for what is not there or cannot be read.
    pub(crate) leaves: &'static [(u32, &'static str, &'static str)],
    /// What the next `helm upgrade` says; `None` if it succeeds.
    pub(crate) upgrade_says: Option<&'static str>,
    /// The findings `check` must show once the windows for signs of life have passed.
    pub(crate) finds: &'static [Finds],
    /// The findings that `check --deep` must show besides, where it is asked.
    pub(crate) deep: Option<&'static [Finds]>,
    /// Ids of findings that `check` may show besides, as information or a warning.
    pub(crate) may_find: &'static [&'static str],
    /// What `unstick` does.
    pub(crate) unstick: Unstick,
    /// What somebody does where `unstick` does not repair it.
    way_out: Option<WayOut>,
    /// What the upgrade after a repair says; `None` if it succeeds.
    pub(crate) then_says: Option<&'static str>,
    /// What `check` still shows after that upgrade.
    pub(crate) remains: &'static [Finds],
    /// Makes it.
    make: fn(&Stage),
}

/// What somebody does where `unstick` does not repair it: it leaves no record, something that `unstick`
/// repairs, or a healthy release.
struct WayOut {
    says: &'static str,
    go: fn(&Stage),
}

/// A finding that `check` must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finds {
    pub(crate) id: &'static str,
    /// `None` where the check gives no verdict.
    pub(crate) verdict: Option<&'static str>,
    /// How much of the operation got in, where an interrupted one is told of.
    pub(crate) extent: Option<&'static str>,
}

impl Finds {
    /// Of which nothing got in.
    const fn none_in(self) -> Self {
        self.got_in("none")
    }

    /// Of which a part got in.
    const fn part_in(self) -> Self {
        self.got_in("part")
    }

    /// Of which all got in.
    const fn all_in(self) -> Self {
        self.got_in("all")
    }

    /// Of which nobody can say how much got in.
    const fn not_told(self) -> Self {
        self.got_in("unknown")
    }

    const fn got_in(self, extent: &'static str) -> Self {
        let extent = Some(extent);
        Self { extent, ..self }
    }
}

/// A finding with the verdict *stale*.
const fn stale(id: &'static str) -> Finds {
    Finds {
        id,
        verdict: Some("stale"),
        extent: None,
    }
}

/// A finding with the verdict *unknown*.
const fn unknown(id: &'static str) -> Finds {
    Finds {
        id,
        verdict: Some("unknown"),
        extent: None,
    }
}

/// A finding with the verdict *possibly-running*.
const fn running(id: &'static str) -> Finds {
    Finds {
        id,
        verdict: Some("possibly-running"),
        extent: None,
    }
}

/// A finding without a verdict.
const fn finds(id: &'static str) -> Finds {
    Finds {
        id,
        verdict: None,
        extent: None,
    }
}

/// What `unstick` does to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unstick {
    /// Marks the newest revision failed; the next upgrade succeeds.
    Repairs,
    /// Says why not, exits with 4 and touches nothing.
    Refuses,
    /// Has nothing to do, says so and exits with 0.
    Nothing,
}

/// Declares the states of one operation, and a test of each play of each:
///
/// ```text
/// name [on] { fields of `Scenario` that differ from `PLAIN`, }
/// ```
///
/// where `on` is `every`, or those of `v3_9`, `v3_17`, `v3_22` and `v4` that
/// leave it, and `old` besides if it is played on the old cluster too, with the
/// oldest Helm.
macro_rules! scenarios {
    ($($name:ident [$($on:ident),+] { $($field:tt)* })*) => {
        /// The states that this operation leaves behind.
        pub(super) static ALL: &[Scenario] = &[$(Scenario {
            name: stringify!($name),
            on: &[$(stringify!($on)),+],
            $($field)*
            ..Scenario::PLAIN
        }),*];
        $(mod $name { $($crate::scenarios::scenarios! { @on $on $name })+ })*
    };
    (@on every $name:ident) => {
        $crate::scenarios::scenarios! { @on v3_9 $name }
        $crate::scenarios::scenarios! { @on v3_17 $name }
        $crate::scenarios::scenarios! { @on v3_22 $name }
        $crate::scenarios::scenarios! { @on v4 $name }
    };
    (@on v3_9 $name:ident) => {
        $crate::scenarios::scenarios! { @play $name helm_3_9 V3_9 New }
    };
    (@on v3_17 $name:ident) => {
        $crate::scenarios::scenarios! { @play $name helm_3_17 V3_17 New }
    };
    (@on v3_22 $name:ident) => {
        $crate::scenarios::scenarios! { @play $name helm_3_22 V3_22 New }
    };
    (@on v4 $name:ident) => {
        $crate::scenarios::scenarios! { @play $name helm_4 V4 New }
    };
    (@on old $name:ident) => {
        $crate::scenarios::scenarios! { @play $name on_the_old_cluster V3_9 Old }
    };
    (@play $name:ident $test:ident $version:ident $cluster:ident) => {
        #[test]
        fn $test() {
            let (cluster, version) = ($crate::bed::Cluster::$cluster, $crate::helm::HelmVersion::$version);
            $crate::scenarios::play::play($crate::scenarios::find(stringify!($name)), cluster, version);
        }
    };
}
use scenarios;

/// All of them, by what leaves them behind.
static TOPICS: [(&str, &[Scenario]); 10] = [
    ("helm install", install::ALL),
    ("helm upgrade", upgrade::ALL),
    ("helm rollback", rollback::ALL),
    ("helm uninstall", uninstall::ALL),
    ("Other hands than Helm's", records::ALL),
    ("Histories out of shape", histories::ALL),
    ("Records that are too large", size::ALL),
    ("Records and objects that lost each other", objects::ALL),
    ("A move to a newer cluster", moved::ALL),
    ("Releases of Zadig's", zadig::ALL),
];

fn all() -> impl Iterator<Item = &'static Scenario> {
    TOPICS.iter().flat_map(|(_, scenarios)| *scenarios)
}

/// The scenario of that name.
pub(crate) fn find(name: &str) -> &'static Scenario {
    let found = all().find(|scenario| scenario.name() == name.replace('_', "-"));
    found.unwrap_or_else(|| panic!("no scenario is called {name}"))
}

impl Scenario {
    /// What nothing else is said about.
    const PLAIN: Self = Self {
        name: "",
        what: "",
        how: "",
        on: &[],
        driver: Driver::Secret,
        leaves: &[],
        upgrade_says: None,
        finds: &[],
        deep: None,
        may_find: &[],
        unstick: Unstick::Nothing,
        way_out: None,
        then_says: None,
        remains: &[],
        make: |_| {},
    };

    /// In kebab-case.
    pub(crate) fn name(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Makes it on the new cluster.
    pub(crate) fn make(&self, version: HelmVersion) -> Stage {
        self.make_on(Cluster::New, version)
    }

    /// Makes it, in a namespace of its own, and makes sure of it.
    pub(crate) fn make_on(&self, cluster: Cluster, version: HelmVersion) -> Stage {
        let stage = Stage::on(cluster, &self.name(), version, self.driver);
        (self.make)(&stage);
        let records = stage.records();
        let states = states(&records);
        assert_eq!(states, self.leaves, "{}: {}", self.name, self.how);
        stage
    }
}

/// Where a scenario is played: a namespace, one Helm, one release.
pub(crate) struct Stage {
    pub(crate) namespace: Namespace,
    version: HelmVersion,
    pub(crate) driver: Driver,
    /// Helm straight to the API server.
    pub(crate) helm: Helm,
    /// Namespaces that are a part of it.
    others: Mutex<Vec<Namespace>>,
}

impl Stage {
    /// An empty one on the new cluster.
    pub(crate) fn new(label: &str, version: HelmVersion, driver: Driver) -> Self {
        Self::on(Cluster::New, label, version, driver)
    }

    /// An empty one.
    fn on(cluster: Cluster, label: &str, version: HelmVersion, driver: Driver) -> Self {
        Self::of(Namespace::on(cluster, label), version, driver)
    }

    /// An empty one of the same name on another cluster.
    fn twin_on(cluster: Cluster, other: &Self) -> Self {
        let namespace = other.namespace.twin(cluster);
        Self::of(namespace, other.version, other.driver)
    }

    fn of(namespace: Namespace, version: HelmVersion, driver: Driver) -> Self {
        Self {
            helm: Helm::new(version, &namespace).driver(driver),
            namespace,
            version,
            driver,
            others: Mutex::default(),
        }
    }

    /// A proxy in front of its cluster.
    pub(crate) fn proxy(&self) -> Proxy {
        Proxy::to(self.namespace.cluster())
    }

    /// The same Helm on another machine, which remembers nothing of the cluster.
    fn helm_elsewhere(&self) -> Helm {
        Helm::new(self.version, &self.namespace).driver(self.driver)
    }

    /// The same with the proxy in between.
    pub(crate) fn helm_through(&self, proxy: &Proxy) -> Helm {
        self.helm_elsewhere().through(proxy)
    }

    /// Runs kubectl in the namespace.
    pub(crate) fn kubectl(&self, args: &[&str]) -> Output {
        let program = match self.namespace.cluster() {
            Cluster::New => "BED_KUBECTL",
            Cluster::Old => "BED_KUBECTL_1_22",
        };
        Program::new(setting(program).as_ref())
            .args(args)
            .args(["--namespace", self.namespace.name()])
            .env("KUBECONFIG", &self.namespace.bed().kubeconfig)
            .env("HOME", self.helm.home())
            .run()
            .expect_code(0)
    }

    /// The release's records, oldest first.
    pub(crate) fn records(&self) -> Vec<Record> {
        of(&self.namespace, self.driver, RELEASE)
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
        let deployment = self.namespace.bed().api().get(&path)?;
        let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        image.as_str().map(str::to_owned)
    }

    /// The Jobs in the namespace: those of hooks.
    fn jobs(&self) -> Vec<Value> {
        let path = format!("/apis/batch/v1/namespaces/{}/jobs", self.namespace.name());
        self.namespace.bed().api().list(&path)
    }

    /// Whether the release's ConfigMap is being deleted.
    fn is_held(&self) -> bool {
        let path = self.namespace.core(&format!("configmaps/{RELEASE}"));
        let map = self.namespace.bed().api().get(&path).unwrap_or(json!(null));
        map["metadata"]["deletionTimestamp"].is_string()
    }
}

#[test]
fn every_state_has_a_name_of_its_own_and_says_what_it_is() {
    let mut names = std::collections::BTreeSet::new();
    for scenario in all() {
        let name = scenario.name();
        assert!(!scenario.what.is_empty(), "{name}");
        assert!(!scenario.how.is_empty(), "{name}");
        let stuck = scenario.finds.iter().filter(|one| one.verdict.is_some());
        assert!(stuck.count() <= 1, "{name}");
        let kebab = |id: &str| id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(scenario.finds.iter().all(|one| kebab(one.id)), "{name}");
        assert!(names.insert(name), "two are called {}", scenario.name);
    }
}

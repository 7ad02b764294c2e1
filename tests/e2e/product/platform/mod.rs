//! `check --zadig`: what Zadig lists, compared with what real Helm left.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::bed::{Bed, Cluster, Namespace};
use crate::helm::{Helm, HelmVersion, chart};
use crate::process::Output;
use crate::proxy::Proxy;
use crate::tool::Tool;
use crate::zadig::{Environment, State, Zadig};

mod compared;
mod reached;
mod rows;
mod traps;
mod writing;

/// More than any window for signs of life, and less than since when the double's
/// environments rest.
const LONG: i64 = 3600;

/// More than two reads must be apart.
const APART: i64 = 301;

/// A Zadig, a cluster whose clock can be set, and the tool between them.
struct Desk {
    zadig: Zadig,
    proxy: Proxy,
    tool: Tool,
}

impl Desk {
    fn new(state: State) -> Self {
        Self::on(Cluster::New, state)
    }

    fn on(cluster: Cluster, state: State) -> Self {
        let proxy = Proxy::to(cluster);
        proxy.shift_clock(LONG);
        let token = state.token.clone();
        Self {
            tool: Tool::on(cluster).through(&proxy).env("ZADIG_TOKEN", &token),
            zadig: Zadig::start(state),
            proxy,
        }
    }

    /// Lets so much time pass since the beginning, and an hour.
    fn later(&self, seconds: i64) {
        self.proxy.shift_clock(LONG + seconds);
    }

    /// `check` in that namespace, told which cluster it is.
    fn run(&self, namespace: &Namespace, more: &[&str]) -> Output {
        let args = ["check", "-n", namespace.name(), "-o", "json"];
        let zadig = ["--zadig", self.zadig.url()];
        self.tool.run(&[&args[..], &zadig, more].concat())
    }

    fn check(&self, namespace: &Namespace) -> Value {
        self.run(namespace, &["--zadig-cluster=local"]).json()
    }

    /// A whole look, then time, then another that agrees.
    fn check_twice(&self, namespace: &Namespace) -> Value {
        let first = self.check(namespace);
        assert_eq!(first["complete"], true, "{first:#}");
        self.later(APART);
        let second = self.check(namespace);
        assert_eq!(second["complete"], true, "{second:#}");
        second
    }
}

/// The one finding of that check.
fn find<'a>(report: &'a Value, id: &str) -> &'a Value {
    let found: Vec<_> = all(report).filter(|one| one["id"] == id).collect();
    let [one] = found.as_slice() else {
        panic!("one {id}: {report:#}");
    };
    one
}

fn all(report: &Value) -> impl Iterator<Item = &Value> {
    report["findings"].as_array().unwrap().iter()
}

/// The ids of what is found that is not only for information, sorted.
fn wrong(report: &Value) -> Vec<&str> {
    let wrong = all(report).filter(|one| one["severity"] != "info");
    let mut ids: Vec<_> = wrong.map(|one| one["id"].as_str().unwrap()).collect();
    ids.sort();
    ids
}

fn ids(report: &Value) -> Vec<&str> {
    let mut ids: Vec<_> = all(report).map(|one| one["id"].as_str().unwrap()).collect();
    ids.sort();
    ids
}

/// What a finding lacks to be certain.
fn lacks(finding: &Value) -> Vec<&str> {
    let evidence = finding["evidence"].as_array().unwrap().iter();
    let lacking = evidence.filter(|one| one["kind"] == "lacking");
    lacking.map(|one| one["text"].as_str().unwrap()).collect()
}

/// A namespace with the labels of one that Zadig made.
fn made(label: &str, project: &str) -> Namespace {
    made_on(Cluster::New, label, project)
}

fn made_on(cluster: Cluster, label: &str, project: &str) -> Namespace {
    let namespace = Namespace::on(cluster, label);
    let labels = json!({"createdBy": "koderover", "s-product": project});
    patch(&namespace, &labels);
    namespace
}

fn patch(namespace: &Namespace, labels: &Value) {
    let path = format!("/api/v1/namespaces/{}", namespace.name());
    let patch = json!({"metadata": {"labels": labels}});
    namespace.bed().api().merge(&path, &patch);
}

/// Takes Zadig's labels off, as it does where it keeps resources on purpose.
fn strip(namespace: &Namespace) {
    patch(namespace, &json!({"createdBy": null, "s-product": null}));
}

/// A release of the chart `quiet`, by the Helm that most of Zadig embeds.
fn install(namespace: &Namespace, release: &str) -> Helm {
    let helm = Helm::new(HelmVersion::V3_9, namespace);
    helm.ok(&["install", release, &chart("quiet")]);
    helm
}

/// A Zadig with project `shop`, whose environment `dev` uses that namespace.
fn shop(namespace: &Namespace) -> State {
    State {
        projects: vec!["shop".to_owned()],
        environments: vec![Environment::new("shop", "dev", namespace.name()).with("web")],
        ..State::default()
    }
}

/// Deployment `aslan`, which is Zadig's own. While this is held no other test
/// makes one.
fn aslan(namespace: &Namespace) -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    deployment(namespace);
    alone
}

fn deployment(namespace: &Namespace) {
    let labels = json!({"app": "aslan"});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "aslan", "image": "aslan"}]}});
    let spec = json!({"replicas": 0, "selector": {"matchLabels": labels}, "template": pod});
    let object = json!({"metadata": {"name": "aslan"}, "spec": spec});
    Bed::get()
        .api()
        .create(&namespace.apps("deployments"), &object);
}

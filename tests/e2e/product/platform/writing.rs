//! Verbs that write, while Zadig may be at work.

use serde_json::json;

use super::{Desk, LONG, install, made, shop};
use crate::bed::Namespace;
use crate::helm::{Helm, HelmVersion, chart};
use crate::process::{Output, Victim};
use crate::product::essence;
use crate::proxy::{Fault, Proxy, Rule};
use crate::records::{self, Record};
use crate::zadig::{self, State};
use zadig_doctor::helm::Driver;

/// Release `web` of environment `dev`, whose upgrade was cut off.
fn pending(label: &str) -> Namespace {
    let namespace = made(label, "shop");
    install(&namespace, "web");
    let (proxy, victim) = (Proxy::to(namespace.cluster()), Victim::new());
    let rule = Rule::new(Fault::KillAfter(victim.clone()));
    proxy.rule(rule.method("POST").path_ends("/secrets").nth(1));
    let helm = Helm::new(HelmVersion::V3_9, &namespace).through(&proxy);
    let output = helm
        .aimed_at(&victim, &["upgrade", "web", &chart("quiet")])
        .run();
    assert!(output.was_killed(), "{output}");
    namespace
}

fn records(namespace: &Namespace) -> Vec<Record> {
    records::of(namespace, Driver::Secret, "web")
}

/// A minute ago, by the cluster's clock.
fn just_now() -> i64 {
    jiff::Timestamp::now().as_second() + LONG - 60
}

/// The same Zadig, at work on the environment.
fn at_work(namespace: &Namespace) -> State {
    let mut state = shop(namespace);
    state.environments[0].status = "updating".into();
    state.environments[0].updated = just_now();
    state
}

fn run(desk: &Desk, namespace: &Namespace, args: &[&str]) -> Output {
    let zadig = [
        "--zadig",
        desk.zadig.url(),
        "--zadig-cluster=local",
        "--yes",
    ];
    desk.tool
        .run(&[args, &["-n", namespace.name()], &zadig].concat())
}

#[test]
fn nothing_is_written_while_an_environment_is_updating() {
    let namespace = pending("shop-env-busy");
    let before = records(&namespace);
    let desk = Desk::new(at_work(&namespace));
    let unstick = ["unstick", "web", "-o", "json"];
    let refused = run(&desk, &namespace, &unstick).expect_code(4).json();
    let reason = refused["refused"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("Zadig is at work: environment dev of project shop is updating"),
        "{reason}"
    );
    assert_eq!(essence(&records(&namespace)), essence(&before));
    // It is done with it.
    desk.zadig
        .change(|state| state.environments[0].status = "success".into());
    let output = run(&desk, &namespace, &["unstick", "web"]).expect_code(0);
    let press = "now in Zadig: update service web of environment dev of project shop";
    assert!(output.stderr.contains(press), "{output}");
    assert_ne!(essence(&records(&namespace)), essence(&before));
}

#[test]
fn a_pipeline_is_told_that_zadig_is_at_work() {
    let namespace = made("shop-env-ready", "shop");
    install(&namespace, "web");
    let desk = Desk::new(at_work(&namespace));
    let ready = [
        "check",
        "web",
        "-n",
        namespace.name(),
        "--ready-for=upgrade",
    ];
    let zadig = ["--zadig", desk.zadig.url(), "--zadig-cluster=local"];
    let args = [&ready[..], &zadig].concat();
    let output = desk.tool.run(&args).expect_code(1);
    assert!(output.stdout.contains("is updating"), "{output}");
    desk.zadig
        .change(|state| state.environments[0].status = "success".into());
    desk.tool.run(&args).expect_code(0);
    desk.zadig
        .fault("/openapi/environments", zadig::Fault::Hang);
    let short = ["--request-timeout=2s"];
    desk.tool.run(&[&args[..], &short].concat()).expect_code(3);
}

#[test]
fn one_that_is_updating_for_ever_does_not_stand_in_the_way_of_its_repair() {
    let namespace = pending("shop-env-forever");
    let mut state = at_work(&namespace);
    state.environments[0].updated -= LONG;
    let desk = Desk::new(state);
    run(&desk, &namespace, &["unstick", "web"]).expect_code(0);
}

#[test]
fn what_cannot_be_known_of_zadig_stops_the_repair() {
    let namespace = pending("shop-env-dark");
    let before = records(&namespace);
    for fault in [
        zadig::Fault::Status(403, String::new()),
        zadig::Fault::Status(401, String::new()),
        zadig::Fault::Half,
    ] {
        let desk = Desk::new(shop(&namespace));
        desk.zadig.fault("/openapi/environments?", fault);
        let output = run(&desk, &namespace, &["unstick", "web"]).expect_code(3);
        assert!(
            output.stderr.contains("whether Zadig is at work"),
            "{output}"
        );
    }
    // A licence that does not cover production is no such thing.
    let mut state = shop(&namespace);
    state.licence = false;
    assert_eq!(essence(&records(&namespace)), essence(&before));
    run(&Desk::new(state), &namespace, &["unstick", "web"]).expect_code(0);
}

#[test]
fn one_that_begins_between_the_two_looks() {
    let namespace = pending("shop-env-between");
    let before = records(&namespace);
    let desk = Desk::new(shop(&namespace));
    let line = json!([{"env_key": "dev", "cluster_id": "", "namespace": namespace.name(), "production": false,
        "registry_id": "", "status": "updating", "update_by": "a", "update_time": just_now()}]);
    let question = "/openapi/environments?projectKey=shop";
    desk.zadig
        .fault_after(question, 1, zadig::Fault::Status(200, line.to_string()));
    run(&desk, &namespace, &["unstick", "web"]).expect_code(4);
    assert_eq!(essence(&records(&namespace)), essence(&before));
}

#[test]
fn prune_and_restore_wait_as_well() {
    let namespace = made("shop-env-prune", "shop");
    let helm = install(&namespace, "web");
    for message in ["two", "three"] {
        let set = format!("--set=message={message}");
        helm.ok(&["upgrade", "web", &chart("quiet"), &set]);
    }
    let desk = Desk::new(at_work(&namespace));
    let backup = desk
        .tool
        .run(&["backup", "-n", namespace.name(), "-o", "json"]);
    let id = backup.expect_code(0).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = records(&namespace);
    let prune = ["prune", "web", "--keep=1"];
    let output = run(&desk, &namespace, &prune).expect_code(4);
    assert!(output.stdout.contains("Zadig is at work"), "{output}");
    let oldest = format!(
        "secrets/{}",
        before[0].object["metadata"]["name"].as_str().unwrap()
    );
    let api = namespace.bed().api();
    let path = namespace.core(&oldest);
    api.send(
        "DELETE",
        &path,
        "application/json",
        &serde_json::Value::Null,
    )
    .unwrap();
    let restore = ["backup", "restore", &id, "web"];
    let output = run(&desk, &namespace, &restore).expect_code(4);
    assert!(output.stdout.contains("Zadig is at work"), "{output}");
    assert_eq!(records(&namespace).len(), before.len() - 1);
    desk.zadig
        .change(|state| state.environments[0].status = "success".into());
    run(&desk, &namespace, &restore).expect_code(0);
    run(&desk, &namespace, &prune).expect_code(0);
    assert_eq!(records(&namespace).len(), 1);
}

//! What each operation of Zadig's leaves that is cut off, or that leaves it by
//! itself: the cluster's side made with real Helm 3.9, which Zadig embeds, in
//! the order in which Zadig writes. A test for each row.

use serde_json::{Value, json};

use super::{APART, Desk, all, find, install, made, made_on, shop, strip, wrong};
use crate::bed::{Cluster, Namespace};
use crate::helm::{Helm, HelmVersion, chart};
use crate::process::Victim;
use crate::proxy::{Fault, Proxy, Rule};
use crate::zadig::{Environment, Operation, Service, State};

const HELM: HelmVersion = HelmVersion::V3_9;

/// Runs Helm as aslan does, which is killed after the first such request.
fn killed(namespace: &Namespace, method: &'static str, args: &[&str]) {
    let (proxy, victim) = (Proxy::to(namespace.cluster()), Victim::new());
    let record = |seen: &crate::proxy::Seen| seen.path.contains("/secrets");
    let rule = Rule::new(Fault::KillAfter(victim.clone()));
    proxy.rule(rule.method(method).when(record).nth(1));
    let helm = Helm::new(HELM, namespace).through(&proxy);
    let output = helm.aimed_at(&victim, args).run();
    assert!(output.was_killed(), "{output}");
}

fn pending_install(namespace: &Namespace, release: &str) {
    killed(namespace, "POST", &["install", release, &chart("quiet")]);
}

fn pending_upgrade(namespace: &Namespace, release: &str) {
    install(namespace, release);
    killed(namespace, "POST", &["upgrade", release, &chart("quiet")]);
}

/// The record says so, and the objects are still there.
fn uninstalling(namespace: &Namespace, release: &str) {
    install(namespace, release);
    killed(namespace, "PUT", &["uninstall", release]);
}

fn of<'a>(report: &'a Value, id: &str, release: &str) -> &'a Value {
    let found = all(report).find(|one| one["id"] == id && one["release"] == release);
    found.unwrap_or_else(|| panic!("{id} of {release}: {report:#}"))
}

/// Severity and verdict.
fn judged(finding: &Value) -> (&str, Option<&str>) {
    (
        finding["severity"].as_str().unwrap(),
        finding["verdict"].as_str(),
    )
}

fn text(finding: &Value) -> String {
    finding.to_string()
}

/// Zadig looked healthy when it was last looked at; then it changes.
fn seen_before(desk: &Desk, namespace: &Namespace, change: impl FnOnce(&mut State)) {
    let report = desk.check(namespace);
    assert_eq!(report["complete"], true, "{report:#}");
    desk.zadig.change(change);
    desk.later(APART);
}

#[test]
fn creating_an_environment_cut_off() {
    let namespace = made("shop-env-create", "shop");
    pending_install(&namespace, "web");
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    *dev = dev.clone().with("db");
    dev.status = "creating".into();
    let report = Desk::new(state).check_twice(&namespace);
    assert_eq!(
        judged(of(&report, "stuck-pending", "web")),
        ("error", Some("stale"))
    );
    let stuck = find(&report, "zadig-stuck-environment");
    assert_eq!(judged(stuck), ("error", Some("stale")));
    assert!(text(stuck).contains("is creating"), "{stuck:#}");
    let missing = of(&report, "zadig-missing-release", "db");
    assert_eq!(judged(missing), ("warning", Some("unknown")));
    find(&report, "zadig-refuses");
}

#[test]
fn creating_an_environment_that_ended_with_errors() {
    let namespace = made("shop-env-errors", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    *dev = dev.clone().with("db");
    dev.services[1].error = "failed to pull the chart".into();
    let report = Desk::new(state).check_twice(&namespace);
    let missing = of(&report, "zadig-missing-release", "db");
    assert_eq!(judged(missing), ("warning", None));
    assert!(
        text(missing).contains("failed to pull the chart"),
        "{missing:#}"
    );
    assert_eq!(wrong(&report), ["zadig-missing-release"], "{report:#}");
}

#[test]
fn updating_an_environment_cut_off() {
    let namespace = made("shop-env-update", "shop");
    pending_upgrade(&namespace, "web");
    // The service that was to go is uninstalled first.
    let helm = install(&namespace, "old");
    helm.ok(&["uninstall", "old"]);
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    *dev = dev.clone().with("old");
    dev.status = "updating".into();
    let report = Desk::new(state).check_twice(&namespace);
    assert_eq!(
        judged(of(&report, "stuck-pending", "web")),
        ("error", Some("stale"))
    );
    let stuck = find(&report, "zadig-stuck-environment");
    assert_eq!(judged(stuck), ("error", Some("stale")));
    let advice = text(stuck);
    assert!(
        advice.contains("unstick --all") && advice.contains("update the environment"),
        "{stuck:#}"
    );
    of(&report, "zadig-missing-release", "old");
}

#[test]
fn a_workflow_that_deployed_to_an_environment_deleted_meanwhile() {
    let namespace = made("shop-env-flow", "shop");
    install(&namespace, "web");
    let desk = Desk::new(shop(&namespace));
    seen_before(&desk, &namespace, |state| state.environments.clear());
    Helm::new(HELM, &namespace).ok(&["upgrade", "web", &chart("quiet"), "--set=message=two"]);
    let gone = desk.check(&namespace);
    assert_eq!(find(&gone, "zadig-environment-gone")["verdict"], "unknown");
    desk.later(2 * APART);
    let gone = desk.check(&namespace);
    let gone = find(&gone, "zadig-environment-gone");
    assert_eq!(judged(gone), ("warning", None));
    assert!(
        text(gone).contains("environment shop/dev used it"),
        "{gone:#}"
    );
}

#[test]
fn deleting_a_service_cut_off() {
    let namespace = made("shop-env-service", "shop");
    install(&namespace, "web");
    uninstalling(&namespace, "db");
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    *dev = dev.clone().with("db");
    let desk = Desk::new(state);
    // Zadig takes the service off its list first, and sends a message if the rest fails.
    seen_before(&desk, &namespace, |state| {
        state.environments[0].services.truncate(1);
        state.operations.push(Operation {
            user: "bob".into(),
            project: "shop".into(),
            method: "删除".into(),
            function: "环境的helm release".into(),
            targets: vec!["db".into()],
            at: jiff::Timestamp::now().as_second(),
        });
    });
    let first = desk.check(&namespace);
    assert_eq!(
        judged(of(&first, "zadig-orphan-release", "db")),
        ("warning", Some("unknown"))
    );
    desk.later(2 * APART);
    let report = desk.check(&namespace);
    assert_eq!(
        judged(of(&report, "zadig-orphan-release", "db")),
        ("warning", None)
    );
    assert_eq!(judged(of(&report, "stuck-uninstalling", "db")).0, "error");
}

/// Mongo first, then the releases one by one: the first was taken, the second
/// was under way, the third was not reached.
fn deleting_an_environment(cluster: Cluster) {
    let namespace = made_on(cluster, "shop-env-delete", "shop");
    uninstalling(&namespace, "web");
    install(&namespace, "db");
    let mut state = shop(&namespace);
    state.environments.clear();
    let report = Desk::on(cluster, state).check_twice(&namespace);
    let gone = find(&report, "zadig-environment-gone");
    assert_eq!(judged(gone), ("warning", None));
    assert!(text(gone).contains("it holds db, web"), "{gone:#}");
    assert!(text(gone).contains("uninstall db"), "{gone:#}");
    of(&report, "stuck-uninstalling", "web");
}

#[test]
fn deleting_a_test_environment_cut_off() {
    deleting_an_environment(Cluster::New);
}

#[test]
fn deleting_a_test_environment_cut_off_on_the_old_cluster() {
    deleting_an_environment(Cluster::Old);
}

#[test]
fn deleting_an_environment_never_uninstalls_charts_of_a_repository() {
    // The namespace was there before, so it bears no labels and stays.
    let namespace = Namespace::new("adopted-chart");
    let web = install(&namespace, "web");
    install(&namespace, "redis");
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    dev.adopted = true;
    dev.services.push(Service {
        name: "redis".into(),
        release: "redis".into(),
        chart: true,
        status: "deployed".into(),
        updated: dev.updated,
        ..Service::default()
    });
    let desk = Desk::new(state);
    seen_before(&desk, &namespace, |state| state.environments.clear());
    web.ok(&["uninstall", "web"]);
    desk.check(&namespace);
    desk.later(2 * APART);
    let report = desk.check(&namespace);
    // Who keeps resources keeps them all, so these were not kept on purpose.
    let gone = find(&report, "zadig-environment-gone");
    assert_eq!(judged(gone), ("warning", None), "{report:#}");
    assert!(text(gone).contains("it holds redis"), "{gone:#}");
}

#[test]
fn deleting_an_environment_and_keeping_its_resources() {
    let namespace = made("shop-env-keep", "shop");
    install(&namespace, "web");
    let desk = Desk::new(shop(&namespace));
    seen_before(&desk, &namespace, |state| state.environments.clear());
    strip(&namespace);
    desk.check(&namespace);
    desk.later(2 * APART);
    let report = desk.check(&namespace);
    assert_eq!(
        judged(find(&report, "zadig-environment-gone")),
        ("info", None)
    );
    assert_eq!(wrong(&report), [""; 0], "{report:#}");
}

#[test]
fn deleting_a_production_environment() {
    let namespace = made("shop-env-prod", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    state.environments[0].production = true;
    let desk = Desk::new(state);
    seen_before(&desk, &namespace, |state| state.environments.clear());
    // Cut off between its own records and the labels.
    desk.check(&namespace);
    desk.later(2 * APART);
    let report = desk.check(&namespace);
    assert_eq!(
        judged(find(&report, "zadig-environment-gone")),
        ("info", None)
    );
    assert_eq!(wrong(&report), [""; 0], "{report:#}");
}

#[test]
fn deleting_a_project_that_failed_before_the_project_went() {
    let namespace = made("shop-env-marked", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    state.environments[0].status = "deleting".into();
    let report = Desk::new(state).check_twice(&namespace);
    let stuck = find(&report, "zadig-stuck-environment");
    assert_eq!(judged(stuck), ("error", Some("stale")));
    assert!(
        text(stuck).contains("delete the environment, or its project"),
        "{stuck:#}"
    );
}

#[test]
fn deleting_a_project_cut_off_after_the_project_went() {
    let namespace = made("shop-env-half", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    state.projects.clear();
    state.environments[0].status = "deleting".into();
    let report = Desk::new(state).check_twice(&namespace);
    assert_eq!(
        judged(find(&report, "zadig-lost-environment")),
        ("error", None)
    );
    assert_eq!(
        judged(find(&report, "zadig-stuck-environment")),
        ("error", Some("stale"))
    );
}

#[test]
fn deleting_a_project_whose_environment_adopted_its_namespace() {
    // Every uninstall fails for want of the template, and the namespace stays.
    let namespace = Namespace::new("adopted");
    install(&namespace, "web");
    let desk = Desk::new(shop(&namespace));
    seen_before(&desk, &namespace, |state| {
        state.projects.clear();
        state.environments.clear();
        state.operations.push(Operation {
            user: "carol".into(),
            project: "shop".into(),
            method: "删除".into(),
            function: "项目管理-项目".into(),
            targets: vec!["shop".into()],
            at: jiff::Timestamp::now().as_second(),
        });
    });
    desk.check(&namespace);
    // However long ago it was seen last.
    for later in [2, 4, 6] {
        desk.later(later * APART);
        let report = desk.check(&namespace);
        let gone = find(&report, "zadig-project-gone");
        assert_eq!(judged(gone), ("error", None), "{report:#}");
        assert!(
            text(gone).contains("environment shop/dev used it"),
            "{gone:#}"
        );
        assert!(text(find(&report, "zadig-deletion")).contains("carol"));
    }
}

#[test]
fn deleting_a_services_template() {
    let namespace = made("shop-env-template", "shop");
    install(&namespace, "web");
    install(&namespace, "db");
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    *dev = dev.clone().with("db");
    dev.template_missing = true;
    let desk = Desk::new(state);
    let before = desk.check(&namespace);
    find(&before, "zadig-template-missing");
    // The next write to any service drops it without a word.
    desk.zadig.change(|state| {
        state.environments[0].services.truncate(1);
        state.environments[0].template_missing = false;
    });
    desk.later(APART);
    desk.check(&namespace);
    desk.later(2 * APART);
    let report = desk.check(&namespace);
    let orphan = of(&report, "zadig-orphan-release", "db");
    assert_eq!(judged(orphan), ("warning", None));
    assert!(text(orphan).contains("a service had it"), "{orphan:#}");
}

#[test]
fn changing_the_naming_rule_up_to_4_2_0() {
    // Uninstalled under the old name, and the install under the new one failed.
    let namespace = made("shop-env-name-old", "shop");
    install(&namespace, "dev-web").ok(&["uninstall", "dev-web"]);
    let report = Desk::new(shop(&namespace)).check_twice(&namespace);
    assert_eq!(
        judged(of(&report, "zadig-missing-release", "web")),
        ("warning", None)
    );
}

#[test]
fn changing_the_naming_rule_since_4_2_1() {
    let namespace = made("shop-env-name-new", "shop");
    install(&namespace, "web");
    let old = format!("{}-web", namespace.name());
    install(&namespace, &old);
    let report = Desk::new(shop(&namespace)).check_twice(&namespace);
    let orphan = of(&report, "zadig-orphan-release", &old);
    assert_eq!(judged(orphan), ("warning", None));
    assert!(
        text(orphan).contains("its release is web now"),
        "{orphan:#}"
    );
}

#[test]
fn what_recycling_and_collaboration_delete_is_in_no_log() {
    let namespace = made("shop-env-recycled", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    state.environments[0].recycle_day = 1;
    let desk = Desk::new(state);
    let report = desk.check(&namespace);
    assert_eq!(judged(find(&report, "zadig-recycle")), ("warning", None));
    desk.zadig.change(|state| state.environments.clear());
    desk.later(APART);
    desk.check(&namespace);
    desk.later(2 * APART);
    let report = desk.check(&namespace);
    assert_eq!(
        judged(find(&report, "zadig-environment-gone")),
        ("warning", None)
    );
    assert_eq!(wrong(&report), ["zadig-environment-gone"], "{report:#}");
}

#[test]
fn a_sleeping_environment_and_one_that_only_imports_are_as_they_should_be() {
    let namespace = made("shop-env-sleep", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    state.environments[0].status = "Sleeping".into();
    let mut other = Environment::new("shop", "other", namespace.name())
        .with("db")
        .with("cache");
    other.services[0].strategy = "import".into();
    other.services[1].strategy = "draft".into();
    state.environments.push(other);
    let report = Desk::new(state).check_twice(&namespace);
    assert_eq!(wrong(&report), [""; 0], "{report:#}");
}

#[test]
fn the_first_report() {
    // Zadig 1.15 with Helm 3.9 on an old Kubernetes: the deletion of the project
    // was cut off, the release is pending, and Zadig has no project any more.
    let namespace = made_on(Cluster::Old, "shop-env-report", "shop");
    pending_upgrade(&namespace, "web");
    let state = State {
        version: crate::zadig::Version::V1_15,
        ..State::default()
    };
    let desk = Desk::on(Cluster::Old, state);
    let report = desk.check_twice(&namespace);
    assert_eq!(
        judged(of(&report, "stuck-pending", "web")),
        ("error", Some("stale"))
    );
    assert_eq!(judged(find(&report, "zadig-project-gone")), ("error", None));
    let refuses = find(&report, "zadig-refuses");
    assert!(
        text(refuses).contains("with exceptional status: pending-upgrade"),
        "{refuses:#}"
    );
    assert_eq!(report["complete"], json!(true));
}

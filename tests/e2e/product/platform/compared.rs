//! Zadig and the cluster, compared in both directions.

use serde_json::json;

use super::{APART, Desk, all, aslan, find, ids, install, lacks, made, patch, shop, strip, wrong};
use crate::bed::{Cluster, Namespace};
use crate::zadig::{Environment, Operation, Service, State, Version};

#[test]
fn where_both_agree_nothing_is_wrong_in_any_version() {
    for version in [Version::V1_15, Version::V1_18, Version::V3_4, Version::V5_0] {
        let namespace = made("shop-env-agree", "shop");
        install(&namespace, "web");
        let mut state = shop(&namespace);
        state.version = version;
        state.environments.push(Environment {
            production: true,
            ..Environment::new("shop", "prod", "elsewhere")
        });
        if version == Version::V1_15 {
            state.environments.pop();
        }
        let desk = Desk::new(state);
        let report = desk.check_twice(&namespace);
        assert_eq!(wrong(&report), [""; 0], "{version:?}: {report:#}");
        for seen in desk.zadig.seen() {
            assert_eq!(seen.method, "GET");
            assert!(!seen.target.contains("token"), "{seen:?}");
        }
    }
}

#[test]
fn a_project_that_zadig_lost() {
    let namespace = made("shop-env-lost", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    state.projects.clear();
    state.environments.clear();
    let desk = Desk::new(state);
    // One look alone proves nothing.
    let report = desk.check(&namespace);
    let finding = find(&report, "zadig-project-gone");
    assert_eq!(
        (&finding["severity"], &finding["verdict"]),
        (&json!("warning"), &json!("unknown"))
    );
    let lacking = lacks(finding);
    assert!(
        lacking.len() == 1 && lacking[0].contains("five minutes"),
        "{lacking:?}"
    );
    desk.later(APART - 100);
    assert_eq!(
        find(&desk.check(&namespace), "zadig-project-gone")["verdict"],
        "unknown"
    );
    desk.later(APART);
    let report = desk.check(&namespace);
    let finding = find(&report, "zadig-project-gone");
    assert_eq!(
        (&finding["severity"], &finding["verdict"]),
        (&json!("error"), &json!(null))
    );
    assert_eq!(lacks(finding), [""; 0]);
    let commands: Vec<_> = finding["advice"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["command"].as_str())
        .collect();
    assert!(commands[0].contains("backup -n"), "{commands:?}");
    assert!(
        commands[1].contains("backup export SNAPSHOT web") && commands[1].contains("--chart web"),
        "{commands:?}"
    );
    // The release is told with its project, not a second time.
    assert_eq!(ids(&report), ["zadig-managed", "zadig-project-gone"]);
}

#[test]
fn an_environment_that_is_gone_and_one_that_was_kept_on_purpose() {
    let gone = made("shop-env-gone", "shop");
    let kept = made("shop-env-kept", "shop");
    for namespace in [&gone, &kept] {
        install(namespace, "web");
    }
    strip(&kept);
    let mut state = shop(&gone);
    state.environments.clear();
    let at = jiff::Timestamp::now().as_second();
    let name = gone.name().trim_start_matches("shop-env-").to_owned();
    state.operations.push(Operation {
        user: "alice".into(),
        project: "shop".into(),
        method: "(OpenAPI)删除".into(),
        function: "测试环境".into(),
        targets: vec![name],
        at,
    });
    let desk = Desk::new(state);
    let report = desk.check_twice(&gone);
    let finding = find(&report, "zadig-environment-gone");
    assert_eq!(
        (&finding["severity"], &finding["verdict"]),
        (&json!("warning"), &json!(null))
    );
    let said = find(&report, "zadig-deletion")["summary"].as_str().unwrap();
    assert!(said.starts_with("alice deleted"), "{said}");

    let report = desk.check(&kept);
    let finding = find(&report, "zadig-environment-gone");
    assert_eq!(finding["severity"], "info", "{report:#}");
    assert!(finding["summary"].as_str().unwrap().contains("on purpose"));
}

#[test]
fn services_without_releases_and_releases_without_services() {
    let namespace = made("shop-env-both", "shop");
    install(&namespace, "web");
    install(&namespace, "dev-api");
    install(&namespace, "redis");
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    *dev = dev.clone().with("api").with("db").with("cache");
    dev.services[3].strategy = "import".into();
    let desk = Desk::new(state);
    let report = desk.check_twice(&namespace);
    let missing: Vec<_> = all(&report)
        .filter(|one| one["id"] == "zadig-missing-release")
        .map(|one| (one["release"].as_str().unwrap(), one["verdict"].clone()))
        .collect();
    assert_eq!(
        missing,
        [("api", json!(null)), ("db", json!(null))],
        "{report:#}"
    );
    let orphans: Vec<_> = all(&report)
        .filter(|one| one["id"] == "zadig-orphan-release")
        .map(|one| {
            (
                one["release"].as_str().unwrap(),
                one["severity"].as_str().unwrap(),
            )
        })
        .collect();
    // `dev-api` is called by an old rule; `redis` may be anybody's.
    assert_eq!(
        orphans,
        [("dev-api", "warning"), ("redis", "info")],
        "{report:#}"
    );
}

#[test]
fn what_zadig_says_of_environments() {
    let namespace = made("shop-env-says", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    let dev = &mut state.environments[0];
    dev.services[0].error = "timed out waiting for the condition".into();
    dev.recycle_day = 1;
    dev.template_missing = true;
    dev.status = "updating".into();
    let mut twin = Environment::new("shop", "copy", namespace.name()).with("web");
    twin.updated = jiff::Timestamp::now().as_second();
    state.environments.push(twin);
    state
        .environments
        .push(Environment::new("old", "dev", namespace.name()));
    let desk = Desk::new(state);
    // `old` is asked for because a namespace names it.
    patch(&namespace, &json!({"s-product": "old"}));
    let report = desk.check_twice(&namespace);
    let expected = [
        "zadig-claimed-twice",
        "zadig-lost-environment",
        "zadig-recycle",
        "zadig-stale-error",
        "zadig-stuck-environment",
        "zadig-template-missing",
    ];
    assert_eq!(wrong(&report), expected, "{report:#}");
    assert_eq!(find(&report, "zadig-stuck-environment")["verdict"], "stale");
    let compatibility = find(&report, "zadig-compatibility")["summary"]
        .as_str()
        .unwrap();
    assert!(compatibility.contains("Helm 3.18"), "{compatibility}");
}

#[test]
fn an_environment_whose_namespace_is_gone() {
    let namespace = made("shop-env-here", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    let nowhere = format!("{}-nowhere", namespace.name());
    state
        .environments
        .push(Environment::new("shop", "lost", &nowhere).with("web"));
    let desk = Desk::new(state);
    let args = [
        "check",
        "-A",
        "-o",
        "json",
        "--zadig",
        desk.zadig.url(),
        "--zadig-cluster=local",
    ];
    let report = desk.tool.run(&args).json();
    let finding = all(&report)
        .find(|one| one["namespace"] == *nowhere)
        .unwrap();
    assert_eq!(
        (&finding["id"], &finding["severity"]),
        (&json!("zadig-namespace-missing"), &json!("error"))
    );
}

#[test]
fn the_cluster_is_known_by_zadig_itself_or_not_at_all() {
    let namespace = made("shop-env-place", "shop");
    install(&namespace, "web");
    let _alone = aslan(&namespace);
    let desk = Desk::new(shop(&namespace));
    let report = desk.run(&namespace, &[]).json();
    assert_eq!(report["complete"], true, "{report:#}");

    let old = super::made_on(Cluster::Old, "shop-env-place", "shop");
    let desk = Desk::on(Cluster::Old, shop(&old));
    let output = desk.run(&old, &[]).expect_code(3);
    let report = output.json();
    let unread = report["unread"].to_string();
    assert!(
        unread.contains("--zadig-cluster") && unread.contains("0123456789abcdef12345678"),
        "{unread}"
    );
    // One that Zadig does not have.
    let output = desk.run(&old, &["--zadig-cluster=feedbeef"]).expect_code(3);
    assert!(
        output.json()["unread"]
            .to_string()
            .contains("no cluster with the id")
    );
}

#[test]
fn what_was_seen_is_judged_from_a_file_as_it_was() {
    let namespace = made("shop-env-file", "shop");
    install(&namespace, "web");
    let mut state = shop(&namespace);
    state.environments[0].services[0].error = "password=hunter2".into();
    state.environments.push(Environment {
        services: vec![Service {
            name: "gone".into(),
            release: "gone".into(),
            ..Service::default()
        }],
        ..Environment::new("shop", "two", namespace.name())
    });
    let desk = Desk::new(state);
    let file = desk.tool.home().join("survey.json");
    let file = file.to_str().unwrap();
    let live = desk
        .run(&namespace, &["--zadig-cluster=local", "--save", file])
        .json();
    let text = std::fs::read_to_string(file).unwrap();
    for secret in ["hunter2", "an-administrators-token"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let seen = desk.zadig.seen().len();
    let judged = desk
        .tool
        .run(&["check", "--from", file, "-o", "json"])
        .json();
    assert_eq!(desk.zadig.seen().len(), seen, "Zadig was asked again");
    assert_eq!(ids(&judged), ids(&live));
    assert!(ids(&live).contains(&"zadig-stale-error"));
}

#[test]
fn the_same_release_elsewhere_is_nobodys_business() {
    let namespace = Namespace::new("plain");
    install(&namespace, "web");
    let mut state = State {
        projects: vec!["shop".into()],
        ..State::default()
    };
    let mut other = Environment::new("shop", "dev", namespace.name()).with("db");
    other.cluster = "another".into();
    state.environments.push(other);
    let desk = Desk::new(state);
    let report = desk.check_twice(&namespace);
    assert_eq!(ids(&report), [""; 0], "{report:#}");
}

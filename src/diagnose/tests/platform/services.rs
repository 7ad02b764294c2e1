//! Environments and services, and what Zadig says of them.

use super::*;

#[test]
fn where_both_agree_nothing_is_wrong() {
    assert_eq!(found(&with(healthy(), shop(vec![dev()]))), [""; 0]);
    let mut failed = shop(Vec::new());
    failed.failed = Some("cannot connect to Zadig".into());
    assert_eq!(found(&with(healthy(), failed)), [""; 0]);
}

#[test]
fn zadig_missing_release() {
    const ID: &str = "zadig-missing-release";
    let services = |change: &dyn Fn(&mut ZadigService)| {
        change_detail(|detail| {
            let mut db = service("db");
            change(&mut db);
            detail.services.push(db);
        })
    };
    assert_eq!(told(&with(healthy(), services(&|_| {})), ID), [WARNING]);
    for strategy in ["import", "draft"] {
        let meant = services(&|db| db.strategy = strategy.into());
        assert_eq!(told(&with(healthy(), meant), ID), [], "{strategy}");
    }
    let young = services(&|db| db.updated = Some(ago(600)));
    assert_eq!(told(&with(healthy(), young), ID), []);
    let unnamed = services(&|db| db.release = None);
    assert_eq!(told(&with(healthy(), unnamed), ID), []);
    let mut busy = services(&|_| {});
    busy.environments[0].list.items[0].status = "creating".into();
    assert_eq!(told(&with(healthy(), busy), ID), [UNKNOWN]);
    // Of what was not looked for nothing is missed.
    let mut part = with(healthy(), services(&|_| {}));
    part.scope.releases = vec!["web".into()];
    assert_eq!(told(&part, ID), []);
    part.scope.releases.clear();
    part.scope.selector = Some("team=a".into());
    assert_eq!(told(&part, ID), []);
}

#[test]
fn zadig_orphan_release() {
    const ID: &str = "zadig-orphan-release";
    let other = |name: &str| change_detail(|detail| detail.services = vec![service(name)]);
    // Nothing tells that `web` ever was Zadig's.
    assert_eq!(told(&with(healthy(), other("db")), ID), [INFO]);
    let mut adopted = survey(healthy());
    adopted.zadig = Some(other("db"));
    assert_eq!(told(&adopted, ID), []);
    // Called by an older rule.
    let renamed = change_detail(|detail| {
        let mut web = service("web");
        web.release = Some("dev-web".into());
        detail.services = vec![web];
    });
    assert_eq!(told(&with(healthy(), renamed), ID), [WARNING]);
    // An earlier read had it.
    let mut had = other("db");
    let claim = KeptClaim {
        releases: Some(["web".to_owned()].into()),
        ..KeptClaim::default()
    };
    had.earlier.push(KeptRead {
        namespaces: [(NAMESPACE.to_owned(), claim)].into(),
        ..empty(2 * APART)
    });
    assert_eq!(told(&with(healthy(), had.clone()), ID), [WARNING]);
    had.earlier.remove(0);
    assert_eq!(told(&with(healthy(), had), ID), [UNKNOWN]);
    // The log has its deletion.
    let mut logged = other("db");
    logged.operations.items.push(operation("环境的服务", "web"));
    assert_eq!(told(&with(healthy(), logged), ID), [WARNING]);
    // Services that are not known may have it.
    let unread = change(|one| {
        one.detail = Detail::Unread {
            reason: "forbidden by Zadig".into(),
        }
    });
    assert_eq!(told(&with(healthy(), unread), ID), []);
    let unnamed = change_detail(|detail| detail.services[0].release = None);
    assert_eq!(told(&with(healthy(), unnamed), ID), []);
}

#[test]
fn zadig_deletion() {
    const ID: &str = "zadig-deletion";
    let log = |function: &str, target: &str| {
        let mut zadig = shop(Vec::new());
        zadig.operations.items.push(operation(function, target));
        told(&with(healthy(), zadig), ID)
    };
    assert_eq!(log("项目管理-项目", "shop"), [INFO]);
    // Which environment it was, neither label nor name says here.
    assert_eq!(log("环境", "dev"), []);
    assert_eq!(log("构建", "shop"), []);
    let mut zadig = shop(vec![dev()]);
    zadig
        .operations
        .items
        .push(operation("项目管理-项目", "shop"));
    assert_eq!(told(&with(healthy(), zadig), ID), [], "it is there");
}

#[test]
fn zadig_stuck_environment() {
    const ID: &str = "zadig-stuck-environment";
    let busy = |status: &str, seconds: Option<i64>| {
        let zadig = change(|one| {
            one.status = status.into();
            one.updated = seconds.map(ago);
        });
        told(&with(healthy(), zadig), ID)
    };
    let stale = [(Severity::Error, Some(Verdict::Stale))];
    let running = [(Severity::Info, Some(Verdict::PossiblyRunning))];
    for status in ["creating", "updating", "deleting"] {
        assert_eq!(busy(status, Some(961)), stale, "{status}");
        assert_eq!(busy(status, Some(960)), running, "{status}");
        assert_eq!(busy(status, None), [UNKNOWN], "{status}");
    }
    for status in ["success", "failed", "sleeping", "unknown"] {
        assert_eq!(busy(status, Some(9000)), [], "{status}");
    }
}

#[test]
fn no_deploy_is_begun_beside_one_of_zadigs() {
    let answer = |status: &str, seconds: i64| {
        let zadig = change(|one| {
            one.status = status.into();
            one.updated = Some(ago(seconds));
        });
        let survey = with(healthy(), zadig);
        let findings = diagnose(&survey, &Policy::default());
        let question = ready::Question {
            operation: ready::Operation::Upgrade,
            namespace: NAMESPACE,
            release: "web",
            driver: crate::helm::Driver::Secret,
        };
        ready::ready(&survey, &findings, question).answer
    };
    assert_eq!(answer("success", 60), ready::Answer::Yes);
    assert_eq!(answer("updating", 60), ready::Answer::No);
    assert_eq!(answer("updating", 9000), ready::Answer::Yes);
}

#[test]
fn zadig_namespace_missing() {
    const ID: &str = "zadig-namespace-missing";
    let lost = |status: &str| {
        let zadig = change(|one| {
            one.namespace = Some("nowhere".into());
            one.status = status.into();
        });
        told(&with(healthy(), zadig), ID)
    };
    assert_eq!(lost("success"), [ERROR]);
    assert_eq!(lost("creating"), [UNKNOWN]);
    let mut survey = with(
        healthy(),
        change(|one| one.namespace = Some("nowhere".into())),
    );
    survey.namespaces_listed = None;
    assert_eq!(told(&survey, ID), [], "nobody looked");
}

#[test]
fn zadig_claimed_twice() {
    const ID: &str = "zadig-claimed-twice";
    let two = |strategy: &str, name: &str| {
        let mut other = service(name);
        other.strategy = strategy.into();
        let mut zadig = shop(vec![dev()]);
        let detail = Detail::Read(EnvironmentDetail {
            services: vec![other],
            ..EnvironmentDetail::default()
        });
        let name = "copy".into();
        let copy = ZadigEnvironment {
            name,
            detail,
            ..dev()
        };
        zadig.environments[0].list.items.push(copy);
        told(&with(healthy(), zadig), ID)
    };
    assert_eq!(two("", "web"), [WARNING]);
    assert_eq!(two("import", "web"), []);
    assert_eq!(two("", "db"), [], "a namespace may be shared");
}

#[test]
fn zadig_stale_error() {
    const ID: &str = "zadig-stale-error";
    let failed = || change_detail(|detail| detail.services[0].status = Some("failed".into()));
    assert_eq!(told(&with(healthy(), failed()), ID), [WARNING]);
    assert_eq!(told(&with(stuck(), failed()), ID), [], "it is not deployed");
    assert_eq!(told(&with(healthy(), shop(vec![dev()])), ID), []);
}

#[test]
fn zadig_recycle() {
    const ID: &str = "zadig-recycle";
    let due = |days: i64, seconds: i64| {
        let mut zadig = change_detail(|detail| detail.recycle_days = Some(days));
        zadig.environments[0].list.items[0].updated = Some(ago(seconds));
        zadig
    };
    let day = 86_400;
    assert_eq!(told(&with(healthy(), due(7, 5 * day)), ID), [WARNING]);
    assert_eq!(told(&with(healthy(), due(7, 5 * day - 1)), ID), []);
    assert_eq!(told(&with(healthy(), due(7, 9 * day)), ID), [WARNING]);
    assert_eq!(told(&with(healthy(), due(i64::MAX, day)), ID), []);
    let mut production = due(7, 9 * day);
    let items = std::mem::take(&mut production.environments[0].list.items);
    production.environments[1].list.items = items;
    assert_eq!(told(&with(healthy(), production), ID), []);
}

#[test]
fn zadig_template_missing() {
    const ID: &str = "zadig-template-missing";
    let refused = |chart: bool| {
        let zadig = change_detail(|detail| {
            detail.refused = Some("获取环境失败".into());
            detail.services[0].chart = chart;
        });
        told(&with(healthy(), zadig), ID)
    };
    assert_eq!(refused(false), [WARNING]);
    assert_eq!(refused(true), [], "charts of a repository always look so");
}

#[test]
fn zadig_compatibility() {
    const ID: &str = "zadig-compatibility";
    let pair = |api, kubernetes: &str| {
        let mut zadig = shop(vec![dev()]);
        zadig.api = Some(api);
        zadig.place.kubernetes = Some(kubernetes.into());
        told(&with(healthy(), zadig), ID)
    };
    assert_eq!(pair(ZadigApi::Open, "v1.25.1"), [INFO]);
    assert_eq!(pair(ZadigApi::Open, "v1.24.1"), []);
    assert_eq!(pair(ZadigApi::Context, "v1.34.0"), [INFO]);
    assert_eq!(pair(ZadigApi::Context, "v1.33.0"), []);
    // Which of three Helms it is, is not known; this is too new for any.
    assert_eq!(pair(ZadigApi::Audited, "v1.34.0"), [INFO]);
    assert_eq!(pair(ZadigApi::Audited, "v1.33.0"), []);
}

#[test]
fn what_zadig_says_is_quoted_and_stays_out_of_a_saved_file() {
    let secret = "password=hunter2";
    let zadig = change_detail(|detail| {
        detail.services[0].status = Some("failed".into());
        detail.services[0].error = Some(secret.into());
    });
    let mut whole = with(healthy(), zadig);
    let said = diagnose(&whole, &Policy::default());
    assert!(format!("{said:?}").contains("hunter2"));
    let seen = whole.zadig.as_mut().unwrap();
    seen.operations = Told::part(vec![operation("环境", "dev")], secret);
    seen.projects.missing = Told::<()>::nothing(format!("forbidden by Zadig: {secret}")).missing;
    let less = crate::survey::redacted(whole.clone());
    let text = serde_json::to_string(&less).unwrap();
    for left_out in ["hunter2", "alice"] {
        assert!(!text.contains(left_out), "{left_out}: {text}");
    }
    assert!(text.contains("forbidden by Zadig"));
    assert_eq!(found(&less), found(&whole));
    assert_eq!(
        only(&with(healthy(), shop(vec![dev()]))).id,
        "zadig-managed"
    );
}

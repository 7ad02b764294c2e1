//! What a killed restore took away is put back, release by release.

use jiff::SignedDuration;
use serde_json::json;
use zadig_doctor::helm::Driver;

use super::{delete, save};
use crate::bed::Bed;
use crate::helm::{HelmVersion, chart};
use crate::process::Victim;
use crate::product::LONG;
use crate::proxy::{Fault, Proxy, Rule, Seen};
use crate::records;
use crate::scenarios::Stage;
use crate::tool::Tool;

/// In the order in which they are written to.
const RELEASES: [&str; 2] = ["one", "two"];

fn revisions(stage: &Stage) -> [Vec<u32>; 2] {
    RELEASES.map(|name| {
        let records = records::of(&stage.namespace, Driver::Secret, name);
        records.iter().map(|record| record.revision).collect()
    })
}

/// Both releases went on, and a restore of both was killed when the first
/// revision of each was deleted to be created anew.
fn killed(stage: &Stage, tool: &Tool) {
    for name in RELEASES {
        stage.helm.ok(&["install", name, &chart("quiet")]);
    }
    let snapshot = save(tool, &stage.namespace);
    for name in RELEASES {
        stage
            .helm
            .ok(&["upgrade", name, &chart("quiet"), "--set=message=two"]);
    }
    let (proxy, victim) = (Proxy::start(), Victim::new());
    proxy.shift_clock(LONG);
    let real = |seen: &Seen| !seen.query.contains("dryRun");
    let creation = Rule::new(Fault::Status(403))
        .method("POST")
        .path_ends("/secrets");
    proxy.rule(creation.when(real));
    let last = Rule::new(Fault::KillAfter(victim.clone())).method("DELETE");
    proxy.rule(last.path_ends(records::name("two", 1)).when(real));
    let kubeconfig = proxy.kubeconfig().display().to_string();
    let mut args = vec![
        "backup",
        "restore",
        &snapshot,
        "--kubeconfig",
        &kubeconfig,
        "--yes",
    ];
    args.extend(RELEASES.iter().flat_map(|name| ["--replace", name]));
    let output = tool.aimed_at(&victim, &args).run();
    assert!(output.was_killed(), "{output}");
    assert_eq!(revisions(stage), [[2], [2]], "{output}");
}

#[test]
fn a_release_that_somebody_holds_does_not_keep_the_others_from_coming_back() {
    let stage = Stage::new("resumed", HelmVersion::V3_17, Driver::Secret);
    let (tool, api) = (Tool::new(), Bed::get().api());
    killed(&stage, &tool);
    let namespace = stage.namespace.name();
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
    let held = format!("{leases}/helm-lock-one");
    delete(&held);
    let now = api.try_get("/version").unwrap().date;
    let renewed = now + SignedDuration::from_secs(LONG + 60);
    let lease = json!({
        "metadata": {"name": "helm-lock-one"},
        "spec": {"holderIdentity": "ci-42", "leaseDurationSeconds": 15, "renewTime": format!("{renewed:.6}")},
    });
    api.create(&leases, &lease);

    let proxy = Proxy::start();
    proxy.shift_clock(LONG);
    let kubeconfig = proxy.kubeconfig().display().to_string();
    let args = [
        "unstick",
        "--all",
        "-n",
        namespace,
        "--yes",
        "--kubeconfig",
        &kubeconfig,
    ];
    let output = tool.run(&args);
    assert!(output.stderr.contains("ci-42"), "{output}");
    assert_eq!(revisions(&stage), [vec![2], vec![1, 2]], "{output}");

    delete(&held);
    let output = tool.run(&args).expect_code(0);
    assert_eq!(revisions(&stage), [[1, 2], [1, 2]], "{output}");
    let log = tool.run(&["log", "-o", "json"]).expect_code(0).json();
    assert_eq!(log["operations"][0]["ended"], true, "{log:#}");
}

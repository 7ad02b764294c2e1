//! `check --deep`: what the live objects say. Lost, missing, claimed, orphaned
//! and drifted ones, and what only looks so, the scenarios' plays show.

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::{LONG, Later};
use crate::helm::{HelmVersion, chart};
use crate::scenarios::charts::like_quiet;
use crate::scenarios::{RELEASE, Stage, find};

/// What `check --deep` finds in the namespace: ids and severities.
fn deep(later: &Later, stage: &Stage) -> Vec<(String, String)> {
    let namespace = ["-n", stage.namespace.name(), "-o", "json"];
    let output = later.run(&[&["check", "--deep"][..], &namespace].concat());
    let report = output.json();
    assert_eq!(report["complete"], true, "{report:#}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap();
    let pair = |one: &Value| (text(&one["id"]), text(&one["severity"]));
    findings.iter().map(pair).collect()
}

fn scaled_by(stage: &Stage, manager: &str, replicas: u32) {
    let scale = format!("deployments/{RELEASE}/scale?fieldManager={manager}");
    let replicas = json!({"spec": {"replicas": replicas}});
    let api = stage.namespace.bed().api();
    api.merge(&stage.namespace.apps(&scale), &replicas);
}

#[test]
fn what_an_autoscaler_scales_has_not_drifted() {
    for version in [HelmVersion::V3_9, HelmVersion::V4] {
        let stage = Stage::new("scaled", version, Driver::Secret);
        stage.helm.ok(&["install", RELEASE, &chart("web")]);
        let later = Later::by(LONG);
        assert_eq!(deep(&later, &stage), []);
        scaled_by(&stage, "kube-controller-manager", 3);
        assert_eq!(deep(&later, &stage), []);
        // The same by hand is another matter; to Helm 4 it is a conflict.
        scaled_by(&stage, "kubectl-scale", 4);
        let severity = match version {
            HelmVersion::V4 => "warning",
            _ => "info",
        };
        let drift = ("drift".to_owned(), severity.to_owned());
        assert_eq!(deep(&later, &stage), [drift]);
        let upgrade = stage
            .helm
            .run(&["upgrade", RELEASE, &chart("web")])
            .to_string();
        let refused = upgrade.contains("conflict occurred while applying object");
        assert_eq!(refused, version == HelmVersion::V4, "{upgrade}");
    }
}

#[test]
fn what_the_api_server_writes_in_its_own_way_has_not_drifted() {
    // It keeps times in UTC.
    let lease = b"apiVersion: coordination.k8s.io/v1\nkind: Lease\n\
        metadata: {name: {{ .Release.Name }}-worker, labels: {tier: web}}\n\
        spec: {holderIdentity: worker, renewTime: \"2026-01-01T02:00:00.000000+02:00\"}\n";
    let stage = Stage::new("own-way", HelmVersion::V4, Driver::Secret);
    let chart = like_quiet(&stage, &[("templates/lease.yaml", &lease[..])]);
    stage.helm.ok(&["install", RELEASE, &chart]);
    let namespace = stage.namespace.name();
    let api = stage.namespace.bed().api();
    let path =
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{RELEASE}-worker");
    let stored = api.get(&path).unwrap();
    assert_eq!(stored["spec"]["renewTime"], "2026-01-01T00:00:00.000000Z");
    let later = Later::by(LONG);
    assert_eq!(deep(&later, &stage), []);
    let seen = later.proxy.seen();
    let asked: Vec<_> = seen.iter().filter(|one| one.method != "GET").collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let asked = asked[0];
    assert_eq!((&*asked.method, asked.answered), ("PATCH", Some(200)));
    assert!(asked.query.contains("dryRun=All"), "{asked:?}");
    assert_eq!(api.get(&path).unwrap(), stored);
    // A real difference beside it is one.
    api.merge(&path, &json!({"metadata": {"labels": {"tier": "other"}}}));
    let drift = ("drift".to_owned(), "warning".to_owned());
    assert_eq!(deep(&later, &stage), [drift]);
}

/// What the API server makes of an empty value is the chart's all the same.
#[test]
fn what_a_chart_states_as_empty() {
    let objects = br#"apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}-empty}
spec:
  {type: "", clusterIP: "", sessionAffinity: "", ipFamilies: [], clusterIPs: [], externalIPs: [],
   ports: [{port: 80, protocol: ""}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}-empty}
secrets: []
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: {{ .Release.Name }}-empty, finalizers: []}
spec:
  {accessModes: [ReadWriteOnce], storageClassName: "", volumeName: "", resources: {requests: {storage: 1Gi}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: {{ .Release.Name }}-empty}
spec: {podSelector: {}, policyTypes: []}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: {{ .Release.Name }}-empty}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}, maxReplicas: 2, metrics: []}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-empty}
spec:
  replicas: 0
  selector: {matchLabels: {app: empty}}
  template:
    metadata: {labels: {app: empty}}
    spec:
      restartPolicy: ""
      dnsPolicy: ""
      schedulerName: ""
      tolerations: []
      containers: [{name: empty, image: empty, imagePullPolicy: "", args: [], env: [{name: A, value: ""}]}]
"#;
    for version in [HelmVersion::V3_9, HelmVersion::V3_17, HelmVersion::V4] {
        let stage = Stage::new("empty", version, Driver::Secret);
        let chart = like_quiet(&stage, &[("templates/empty.yaml", &objects[..])]);
        stage.helm.ok(&["install", RELEASE, &chart]);
        let later = Later::by(LONG);
        assert_eq!(deep(&later, &stage), [], "{version:?}");
        let container = json!({"name": "empty", "args": ["by", "hand"], "env": [{"name": "A", "value": "hand"}]});
        let pods = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        let path = stage
            .namespace
            .apps(&format!("deployments/{RELEASE}-empty"));
        let strategic = "application/strategic-merge-patch+json";
        let api = stage.namespace.bed().api();
        api.send("PATCH", &path, strategic, &pods).unwrap();
        let namespace = stage.namespace.name();
        let output = later.run(&["check", "--deep", "-n", namespace, "-o", "json"]);
        let report = output.json();
        let told = report["findings"][0]["evidence"][0]["text"].as_str();
        let at = "spec.template.spec.containers[empty]";
        let differs = format!(
            "Deployment {RELEASE}-empty differs in {at}.args, {at}.env[A].value, written by"
        );
        let starts = told.is_some_and(|told| told.starts_with(&differs));
        assert!(starts, "{version:?}: {report:#}");
    }
}

/// Who names the release gets the finding, and the file.
#[test]
fn a_release_whose_records_are_lost_is_found_by_name() {
    let stage = find("records-gone").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let file = later.tool.home().join("survey.json").display().to_string();
    let args = ["check", "--deep", "-o", "json", "--fail-on=warning"];
    let output = later.on(&stage, &[&args[..], &["--save", &file]].concat());
    let report = output.expect_code(1).json();
    assert_eq!(report["findings"][0]["id"], "lost-records", "{report:#}");
    let again = later.on(&stage, &[&args[..], &["--from", &file]].concat());
    assert_eq!(again.expect_code(1).json(), report);
    // Without a deep look nobody can know of it.
    let said = later.on(&stage, &["check"]).expect_code(1).to_string();
    assert!(said.contains("there is no record of a release"), "{said}");
}

#[test]
fn a_deep_look_only_reads_and_shows_no_values() {
    let stage = Stage::new("deep-reads", HelmVersion::V3_17, Driver::Secret);
    stage.helm.ok(&["install", RELEASE, &chart("quiet")]);
    let map = stage.namespace.core(&format!("configmaps/{RELEASE}"));
    let patch = json!({"data": {"message": "hunter2"}});
    stage.namespace.bed().api().merge(&map, &patch);
    let later = Later::by(LONG);
    let file = later.tool.home().join("survey.json").display().to_string();
    let namespace = stage.namespace.name();
    let args = ["check", "--deep", "-n", namespace, "-o", "json"];
    let output = later.run(&[&args[..], &["--save", &file]].concat());
    let said = output.to_string();
    assert!(
        said.contains("data.message") && !said.contains("hunter2"),
        "{said}"
    );
    assert!(!std::fs::read_to_string(&file).unwrap().contains("hunter2"));
    let seen = later.proxy.seen();
    assert!(seen.iter().all(|one| one.method == "GET"), "{seen:?}");
    // What was saved tells the same again, without a cluster.
    let again = ["check", "--deep", "--from", &file, "-o", "json"];
    assert_eq!(later.tool.run(&again).json(), output.json());
}

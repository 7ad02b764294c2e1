//! Snapshots that hold live objects too: compared, and brought back by kubectl.

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;
use zadig_doctor::live::ObjectRef;
use zadig_doctor::snapshot::About;
use zadig_doctor::store::Store;

use super::{ENCODED, at, backup, kubectl, lose_records, two_revisions};
use crate::helm::HelmVersion;
use crate::scenarios::{RELEASE, Stage};
use crate::tool::Tool;

/// Saves what that snapshot holds once more, with these objects; the new id.
fn with_objects(tool: &Tool, id: &str, objects: &[Value]) -> String {
    let store = Store::open(tool.home()).unwrap();
    let saved = store.snapshot(id).unwrap();
    let about = About {
        time: saved.time,
        cluster: saved.cluster.clone(),
        reason: saved.reason.clone(),
        scope: saved.scope.clone(),
        ..About::default()
    };
    let mut writer = store.begin_snapshot(about).unwrap();
    for record in &saved.records {
        let record = store.raw_record(&saved.id, &record.id).unwrap();
        writer.add(&record).unwrap();
    }
    for object in objects {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let named = ObjectRef {
            api_version: text(&object["apiVersion"]).unwrap(),
            kind: text(&object["kind"]).unwrap(),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]).unwrap(),
        };
        writer.add_object(&named, object).unwrap();
    }
    writer.finish().unwrap().id.to_string()
}

/// The release's ConfigMap and Secret and the namespace, as they are.
fn objects(stage: &Stage) -> Vec<Value> {
    let api = stage.namespace.bed().api();
    let namespace = format!("/api/v1/namespaces/{}", stage.namespace.name());
    let own =
        ["configmaps", "secrets"].map(|kind| stage.namespace.core(&format!("{kind}/{RELEASE}")));
    let paths = own.iter().chain([&namespace]);
    let bare = |path: &String| {
        let mut object = api.get(path).unwrap();
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata
            .retain(|field, _| ["name", "namespace", "labels", "annotations"].contains(&&**field));
        object
            .as_object_mut()
            .unwrap()
            .retain(|field, _| field != "status" && field != "spec");
        object
    };
    paths.map(bare).collect()
}

#[test]
fn live_objects_are_compared_and_come_back() {
    let (stage, tool) = two_revisions(HelmVersion::V3_17, Driver::Secret);
    let id = backup(&tool, &stage);
    let mut live = objects(&stage);
    let before = with_objects(&tool, &id, &live);
    live[0]["data"]["message"] = json!("by hand");
    live[1]["data"]["password"] = json!("b3RoZXI=");
    let after = with_objects(&tool, &id, &live);

    let diff = tool
        .run(&["backup", "diff", &before, &after])
        .expect_code(1)
        .stdout;
    for line in [
        "live objects",
        "-  message: two",
        "+  message: by hand",
        "-  password: sha256:",
    ] {
        assert!(diff.contains(line), "{line}: {diff}");
    }
    assert!(
        !diff.contains(ENCODED) && !diff.contains("b3RoZXI="),
        "{diff}"
    );
    let json = tool
        .run(&["backup", "diff", &before, &after, "-o", "json"])
        .expect_code(1)
        .json();
    assert_eq!(
        (
            json["releases"].clone(),
            json["objects"].as_array().unwrap().len()
        ),
        (json!([]), 2)
    );
    // A side without any says nothing of them.
    let json = tool
        .run(&["backup", "diff", &id, &after, "-o", "json"])
        .expect_code(0)
        .json();
    assert!(json["objects"].is_null());
    let show = tool.run(&["backup", "show", &before]).expect_code(0).stdout;
    assert!(show.contains("and 3 live objects"), "{show}");

    let (_, to) = at(&tool, "all.yaml");
    tool.run(&[
        "backup",
        "export",
        &before,
        "--format",
        "manifests",
        "--to",
        &to,
    ])
    .expect_code(0);
    let text = std::fs::read_to_string(&to).unwrap();
    let kinds: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("kind: "))
        .collect();
    assert_eq!(
        kinds,
        ["Namespace", "Secret", "Secret", "ConfigMap", "Secret"]
    );
    lose_records(&stage);
    let lost = [
        "delete",
        "-n",
        stage.namespace.name(),
        "configmap/shop",
        "secret/shop",
    ];
    kubectl(&stage, "BED_KUBECTL", &lost).expect_code(0);
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", &to];
    kubectl(&stage, "BED_KUBECTL", &apply).expect_code(0);
    assert_eq!(stage.records().len(), 2);
    let back = objects(&stage);
    assert_eq!(back[0]["data"]["message"], "two");
    assert_eq!(back[1]["data"]["password"], ENCODED);

    let (folder, to) = at(&tool, "files/");
    tool.run(&[
        "backup",
        "export",
        &before,
        "--format",
        "manifests",
        "--to",
        &to,
    ])
    .expect_code(0);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 3);
}

#[test]
fn what_was_changed_by_hand_since_is_told() {
    let (stage, tool) = two_revisions(HelmVersion::V4, Driver::Secret);
    let namespace = stage.namespace.name();
    let args = ["backup", "-n", namespace, "--live", "-o", "json"];
    let saved = tool.run(&args).expect_code(0).json();
    let id = saved["id"].as_str().unwrap();
    let diff = || tool.run(&["backup", "diff", id, "cluster", RELEASE]);
    diff().expect_code(0);
    let map = stage.namespace.core(&format!("configmaps/{RELEASE}"));
    let by_hand = json!({"data": {"message": "by hand"}});
    stage.namespace.bed().api().merge(&map, &by_hand);
    kubectl(
        &stage,
        "BED_KUBECTL",
        &["delete", "-n", namespace, "service/shop"],
    )
    .expect_code(0);
    let told = diff().expect_code(1).stdout;
    for line in ["+  message: by hand", "shop: removed"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(
        told.contains("1 release compared: none differs, but live objects do"),
        "{told}"
    );
    assert!(!told.contains(ENCODED), "{told}");
}

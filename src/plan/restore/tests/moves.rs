//! Records that go elsewhere than they were.

use serde_json::Value;

use super::*;
use crate::survey::SeenApi;

#[test]
fn owners_stay_behind_and_finalizers_where_the_place_is_another() {
    let mut raw = raw(1, "deployed");
    raw.object["metadata"]["ownerReferences"] = json!([{"uid": "gone"}]);
    raw.object["metadata"]["finalizers"] = json!(["x/y"]);
    raw.object["metadata"]["annotations"] = json!({"a": "b"});
    raw.object["immutable"] = true.into();
    let fit_of = |elsewhere| Fit {
        record: raw.id.clone(),
        elsewhere,
    };
    let here = fit(raw.clone(), &fit_of(false), &raw.id).unwrap();
    assert_eq!(
        (here.owners, here.finalizers, here.moved),
        (true, false, None)
    );
    let mut expected = raw.clone();
    expected.object["metadata"]
        .as_object_mut()
        .unwrap()
        .shift_remove("ownerReferences");
    assert!(here.record == expected);
    let there = fit(raw.clone(), &fit_of(true), &raw.id).unwrap();
    assert!(there.finalizers && there.record.object["metadata"]["finalizers"].is_null());
    let plan = plan_with(&asked(&[raw], &[]), &survey(Vec::new()), &[]);
    assert!(plan.steps[0].reason.contains("without its ownerReferences"));
}

fn decoded(record: &RawRecord) -> Value {
    let plain = codec::decode(record.payload.as_deref().unwrap(), codec::PLAIN_LIMIT).unwrap();
    serde_json::from_slice(&plain.json).unwrap()
}

#[test]
fn a_record_that_moves_takes_its_payload_along() {
    let raw = raw(2, "deployed");
    let object = RecordId {
        namespace: "stage".into(),
        ..raw.id.clone()
    };
    let to = Fit {
        record: raw.id.clone(),
        elsewhere: true,
    };
    let there = fit(raw.clone(), &to, &object).unwrap();
    let moved = Moved {
        decoded: true,
        changed: 2,
        elsewhere: 1,
    };
    assert_eq!(there.moved, Some(moved));
    assert_eq!(there.record.object["metadata"]["namespace"], "stage");
    let payload = decoded(&there.record);
    assert_eq!(payload["namespace"], "stage");
    assert_eq!(
        payload["manifest"],
        MANIFEST.replace("namespace: shop", "namespace: stage")
    );
    assert_eq!(
        payload["hooks"][0]["manifest"],
        "kind: Job\nmetadata: {namespace: stage}"
    );
    let back = Fit {
        record: object,
        elsewhere: true,
    };
    let back = fit(there.record, &back, &raw.id).unwrap();
    assert!(decoded(&back.record) == decoded(&raw));
    assert!(back.record.payload == raw.payload);
}

#[test]
fn the_plan_says_what_a_move_changes_and_what_it_shares() {
    let mut asked = asked(&[], &[]);
    asked.saved = history()
        .iter()
        .map(|raw| saved(raw, Some("stage")))
        .collect();
    let mut survey = place(survey(Vec::new()), "stage", present(&[]));
    survey.apis.push(SeenApi {
        api_version: "rbac.authorization.k8s.io/v1".into(),
        state: ApiState::Served {
            kinds: BTreeMap::from([("ClusterRole".into(), false)]),
        },
    });
    let mut survey = survey.sorted();
    assert!(
        asked
            .needs()
            .contains(&Need::Api("rbac.authorization.k8s.io/v1".into()))
    );
    let plan = plan_with(&asked, &survey, &[]);
    assert_eq!(told(&plan), ["3", "2", "1"]);
    assert_eq!(plan.steps[0].object.namespace, "stage");
    assert_eq!(
        plan.steps[0].reason,
        "put back revision 3 (failed) as snapshot ab12 holds it, moved here from namespace shop; 2 namespaces in its \
         manifest and hooks changed with it, 1 object in other namespaces left alone; in no namespace, and so the same \
         objects as those of the release it was saved from: ClusterRole web"
    );
    assert!(!plan.steps[1].reason.contains("ClusterRole"));
    // Helm would take from the original what they share, or what stays there.
    assert_eq!(asked.rollbacks(&plan, &survey), []);
    survey.apis.push(SeenApi {
        api_version: "v1".into(),
        state: ApiState::Served {
            kinds: BTreeMap::from([("Service".into(), true)]),
        },
    });
    let survey = survey.sorted();
    let revision = |number: u32, status: &str, manifest: &str| {
        let json = json!({"name": "web", "namespace": "shop", "version": number, "info": {"status": status}, "manifest": manifest});
        let mut raw = raw(number, status);
        let text = codec::encode(json.to_string().as_bytes(), codec::TEXT_LIMIT);
        raw.payload = Some(text.unwrap().into());
        saved(&raw, Some("stage"))
    };
    let of = |saved: Vec<Saved>| {
        let mut asked = self::asked(&[], &[]);
        asked.saved = saved;
        let plan = plan_with(&asked, &survey, &[]);
        assert!(!plan.steps.is_empty());
        asked.rollbacks(&plan, &survey).len()
    };
    let own = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n";
    let shared =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: web}\n";
    let elsewhere =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: kube-system}\n";
    let unknown = "apiVersion: example.com/v1\nkind: Service\nmetadata: {name: web}\n";
    let one = |manifest| of(vec![revision(2, "deployed", manifest)]);
    assert_eq!([own, shared, elsewhere, unknown].map(one), [1, 0, 0, 0]);
    // What the newest has and the deployed lacks, Helm would delete.
    let failed = revision(3, "failed", shared);
    assert_eq!(of(vec![revision(2, "deployed", own), failed]), 0);
}

#[test]
fn what_cannot_move_says_why() {
    let why = |raw: &RawRecord| {
        let read = Saved::read(&saved_record(raw), raw.clone(), Some("stage"), false);
        read.err()
            .map(|(release, error)| (release, error.to_string()))
    };
    let mut apart = raw(1, "deployed");
    let json = json!({"name": "web", "namespace": "other", "info": {}}).to_string();
    let text = codec::encode(json.as_bytes(), codec::TEXT_LIMIT);
    apart.payload = Some(text.unwrap().into());
    assert!(
        why(&apart)
            .unwrap()
            .1
            .contains("in one namespace and its objects in another")
    );
    let mut tangled = raw(1, "deployed");
    let manifest = "# Source: a.yaml\nmetadata: {labels: {a: &n shop}, namespace: *n}";
    tangled.payload = Some(payload(1, "deployed", manifest).into());
    let (release, error) = why(&tangled).unwrap();
    assert_eq!(release, "web");
    assert!(error.contains("a.yaml"), "{error}");
    // What Helm cannot read stays as it is.
    let mut broken = raw(1, "deployed");
    broken.payload = Some(b"H4sI".to_vec().into());
    assert_eq!(why(&broken), None);
    assert_eq!(saved(&broken, Some("stage")).moved, Some(Moved::default()));
}

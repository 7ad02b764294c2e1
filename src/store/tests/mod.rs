//! The store from outside its tables.

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::helm::{Digest, Driver, codec};
use crate::plan::{OperationId, Plan, Verb};
use crate::snapshot::{About, Snapshot, SnapshotId};
use crate::survey::{ObjectRef, RawRecord, RecordId};

mod ahead;
mod archive;
mod forget;
mod harm;
mod incremental;
mod operations;
mod snapshots;
mod zadig;

fn open() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(&home.path().join("store")).unwrap();
    (home, store)
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn record(revision: u32, payload: Option<Vec<u8>>) -> RawRecord {
    let name = format!("sh.helm.release.v1.shop.v{revision}");
    let object = json!({
        "kind": "Secret",
        "metadata": {
            "name": name, "namespace": "shop",
            "uid": format!("u-{revision}"), "resourceVersion": "17",
            "labels": {"owner": "helm", "foreign": "kept"},
        },
        "type": "helm.sh/release.v1",
        "immutable": true,
        "data": {"other": "a2VwdA=="},
    });
    let id = RecordId {
        namespace: "shop".to_owned(),
        driver: Driver::Secret,
        name,
    };
    RawRecord {
        id,
        object,
        payload: payload.map(Into::into),
    }
}

fn live(name: &str) -> (ObjectRef, serde_json::Value) {
    let object = ObjectRef {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: Some("shop".to_owned()),
        name: name.to_owned(),
    };
    let json = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"}, "spec": {"replicas": 2},
    });
    (object, json)
}

/// A release with chart files that every revision shares.
fn release(revision: u32) -> Vec<u8> {
    let pad = |seed: u32| -> String {
        let noise = (0..400_u32).map(|n| Digest::of(&(n ^ seed << 16).to_be_bytes()).to_string());
        noise.collect()
    };
    let release = json!({
        "name": "shop",
        "info": {"description": format!("Upgrade {revision} \u{3c}ok\u{3e}"), "unknown": 1.0e3},
        "chart": {"metadata": {"name": "shop"}, "templates": [{"name": "t", "data": pad(1)}]},
        "manifest": format!("---\n# Source: shop/t.yaml\nimage: web:{revision}\n"),
        "version": revision,
    });
    serde_json::to_vec(&release).unwrap()
}

fn packed(json: &[u8]) -> Vec<u8> {
    codec::encode(json, codec::TEXT_LIMIT).unwrap()
}

fn about(second: i64, reason: &str) -> About {
    About {
        time: time(second),
        cluster: Some("c1".to_owned()),
        reason: reason.to_owned(),
        ..About::default()
    }
}

fn save(store: &Store, second: i64, records: &[RawRecord]) -> Snapshot {
    let mut writer = store.begin_snapshot(about(second, "backup")).unwrap();
    for record in records {
        writer.add(record).unwrap();
    }
    writer.finish().unwrap()
}

fn count(store: &Store, sql: &str) -> i64 {
    store
        .connection
        .query_row(sql, (), |row| row.get(0))
        .unwrap()
}

fn plan() -> Plan {
    Plan {
        verb: Verb::Unstick,
        cluster: Some("c1".to_owned()),
        steps: Vec::new(),
        refused: Vec::new(),
    }
}

/// Claims an operation and stores its intent.
fn begin(
    store: &Store,
    plan: &Plan,
    snapshot: &SnapshotId,
    undoes: Option<&OperationId>,
    began: Timestamp,
) -> Result<OperationLock, StoreError> {
    let lock = store.claim()?;
    store.begin_operation(&lock, plan, snapshot, undoes, began)?;
    Ok(lock)
}

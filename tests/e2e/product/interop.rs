//! Real Helm, of every version, reads what we write.

use super::{LONG, Later};
use crate::helm::{Helm, HelmVersion, chart};
use crate::scenarios::{RELEASE, find};

#[test]
fn every_helm_reads_every_helms_repaired_record() {
    for writer in HelmVersion::ALL {
        let stage = find("pending-upgrade-in-wait").make(writer);
        let later = Later::by(LONG);
        later.on(&stage, &["unstick", "--yes"]).expect_code(0);
        for reader in HelmVersion::ALL {
            let helm = Helm::new(reader, &stage.namespace);
            let history = helm.ok(&["history", RELEASE, "-o", "json"]).json();
            assert_eq!(history[1]["status"], "failed", "{writer:?} {reader:?}");
            let description = history[1]["description"].as_str().unwrap();
            assert!(
                description.contains("was stale in pending-upgrade"),
                "{description}"
            );
            let status = helm.ok(&["status", RELEASE, "-o", "json"]).json();
            assert_eq!(status["info"]["status"], "failed");
            let all = helm
                .ok(&["get", "all", RELEASE, "--revision", "2"])
                .to_string();
            assert!(all.contains("image: example/web:2"), "{all}");
        }
        // An upgrade by another Helm than the one that was killed.
        for upgrader in HelmVersion::ALL {
            let helm = Helm::new(upgrader, &stage.namespace);
            helm.ok(&["upgrade", RELEASE, &chart("web")]);
        }
    }
}

/// Helm's memory driver reads payloads from a file, without any cluster: a
/// second witness that does not pass through the API server.
#[test]
fn the_memory_driver_reads_them_too() {
    for version in HelmVersion::ALL {
        let stage = find("pending-upgrade-in-wait").make(version);
        let later = Later::by(LONG);
        later.on(&stage, &["unstick", "--yes"]).expect_code(0);
        let payloads = stage
            .records()
            .into_iter()
            .map(|record| record.payload.unwrap());
        let file = later.tool.home().join("releases.yaml");
        let list = serde_json::Value::Array(payloads.collect());
        std::fs::write(&file, list.to_string()).unwrap();
        let helm = Helm::new(version, &stage.namespace);
        let history = helm
            .command(&["history", RELEASE, "-o", "json"])
            .env("HELM_DRIVER", "memory")
            .env("HELM_MEMORY_DRIVER_DATA", &file)
            .run()
            .expect_code(0)
            .json();
        let statuses: Vec<_> = history
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["status"])
            .collect();
        assert_eq!(statuses, ["deployed", "failed"], "{version:?}");
    }
}

//! A Helm that really waits is never called stale and never touched.

use super::{Later, essence, verdict};
use crate::helm::HelmVersion;
use crate::process::Running;
use crate::scenarios::{Stage, make};
use zadig_doctor::helm::Driver;

/// At once, and shortly before the end of each window: 10 and 16 minutes. The
/// rest is for the time that the test itself takes.
const MOMENTS: [i64; 3] = [0, 10 * 60 - 20, 16 * 60 - 40];

fn is_left_alone(label: &str, version: HelmVersion, start: fn(&Stage) -> Running) {
    is_left_alone_at(&MOMENTS, label, version, start);
}

fn is_left_alone_at(
    moments: &[i64],
    label: &str,
    version: HelmVersion,
    start: fn(&Stage) -> Running,
) {
    let stage = Stage::new(label, version, Driver::Secret);
    let mut waiting = start(&stage);
    let before = essence(&stage.records());
    for &seconds in moments {
        let later = Later::by(seconds);
        let (code, report) = later.check(&stage);
        assert_eq!(
            verdict(&report),
            "possibly-running",
            "{seconds}: {report:#}"
        );
        assert_eq!(code, Some(0), "a deploy at work is healthy");
        let output = later.on(&stage, &["unstick", "--yes"]).expect_code(4);
        let said = output.to_string();
        assert!(said.contains("may still be alive"), "{said}");
        assert_eq!(essence(&stage.records()), before);
    }
    assert!(waiting.is_running());
    waiting.kill9();
}

#[test]
fn in_an_install() {
    for version in HelmVersion::ALL {
        is_left_alone("waiting-install", version, make::waiting_install);
    }
}

#[test]
fn in_an_upgrade() {
    for version in HelmVersion::ALL {
        is_left_alone("waiting-upgrade", version, make::waiting_upgrade);
    }
}

/// A hook that runs blocks whatever its age: it has no timeout of its own.
#[test]
fn in_a_hook() {
    for version in HelmVersion::ALL {
        let moments = [0, 24 * 3600];
        is_left_alone_at(&moments, "waiting-hook", version, make::upgrade_in_hook);
    }
}

#[test]
fn in_a_rollback() {
    for version in HelmVersion::ALL {
        is_left_alone("waiting-rollback", version, make::waiting_rollback);
    }
}

#[test]
fn in_an_uninstall() {
    for version in HelmVersion::ALL {
        is_left_alone("waiting-uninstall", version, make::waiting_uninstall);
    }
}

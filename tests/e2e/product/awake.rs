//! A Helm that was suspended, and wakes up after its release was repaired and
//! upgraded: what it can and cannot do. `--nocapture` shows what each left.
#![expect(
    clippy::print_stdout,
    reason = "what a woken Helm leaves behind is worth seeing"
)]

use super::{LONG, Later};
use crate::helm::{HelmVersion, chart};
use crate::process::Running;
use crate::proxy::Rule;
use crate::records;
use crate::scenarios::{RELEASE, Stage, make};
use zadig_doctor::helm::Driver;

/// Where Helm falls asleep: once the request has been answered.
type Asleep = fn(Rule) -> Rule;

fn after_announcing(rule: Rule) -> Rule {
    rule.method("POST").path_ends("/secrets")
}

fn after_applying(rule: Rule) -> Rule {
    rule.method("PATCH")
        .path_ends(format!("/configmaps/{RELEASE}"))
}

fn between_its_last_two_writes(rule: Rule) -> Rule {
    rule.method("PUT").path_ends(records::name(RELEASE, 1))
}

fn wakes_up(version: HelmVersion, asleep: Asleep, fence: bool) -> Vec<(u32, String)> {
    let stage = Stage::new("awake", version, Driver::Secret);
    let (_proxy, sleeping) = make::asleep_upgrade(&stage, asleep);
    wakes_up_in(&stage, sleeping, "quiet", version, fence)
}

/// Repairs and upgrades the release of that chart, wakes the sleeping Helm, and
/// returns what that leaves.
fn wakes_up_in(
    stage: &Stage,
    sleeping: Running,
    name: &str,
    version: HelmVersion,
    fence: bool,
) -> Vec<(u32, String)> {
    let later = Later::by(LONG);
    let args: &[&str] = match fence {
        true => &["unstick", "--yes"],
        false => &["unstick", "--yes", "--no-fence"],
    };
    later.on(stage, args).expect_code(0);
    stage
        .helm
        .ok(&["upgrade", RELEASE, &chart(name), "--set=message=three"]);
    sleeping.sigcont();
    sleeping.finish();

    let records = stage.records();
    for record in &records {
        assert_eq!(record.label(), record.status(), "no record is half-written");
    }
    let states: Vec<_> = records::states(&records)
        .into_iter()
        .map(|(revision, label, _)| (revision, label.to_owned()))
        .collect();
    println!("{version:?}, fenced: {fence}: {states:?}");
    // Whatever it did, the next check names it.
    let deployed = states
        .iter()
        .filter(|(_, state)| state == "deployed")
        .count();
    let (_, report) = later.check(stage);
    let named = report.to_string().contains("several-deployed");
    assert_eq!(named, deployed > 1, "{states:?} {report:#}");
    states
}

/// The fence holds: the repaired revision stays failed, the new one deployed.
/// What it cannot stop is a base that Helm deploys again when it fails late.
fn holds(asleep: Asleep) {
    for version in HelmVersion::ALL {
        let states = wakes_up(version, asleep, true);
        assert_eq!(states[1], (2, "failed".into()), "{version:?}: {states:?}");
        assert_eq!(states[2], (3, "deployed".into()), "{version:?}: {states:?}");
        assert_eq!(states.len(), 3, "{version:?}: {states:?}");
    }
}

#[test]
fn after_it_announced_the_upgrade() {
    holds(after_announcing);
}

#[test]
fn after_it_applied_the_objects() {
    holds(after_applying);
}

#[test]
fn between_superseding_and_deploying() {
    holds(between_its_last_two_writes);
}

/// It fails late: its timeout is over when it wakes. What it then does to the
/// base, the fence cannot stop and the check names.
#[test]
fn in_its_wait() {
    for version in HelmVersion::ALL {
        let stage = Stage::new("awake-in-wait", version, Driver::Secret);
        let sleeping = make::upgrade_asleep_in_wait(&stage);
        let states = wakes_up_in(&stage, sleeping, "web", version, true);
        let held = [(2, "failed".to_owned()), (3, "deployed".to_owned())];
        assert_eq!(states[1..], held, "{version:?}");
    }
}

#[test]
fn without_the_fence_it_writes_over_the_repair() {
    for version in HelmVersion::ALL {
        let states = wakes_up(version, between_its_last_two_writes, false);
        let both = [(2, "deployed".to_owned()), (3, "deployed".to_owned())];
        assert_eq!(states[1..], both, "{version:?}");
    }
}

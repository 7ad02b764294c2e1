//! Killed at every request of a restore: nothing is lost, the newest revision
//! is there as soon as anything is, and a second run converges.
#![expect(
    clippy::print_stdout,
    reason = "how many cases were generated is worth knowing: --nocapture shows it"
)]

use serde_json::Value;
use zadig_doctor::helm::Driver;

use super::{lose, save};
use crate::bed::Bed;
use crate::helm::{HelmVersion, chart};
use crate::product::blow::{Blow, converges, run};
use crate::records::{Record, states};
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

/// A release, what it was and what became of it.
struct Patient {
    stage: Stage,
    /// As it was saved.
    saved: Vec<Record>,
    /// As it is before each restore.
    now: Vec<Record>,
}

impl Patient {
    /// All of its records are lost.
    fn lost() -> (Self, Tool, String) {
        let (mut patient, tool, snapshot) = Self::healthy();
        lose(&patient.stage, Driver::Secret);
        patient.now = Vec::new();
        (patient, tool, snapshot)
    }

    /// It went on, and is to go back.
    fn newer() -> (Self, Tool, String) {
        let (mut patient, tool, snapshot) = Self::healthy();
        patient
            .stage
            .helm
            .ok(&["upgrade", RELEASE, &chart("quiet"), "--set=message=four"]);
        patient.now = patient.stage.records();
        (patient, tool, snapshot)
    }

    fn healthy() -> (Self, Tool, String) {
        let stage = find("healthy").make(HelmVersion::V3_17);
        let tool = Tool::new();
        let snapshot = save(&tool, &stage.namespace);
        let saved = stage.records();
        let now = saved.clone();
        (Self { stage, saved, now }, tool, snapshot)
    }

    /// Makes the cluster what it was, and takes the Lease away.
    fn relapse(&self) {
        lose(&self.stage, Driver::Secret);
        let secrets = self.stage.namespace.core("secrets");
        for record in &self.now {
            Bed::get().api().create(&secrets, &record.bare());
        }
        let namespace = self.stage.namespace.name();
        super::delete(&format!(
            "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/helm-lock-{RELEASE}"
        ));
    }

    /// Whatever is there is as it was saved or as it was before, and the newest
    /// one is there, but for the moment in which one takes another's place.
    fn nothing_is_lost(&self, case: &str) {
        let there = self.stage.records();
        for record in &there {
            let known =
                |one: &&Record| one.revision == record.revision && one.payload == record.payload;
            let known = self.saved.iter().chain(&self.now).any(|one| known(&one));
            assert!(known, "{case}: revision {}", record.revision);
        }
        let newest = [&self.saved, &self.now].map(|all| all.last().map(|one| one.revision));
        let stands = there.last().map(|one| one.revision);
        assert!(
            there.is_empty() || newest.contains(&stands),
            "{case}: {stands:?}"
        );
        assert!(!there.is_empty() || self.now.is_empty(), "{case}");
    }

    fn is_restored(&self, case: &str) {
        let there = self.stage.records();
        assert_eq!(states(&there), states(&self.saved), "{case}");
        assert!(super::kept(&there) == super::kept(&self.saved), "{case}");
    }
}

/// Every request of a restore, with that blow.
fn survives((patient, tool, snapshot): &(Patient, Tool, String), blow: Blow) {
    let args = [
        "backup",
        "restore",
        snapshot,
        RELEASE,
        "--replace",
        RELEASE,
        "--yes",
    ];
    let (proxy, output) = run(tool, &args, None);
    let output = output.expect_code(0);
    patient.is_restored(&output.to_string());
    let requests = proxy.seen().len();
    println!("restore, {blow:?}: {requests} requests");
    for nth in 1..=requests {
        let case = format!("request {nth} of {requests}, {blow:?}");
        patient.relapse();
        let (_proxy, output) = run(tool, &args, Some((nth, blow)));
        let code = output.code();
        assert!(matches!(code, None | Some(0 | 3 | 4)), "{case}: {output}");
        patient.nothing_is_lost(&case);
        converges(tool, &args, blow, &case);
        patient.is_restored(&case);
    }
    tool.run(&["backup", "verify"]).expect_code(0);
    let log = tool.run(&["log", "-o", "json"]).expect_code(0).json();
    let open = |one: &&Value| one["ended"] != true;
    let open: Vec<_> = log["operations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(open)
        .collect();
    // What was not seen done is not said for a minute.
    assert!(blow != Blow::Status(403) || open.is_empty(), "{open:?}");
}

macro_rules! blows {
    ($($name:ident: $blow:expr,)*) => {
        mod lost {
            $(#[test]
            fn $name() {
                super::survives(&super::Patient::lost(), $blow);
            })*
        }
        mod newer {
            $(#[test]
            fn $name() {
                super::survives(&super::Patient::newer(), $blow);
            })*
        }
    };
}

blows! {
    killed_before: super::Blow::KilledBefore,
    killed_after: super::Blow::KilledAfter,
    answer_lost: super::Blow::AnswerLost,
    late: super::Blow::Late,
    forbidden: super::Blow::Status(403),
    broken: super::Blow::Status(500),
}

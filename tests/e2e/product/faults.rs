//! Killed at every request, and every request failed in every way the wire
//! knows: nothing is lost, and a second run converges.
//!
//! The cases are generated: a clean run is counted, then each of its requests
//! meets each fault. The release is made once by real Helm; between cases its
//! records are put back as Helm left them.
#![expect(
    clippy::print_stdout,
    reason = "how many cases were generated is worth knowing: --nocapture shows it"
)]

use serde_json::Value;

use super::blow::{Blow, converges, run};
use crate::bed::Bed;
use crate::helm::HelmVersion;
use crate::process::Output;
use crate::records::{self, Record};
use crate::scenarios::{RELEASE, Stage, find};
use crate::tool::Tool;

/// A stuck release whose records can be put back.
struct Patient {
    stage: Stage,
    original: Vec<Record>,
}

impl Patient {
    fn new() -> Self {
        let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_17);
        Self {
            original: stage.records(),
            stage,
        }
    }

    /// Puts the records back and takes the Lease away.
    fn relapse(&self) {
        let api = Bed::get().api();
        let namespace = self.stage.namespace.name();
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        let secrets = self.stage.namespace.core("secrets");
        for record in &self.original {
            let name = records::name(RELEASE, record.revision);
            delete(&format!("{secrets}/{name}"));
            api.create(&secrets, &record.bare());
        }
        delete(&format!("{leases}/helm-lock-{RELEASE}"));
    }

    /// Both revisions exist and are whole; the older one is as Helm left it, the
    /// newer one is either still stuck or repaired, never anything between.
    fn nothing_is_lost(&self, case: &str) {
        let now = self.stage.records();
        assert_eq!(now.len(), 2, "{case}");
        // Payloads are long: a failure names the case, not them.
        assert!(now[0].payload == self.original[0].payload, "{case}");
        assert_eq!(now[1].label(), now[1].status(), "{case}");
        assert!(
            ["pending-upgrade", "failed"].contains(&now[1].status()),
            "{case}"
        );
    }

    fn is_repaired(&self, case: &str) {
        self.nothing_is_lost(case);
        let newest = &self.stage.records()[1];
        assert_eq!(newest.status(), "failed", "{case}");
        assert_eq!(newest.object["immutable"], true, "{case}");
    }

    fn is_stuck_again(&self, case: &str) {
        let now = self.stage.records();
        assert_eq!(now.len(), 2, "{case}");
        for (was, is) in self.original.iter().zip(&now) {
            assert!(was.payload == is.payload, "{case}: {}", is.status());
            assert_eq!(
                was.object["metadata"]["labels"], is.object["metadata"]["labels"],
                "{case}"
            );
        }
    }
}

fn succeeds(output: &Output, case: &str) {
    assert_eq!(output.code(), Some(0), "{case}: {output}");
}

fn delete(path: &str) {
    let gone = Bed::get()
        .api()
        .send("DELETE", path, "application/json", &Value::Null);
    assert!(matches!(gone.unwrap().status, 200 | 404), "{path}");
}

/// Every request of `unstick`, with that blow.
fn unstick_survives(blow: Blow) {
    let patient = Patient::new();
    let namespace = patient.stage.namespace.name().to_owned();
    let unstick = ["unstick", RELEASE, "-n", &namespace, "--yes"];
    let (proxy, output) = run(&Tool::new(), &unstick, None);
    succeeds(&output, "undisturbed");
    let requests = proxy.seen().len();
    println!("unstick, {blow:?}: {requests} requests");
    for nth in 1..=requests {
        let case = format!("request {nth} of {requests}, {blow:?}");
        patient.relapse();
        let tool = Tool::new();
        let (_proxy, output) = run(&tool, &unstick, Some((nth, blow)));
        let code = output.code();
        assert!(matches!(code, None | Some(0 | 3 | 4)), "{case}: {output}");
        patient.nothing_is_lost(&case);
        if code == Some(0) {
            patient.is_repaired(&case);
        }
        converges(&tool, &unstick, blow, &case);
        patient.is_repaired(&case);
        tool.run(&["backup", "verify"]).expect_code(0);
        // What was repaired in two runs can be taken back as what was in one.
        succeeds(&run(&tool, &["undo", "--yes"], None).1, &case);
        patient.is_stuck_again(&case);
    }
}

/// Every request of `undo`, with that blow: between its two writes the record
/// is in the store alone.
fn undo_survives(blow: Blow) {
    let patient = Patient::new();
    let namespace = patient.stage.namespace.name().to_owned();
    let unstick = ["unstick", RELEASE, "-n", &namespace, "--yes"];
    let undo = ["undo", "--yes"];
    let tool = Tool::new();
    succeeds(&run(&tool, &unstick, None).1, "undisturbed");
    let (proxy, output) = run(&tool, &undo, None);
    succeeds(&output, "undisturbed");
    let requests = proxy.seen().len();
    println!("undo, {blow:?}: {requests} requests");
    for nth in 1..=requests {
        let case = format!("undo, request {nth} of {requests}, {blow:?}");
        patient.relapse();
        let tool = Tool::new();
        succeeds(&run(&tool, &unstick, None).1, &case);
        let (_proxy, output) = run(&tool, &undo, Some((nth, blow)));
        let code = output.code();
        assert!(matches!(code, None | Some(0 | 3 | 4)), "{case}: {output}");
        converges(&tool, &undo, blow, &case);
        patient.is_stuck_again(&case);
    }
}

macro_rules! blows {
    ($($name:ident: $blow:expr,)*) => {
        mod unstick {
            $(#[test]
            fn $name() {
                super::unstick_survives($blow);
            })*
        }
        mod undo {
            $(#[test]
            fn $name() {
                super::undo_survives($blow);
            })*
        }
    };
}

blows! {
    killed_before: super::Blow::KilledBefore,
    killed_after: super::Blow::KilledAfter,
    answer_lost: super::Blow::AnswerLost,
    reset: super::Blow::Reset,
    hang: super::Blow::Hang,
    hang_after: super::Blow::HangAfter,
    late: super::Blow::Late,
    forbidden: super::Blow::Status(403),
    conflict: super::Blow::Status(409),
    too_many: super::Blow::Status(429),
    broken: super::Blow::Status(500),
}

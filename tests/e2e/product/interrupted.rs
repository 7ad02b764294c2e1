//! Asked to stop in the middle of writing, the tool finishes what it began,
//! begins nothing more, and says what was done.

use std::time::Duration;

use zadig_doctor::helm::Driver;

use super::LONG;
use crate::helm::{HelmVersion, chart};
use crate::process::{Program, Running, Victim, wait_until};
use crate::proxy::{Fault, Proxy, Rule};
use crate::pty::{CTRL_C, Pty};
use crate::records;
use crate::scenarios::Stage;
use crate::tool::Tool;

/// In the order in which they are written to.
const RELEASES: [&str; 2] = ["one", "two"];

/// Two stuck releases, and the tool, the answer to whose first write takes seconds.
struct Batch {
    stage: Stage,
    proxy: Proxy,
    tool: Tool,
}

impl Batch {
    fn new() -> Self {
        let stage = Stage::new("interrupted", HelmVersion::V3_17, Driver::Secret);
        RELEASES.into_iter().for_each(|name| stick(&stage, name));
        let proxy = Proxy::start();
        proxy.shift_clock(LONG);
        let slow = Rule::new(Fault::Delay(Duration::from_secs(3)));
        proxy.rule(slow.method("PUT").path_ends(records::name("one", 2)).nth(1));
        let tool = Tool::new().through(&proxy);
        Self { stage, proxy, tool }
    }

    fn unstick(&self) -> Program {
        let namespace = self.stage.namespace.name();
        let args = ["unstick", "one", "two", "-n", namespace, "--yes"];
        self.tool.command(&args)
    }

    /// Returns when the first write is on its way.
    fn wait_for_the_write(&self) {
        wait_until("the first record is written", || {
            let seen = self.proxy.seen();
            let record = records::name("one", 2);
            let write =
                |one: &crate::proxy::Seen| one.method == "PUT" && one.path.ends_with(&record);
            seen.iter().any(write).then_some(())
        });
    }

    /// The newest status of both.
    fn states(&self) -> [String; 2] {
        RELEASES.map(|name| {
            let records = records::of(&self.stage.namespace, Driver::Secret, name);
            records.last().unwrap().status().to_owned()
        })
    }

    /// That the first is repaired and the second not, that nothing is held any
    /// more, and that the next run does the rest and undo takes all of it back.
    fn goes_on(&self) {
        assert_eq!(self.states(), ["failed", "pending-upgrade"]);
        let namespace = self.stage.namespace.name();
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        let held = |lease: &serde_json::Value| lease["spec"]["holderIdentity"].is_string();
        let leases = self.stage.namespace.bed().api().list(&leases);
        assert!(!leases.iter().any(held), "{leases:?}");
        let log = self.tool.run(&["log", "-o", "json"]).expect_code(0).json();
        let operation = &log["operations"][0];
        assert_eq!(
            (&operation["ended"], &operation["done"]),
            (&true.into(), &1.into())
        );

        self.unstick().run().expect_code(0);
        assert_eq!(self.states(), ["failed", "failed"]);
        let first = operation["operation"].as_str().unwrap();
        self.tool.run(&["undo", "--yes"]).expect_code(0);
        self.tool.run(&["undo", first, "--yes"]).expect_code(0);
        assert_eq!(self.states(), ["pending-upgrade", "pending-upgrade"]);
    }
}

/// A release whose upgrade was killed at its last write.
fn stick(stage: &Stage, name: &str) {
    stage.helm.ok(&["install", name, &chart("quiet")]);
    let (proxy, victim) = (Proxy::start(), Victim::new());
    let last = Rule::new(Fault::KillBefore(victim.clone()));
    proxy.rule(last.method("PUT").path_ends(records::name(name, 2)));
    let helm = stage.helm_through(&proxy);
    let upgrade = ["upgrade", name, &chart("quiet"), "--set=message=two"];
    let output = helm.aimed_at(&victim, &upgrade).run();
    assert!(output.was_killed(), "{output}");
}

#[test]
fn ctrl_c_stops_before_the_next_write() {
    let batch = Batch::new();
    let mut pty = Pty::start(batch.unstick(), 100);
    batch.wait_for_the_write();
    pty.type_in(CTRL_C);
    pty.wait_for("stopping before the next write");
    let screen = pty.finish().expect_code(130).screen;
    for text in [
        "1. done:",
        "2. not started:",
        "interrupted: 1 step not started",
        "undo ",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    batch.goes_on();
}

#[test]
fn a_pipeline_that_is_cancelled_stops_the_same_way() {
    let batch = Batch::new();
    let victim = Victim::new();
    let running: Running = batch.unstick().victim(&victim).spawn();
    batch.wait_for_the_write();
    victim.signal(rustix::process::Signal::TERM);
    let output = running.finish().expect_code(143);
    assert!(
        output.stderr.contains("interrupted: 1 step not started"),
        "{output}"
    );
    batch.goes_on();
}

#[test]
fn a_second_ctrl_c_ends_it_at_once_and_the_next_run_settles_it() {
    let batch = Batch::new();
    let mut pty = Pty::start(batch.unstick(), 100);
    batch.wait_for_the_write();
    pty.type_in(CTRL_C);
    pty.wait_for("stopping before the next write");
    pty.type_in(CTRL_C);
    let screen = pty.finish().expect_code(130).screen;
    assert!(!screen.contains("1. done:"), "{screen}");
    // The proxy drops a request whose sender is gone.
    assert_eq!(batch.states(), ["pending-upgrade", "pending-upgrade"]);
    batch.unstick().run().expect_code(0);
    assert_eq!(batch.states(), ["failed", "failed"]);
}

#[test]
fn while_it_waits_for_the_second_look_nothing_is_written_and_nothing_stays_held() {
    let batch = Batch::new();
    // Who does not say how long waits all the same.
    let waiting = Tool::new().through(&batch.proxy).waiting();
    let cases: [(&[&str], &str); 2] = [
        (&["--confirm-after=10m"], "second look in 600s"),
        (&[], "second look in 10s"),
    ];
    let namespace = batch.stage.namespace.name();
    let unstick = ["unstick", "one", "-n", namespace, "--yes"];
    for (more, says) in cases {
        let asked = batch.proxy.seen().len();
        let mut pty = Pty::start(waiting.command(&[&unstick, more].concat()), 100);
        pty.wait_for(says);
        wait_until("the Lease is taken", || {
            let seen = batch.proxy.seen();
            seen[asked..]
                .iter()
                .any(|one| one.method != "GET" && one.path.contains("/leases"))
                .then_some(())
        });
        pty.type_in(CTRL_C);
        let screen = pty.finish().expect_code(130).screen;
        assert!(screen.contains("nothing was changed"), "{screen}");
        assert_eq!(batch.states(), ["pending-upgrade", "pending-upgrade"]);
    }
    let tool = Tool::new().through(&batch.proxy);
    tool.run(&unstick).expect_code(0);
}

//! What several scenarios are made with, and the operations that other tests
//! find in the middle.
//!
//! Where the cut must be exact, the proxy makes it at the request in question.

use rustix::process::Signal;

use super::{RELEASE, Stage, WayOut};
use crate::helm::chart;
use crate::process::{Running, Victim, wait_until};
use crate::proxy::{Fault, Proxy, Rule};
use crate::records::name;

/// A nodeSelector that no node matches, so that pods stay Pending even if
/// another test has added a node.
const NO_NODE: &str = "nodeSelector.zadig-doctor=never";

/// The longest that Helm may wait; it is killed long before.
pub(super) const PATIENT: [&str; 2] = ["--wait", "--timeout=5m"];

/// Installs or upgrades the chart `quiet`, which is done at once.
pub(super) fn quiet(stage: &Stage, verb: &str, message: &str) {
    let set = format!("message={message}");
    stage
        .helm
        .ok(&[verb, RELEASE, &chart("quiet"), "--set", &set]);
}

/// The arguments that install or upgrade the chart `web` to that image.
pub(super) fn web(verb: &str, image: &str, more: &[&str]) -> Vec<String> {
    let set = format!("image={image},{NO_NODE}");
    let chart = chart("web");
    let args = [verb, RELEASE, &chart, "--set", &set];
    args.iter().chain(more).map(|&arg| arg.to_owned()).collect()
}

pub(super) fn borrowed(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// Starts Helm, and returns when the condition holds; it waits then, and would for minutes.
fn wait_with(stage: &Stage, args: &[&str], what: &str, condition: impl Fn() -> bool) -> Running {
    let mut helm = stage.helm.command(args).spawn();
    let waits = wait_until(what, || {
        let ended = !helm.is_running();
        (ended || condition()).then_some(!ended)
    });
    if !waits {
        panic!("Helm was to wait, but ended: {}", helm.finish());
    }
    helm
}

/// An `install --wait` of the chart `web` that waits for pods that never come.
pub(crate) fn waiting_install(stage: &Stage) -> Running {
    let install = web("install", "example/web:1", &PATIENT);
    let applied = || stage.image().is_some();
    wait_with(stage, &borrowed(&install), "install waits", applied)
}

/// An `upgrade --wait` to revision 2 that waits for pods that never come.
pub(crate) fn waiting_upgrade(stage: &Stage) -> Running {
    let install = web("install", "example/web:1", &[]);
    stage.helm.ok(&borrowed(&install));
    let upgrade = web("upgrade", "example/web:2", &PATIENT);
    let applied = || stage.image().as_deref() == Some("example/web:2");
    wait_with(stage, &borrowed(&upgrade), "upgrade waits", applied)
}

/// An `upgrade --wait` to revision 2 that falls asleep (SIGSTOP) while it waits.
/// Woken, it finds its few seconds over and fails.
pub(crate) fn upgrade_asleep_in_wait(stage: &Stage) -> Running {
    let install = web("install", "example/web:1", &[]);
    stage.helm.ok(&borrowed(&install));
    let upgrade = web("upgrade", "example/web:2", &["--wait", "--timeout=5s"]);
    let applied = || stage.image().as_deref() == Some("example/web:2");
    let mut helm = wait_with(stage, &borrowed(&upgrade), "upgrade waits", applied);
    helm.sigstop();
    helm
}

/// An `upgrade` to revision 2 whose hook Job is never done: no node takes its pod.
pub(crate) fn upgrade_in_hook(stage: &Stage) -> Running {
    let install = web("install", "example/web:1", &[]);
    stage.helm.ok(&borrowed(&install));
    let hook = ["--set=hooks.fail=true", "--timeout=5m"];
    waiting_hook(stage, &web("upgrade", "example/web:2", &hook))
}

/// Starts Helm, and returns when the Job of a hook is there, for which it waits.
pub(super) fn waiting_hook(stage: &Stage, args: &[String]) -> Running {
    wait_with(stage, &borrowed(args), "the hook runs", || {
        !stage.jobs().is_empty()
    })
}

/// A `rollback 1 --wait` from revision 2 that waits for pods that never come.
pub(crate) fn waiting_rollback(stage: &Stage) -> Running {
    for (verb, image) in [("install", "example/web:1"), ("upgrade", "example/web:2")] {
        stage.helm.ok(&borrowed(&web(verb, image, &[])));
    }
    let rollback = [&["rollback", RELEASE, "1"], &PATIENT[..]].concat();
    let applied = || stage.image().as_deref() == Some("example/web:1");
    wait_with(stage, &rollback, "rollback waits", applied)
}

/// An `uninstall --wait` that waits for a ConfigMap held by a finalizer.
pub(crate) fn waiting_uninstall(stage: &Stage) -> Running {
    let install = web("install", "example/web:1", &["--set=finalizer=true"]);
    stage.helm.ok(&borrowed(&install));
    let uninstall = [&["uninstall", RELEASE], &PATIENT[..]].concat();
    wait_with(stage, &uninstall, "uninstall waits", || stage.is_held())
}

/// An `upgrade` of the chart `quiet` to revision 2 that falls asleep (SIGSTOP)
/// when the first request that `at` chooses has been answered. Woken, it goes
/// on, through the proxy, which must live until then.
pub(crate) fn asleep_upgrade(stage: &Stage, at: impl Fn(Rule) -> Rule) -> (Proxy, Running) {
    quiet(stage, "install", "one");
    let (proxy, victim) = (stage.proxy(), Victim::new());
    proxy.rule(at(Rule::new(Fault::StopAfter(victim.clone()))).nth(1));
    let helm = stage.helm_through(&proxy);
    let upgrade = ["upgrade", RELEASE, &chart("quiet"), "--set=message=two"];
    let mut running = helm.aimed_at(&victim, &upgrade).spawn();
    running.wait_until_stopped();
    (proxy, running)
}

/// Kills what waits.
pub(super) fn kill(waiting: Running) {
    let output = waiting.kill9();
    assert!(output.was_killed(), "{output}");
}

/// Sends a signal to what waits: Helm notices, fails, and says so.
pub(super) fn cancel(waiting: Running, signal: Signal) {
    waiting.end_with(signal).expect_code(1);
}

/// Sends a signal to what waits: Helm does not notice, and ends at once.
pub(super) fn end(waiting: Running, signal: Signal) {
    let output = waiting.end_with(signal);
    assert_eq!(output.signal(), Some(signal), "{output}");
}

/// Runs Helm, which is killed before the first request that `at` chooses.
pub(super) fn killed_before(stage: &Stage, at: impl Fn(Rule) -> Rule, args: &[&str]) {
    killed(stage, at, Fault::KillBefore, args);
}

/// Runs Helm, which is killed after the first request that `at` chooses.
pub(super) fn killed_after(stage: &Stage, at: impl Fn(Rule) -> Rule, args: &[&str]) {
    killed(stage, at, Fault::KillAfter, args);
}

fn killed(stage: &Stage, at: impl Fn(Rule) -> Rule, fault: fn(Victim) -> Fault, args: &[&str]) {
    let (proxy, victim) = (stage.proxy(), Victim::new());
    proxy.rule(at(Rule::new(fault(victim.clone()))).nth(1));
    let output = stage.helm_through(&proxy).aimed_at(&victim, args).run();
    assert!(output.was_killed(), "{output}");
}

/// Runs Helm, whose requests that `at` chooses are refused (403).
pub(super) fn refused(stage: &Stage, at: impl Fn(Rule) -> Rule, args: &[&str]) {
    let proxy = stage.proxy();
    proxy.rule(at(Rule::new(Fault::Status(403))));
    stage.helm_through(&proxy).run(args).expect_code(1);
}

/// Writes to objects of that resource.
pub(super) fn writes(resource: &'static str) -> impl Fn(Rule) -> Rule {
    move |rule| {
        rule.when(move |seen| {
            let writes = ["POST", "PUT", "PATCH"].contains(&&*seen.method);
            writes && seen.path.contains(&format!("/{resource}"))
        })
    }
}

/// The creation of a record.
pub(super) fn announces(rule: Rule) -> Rule {
    rule.method("POST").path_ends("/secrets")
}

/// The update of the record of that revision.
pub(super) fn records(revision: u32) -> impl Fn(Rule) -> Rule {
    move |rule| rule.method("PUT").path_ends(name(RELEASE, revision))
}

/// What frees a release whose hook will never end.
pub(super) const WITHOUT_HOOK: WayOut = WayOut {
    says: "once the hook's Job is deleted, `unstick` repairs, and an upgrade succeeds",
    go: |stage| kubectl(stage, &["delete", "job", "--all"]),
};

/// Changes something as a user would.
pub(super) fn kubectl(stage: &Stage, args: &[&str]) {
    stage.kubectl(args);
}

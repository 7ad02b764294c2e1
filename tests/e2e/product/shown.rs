//! What people see, whole: names, times and digests aside.

use super::{LONG, Later};
use crate::helm::HelmVersion;
use crate::scenarios::{Stage, find};
use crate::tool::Tool;

/// The text with what differs from run to run replaced.
pub(super) fn scrubbed(stage: &Stage, text: &str) -> String {
    text.replace(stage.namespace.name(), "NAMESPACE")
}

/// Compares with the file `snapshots/NAME.snap`.
pub(super) fn shows(name: &str, text: &str) {
    let filters = vec![
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"sha256:[0-9a-f]{12,64}", "DIGEST"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "UID",
        ),
        (r"\b[0-9a-f]{16}\b", "ID_OF_16_DIGITS_"),
        (r"resourceVersion \d+", "resourceVersion N"),
        (r"\b6[0-9]m( \d+s)?", "60m"),
        (r"\b\d{4} B", "SIZE"),
        // The column is as wide as the name of the test's namespace.
        (r"NAMESPACE +", "NAMESPACE  "),
        // How far the rollout got by then is for the cluster to say.
        (r"(still wait on Deployment shop): .*", "$1: REASON"),
    ];
    insta::with_settings!({filters => filters, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn the_main_job() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V4);
    let later = Later::by(LONG);
    let shows =
        |name: &str, args: &[&str]| shows(name, &scrubbed(&stage, &later.on(&stage, args).stdout));
    shows("check", &["check"]);
    shows("unstick-dry-run", &["unstick", "--dry-run"]);
    shows("unstick", &["unstick", "--yes"]);
    shows("unstick-again-json", &["unstick", "--yes", "-o", "json"]);
    let lists: [(&str, &[&str]); 2] = [("backup-list", &["backup", "list"]), ("log", &["log"])];
    for (name, args) in lists {
        let list = later.tool.run(args).stdout;
        self::shows(name, &scrubbed(&stage, &list));
    }
}

#[test]
fn explanations() {
    let tool = Tool::new().env("LANG", "zh_CN.UTF-8");
    let text = tool.run(&["explain", "several-deployed"]).expect_code(0);
    shows("explain-zh", &text.stdout);
    let text = tool.run(&["explain", "--lang", "en"]).expect_code(0);
    shows("explain", &text.stdout);
}

#[test]
fn help() {
    for verb in ["check", "backup", "unstick", "prune", "undo"] {
        let text = Tool::new().run(&[verb, "--help"]).expect_code(0);
        shows(&format!("help-{verb}"), &text.stdout);
    }
    let restore = ["backup", "restore", "--help"];
    let text = Tool::new().run(&restore).expect_code(0);
    shows("help-backup-restore", &text.stdout);
}

//! Histories that no operation of Helm leaves in this shape.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::make::{kubectl, quiet};
use super::records::{packed, put, two_revisions};
use super::{NOTHING_DEPLOYED, RELEASE, Scenario, TAKEN, WayOut, finds, scenarios};
use crate::helm::chart;
use crate::records::name;

scenarios! {
    last_unknown [every, old] {
        what: "the only revision says `unknown`, which Helm knows and never writes: there is nothing to upgrade from",
        how: "kubectl patch writes that status, in payload and label",
        leaves: &[(1, "unknown", "unknown")],
        upgrade_says: Some(NOTHING_DEPLOYED),
        finds: &[finds("last-unknown")],
        may_find: &["none-deployed"],
        way_out: Some(WayOut {
            says: "`helm rollback` to that revision makes a new one that is deployed",
            go: |stage| _ = stage.helm.ok(&["rollback", RELEASE, "1"]),
        }),
        make: |stage| {
            quiet(stage, "install", "one");
            let mut payload = stage.record(1).payload.unwrap();
            payload["info"]["status"] = "unknown".into();
            let text = packed(payload.to_string().as_bytes());
            let patch = json!({
                "metadata": {"labels": {"status": "unknown"}},
                "data": {"release": BASE64_STANDARD.encode(text)},
            });
            kubectl(stage, &["patch", "secret", &name(RELEASE, 1), "--patch", &patch.to_string()]);
        },
    }
    record_under_another_name [every] {
        what: "an old record was copied to the name of the next revision, where Helm does not look for it",
        how: "a copy of revision 1 is created as revision 3",
        leaves: &[
            (1, "superseded", "superseded"),
            (2, "deployed", "deployed"),
            (3, "superseded", "superseded"),
        ],
        upgrade_says: Some(TAKEN),
        finds: &[finds("duplicate-revision"), finds("label-payload-mismatch")],
        way_out: Some(WayOut {
            says: "once the copy is deleted, an upgrade succeeds",
            go: |stage| kubectl(stage, &["delete", "secret", &name(RELEASE, 3)]),
        }),
        make: |stage| {
            two_revisions(stage);
            put(stage, stage.record(1), |copy| copy["metadata"]["name"] = name(RELEASE, 3).into());
        },
    }
    history_bloat [v3_17, v4] {
        what: "more than twice the revisions that Helm keeps by default",
        how: "twenty upgrades with `--history-max=0`; the next one without it removes all but ten",
        leaves: LONG,
        finds: &[finds("history-bloat")],
        make: |stage| {
            quiet(stage, "install", "one");
            for _ in 0..20 {
                stage.helm.ok(&["upgrade", RELEASE, &chart("quiet"), "--history-max=0"]);
            }
        },
    }
}

/// Twenty superseded revisions and the deployed one.
const LONG: &[(u32, &str, &str)] = &{
    let mut all = [(1, "superseded", "superseded"); 21];
    let mut at = 1;
    while at < 21 {
        all[at].0 = all[at - 1].0 + 1;
        at += 1;
    }
    all[20] = (21, "deployed", "deployed");
    all
};

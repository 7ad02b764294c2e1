//! `last-unknown`: the newest revision says a status that no Helm goes on from.

use super::{Check, Examines, helm, no_needs, own, says};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Status;
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "last-unknown",
    text: Explanation {
        title: Text {
            en: "the newest revision's status is unknown",
            zh: "最新的 revision 状态未知",
        },
        meaning: Text {
            en: "The newest revision says `unknown`, or a status that no Helm has. If no other revision is deployed, \
                 `helm upgrade` answers \"has no deployed releases\", `helm install` \"cannot re-use a name that is \
                 still in use\", and Zadig \"can't install or upgrade chart with status: unknown\". Where an older one \
                 is deployed, Helm upgrades from that one as if the newest were not there.",
            zh: "最新的 revision 状态为 `unknown`，或者是 Helm 中不存在的状态。如果没有其他 revision 处于 deployed，`helm upgrade` 报错 \
                 \"has no deployed releases\"，`helm install` 报错 \"cannot re-use a name that is still in use\"，Zadig 报错 \
                 \"can't install or upgrade chart with status: unknown\"。如果有较旧的 revision 处于 deployed，\
                 Helm 会以它为基准升级，就像最新的 revision 不存在一样。",
        },
        cause: Text {
            en: "No Helm 3 or 4 writes it. A tool with Helm's SDK did, a record was carried over from Helm 2, or \
                 somebody edited it by hand.",
            zh: "Helm 3 和 4 都不会写入这种状态。它来自使用 Helm SDK 的其他工具、从 Helm 2 迁移过来的记录，或手工编辑。",
        },
        cure: Text {
            en: "Save the release with `{self} backup`, choose from `helm history` the revision that should run, and \
                 `helm rollback RELEASE REVISION` to it: that asks for no status, writes a new revision, and marks it \
                 deployed. The newest one itself may be named, if it is what runs.",
            zh: "先用 `{self} backup` 保存该 release，再用 `helm history` 选出应当运行的 revision，然后执行 \
                 `helm rollback RELEASE REVISION`：回滚不检查状态，会写入一个新的 revision 并标记为 deployed。\
                 如果正在运行的就是最新的 revision，也可以回滚到它自己。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

/// Whether Helm knows what to do with a newest revision that says so.
pub(super) fn is_unknown(status: &Status) -> bool {
    matches!(status, Status::Unknown | Status::Other(_))
}

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let newest = history.newest();
    let Some((newest, release)) = newest.and_then(|newest| Some((newest, newest.decoded()?)))
    else {
        return Vec::new();
    };
    if !is_unknown(&release.status) {
        return Vec::new();
    }
    let (severity, told) = match history.deployed().any(|record| record.id != newest.id) {
        true => (
            Severity::Warning,
            "Helm goes by an older one that is deployed",
        ),
        false => (Severity::Error, "no upgrade goes on from it"),
    };
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!(
            "revision {} says {:?}, and {told}",
            release.version,
            release.status.as_str()
        ),
        evidence: says(newest).into_iter().collect(),
        advice: vec![
            own(
                "save it as it is",
                &["backup", &history.release, "-n", history.namespace],
            ),
            helm(
                "choose the revision that should run, and roll back to it: helm rollback asks for no status",
                history,
                "history",
            ),
        ],
    }]
}

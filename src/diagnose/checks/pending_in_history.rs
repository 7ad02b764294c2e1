//! `pending-in-history`: an old revision still says that it is in the making.

use super::{Check, Examines, MOST, listed, no_needs, say, stated};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Record};

pub(super) static CHECK: Check = Check {
    id: "pending-in-history",
    text: Explanation {
        title: Text {
            en: "an old revision is still pending",
            zh: "有旧的 revision 仍处于 pending 状态",
        },
        meaning: Text {
            en: "A revision older than the newest says pending-install, pending-upgrade or pending-rollback. Helm \
                 looks only at the newest one, so nothing is stuck and upgrades go on. The old one keeps its status \
                 for as long as it is in the history.",
            zh: "有一个比最新 revision 更旧的 revision 处于 pending-install、pending-upgrade 或 pending-rollback 状态。\
                 Helm 只看最新的 revision，所以没有任何东西卡住，升级照常进行。旧的 revision 会一直保持这个状态，直到从历史中删除。",
        },
        cause: Text {
            en: "Its operation never ended, and somebody went past it: `helm rollback NAME REVISION` is not stopped \
                 by a pending revision, and neither is a Helm older than 3.4.",
            zh: "该操作没有结束，后来有人绕过了它：`helm rollback NAME REVISION` 不会被 pending 的 revision 阻止，\
                 早于 3.4 的 Helm 也不会。",
        },
        cure: Text {
            en: "Nothing has to be done. Do not roll back to it: it is not known how much of it was ever applied.",
            zh: "无需处理。但不要回滚到它：无法得知它当时实际应用了多少内容。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

/// By label where the payload was not read: that is no reason to read it.
fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some(newest) = history.newest() else {
        return Vec::new();
    };
    let old = |record: &&Record| {
        let pending = record.status().is_some_and(|status| status.is_pending());
        pending && record.revision() < newest.revision()
    };
    let old: Vec<_> = history.visible().filter(old).collect();
    let Some(last) = old.last() else {
        return Vec::new();
    };
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Info,
        subject: Subject::record(last),
        verdict: None,
        summary: format!(
            "an operation that never ended is in the history: {}",
            listed(old.iter().filter_map(|record| told(record)))
        ),
        evidence: old
            .iter()
            .filter_map(|record| stated(record))
            .take(MOST)
            .collect(),
        advice: vec![say(
            "nothing has to be done; do not roll back to what was never finished",
        )],
    }]
}

fn told(record: &Record) -> Option<String> {
    let (revision, status) = (record.revision()?, record.status()?);
    Some(format!("revision {revision} is {status}"))
}

//! `several-deployed`: more than one revision says it is the deployed one.

use std::collections::BTreeSet;

use super::{Check, Examines, MOST, listed, no_needs, own, say, says};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "several-deployed",
    text: Explanation {
        title: Text {
            en: "more than one revision is deployed",
            zh: "有多个 revision 处于 deployed 状态",
        },
        meaning: Text {
            en: "At most one revision should say deployed. Helm takes the highest as the base of the next upgrade; \
                 an upgrade supersedes only that one, so the others stay for ever, count as rollback targets, and \
                 keep history from being pruned.",
            zh: "最多只应有一个 revision 为 deployed。Helm 以其中最大的作为下次升级的基准，升级也只会把这一个标记为 superseded，\
                 其余的会一直留着，被当作回滚目标，并妨碍历史清理。",
        },
        cause: Text {
            en: "Two Helms worked on the release at the same time, a suspended one woke up and wrote its result \
                 over a repair, or a record was restored by hand.",
            zh: "两个 Helm 同时操作了该 release，或某个被挂起的 Helm 恢复后覆盖了修复结果，或有人手工恢复了记录。",
        },
        cure: Text {
            en: "Compare the revisions with what runs (`helm get manifest --revision N`); the highest that matches \
                 is the true one. Save all with `{self} backup` before any of them is changed.",
            zh: "用 `helm get manifest --revision N` 与实际运行的资源比较，匹配的最高 revision 才是真正生效的。\
                 修改任何一个之前，先用 `{self} backup` 全部保存。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let deployed: Vec<_> = history.deployed().collect();
    let [.., last] = deployed.as_slice() else {
        return Vec::new();
    };
    let revisions = deployed.iter().filter_map(|record| record.revision());
    // Two records of one revision are another check's business.
    let revisions: BTreeSet<u32> = revisions.collect();
    if revisions.len() < 2 {
        return Vec::new();
    }
    let revisions = revisions.into_iter().map(|revision| revision.to_string());
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Error,
        subject: Subject::record(last),
        verdict: None,
        summary: format!("revisions {} all say deployed", listed(revisions)),
        evidence: deployed
            .iter()
            .filter_map(|record| says(record))
            .take(MOST)
            .collect(),
        advice: vec![
            own(
                "save all of them",
                &["backup", &history.release, "-n", history.namespace],
            ),
            say("compare them with what runs; Helm upgrades from the highest"),
        ],
    }]
}

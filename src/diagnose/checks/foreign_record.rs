//! `foreign-record`: another tool keeps something else under Helm's names.

use super::{Check, Examines, no_needs, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Payload, Record};

pub(super) static CHECK: Check = Check {
    id: "foreign-record",
    text: Explanation {
        title: Text {
            en: "another tool's record under a name of Helm's",
            zh: "其他工具以 Helm 的命名方式保存的记录",
        },
        meaning: Text {
            en: "The object is named and labeled as Helm's records are, but what it holds is of another format: \
                 operator-controller keeps a release in `chunk` and `extraChunks` instead of `release`. Helm cannot \
                 read it and skips it; the tool that wrote it can, and nothing is wrong with it. It is never \
                 repaired, and never removed. A Helm release of the same name cannot use a revision whose name it \
                 takes.",
            zh: "该对象的名字和标签与 Helm 的发布记录相同，但内容是另一种格式：operator-controller 把 release 保存在 `chunk` 和 \
                 `extraChunks` 中，而不是 `release` 中。Helm 读不懂并会跳过它；写入它的工具可以读取，它本身没有问题。\
                 本工具不会修复它，也不会删除它。同名的 Helm release 无法使用被它占用名字的 revision。",
        },
        cause: Text {
            en: "The release is managed by operator-controller or by an operator made with its driver.",
            zh: "该 release 由 operator-controller 或使用其存储驱动的 operator 管理。",
        },
        cure: Text {
            en: "Leave it to the tool that wrote it, and do not use Helm on a release of the same name in this \
                 namespace. `{self} backup` saves it with the rest, byte by byte.",
            zh: "交给写入它的工具处理，不要在该命名空间中用 Helm 操作同名的 release。`{self} backup` 会把它一并逐字节保存。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let findings = history.foreign.iter().filter_map(|record| {
        let Payload::Foreign { format } = &record.payload else {
            return None;
        };
        let evidence = Evidence::Foreign {
            record: record.id.clone(),
            format: format.clone(),
        };
        let in_the_way = in_the_way(history, record);
        let (severity, told) = match in_the_way {
            true => (
                Severity::Warning,
                "it bears the name that Helm's next revision needs, and is no record of Helm's",
            ),
            false => (Severity::Info, "it is no record of Helm's"),
        };
        Some(Finding {
            id: CHECK.id,
            severity,
            subject: Subject::record(record),
            verdict: None,
            summary: format!("{told}: it holds {format}"),
            evidence: vec![evidence],
            advice: vec![say("leave it to the tool that wrote it")],
        })
    });
    findings.collect()
}

/// Whether Helm has a release of that name, whose next revision this would be.
fn in_the_way(history: &History<'_>, foreign: &Record) -> bool {
    let next = history.newest().and_then(Record::revision);
    let next = next.and_then(|newest| newest.checked_add(1));
    next.is_some() && foreign.id.key().map(|key| key.revision) == next
}

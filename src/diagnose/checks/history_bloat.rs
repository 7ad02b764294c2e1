//! `history-bloat`: far more revisions than anybody rolls back to.

use super::{Check, Examines, no_needs, own};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Payload, Record};

/// Up to here it is left alone: twice what Helm keeps by default, so that
/// whoever chose 15 or 20 on purpose is not told.
const MANY: usize = 20;

/// From here on upgrades notice it: Helm reads every payload several times.
const TOO_MANY: usize = 100;

/// The same in bytes: as much as Helm decodes at once without trouble.
const TOO_MUCH: u64 = 32 << 20;

pub(super) static CHECK: Check = Check {
    id: "history-bloat",
    text: Explanation {
        title: Text {
            en: "a history that nobody prunes",
            zh: "历史记录过多，无人清理",
        },
        meaning: Text {
            en: "Helm keeps ten revisions by default; here there are more than twenty. Every upgrade, `helm history` \
                 and `helm list` reads and decodes all of them, whole: with hundreds they become slow and end in \
                 \"Client.Timeout exceeded while reading body\", and etcd fills up. From a hundred records or 32 MiB \
                 on it is a warning.",
            zh: "Helm 默认保留 10 个 revision，这里超过了 20 个。每次升级、`helm history` 和 `helm list` 都会完整读取并解码全部记录：\
                 数量达到几百时会变得很慢，最终报错 \"Client.Timeout exceeded while reading body\"，也会占满 etcd。\
                 达到 100 条或 32 MiB 时为警告。",
        },
        cause: Text {
            en: "`--history-max 0` or HELM_MAX_HISTORY=0 (no limit), which is also what Helm's SDK does where nothing \
                 is set: Terraform's provider, many operators, and a Zadig project whose release history is set to 0.",
            zh: "使用了 `--history-max 0` 或 HELM_MAX_HISTORY=0（不限制）；Helm SDK 在未设置时也是如此：Terraform provider、\
                 许多 operator，以及把 release 历史版本数设为 0 的 Zadig 项目。",
        },
        cure: Text {
            en: "`{self} prune RELEASE -n NAMESPACE --dry-run` shows what would go: all but the newest ten, and never \
                 the newest, a deployed one or anything newer than it. Without `--dry-run` it saves them first. Then \
                 set the limit where the deploys are made, or it grows again.",
            zh: "`{self} prune RELEASE -n NAMESPACE --dry-run` 会显示将要删除的内容：只保留最新的 10 个，\
                 绝不会删除最新的、deployed 的或比它更新的 revision。去掉 `--dry-run` 后会先保存再删除。\
                 之后请在部署的地方（例如 Zadig 项目的设置）设置上限，否则还会继续增长。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn bytes(record: &Record) -> Option<u64> {
    match record.payload {
        Payload::Decoded { bytes, .. }
        | Payload::Undecodable { bytes, .. }
        | Payload::TooLarge { bytes, .. } => Some(bytes),
        Payload::Unread | Payload::Foreign { .. } => None,
    }
}

/// How much all of them hold, if those that were not read are as large as
/// those that were: reading them all to say so would be the very trouble.
fn estimated(history: &History<'_>) -> u64 {
    let read: Vec<u64> = history
        .records
        .iter()
        .filter_map(|one| bytes(one))
        .collect();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let sum: u64 = read.iter().fold(0, |sum, one| sum.saturating_add(*one));
    let mean = sum / count(read.len()).max(1);
    mean.saturating_mul(count(history.records.len()))
}

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let records = history.records.len();
    if records <= MANY {
        return Vec::new();
    }
    let bytes = estimated(history);
    let severity = match records >= TOO_MANY || bytes >= TOO_MUCH {
        true => Severity::Warning,
        false => Severity::Info,
    };
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject::release(history),
        verdict: None,
        summary: format!("{records} revisions are kept; Helm keeps 10 unless it is told otherwise"),
        evidence: vec![Evidence::Kept { records, bytes }],
        advice: vec![own(
            "show which old revisions would go; they are saved before",
            &[
                "prune",
                &history.release,
                "-n",
                history.namespace,
                "--dry-run",
            ],
        )],
    }]
}

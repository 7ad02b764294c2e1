//! `undecodable-record`: a payload that Helm cannot read.

use super::{Check, Examines, no_needs, own};
use crate::diagnose::garbled::under_way;
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Payload};

pub(super) static CHECK: Check = Check {
    id: "undecodable-record",
    text: Explanation {
        title: Text {
            en: "a record that Helm cannot read",
            zh: "Helm 无法读取的发布记录",
        },
        meaning: Text {
            en: "The record exists but its payload does not decode. Helm skips it without a word: the release \
                 vanishes from `helm list`, or an older revision passes for the newest and the next upgrade answers \
                 \"release: already exists\". Helm cannot delete it either, and some versions crash on it; on one \
                 without `info` all of them do.",
            zh: "发布记录存在，但其内容无法解码。Helm 会默默跳过它：release 从 `helm list` 中消失，\
                 或者较旧的 revision 被当成最新，下一次升级报错 \"release: already exists\"。Helm 也无法删除它，某些版本甚至会崩溃；缺少 `info` 的记录会让所有版本崩溃。",
        },
        cause: Text {
            en: "An edit by hand, a restore that cut the data or encoded it twice, or another tool that writes \
                 the same Secrets.",
            zh: "手工编辑、恢复备份时数据被截断或被重复编码，或其他工具写入了同名的 Secret。",
        },
        cure: Text {
            en: "Save it with `{self} backup`, which keeps it byte by byte, before anything else is done. Bring the \
                 history back from a snapshot that holds it whole (`{self} backup restore SNAPSHOT RELEASE --replace \
                 RELEASE`); as long as it is there, a release is never repaired past it. Where its label announces an \
                 operation and it was written lately, that may still be under way: wait until it has ended.",
            zh: "先用 `{self} backup` 逐字节保存它，再做其他操作。然后用内容完整的快照恢复历史\
                 （`{self} backup restore SNAPSHOT RELEASE --replace RELEASE`）；只要它还在，本工具就不会越过它去修复 release。\
                 如果它的标签表明有操作，而且最近被写入过，该操作可能仍在进行：请等它结束。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let broken = history.records.iter().filter_map(|record| {
        let Payload::Undecodable { reason, bytes, .. } = &record.payload else {
            return None;
        };
        let evidence = Evidence::Undecodable {
            record: record.id.clone(),
            reason: format!("{reason} ({bytes} bytes as stored)"),
        };
        let mut evidence = vec![evidence];
        let mut summary = format!("Helm cannot read this record: {reason}");
        let window = context.policy.wait_window();
        if let Some(status) = under_way(record, context.survey, window) {
            summary += "; the operation that its label announces may still be under way";
            let record = record.id.clone();
            evidence.push(Evidence::Labeled { record, status });
        }
        let (release, namespace) = (history.release.as_str(), history.namespace);
        Some(Finding {
            id: CHECK.id,
            severity: Severity::Error,
            subject: Subject::record(record),
            verdict: None,
            summary,
            evidence,
            advice: vec![
                own("save it as it is", &["backup", release, "-n", namespace]),
                own("see which snapshots are older than the damage", &["backup", "list"]),
                own(
                    "bring its history back from one that holds it whole (what that one lacks is removed)",
                    &[
                        "backup",
                        "restore",
                        "SNAPSHOT",
                        release,
                        "-n",
                        namespace,
                        "--replace",
                        release,
                    ],
                ),
            ],
        })
    });
    broken.collect()
}

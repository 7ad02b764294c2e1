//! `undecodable-record`: a payload that Helm cannot read.

use super::{Check, Examines, no_needs, own, say};
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
                 revision back from a backup that holds it whole; as long as it is there, a release is never \
                 repaired past it.",
            zh: "先用 `{self} backup` 逐字节保存它，再做其他操作。然后从包含完整内容的备份中恢复该 revision；\
                 只要它还在，本工具就不会越过它去修复 release。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let broken = history.records.iter().filter_map(|record| {
        let Payload::Undecodable { reason, bytes, .. } = &record.payload else {
            return None;
        };
        let evidence = Evidence::Undecodable {
            record: record.id.clone(),
            reason: format!("{reason} ({bytes} bytes as stored)"),
        };
        Some(Finding {
            id: CHECK.id,
            severity: Severity::Error,
            subject: Subject::record(record),
            verdict: None,
            summary: format!("Helm cannot read this record: {reason}"),
            evidence: vec![evidence],
            advice: vec![
                own(
                    "save it as it is",
                    &["backup", &history.release, "-n", history.namespace],
                ),
                say("bring the revision back from a backup that holds it whole"),
            ],
        })
    });
    broken.collect()
}

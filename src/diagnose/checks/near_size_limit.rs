//! `near-size-limit`: a record that has almost outgrown what can be stored.

use super::{Check, Examines, no_needs, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::helm::codec::TEXT_LIMIT;
use crate::survey::{History, Payload, Record};

/// From this share of the limit on it is said, in percent.
const NEAR: u64 = 80;

/// From this share on the next write may already be too large.
const AT_IT: u64 = 95;

pub(super) static CHECK: Check = Check {
    id: "near-size-limit",
    text: Explanation {
        title: Text {
            en: "a record is close to the size limit",
            zh: "发布记录接近大小上限",
        },
        meaning: Text {
            en: "Kubernetes stores at most 1 MiB in a Secret or ConfigMap, and Helm puts a whole release into one. \
                 When the next revision does not fit, the upgrade answers \"Too long: … 1048576 bytes\" (newer API \
                 servers: \"may not be more than\", older ones: \"must have at most\"). A record also grows while Helm works (the times of its hooks, the description): one that \
                 just fits can be refused at Helm's last write, and the release stays pending.",
            zh: "Kubernetes 的一个 Secret 或 ConfigMap 最多保存 1 MiB，而 Helm 把整个 release 放进一个对象。\
                 当下一个 revision 放不下时，升级报错 \"Too long: … 1048576 bytes\"（新版 API server 写作 may not be more than，旧版写作 must have at most）。Helm 工作过程中记录还会变大\
                 （hook 的时间、描述）：刚好放得下的记录可能在 Helm 最后一次写入时被拒绝，release 就会停留在 pending 状态。",
        },
        cause: Text {
            en: "A chart with large files or many templates: all of them go into every record, used or not.",
            zh: "chart 中有很大的文件或大量模板：无论是否用到，它们都会写入每一条记录。",
        },
        cure: Text {
            en: "Keep files that the templates do not need out of the chart with `.helmignore`, or split the chart, \
                 before the next upgrade.",
            zh: "在下一次升级之前，用 `.helmignore` 把模板用不到的文件排除在 chart 之外，或拆分 chart。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

/// Of the revisions that will be written again or stand for the next one: the
/// newest and the deployed ones.
fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let limit = u64::try_from(TEXT_LIMIT).unwrap_or(u64::MAX);
    let written_again = history.newest().into_iter().chain(history.deployed());
    let largest = written_again.max_by_key(|record| size(record));
    let Some((record, bytes)) = largest.and_then(|record| Some((record, size(record)?))) else {
        return Vec::new();
    };
    let percent = bytes.saturating_mul(100) / limit;
    if percent < NEAR {
        return Vec::new();
    }
    let told = match percent < AT_IT {
        true => "",
        false => "; the next write may be refused",
    };
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::record(record),
        verdict: None,
        summary: format!("the record takes {percent} % of what one object can hold{told}"),
        evidence: vec![Evidence::Size {
            record: record.id.clone(),
            bytes,
            limit,
        }],
        advice: vec![say(
            "keep files that the templates do not need out of the chart, with .helmignore",
        )],
    }]
}

fn size(record: &Record) -> Option<u64> {
    match &record.payload {
        Payload::Decoded { bytes, .. } | Payload::TooLarge { bytes, .. } => Some(*bytes),
        _ => None,
    }
}

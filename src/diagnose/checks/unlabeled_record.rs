//! `unlabeled-record`: a record without the labels by which Helm finds it.

use super::{Check, Examines, no_needs, own, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Record};

pub(super) static CHECK: Check = Check {
    id: "unlabeled-record",
    text: Explanation {
        title: Text {
            en: "a record without Helm's labels",
            zh: "缺少 Helm 标签的发布记录",
        },
        meaning: Text {
            en: "Helm finds records by the labels owner, name, status and version. Without them it does not see the \
                 record, yet its name is taken: the release seems to be gone or older than it is, and an upgrade \
                 that reaches this revision answers \"release: already exists\".",
            zh: "Helm 依靠 owner、name、status、version 四个标签查找记录。缺少标签时 Helm 看不到它，但名字已被占用：\
                 release 看似消失或变旧，升级到该 revision 时报错 \"release: already exists\"。",
        },
        cause: Text {
            en: "A backup tool or an operator that rewrites or strips labels, or a restore by hand.",
            zh: "备份工具或 operator 改写、清除了标签，或手工恢复时遗漏了标签。",
        },
        cure: Text {
            en: "Save it with `{self} backup`, then give it back the labels that its payload says; as long as it \
                 hides at or above the newest revision, nothing is repaired past it.",
            zh: "先用 `{self} backup` 保存，再按记录内容补回标签；只要它隐藏在最新的 revision 处或之上，本工具就不会越过它进行修复。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let unlabeled = history.records.iter().filter(|record| !record.labeled());
    let finding = |record: &Record| {
        let labels = missing(record);
        Finding {
            id: CHECK.id,
            severity: Severity::Error,
            subject: Subject::record(record),
            verdict: None,
            summary: format!(
                "Helm does not see this record: it lacks {}",
                labels.join(", ")
            ),
            evidence: vec![Evidence::LabelsMissing {
                record: record.id.clone(),
                labels,
            }],
            advice: vec![
                own(
                    "save it as it is",
                    &["backup", &history.release, "-n", history.namespace],
                ),
                say("give it back the labels that its payload says"),
            ],
        }
    };
    unlabeled.map(|record| finding(record)).collect()
}

/// The labels by which Helm finds records, and that this one lacks.
fn missing(record: &Record) -> Vec<String> {
    let labels = ["owner", "name", "status", "version"];
    let missing = labels.into_iter().filter(|key| match *key {
        "owner" => record.label("owner") != Some("helm"),
        key => record.label(key).is_none(),
    });
    let named = missing.map(|key| match key {
        "owner" => "owner=helm".to_owned(),
        key => key.to_owned(),
    });
    named.collect()
}

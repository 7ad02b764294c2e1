//! `label-payload-mismatch`: a record's labels, name and payload disagree.

use super::{Check, Examines, no_needs, own, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Record};

pub(super) static CHECK: Check = Check {
    id: "label-payload-mismatch",
    text: Explanation {
        title: Text {
            en: "labels and payload disagree",
            zh: "标签与记录内容不一致",
        },
        meaning: Text {
            en: "Helm selects records by their labels and then acts on their payloads. Where the two disagree it \
                 finds the wrong revision, or goes on refusing an upgrade although the label looks right.",
            zh: "Helm 按标签选择记录，再按记录内容行事。两者不一致时，它会选错 revision，\
                 或者标签看起来正常却仍然拒绝升级。",
        },
        cause: Text {
            en: "Somebody changed the `status` label by hand (an old piece of advice that only does half of it), \
                 or copied a record under another name.",
            zh: "有人手工修改了 `status` 标签（网上流传的做法，只做了一半），或把记录复制成了别的名字。",
        },
        cure: Text {
            en: "The payload is what Helm acts on. Where the newest revision is stuck, `{self} unstick` sets both \
                 together. Otherwise save the record with `{self} backup` and set the label to what the payload says. Where it \
                 is the object's own name that disagrees, the record was stored in another one's place: create it \
                 again under the name that its payload says, and delete the copy.",
            zh: "Helm 以记录内容为准。如果最新的 revision 卡住，`{self} unstick` 会同时修正两者；\
                 否则先用 `{self} backup` 保存记录，再把标签改成与内容一致。如果不一致的是对象自己的名字，说明记录被存到了别的位置：\
                 请按内容所说的名字重新创建，再删除这个副本。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let findings = history.records.iter().filter_map(|record| {
        let evidence = disagreements(record);
        let Some(Evidence::LabelSays {
            label,
            value,
            payload,
            ..
        }) = evidence.first()
        else {
            return None;
        };
        let summary = format!("label {label} says {value}, the payload says {payload}");
        Some(Finding {
            id: CHECK.id,
            severity: Severity::Error,
            subject: Subject::record(record),
            verdict: None,
            summary,
            evidence,
            advice: vec![
                own(
                    "save it as it is",
                    &["backup", &history.release, "-n", history.namespace],
                ),
                say(to_do(record)),
            ],
        })
    });
    findings.collect()
}

/// A label can be changed, an object's name cannot.
fn to_do(record: &Record) -> &'static str {
    let renamed = record.id.key().is_some_and(|key| {
        record.decoded().is_some_and(|release| {
            release.name != key.release || release.version != i64::from(key.revision)
        })
    });
    match renamed {
        true => {
            "it was stored under the name of another revision: create it again under the name that its payload says, \
             unless that is taken, and delete this one"
        }
        false => "the payload is what Helm acts on; make the label say the same",
    }
}

/// Labels, and what the object's name says, against the payload. A label that
/// is missing is another check's business.
fn disagreements(record: &Record) -> Vec<Evidence> {
    let Some(release) = record.decoded() else {
        return Vec::new();
    };
    let key = record.id.key();
    let version = release.version.to_string();
    let revision = key.as_ref().map(|key| key.revision.to_string());
    let pairs = [
        ("status", record.label("status"), release.status.as_str()),
        ("name", record.label("name"), release.name.as_str()),
        ("version", record.label("version"), version.as_str()),
        (
            "(in the object's name) release",
            key.as_ref().map(|key| key.release.as_str()),
            release.name.as_str(),
        ),
        (
            "(in the object's name) revision",
            revision.as_deref(),
            version.as_str(),
        ),
    ];
    let differs = |(label, value, payload): (&str, Option<&str>, &str)| {
        let value = value.filter(|value| *value != payload)?;
        Some(Evidence::LabelSays {
            record: record.id.clone(),
            label: label.to_owned(),
            value: value.to_owned(),
            payload: payload.to_owned(),
        })
    };
    pairs.into_iter().filter_map(differs).collect()
}

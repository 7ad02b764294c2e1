//! `duplicate-revision`: two records of a release claim the same revision.

use std::collections::BTreeMap;

use super::{Check, Examines, MOST, listed, no_needs, own, say, stated};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Record};

pub(super) static CHECK: Check = Check {
    id: "duplicate-revision",
    text: Explanation {
        title: Text {
            en: "two records claim the same revision",
            zh: "有两条记录声称是同一个 revision",
        },
        meaning: Text {
            en: "Each revision should have one record. Here two say that they are the same one. Helm lists both and \
                 sorts by number alone, so which of them it takes for the newest, the base of an upgrade or the \
                 target of a rollback is chance. It updates and deletes records by the name that release and revision \
                 make, so a copy under another name keeps its status for ever. Where the revision is pending, nothing \
                 is repaired: it cannot be known which one is Helm's.",
            zh: "每个 revision 应当只有一条记录，而这里有两条声称是同一个。Helm 会列出两者，并且只按编号排序，\
                 所以哪一条被当成最新、被当成升级的基准或回滚的目标，全凭偶然。Helm 按 release 和 revision 组成的名字更新和删除记录，\
                 因此名字不同的副本会一直保持原来的状态。如果该 revision 处于 pending，本工具不会修复：无法得知哪一条才是 Helm 写的。",
        },
        cause: Text {
            en: "A record was copied under another name, by hand or by a backup tool, or a payload was written into \
                 another revision's record.",
            zh: "有人手工或用备份工具以别的名字复制了记录，或把内容写进了另一个 revision 的记录。",
        },
        cure: Text {
            en: "Save all of them with `{self} backup`. Keep the one whose object bears the name that its payload \
                 says (`sh.helm.release.v1.RELEASE.vREVISION`), and delete the other with kubectl.",
            zh: "先用 `{self} backup` 全部保存。保留对象名字与内容一致的那一条\
                 （`sh.helm.release.v1.RELEASE.vREVISION`），用 kubectl 删除另一条。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

/// The revision that a record claims: its payload's, which Helm goes by, else
/// what its name or label says. What cannot be read claims none.
fn claimed(record: &Record) -> Option<i64> {
    match record.decoded() {
        Some(release) => Some(release.version),
        None if record.broken() => None,
        None => record.revision().map(i64::from),
    }
}

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let mut claims: BTreeMap<i64, Vec<&Record>> = BTreeMap::new();
    for record in &history.records {
        if let Some(revision) = claimed(record) {
            claims.entry(revision).or_default().push(record);
        }
    }
    let newest = claims.keys().next_back().copied();
    claims.retain(|_, records| records.len() > 1);
    let Some((highest, records)) = claims.last_key_value() else {
        return Vec::new();
    };
    let severity = match newest == Some(*highest) {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let names = |records: &[&Record]| {
        let names = records.iter().map(|record| record.id.name.clone());
        listed(names)
    };
    let each = claims.iter().rev();
    let each = each.map(|(revision, records)| format!("revision {revision} ({})", names(records)));
    let evidence = claims.values().rev().flatten();
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject {
            revision: u32::try_from(*highest).ok(),
            ..Subject::record(records[0])
        },
        verdict: None,
        summary: format!("more than one record claims to be {}", listed(each)),
        evidence: evidence
            .filter_map(|record| stated(record))
            .take(MOST)
            .collect(),
        advice: vec![
            own(
                "save all of them",
                &["backup", &history.release, "-n", history.namespace],
            ),
            say(
                "keep the one whose object bears the name that its payload says, and delete the other",
            ),
        ],
    }]
}

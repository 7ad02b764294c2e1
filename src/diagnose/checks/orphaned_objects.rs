//! `orphaned-objects`: objects of a release that none of its revisions has.

use super::{Check, Examines, plain, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text, standing};
use crate::helm::Status;
use crate::survey::{History, Owned, Record, Release};

pub(super) static CHECK: Check = Check {
    id: "orphaned-objects",
    text: Explanation {
        title: Text {
            en: "objects of the release that no current revision declares",
            zh: "release 的对象不在任何当前 revision 中",
        },
        meaning: Text {
            en: "Live objects bear the release's marks, and neither its newest nor a deployed revision declares \
                 them; or the release is uninstalled and they are still there. No upgrade and no uninstall will ever \
                 delete them. Looked for with --deep only. Objects that stay on purpose \
                 (`helm.sh/resource-policy: keep`), that somebody else owns, that Argo CD or Flux manage, or whose \
                 names the API server made are not counted.",
            zh: "线上对象带有该 release 的标注，但最新的和已部署的 revision 都没有声明它们；或者 release 已卸载而它们仍然存在。\
                 任何升级或卸载都不会再删除它们。只有使用 --deep 时才会检查。有意保留的对象（`helm.sh/resource-policy: keep`）、\
                 属于其他所有者的对象、由 Argo CD 或 Flux 管理的对象以及由 API server 生成名称的对象不计在内。",
        },
        cause: Text {
            en: "An upgrade added them and then failed; the next one started from the last deployed revision, which \
                 does not know them. Or Helm 3 could not delete them and only logged it.",
            zh: "某次升级添加了它们之后失败；下一次升级以最后一个 deployed 的 revision 为基准，而其中没有它们。\
                 或者 Helm 3 未能删除它们，只写了日志。",
        },
        cure: Text {
            en: "See whether anything uses them; then delete them with kubectl, or take them into the chart, whose \
                 next upgrade adopts them.",
            zh: "先确认没有东西在使用它们，再用 kubectl 删除；或者把它们加入 chart，下一次升级会接管它们。",
        },
    },
    examines: Examines::Release {
        needs: super::no_needs,
        run,
    },
};

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some(newest) = history.newest().filter(|_| is_settled(history)) else {
        return Vec::new();
    };
    let Some(release) = newest.decoded() else {
        return Vec::new();
    };
    let namespace = history.release_namespace().unwrap_or(history.namespace);
    let Some(owned) = context.survey.owned(namespace, &history.release) else {
        return Vec::new();
    };
    let uninstalled = release.status == Status::Uninstalled;
    let declared = standing::declared(history);
    let declares = |one: &&Owned| !uninstalled && declared.contains(&standing::key(&one.object));
    let orphans = owned.filter(|one| !declares(one));
    let orphans: Vec<&Owned> = orphans.collect();
    if orphans.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = orphans.iter().map(|one| one.object.to_string()).collect();
    let told = match uninstalled {
        true => "the release is uninstalled, and",
        false => "no current revision declares",
    };
    let there = if uninstalled { " still there" } else { "" };
    let text = format!(
        "see whether anything uses {}; then delete what is not needed, or take it into the chart",
        if names.len() == 1 { "it" } else { "them" }
    );
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!("{told} {} of it{there}", plain(names.len(), "object")),
        evidence: vec![Evidence::Marked { objects: names }],
        advice: vec![say(&text)],
    }]
}

/// Whether the records tell all that the release declares: nothing is at work,
/// and no record or document hides what it says.
fn is_settled(history: &History<'_>) -> bool {
    let readable = |record: &Record| !record.broken() && record.labeled();
    let settled = |release: &Release| {
        let at_work = release.status.is_pending() || release.status == Status::Uninstalling;
        !at_work && release.unreadable_documents.is_empty()
    };
    history.twin.is_none()
        && history.records.iter().all(|record| readable(record))
        && standing::current(history).all(|record| record.decoded().is_some_and(settled))
}

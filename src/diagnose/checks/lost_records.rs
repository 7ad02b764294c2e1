//! `lost-records`: objects that belong to a release of which there is no record.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Check, Examines, own, plain, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text, standing};
use crate::survey::{History, Need, Owned};

pub(super) static CHECK: Check = Check {
    id: "lost-records",
    text: Explanation {
        title: Text {
            en: "objects of a release that has no record",
            zh: "对象所属的 release 没有任何记录",
        },
        meaning: Text {
            en: "Live objects bear Helm's marks of a release, and no record of that release exists: `helm list` does \
                 not show it, nobody can upgrade, roll back or uninstall it. Looked for with --deep only. Objects \
                 that stay on purpose (`helm.sh/resource-policy: keep`), that somebody else owns, that Argo CD or \
                 Flux manage, or whose names the API server made are not counted.",
            zh: "线上对象带有 Helm 的 release 标注，但不存在该 release 的任何记录：`helm list` 看不到它，\
                 也无法升级、回滚或卸载。只有使用 --deep 时才会检查。有意保留的对象（`helm.sh/resource-policy: keep`）、\
                 属于其他所有者的对象、由 Argo CD 或 Flux 管理的对象以及由 API server 生成名称的对象不计在内。",
        },
        cause: Text {
            en: "The record Secrets were deleted by hand or by a clean-up job; an uninstall timed out after it had \
                 removed the records; a backup was restored without them; a Zadig environment or project was deleted \
                 half-way; or the records are kept elsewhere (HELM_DRIVER=sql, another storage namespace).",
            zh: "记录所在的 Secret 被手动或被清理任务删除；卸载在删除记录之后超时；恢复备份时未包含这些记录；\
                 Zadig 的环境或项目删除到一半；或者记录保存在别处（HELM_DRIVER=sql，或另一个存储命名空间）。",
        },
        cure: Text {
            en: "If a snapshot has the records, restore them (`{self} backup list`). Else `helm upgrade --install` \
                 with the same name, namespace and chart adopts the objects as they are. If the release is meant to \
                 be gone, delete the objects that are named.",
            zh: "如果快照中有这些记录，请恢复（`{self} backup list`）。否则用相同的名称、命名空间和 chart 执行 \
                 `helm upgrade --install`，即可原样接管这些对象。如果该 release 本应删除，请删除所列出的对象。",
        },
    },
    examines: Examines::Survey { needs, run },
};

fn needs(context: Context<'_>, _: &[History<'_>]) -> Vec<Need> {
    match context.policy.deep {
        true => vec![Need::Owned],
        false => Vec::new(),
    }
}

fn run(context: Context<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let survey = context.survey;
    let Some(owned) = survey.all_owned() else {
        return Vec::new();
    };
    // A record that was not listed is none that is lost.
    if !survey.lists_all_records() {
        return Vec::new();
    }
    let known = known(histories);
    let mut lost: BTreeMap<(&str, &str), Vec<&Owned>> = BTreeMap::new();
    for one in owned {
        let release = (one.namespace.as_str(), one.release.as_str());
        let names = &survey.scope.releases;
        let asked = names.is_empty() || names.contains(&one.release);
        if asked && !known.contains(&release) {
            lost.entry(release).or_default().push(one);
        }
    }
    if lost.is_empty() {
        return Vec::new();
    }
    // What a release declares is its own, whatever mark it bears.
    let declared: HashSet<_> = histories.iter().flat_map(standing::declared).collect();
    for objects in lost.values_mut() {
        objects.retain(|one| !declared.contains(&standing::key(&one.object)));
    }
    let lost = lost.into_iter().filter(|(_, objects)| !objects.is_empty());
    lost.map(finding).collect()
}

/// Where the releases of records are: in the namespace that the records name,
/// and to be careful in the one that holds them.
fn known<'a>(histories: &'a [History<'a>]) -> BTreeSet<(&'a str, &'a str)> {
    let places = |history: &'a History<'a>| {
        let own = history.release_namespace().unwrap_or(history.namespace);
        [own, history.namespace].map(|namespace| (namespace, history.release.as_str()))
    };
    histories.iter().flat_map(places).collect()
}

fn finding(((namespace, release), objects): ((&str, &str), Vec<&Owned>)) -> Finding {
    let names: Vec<String> = objects.iter().map(|one| one.object.to_string()).collect();
    Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject {
            release: Some(release.to_owned()),
            ..Subject::namespace(namespace)
        },
        verdict: None,
        summary: format!(
            "{} of the release, and no record of it",
            plain(names.len(), "object")
        ),
        evidence: vec![Evidence::Marked { objects: names }],
        advice: vec![
            own(
                "see whether a snapshot has its records",
                &["backup", "list"],
            ),
            say(
                "if none has, `helm upgrade --install` with the same name, namespace and chart adopts the objects",
            ),
        ],
    }
}

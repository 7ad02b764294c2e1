//! `namespace-gone`: a release of a namespace that does not exist.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Examines, MOST, listed, own, say};
use crate::diagnose::around::{self, acted_on, named_by, placed};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, NamespaceState, Need, Record, Survey};

pub(super) static CHECK: Check = Check {
    id: "namespace-gone",
    text: Explanation {
        title: Text {
            en: "a release is one of a namespace that does not exist",
            zh: "release 所在的命名空间已不存在",
        },
        meaning: Text {
            en: "The records are there, but a namespace is not that they name: the release's own, where records are \
                 kept apart from releases, or one that the manifest puts objects into. Whatever was in it is gone. \
                 An upgrade or a rollback that has objects there answers \"namespaces \\\"x\\\" not found\".",
            zh: "发布记录还在，但其中提到的命名空间不存在了：可能是 release 自己的命名空间（记录与 release 分开保存时），\
                 也可能是 manifest 中某些资源所在的命名空间。其中的一切都已消失。需要在其中创建资源的升级或回滚会报错 \
                 \"namespaces \\\"x\\\" not found\"。",
        },
        cause: Text {
            en: "Somebody deleted the namespace, and not the release with it; or records were restored or copied into \
                 a cluster that never had it.",
            zh: "有人删除了命名空间，却没有先卸载 release；或者记录被恢复、复制到了一个没有该命名空间的集群。",
        },
        cure: Text {
            en: "If the release should live on, create the namespace again and upgrade with the chart and values you \
                 want: Helm makes what is missing. If it should not, save it with `{self} backup` and uninstall it by \
                 the tool that manages it.",
            zh: "如果该 release 应当保留，请重新创建命名空间，再用期望的 chart 和 values 升级：Helm 会补上缺失的资源。\
                 如果不再需要，先用 `{self} backup` 保存，再用管理它的工具卸载。",
        },
    },
    examines: Examines::Release { needs, run },
};

/// Which record names which namespace, the storage namespace aside.
fn named<'a>(survey: &Survey, history: &History<'a>) -> BTreeMap<&'a str, (&'a Record, bool)> {
    let mut named = BTreeMap::new();
    for (record, release) in acted_on(history) {
        for namespace in named_by(survey, release) {
            named.entry(namespace).or_insert((record, true));
        }
    }
    // The newest one says which namespace the release is one of.
    let own = history.newest().zip(history.release_namespace());
    if let Some((record, namespace)) = own.filter(|_| !acted_on(history).is_empty()) {
        named.entry(namespace).or_insert((record, false));
    }
    named.remove(history.namespace);
    named
}

fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    let releases = acted_on(history).into_iter().map(|(_, release)| release);
    let versions = releases.flat_map(placed);
    let versions = versions.map(|(object, _)| object.api_version.as_str());
    let versions: BTreeSet<&str> = versions.collect();
    let mut needs: Vec<Need> = versions
        .into_iter()
        .map(|one| Need::Api(one.to_owned()))
        .collect();
    let named = named(context.survey, history);
    if !named.is_empty() {
        needs.extend(around::namespaces(context, named.into_keys()));
    }
    needs
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let mut gone = named(context.survey, history);
    gone.retain(|name, _| context.survey.namespace(name) == Some(&NamespaceState::Missing));
    let (Some(newest), false) = (history.newest(), gone.is_empty()) else {
        return Vec::new();
    };
    let objects = gone.values().any(|(_, by_objects)| *by_objects);
    let (severity, told) = match objects {
        true => (
            Severity::Error,
            "an upgrade or a rollback that has objects there fails",
        ),
        false => (
            Severity::Warning,
            "nothing of the release can be there any more",
        ),
    };
    let names = listed(gone.keys().map(|name| (*name).to_owned()));
    let evidence = gone.iter().take(MOST).map(|(name, (record, _))| {
        let record = record.id.clone();
        let namespace = (*name).to_owned();
        Evidence::NoNamespace { record, namespace }
    });
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!("there is no namespace {names}; {told}"),
        evidence: evidence.collect(),
        advice: vec![
            own(
                "save it as it is",
                &["backup", &history.release, "-n", history.namespace],
            ),
            say(
                "create the namespace again and upgrade, or uninstall the release by the tool that manages it",
            ),
        ],
    }]
}

//! `deprecated-api`: a release consists of kinds that the next Kubernetes will
//! not serve.

use super::{Check, Examines, MOST, listed, say};
use crate::diagnose::around::acted_on;
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text, apis};
use crate::live::ObjectRef;
use crate::survey::{History, Need};

pub(super) static CHECK: Check = Check {
    id: "deprecated-api",
    text: Explanation {
        title: Text {
            en: "a manifest has APIs that a newer Kubernetes removes",
            zh: "发布记录中的资源使用了新版 Kubernetes 将移除的 API",
        },
        meaning: Text {
            en: "The API server still serves every kind in the manifest, but Kubernetes is known to remove some of \
                 these API versions. Nothing is wrong yet. Once the cluster is upgraded past the version that is \
                 named, no upgrade, rollback or uninstall of this release goes through: that is `removed-api`, and \
                 harder to repair.",
            zh: "API server 目前仍提供其中所有的资源类型，但已知 Kubernetes 会移除其中一些 API 版本。现在还没有问题；\
                 一旦集群升级到所列的版本，该 release 的升级、回滚和卸载都无法进行：那就是 `removed-api`，修复起来更麻烦。",
        },
        cause: Text {
            en: "The chart was written for an older Kubernetes, and no newer one was deployed since.",
            zh: "chart 是为较旧的 Kubernetes 编写的，之后没有部署过更新的版本。",
        },
        cure: Text {
            en: "Upgrade the release with a chart that uses what takes their place, before the cluster is upgraded. \
                 It is enough that the newest and the deployed revision do without them.",
            zh: "在升级集群之前，用采用新 API 的 chart 升级该 release（在 Zadig 中更新服务的 chart 并部署）。\
                 只要最新的和 deployed 的 revision 不再使用它们即可。",
        },
    },
    examines: Examines::Release { needs, run },
};

/// The objects of what Helm acts on next whose API Kubernetes removes.
fn going<'a>(history: &History<'a>) -> Vec<(&'a ObjectRef, &'static apis::Going)> {
    let objects = acted_on(history)
        .into_iter()
        .flat_map(|(_, release)| &release.objects);
    let going = objects.filter_map(|object| Some((object, apis::going(object)?)));
    let mut going: Vec<_> = going.collect();
    going.sort_by_key(|(object, _)| *object);
    going.dedup();
    going
}

fn needs(_: Context<'_>, history: &History<'_>) -> Vec<Need> {
    let going = going(history).into_iter();
    going
        .map(|(object, _)| Need::Api(object.api_version.clone()))
        .collect()
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let mut going = going(history);
    going.retain(|(object, _)| context.survey.serves(object) == Some(true));
    let (Some(newest), false) = (history.newest(), going.is_empty()) else {
        return Vec::new();
    };
    let told = |(object, going): &(&ObjectRef, &apis::Going)| {
        let told = match going.instead {
            "" => format!("goes with Kubernetes {}", going.gone_in),
            instead => format!("goes with Kubernetes {}, use {instead}", going.gone_in),
        };
        (object.kind.clone(), object.api_version.clone(), told)
    };
    let mut kinds: Vec<_> = going.iter().map(told).collect();
    kinds.dedup();
    let kinds = kinds
        .into_iter()
        .map(|(kind, version, told)| format!("{kind} ({version}) {told}"));
    let evidence = going.iter().take(MOST).map(|one| Evidence::Api {
        object: one.0.to_string(),
        api_version: one.0.api_version.clone(),
        told: told(one).2,
    });
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::record(newest),
        verdict: None,
        summary: listed(kinds),
        evidence: evidence.collect(),
        advice: vec![say(
            "upgrade with a chart that uses what takes their place, before the cluster is upgraded",
        )],
    }]
}

//! `removed-api`: a release consists of kinds that the API server no longer
//! serves.

use super::{Check, Examines, MOST, listed, own, say};
use crate::diagnose::around::acted_on;
use crate::diagnose::{
    Advice, Command, Context, Evidence, Explanation, Finding, Severity, Subject, Text, apis,
};
use crate::live::ObjectRef;
use crate::survey::{History, Hook, Need, Release};

pub(super) static CHECK: Check = Check {
    id: "removed-api",
    text: Explanation {
        title: Text {
            en: "a manifest has APIs that the cluster no longer serves",
            zh: "发布记录中的资源使用了集群已不再提供的 API",
        },
        meaning: Text {
            en: "Before it does anything, Helm asks the API server for every kind in the stored manifest. Here there \
                 are some that it does not serve, so the next upgrade answers \"unable to build kubernetes objects \
                 from current release manifest … no matches for kind\", even with a new chart that does without \
                 them; a rollback fails alike, and leaves the release pending. An upgrade starts from the deployed \
                 revision, whatever failed since; a rollback and an uninstall from the newest. `helm uninstall` answers \"failed to \
                 delete release\" and stays uninstalling; Helm 3.9 forgets the release and leaves its objects. Hooks \
                 count where they belong to an uninstall or a rollback.",
            zh: "Helm 在做任何事之前，会向 API server 查询记录中每一种资源。这里有一些已不再提供，因此下一次升级会报错 \
                 \"unable to build kubernetes objects from current release manifest … no matches for kind\"，\
                 即使新的 chart 已经不用它们；回滚同样会失败，并使 release 停留在 pending 状态。升级以已部署的 revision 为基准（无论之后有什么失败），\
                 回滚和卸载以最新的 revision 为基准。`helm uninstall` 报错 \
                 \"failed to delete release\" 并停留在 uninstalling；Helm 3.9 则会删除发布记录，却把资源留在集群里。\
                 属于卸载或回滚的 hook 也算在内。",
        },
        cause: Text {
            en: "The cluster was upgraded past the version that removed the API (extensions/v1beta1, policy/v1beta1, \
                 batch/v1beta1 …), the records were moved to a newer cluster, or a CustomResourceDefinition was \
                 deleted before the releases that use it.",
            zh: "集群升级后该 API 已被移除（extensions/v1beta1、policy/v1beta1、batch/v1beta1 等），\
                 发布记录被迁移到了更新的集群，或在使用它的 release 之前先删除了 CustomResourceDefinition。",
        },
        cure: Text {
            en: "Save the release with `{self} backup`. For Kubernetes' own APIs, Helm's plugin mapkubeapis (`helm \
                 mapkubeapis RELEASE -n NAMESPACE`) rewrites the newest record; then upgrade with a chart that uses \
                 the new ones. For a kind of a CustomResourceDefinition, bring that definition back. Until then, do \
                 not run `helm uninstall`.",
            zh: "先用 `{self} backup` 保存该 release。对于 Kubernetes 自身的 API，可以用 Helm 插件 mapkubeapis\
                 （`helm mapkubeapis RELEASE -n NAMESPACE`）改写最新的记录，再用采用新 API 的 chart 升级；\
                 在 Zadig 中，改写之后更新该服务的 chart 再部署即可。对于自定义资源，请先恢复它的 CustomResourceDefinition。\
                 在此之前不要执行 `helm uninstall`。",
        },
    },
    examines: Examines::Release { needs, run },
};

/// Whether Helm builds that hook from a stored record: it runs those of an
/// upgrade from the new chart.
fn is_built(hook: &&Hook) -> bool {
    let events = ["pre-delete", "post-delete", "pre-rollback", "post-rollback"];
    let built = hook.events.iter().any(|event| events.contains(&&**event));
    built && !hook.object.api_version.is_empty()
}

fn hooks(release: &Release) -> impl Iterator<Item = &ObjectRef> {
    release
        .hooks
        .iter()
        .filter(is_built)
        .map(|hook| &hook.object)
}

fn needs(_: Context<'_>, history: &History<'_>) -> Vec<Need> {
    let mut versions: Vec<&str> = Vec::new();
    for (_, release) in acted_on(history) {
        let objects = release.objects.iter().chain(hooks(release));
        versions.extend(objects.map(|object| object.api_version.as_str()));
    }
    versions.sort_unstable();
    versions.dedup();
    let versions = versions.into_iter();
    versions.map(|one| Need::Api(one.to_owned())).collect()
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let unserved = |object: &&ObjectRef| context.survey.serves(object) == Some(false);
    let records = acted_on(history);
    let (Some(newest), Some(base)) = (records.first(), records.last()) else {
        return Vec::new();
    };
    let mut gone: Vec<&ObjectRef> = Vec::new();
    let [in_newest, in_base] = [newest, base].map(|(_, release)| {
        let before = gone.len();
        gone.extend(release.objects.iter().filter(unserved));
        gone.len() > before
    });
    let built = records.iter().flat_map(|(_, release)| hooks(release));
    gone.extend(built.filter(unserved));
    gone.sort();
    gone.dedup();
    if gone.is_empty() {
        return Vec::new();
    }
    let (severity, (record, _), consequence) = match (in_newest, in_base) {
        (true, true) => (
            Severity::Error,
            newest,
            "the next upgrade, rollback or uninstall fails",
        ),
        (true, false) => (
            Severity::Warning,
            newest,
            "no upgrade starts from this revision, but a rollback or an uninstall does, and fails",
        ),
        (false, true) => (
            Severity::Error,
            base,
            "the next upgrade starts from this revision and fails, and so does a rollback to it",
        ),
        (false, false) => (
            Severity::Warning,
            newest,
            "only hooks use it: an uninstall or a rollback fails",
        ),
    };
    let mut kinds: Vec<(&str, &str)> = gone.iter().map(|one| kind(one)).collect();
    kinds.dedup();
    let kinds = kinds
        .into_iter()
        .map(|(version, kind)| format!("{kind} ({version})"));
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject::record(record),
        verdict: None,
        summary: format!(
            "the API server does not serve {}; {consequence}",
            listed(kinds)
        ),
        evidence: gone.iter().take(MOST).map(|one| evidence(one)).collect(),
        advice: advice(history, &gone, record.id == newest.0.id),
    }]
}

fn kind(object: &ObjectRef) -> (&str, &str) {
    (&object.api_version, &object.kind)
}

fn evidence(object: &ObjectRef) -> Evidence {
    let went = apis::going(object).map(|going| match going.instead {
        "" => format!("; Kubernetes {} removed it", going.gone_in),
        instead => format!("; Kubernetes {} removed it for {instead}", going.gone_in),
    });
    Evidence::Api {
        object: object.to_string(),
        api_version: object.api_version.clone(),
        told: format!("is not served{}", went.unwrap_or_default()),
    }
}

/// The plugin rewrites the newest record, and an uninstall builds that one.
fn advice(history: &History<'_>, gone: &[&ObjectRef], in_newest: bool) -> Vec<Advice> {
    let mut advice = vec![own(
        "save the records, which say what those objects are",
        &["backup", &history.release, "-n", history.namespace],
    )];
    let (known, others): (Vec<&ObjectRef>, Vec<&ObjectRef>) = gone
        .iter()
        .partition(|object| apis::going(object).is_some());
    if !known.is_empty() && !in_newest {
        advice.push(say(
            "Helm's plugin mapkubeapis does not help here: it rewrites the newest record, and this is an older one",
        ));
    } else if !known.is_empty() {
        let words = ["mapkubeapis", &history.release, "-n", history.namespace];
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        advice.push(Advice {
            text: "rewrite the newest record with Helm's plugin mapkubeapis, then upgrade with a chart that uses \
                   what took their place"
                .to_owned(),
            command: Some(Command::Helm(history.driver, words)),
        });
    }
    if !others.is_empty() {
        let mut kinds: Vec<_> = others.iter().map(|one| kind(one)).collect();
        kinds.dedup();
        let kinds = kinds
            .into_iter()
            .map(|(version, kind)| format!("{kind} ({version})"));
        advice.push(say(&format!(
            "bring back the CustomResourceDefinition or the API server of {}",
            listed(kinds)
        )));
    }
    if in_newest {
        advice.push(say(
            "do not run helm uninstall before: it would fail, or with Helm 3.9 forget the release and leave its objects",
        ));
    }
    advice
}

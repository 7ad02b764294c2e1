//! `leftover-hook`: a hook's object that nothing will ever remove.

use std::collections::{HashMap, HashSet};

use super::{Check, Examines, plain, say};
use crate::diagnose::{
    Advice, Context, Evidence, Explanation, Finding, Severity, Subject, Text, standing,
};
use crate::helm::Status;
use crate::live::{ObjectRef, Observed};
use crate::survey::{History, Need, Record, Release};

pub(super) static CHECK: Check = Check {
    id: "leftover-hook",
    text: Explanation {
        title: Text {
            en: "objects of hooks that nothing removes any more",
            zh: "不再有任何操作会清理的 hook 对象",
        },
        meaning: Text {
            en: "Helm deletes a hook's object only before it runs the same hook again, or when the hook's own policy \
                 says so; an uninstall leaves it. Objects of hooks are there that neither the newest nor a deployed \
                 revision has any more, or whose release is uninstalled. Looked for with --deep only, in the revisions that were \
                 read (`--all-revisions` reads all).",
            zh: "Helm 只会在再次运行同一个 hook 之前，或按该 hook 自己的删除策略删除其对象；卸载时不会删除。\
                 这里列出的 hook 对象在最新的和已部署的 revision 中都已不存在，或其 release 已被卸载。\
                 只有使用 --deep 时才会检查，并且只检查已读取的 revision（`--all-revisions` 会读取全部）。",
        },
        cause: Text {
            en: "The chart renamed or dropped a hook without a `helm.sh/hook-delete-policy`, or the release was \
                 uninstalled with `--keep-history`.",
            zh: "chart 重命名或删除了没有设置 `helm.sh/hook-delete-policy` 的 hook，或使用 `--keep-history` 卸载了 release。",
        },
        cure: Text {
            en: "Delete Jobs and Pods with kubectl when nobody needs their logs; of anything else (Secrets, \
                 PersistentVolumeClaims, …) see first whether something uses it. Give hooks a delete policy \
                 (`before-hook-creation,hook-succeeded`).",
            zh: "对于 Job 和 Pod，确认不再需要其日志后，用 kubectl 删除；对于其他对象（Secret、PersistentVolumeClaim 等），\
                 请先确认没有东西在使用它们。建议为 hook 设置删除策略（`before-hook-creation,hook-succeeded`）。",
        },
    },
    examines: Examines::Release { needs, run },
};

fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    if !context.policy.deep {
        return Vec::new();
    }
    let namespace = history.release_namespace().unwrap_or(history.namespace);
    let need = |object: &ObjectRef| Need::Object {
        namespace: namespace.to_owned(),
        object: object.clone(),
    };
    let former = former(history).into_iter();
    former
        .flat_map(|Former { object, namesakes }| [object].into_iter().chain(namesakes))
        .map(need)
        .collect()
}

/// An object of a hook that no current revision names so.
struct Former<'a> {
    object: &'a ObjectRef,
    /// What current revisions declare under its kind and name: in another
    /// version or namespace as they spell it, and perhaps the same object.
    namesakes: Vec<&'a ObjectRef>,
}

/// The objects of hooks that no operation will run again.
fn former<'a>(history: &History<'a>) -> Vec<Former<'a>> {
    let Some(newest) = history.newest().and_then(Record::decoded) else {
        return Vec::new();
    };
    if newest.status.is_pending() || newest.status == Status::Uninstalling {
        return Vec::new();
    }
    let uninstalled = newest.status == Status::Uninstalled;
    let current = standing::current(history).filter(|_| !uninstalled);
    // What was a hook may now be an object of the release.
    let current: HashSet<&ObjectRef> = current
        .filter_map(Record::decoded)
        .flat_map(|release| hooks(release).chain(&release.objects))
        .collect();
    let mut named: HashMap<(&str, &str), Vec<&ObjectRef>> = HashMap::new();
    for object in &current {
        named.entry(name(object)).or_default().push(object);
    }
    let mut seen = HashSet::new();
    let releases = history.visible().filter_map(Record::decoded);
    let objects = releases.flat_map(hooks).filter(|object| {
        let findable = !object.api_version.is_empty() && object.generated().is_none();
        findable && !current.contains(object) && seen.insert(*object)
    });
    let former = objects.map(|object| Former {
        object,
        namesakes: named.get(&name(object)).cloned().unwrap_or_default(),
    });
    former.collect()
}

fn hooks(release: &Release) -> impl Iterator<Item = &ObjectRef> {
    release.hooks.iter().map(|hook| &hook.object)
}

fn name(object: &ObjectRef) -> (&str, &str) {
    (&object.kind, &object.name)
}

/// Whether it is there, and nothing that a current revision declares.
fn is_left(context: Context<'_>, namespace: &str, former: &Former<'_>) -> bool {
    let seen = |object: &ObjectRef| context.survey.object(namespace, object);
    let Some(Observed::Present(live)) = seen(former.object) else {
        return false;
    };
    let is_another = |object: &&ObjectRef| match seen(object) {
        Some(Observed::Present(other)) => other.uid != live.uid,
        Some(Observed::Missing | Observed::Unserved) => true,
        Some(Observed::Unreadable { .. } | Observed::Several { .. }) | None => false,
    };
    // One that a release owns is no hook's any more.
    live.owner.is_none() && live.deleting.is_none() && former.namesakes.iter().all(is_another)
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    if !context.policy.deep {
        return Vec::new();
    }
    let Some(newest) = history.newest() else {
        return Vec::new();
    };
    let namespace = history.release_namespace().unwrap_or(history.namespace);
    let left = former(history).into_iter();
    let left: Vec<&ObjectRef> = left
        .filter(|former| is_left(context, namespace, former))
        .map(|former| former.object)
        .collect();
    if left.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = left.iter().map(ToString::to_string).collect();
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Info,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!(
            "{} of former hooks still there",
            plain(names.len(), "object")
        ),
        evidence: vec![Evidence::Marked { objects: names }],
        advice: advice(&left),
    }]
}

/// What ran leaves logs; what a hook made before it ran may be what the release
/// lives on.
fn advice(left: &[&ObjectRef]) -> Vec<Advice> {
    let runs = |object: &&ObjectRef| matches!(object.kind.as_str(), "Job" | "Pod");
    let ran = left.iter().filter(|one| runs(one)).count();
    let text = match ran {
        0 => "see whether anything uses them; then delete what is not needed with kubectl",
        all if all == left.len() => "delete them with kubectl, when nobody needs their logs",
        _ => {
            "delete the Jobs and Pods with kubectl, when nobody needs their logs; of the others, see first whether \
             anything uses them"
        }
    };
    vec![say(text)]
}

//! `leftover-hook`: a hook's object that nothing will ever remove.

use std::collections::HashSet;

use super::{Check, Examines, plain, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Status;
use crate::live::{ObjectRef, Observed};
use crate::survey::{History, Need};

pub(super) static CHECK: Check = Check {
    id: "leftover-hook",
    text: Explanation {
        title: Text {
            en: "objects of hooks that nothing removes any more",
            zh: "不再有任何操作会清理的 hook 对象",
        },
        meaning: Text {
            en: "Helm deletes a hook's object only before it runs the same hook again, or when the hook's own policy \
                 says so; an uninstall leaves it. Objects of hooks are there that the newest revision does not have \
                 any more, or whose release is uninstalled. Looked for with --deep only, in the revisions that were \
                 read (`--all-revisions` reads all).",
            zh: "Helm 只会在再次运行同一个 hook 之前，或按该 hook 自己的删除策略删除其对象；卸载时不会删除。\
                 这里列出的 hook 对象在最新的 revision 中已不存在，或其 release 已被卸载。\
                 只有使用 --deep 时才会检查，并且只检查已读取的 revision（`--all-revisions` 会读取全部）。",
        },
        cause: Text {
            en: "The chart renamed or dropped a hook without a `helm.sh/hook-delete-policy`, or the release was \
                 uninstalled with `--keep-history`.",
            zh: "chart 重命名或删除了没有设置 `helm.sh/hook-delete-policy` 的 hook，或使用 `--keep-history` 卸载了 release。",
        },
        cure: Text {
            en: "Delete them with kubectl when nobody needs their logs. Give hooks a delete policy \
                 (`before-hook-creation,hook-succeeded`).",
            zh: "确认不再需要其日志后，用 kubectl 删除。建议为 hook 设置删除策略（`before-hook-creation,hook-succeeded`）。",
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
    former(history).into_iter().map(need).collect()
}

/// The objects of hooks that no operation will run again.
fn former<'a>(history: &History<'a>) -> Vec<&'a ObjectRef> {
    let Some(newest) = history.newest().and_then(|newest| newest.decoded()) else {
        return Vec::new();
    };
    if newest.status.is_pending() || newest.status == Status::Uninstalling {
        return Vec::new();
    }
    let current: HashSet<&ObjectRef> = match newest.status {
        Status::Uninstalled => HashSet::new(),
        // What was a hook may now be an object of the release.
        _ => {
            let hooks = newest.hooks.iter().map(|hook| &hook.object);
            hooks.chain(&newest.objects).collect()
        }
    };
    let mut seen = HashSet::new();
    let releases = history.visible().filter_map(|record| record.decoded());
    let hooks = releases.flat_map(|release| &release.hooks);
    let objects = hooks.map(|hook| &hook.object).filter(|object| {
        let findable = !object.api_version.is_empty() && object.generated().is_none();
        findable && !current.contains(object) && seen.insert((*object).clone())
    });
    objects.collect()
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    if !context.policy.deep {
        return Vec::new();
    }
    let Some(newest) = history.newest() else {
        return Vec::new();
    };
    let namespace = history.release_namespace().unwrap_or(history.namespace);
    let there = former(history).into_iter().filter(|object| {
        let seen = context.survey.object(namespace, object);
        // One that a release owns is no hook's any more.
        matches!(seen, Some(Observed::Present(live)) if live.owner.is_none() && live.deleting.is_none())
    });
    let names: Vec<String> = there.map(ToString::to_string).collect();
    if names.is_empty() {
        return Vec::new();
    }
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
        advice: vec![say(
            "delete them with kubectl, when nobody needs their logs",
        )],
    }]
}

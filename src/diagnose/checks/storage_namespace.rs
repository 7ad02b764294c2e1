//! `storage-namespace`: a release whose records are kept in another namespace.

use super::{Check, Examines, no_needs, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "storage-namespace",
    text: Explanation {
        title: Text {
            en: "records are kept in another namespace than the release's",
            zh: "发布记录保存在与 release 不同的命名空间中",
        },
        meaning: Text {
            en: "The record's payload names another namespace than the one it is stored in. Helm finds a release \
                 only where its records are, although `helm list -A` prints the namespace of the payload: give `-n` \
                 the storage namespace. But Helm's command line then also works on the objects there: what the \
                 chart does not put into a namespace itself, an upgrade creates and an uninstall deletes in the \
                 storage namespace, not in the release's.",
            zh: "记录内容中的命名空间与保存该记录的命名空间不同。Helm 只在记录所在的命名空间中查找 release，而 `helm list -A` \
                 显示的却是记录内容中的命名空间：`-n` 应给出保存记录的命名空间。但这样一来，Helm 命令行也会在那里操作资源：\
                 凡是 chart 自身没有指定命名空间的资源，升级会创建在、卸载会删除在保存记录的命名空间，而不是 release 的命名空间。",
        },
        cause: Text {
            en: "A tool that stores records apart from releases (Flux with `storageNamespace`), or records that \
                 somebody copied from another namespace.",
            zh: "使用了把记录与 release 分开保存的工具（例如设置了 `storageNamespace` 的 Flux），或有人从其他命名空间复制了记录。",
        },
        cure: Text {
            en: "If a tool of yours does so, nothing has to be done; let that tool upgrade and uninstall. If the \
                 records were copied by hand, bring them back into the namespace that they name before Helm is used.",
            zh: "如果这是您所用工具的做法，则无需处理；升级和卸载也应由该工具完成。如果是手工复制的记录，\
                 请先把它们放回内容所指的命名空间，再使用 Helm。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some((newest, namespace)) = history.newest().zip(history.release_namespace()) else {
        return Vec::new();
    };
    if !history.is_kept_apart() {
        return Vec::new();
    }
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Info,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!(
            "the release is one of namespace {namespace}, its records are kept in {}",
            history.namespace
        ),
        evidence: vec![Evidence::Namespace {
            record: newest.id.clone(),
            namespace: namespace.to_owned(),
        }],
        advice: vec![say(
            "Helm finds it only in the namespace of its records; let the tool that keeps them there work on it",
        )],
    }]
}

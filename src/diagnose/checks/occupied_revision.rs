//! `occupied-revision`: the next revision's name is taken by an object that no
//! listing of records brings.

use super::{Check, Examines, say};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::helm::RecordKey;
use crate::live::{LiveObject, ObjectRef, Observed};
use crate::survey::{History, Need, RecordId};

pub(super) static CHECK: Check = Check {
    id: "occupied-revision",
    text: Explanation {
        title: Text {
            en: "the next revision's name is taken",
            zh: "下一个 revision 的名字已被占用",
        },
        meaning: Text {
            en: "Helm numbers revisions after the newest it sees. An object that it does not see already bears the \
                 name of the next one, so every upgrade and rollback answers \"release: already exists\", or \
                 \"already exists\" with the object's name. The object has neither Helm's labels nor its type. This \
                 is looked for only where a release is named: `{self} check RELEASE`.",
            zh: "Helm 在它能看到的最新 revision 之后继续编号。而下一个编号对应的名字已被一个 Helm 看不到的对象占用，\
                 因此每次升级和回滚都会报错 \"release: already exists\"，或带有该对象名字的 \"already exists\"。\
                 该对象既没有 Helm 的标签，也不是 Helm 的类型。只有指定 release 时才会检查：`{self} check RELEASE`。",
        },
        cause: Text {
            en: "A record that was restored by hand without its labels and type, or another tool that uses the same \
                 names (operator-controller does).",
            zh: "手工恢复记录时遗漏了标签和类型，或其他工具使用了相同的名字（operator-controller 就是如此）。",
        },
        cure: Text {
            en: "See what it is with `kubectl get`. If it is a record that belongs there, give it back Helm's labels \
                 (owner, name, status, version); if it is a leftover, save it and delete it; if another tool wrote \
                 it, do not use Helm on a release of that name.",
            zh: "用 `kubectl get` 查看它是什么。如果是本应存在的记录，补回 Helm 的标签（owner、name、status、version）；\
                 如果是残留物，先保存再删除；如果是其他工具写入的，就不要用 Helm 操作同名的 release。",
        },
    },
    examines: Examines::Release { needs, run },
};

/// The name that Helm's next revision will have, if the listing brought nothing
/// of that name and somebody asked for this release.
fn next(context: Context<'_>, history: &History<'_>) -> Option<RecordId> {
    let newest = history.newest()?;
    newest.decoded()?;
    let key = RecordKey {
        release: history.release.clone(),
        revision: newest.revision()?.checked_add(1)?,
    };
    let id = RecordId {
        namespace: history.namespace.to_owned(),
        driver: history.driver,
        name: key.to_string(),
    };
    let asked_for = context.survey.scope.releases.contains(&history.release);
    (asked_for && context.survey.record(&id).is_none()).then_some(id)
}

fn object(id: &RecordId) -> ObjectRef {
    ObjectRef {
        api_version: "v1".to_owned(),
        kind: id.driver.kind().to_owned(),
        namespace: None,
        name: id.name.clone(),
    }
}

fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    let need = next(context, history).map(|id| Need::Object {
        object: object(&id),
        namespace: id.namespace,
    });
    need.into_iter().collect()
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some(id) = next(context, history) else {
        return Vec::new();
    };
    let seen = context.survey.object(&id.namespace, &object(&id));
    let Some(Observed::Present(live)) = seen else {
        return Vec::new();
    };
    if !was_there(context, live) {
        return Vec::new();
    }
    let revision = id.key().map(|key| key.revision);
    let exists = Evidence::Exists {
        object: id.to_string(),
        created: live.created,
    };
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Error,
        subject: Subject {
            namespace: id.namespace.clone(),
            release: Some(history.release.clone()),
            revision,
            driver: Some(id.driver),
        },
        verdict: None,
        summary: format!(
            "the next upgrade will answer \"already exists\": Helm does not see {id}, and needs its name"
        ),
        evidence: vec![exists],
        advice: vec![say(
            "see what it is with kubectl; give it back Helm's labels, or save it and delete it",
        )],
    }]
}

/// Whether it was there when the records were listed: an upgrade at work may
/// have made the next revision since. Times are whole seconds, cut off.
fn was_there(context: Context<'_>, live: &LiveObject) -> bool {
    live.created < context.survey.time && live.created.is_some()
}

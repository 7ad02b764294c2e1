//! `zadig-history-full`: Zadig's next deploy deletes the oldest record, whatever
//! it is.

use super::{Check, Examines, own, says, stated};
use crate::diagnose::zadig::{self, Environment};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Status;
use crate::survey::{History, Need, Record};

/// What Zadig keeps; from 4.1 on it is a setting of the project.
const KEEPS: usize = 10;

pub(super) static CHECK: Check = Check {
    id: "zadig-history-full",
    text: Explanation {
        title: Text {
            en: "Zadig's next deploy deletes the oldest revision",
            zh: "Zadig 下一次部署会删除最旧的 revision",
        },
        meaning: Text {
            en: "No revision is deployed, the newest failed or was superseded, and the history has ten revisions or \
                 more. Before such an upgrade Zadig deletes the oldest record by itself, whether or not it is the \
                 only one that ever worked; each further try deletes one more. What one could have gone back to \
                 may be gone after a few.",
            zh: "没有 deployed 的 revision，最新的 revision 为 failed 或 superseded，而且历史已有 10 个或更多 revision。\
                 此时 Zadig 在升级之前会自行删除最旧的记录，无论它是不是唯一正常工作过的版本；每重试一次就再删一个。\
                 几次之后，原本可以回滚的版本可能就没有了。",
        },
        cause: Text {
            en: "A deploy or a rollback failed and left no revision deployed, and was tried again and again.",
            zh: "部署或回滚失败后没有任何 revision 处于 deployed，之后又反复重试。",
        },
        cure: Text {
            en: "Save the release with `{self} backup` before the next try. If an old revision is the good one, \
                 `helm rollback RELEASE REVISION` to it first: with a deployed revision Zadig goes another way and \
                 keeps it. From Zadig 4.1 on, the project's setting for release history says how many are kept.",
            zh: "下次重试之前先用 `{self} backup` 保存该 release。如果某个旧的 revision 才是正常的，请先用 \
                 `helm rollback RELEASE REVISION` 回滚到它：有了 deployed 的 revision，Zadig 就不会再删除它。\
                 Zadig 4.1 及以后，保留多少个版本由项目设置决定。",
        },
    },
    examines: Examines::Release { needs, run },
};

/// The oldest and the newest record, where Zadig would delete the oldest.
fn full<'a>(history: &History<'a>) -> Option<(&'a Record, &'a Record)> {
    let newest = history.newest()?;
    let lost = matches!(newest.status()?, Status::Failed | Status::Superseded);
    let none_deployed = history.deployed().next().is_none();
    let oldest = history.visible().next()?;
    (lost && none_deployed && history.visible().count() >= KEEPS).then_some((oldest, newest))
}

fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    match full(history) {
        Some(_) => zadig::needs(context, [history.namespace].into_iter()),
        None => Vec::new(),
    }
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let environment = zadig::environment(context.survey, history.namespace);
    let served = environment.filter(Environment::is_served);
    let (Some((oldest, newest)), Some(environment)) = (full(history), served) else {
        return Vec::new();
    };
    let revision = oldest.revision().unwrap_or_default();
    let evidence = stated(oldest).into_iter().chain(says(newest));
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!(
            "the next deploy in Zadig ({}) deletes revision {revision}, the oldest of {}, before it begins",
            environment.told(),
            history.visible().count()
        ),
        evidence: evidence.chain(environment.evidence).collect(),
        advice: vec![own(
            "save all revisions before the next try",
            &["backup", &history.release, "-n", history.namespace],
        )],
    }]
}

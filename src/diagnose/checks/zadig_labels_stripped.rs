//! `zadig-labels-stripped`: a namespace with the name of a Zadig environment
//! and without its labels.

use super::zadig_managed::names;
use super::{Check, Examines, say};
use crate::diagnose::zadig::{self, Environment};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Need};

pub(super) static CHECK: Check = Check {
    id: "zadig-labels-stripped",
    text: Explanation {
        title: Text {
            en: "releases that Zadig may have let go of",
            zh: "可能已脱离 Zadig 管理的 release",
        },
        meaning: Text {
            en: "The namespace is called as Zadig calls those of environments (PROJECT-env-ENVIRONMENT), and bears \
                 none of Zadig's labels. Zadig takes them off when an environment is deleted and its resources are \
                 kept, and whenever a production environment is deleted: the releases run on, on purpose, and Zadig \
                 knows nothing of them any more. They are detached, not left over. It may also be that the namespace \
                 was there before Zadig used it: then it never had labels, and the environment may well be alive.",
            zh: "该命名空间的名字符合 Zadig 环境的默认命名（项目-env-环境），但没有 Zadig 的标签。删除环境时选择保留资源，\
                 或删除生产环境时，Zadig 会去掉这些标签：release 有意继续运行，而 Zadig 不再管理它们。它们是“脱离管理”，\
                 不是残留。也可能是 Zadig 使用了已有的命名空间：那样从来就没有标签，环境可能仍然存在。",
        },
        cause: Text {
            en: "An environment was deleted in Zadig without its resources, a production environment was deleted, or \
                 an environment was made in a namespace that existed.",
            zh: "在 Zadig 中删除环境时保留了资源、删除了生产环境，或在已有的命名空间中创建了环境。",
        },
        cure: Text {
            en: "Look whether the environment is in Zadig. If it is not, the releases are yours to keep: upgrade them \
                 with Helm, or take them into a Zadig environment again. Do not delete them because nothing \
                 claims them.",
            zh: "在 Zadig 中查看该环境是否还在。如果不在，这些 release 由您自行维护：用 Helm 升级，或在 Zadig 中重新创建环境来接管。\
                 不要因为“无人管理”就删除它们。",
        },
    },
    examines: Examines::Survey { needs, run },
};

fn needs(context: Context<'_>, histories: &[History<'_>]) -> Vec<Need> {
    match histories.is_empty() {
        true => Vec::new(),
        false => zadig::needs(context, histories.iter().map(|history| history.namespace)),
    }
}

fn run(context: Context<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let known = zadig::served(context.survey, histories).into_iter();
    let stripped = known.filter(|(_, _, environment)| environment.is_stripped());
    stripped
        .map(|(namespace, releases, environment)| finding(namespace, releases, environment))
        .collect()
}

fn finding(namespace: &str, releases: &[History<'_>], environment: Environment) -> Finding {
    Finding {
        id: CHECK.id,
        severity: Severity::Info,
        subject: Subject::namespace(namespace),
        verdict: None,
        summary: format!(
            "it has the name of a Zadig environment ({}) and none of its labels; it holds {}",
            environment.told(),
            names(releases)
        ),
        evidence: environment.evidence,
        advice: vec![say(
            "look whether the environment is in Zadig; if it is not, these are detached, not left over: keep them",
        )],
    }
}

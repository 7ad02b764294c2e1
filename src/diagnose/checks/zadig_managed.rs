//! `zadig-managed`: which namespaces, and so which releases, are Zadig's.

use super::{Check, Examines, listed, say};
use crate::diagnose::zadig::{self, Environment};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Need};

pub(super) static CHECK: Check = Check {
    id: "zadig-managed",
    text: Explanation {
        title: Text {
            en: "releases of a Zadig environment",
            zh: "由 Zadig 环境管理的 release",
        },
        meaning: Text {
            en: "The namespace is one of Zadig's, so its releases are services of a Zadig environment. Nothing is \
                 wrong. How sure it is is said: `certainly` by the labels createdBy=koderover and s-product, `very \
                 likely` by one of them, `judged by its name` (PROJECT-env-ENVIRONMENT) where the labels may not be \
                 read, `possibly` by the Secret default-registry-secret alone. A namespace that was there before \
                 Zadig used it bears no labels, so what is not listed may be Zadig's all the same.",
            zh: "该命名空间属于 Zadig，其中的 release 就是某个 Zadig 环境中的服务。这不是问题。会说明把握有多大：\
                 certainly（确定）依据标签 createdBy=koderover 和 s-product；very likely（很可能）依据其中之一；\
                 judged by its name（依据名字“项目-env-环境”）用于无权读取标签时；possibly（可能）仅依据 Secret \
                 default-registry-secret。Zadig 使用已有的命名空间时不会加标签，因此没有列出的也可能属于 Zadig。",
        },
        cause: Text {
            en: "Zadig labels the namespaces that it creates for environments.",
            zh: "Zadig 会为它给环境创建的命名空间打上标签。",
        },
        cure: Text {
            en: "Nothing has to be done. Deploy and delete these releases in Zadig, which keeps a record of its own of \
                 each environment's services. Zadig never repairs a stuck release: repair it with `{self} unstick`, \
                 then deploy again in Zadig.",
            zh: "无需处理。请在 Zadig 中部署和删除这些服务，因为 Zadig 另外保存着每个环境的服务信息。\
                 Zadig 不会修复卡住的 release：请先用 `{self} unstick` 修复，再在 Zadig 中重新部署。",
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
    // Of one whose labels are off another check tells.
    let known = zadig::served(context.survey, histories).into_iter();
    let known = known.filter(|(_, _, environment)| !environment.is_stripped());
    known
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
            "{} Zadig's: {}; it holds {}",
            environment.strength.told(),
            environment.told(),
            names(releases)
        ),
        evidence: environment.evidence,
        advice: vec![say(
            "deploy and delete these in Zadig; what is stuck, repair here and deploy again there",
        )],
    }
}

/// The releases' names; the two drivers of one follow each other.
pub(super) fn names(releases: &[History<'_>]) -> String {
    let mut names: Vec<String> = releases.iter().map(|one| one.release.clone()).collect();
    names.dedup();
    listed(names.into_iter())
}

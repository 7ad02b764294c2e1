//! `zadig-lost-environment`: an environment that Zadig still has,
//! of a project that it has not.

use super::zadig_project_gone::again;
use super::{Check, Examines, told_enough};
use crate::diagnose::claims::{Claim, Claims, certainty, in_namespace, is_inside};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "zadig-lost-environment",
    text: Explanation {
        title: Text {
            en: "an environment whose project Zadig does not have",
            zh: "环境还在，但所属项目在 Zadig 中已不存在",
        },
        meaning: Text {
            en: "Zadig's database has the environment, and no project of its key: nobody sees the environment in \
                 Zadig, and workflows that deploy to it fail (\"failed to find template product\").",
            zh: "Zadig 的数据库中仍有该环境，但没有它所属的项目：在 Zadig 页面上看不到该环境，\
                 部署到该环境的工作流会失败（failed to find template product）。",
        },
        cause: Text {
            en: "The deletion of the project was cut off: Zadig deletes the project first and its environments last.",
            zh: "删除项目的过程被中断：Zadig 会先删除项目，最后才删除其中的环境。",
        },
        cure: Text {
            en: "Save the namespace with `{self} backup -n NAMESPACE`. Then create the project again in Zadig with the \
                 same key: its environments are seen again, and can be used or deleted there. Its services have to be \
                 added again, from the charts that `{self} backup export SNAPSHOT RELEASE --chart DIR` writes.",
            zh: "先用 `{self} backup -n NAMESPACE` 备份。然后在 Zadig 中用相同的项目标识重新创建项目：\
                 其中的环境会重新可见，可以继续使用，也可以在 Zadig 中删除。服务需要重新添加，\
                 chart 可用 `{self} backup export SNAPSHOT RELEASE --chart DIR` 导出。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

fn run(context: Context<'_>, claims: &Claims<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (namespace, claiming) in claims.all().filter(|(one, _)| is_inside(context, one)) {
        let here = in_namespace(histories, namespace).iter();
        let releases: Vec<&str> = here.map(|one| one.release.as_str()).collect();
        let lost = claiming
            .iter()
            .filter(|claim| !claims.has_project(claim.project));
        findings.extend(lost.map(|claim| finding(claims, namespace, claim, &releases)));
    }
    findings
}

fn finding(claims: &Claims<'_>, namespace: &str, claim: &Claim<'_>, releases: &[&str]) -> Finding {
    let (verdict, lacking) = certainty(&claims.project_gone(claim.project));
    let severity = match verdict {
        None => Severity::Error,
        Some(_) => Severity::Warning,
    };
    let status = Evidence::Zadig {
        told: format!("the environment's status is {}", claim.environment.status),
    };
    Finding {
        id: CHECK.id,
        severity,
        subject: Subject::namespace(namespace),
        verdict,
        summary: format!(
            "{} uses it, and Zadig does not list that project",
            claim.told()
        ),
        evidence: lacking.into_iter().chain([status]).collect(),
        advice: again(namespace, claim.project, releases),
    }
}

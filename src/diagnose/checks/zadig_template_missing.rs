//! `zadig-template-missing`: an environment that Zadig cannot read as a whole.

use super::{Check, Examines, say, told_enough};
use crate::diagnose::claims::{Claim, Claims};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "zadig-template-missing",
    text: Explanation {
        title: Text {
            en: "a service of the environment has lost its template in Zadig",
            zh: "环境中有服务在 Zadig 中找不到服务模板",
        },
        meaning: Text {
            en: "Zadig answers with error 6078 when it is asked for the environment through its open interface: at \
                 least one service of the environment has no template any more. At the next write to any service such \
                 a service is dropped from the environment, and its release stays without an owner. Environments with \
                 a chart from a repository always answer so, and are not counted.",
            zh: "通过 OpenAPI 查询该环境时 Zadig 返回错误 6078（获取环境失败）：环境中至少有一个服务已没有服务模板。\
                 下一次更新任一服务时，这样的服务会从环境中静默移除，它的 release 就无人管理了。\
                 含有 Chart 仓库服务的环境总会这样返回，因此不计入。",
        },
        cause: Text {
            en: "Somebody deleted the service in the project, which leaves the environments alone.",
            zh: "有人在项目中删除了该服务，而删除服务不会处理已有的环境。",
        },
        cure: Text {
            en: "Save the namespace: `{self} backup -n NAMESPACE`. Then add the service in the project again under its \
                 name, from the chart that `{self} backup export SNAPSHOT RELEASE --chart DIR` writes, or remove it \
                 from the environment in Zadig.",
            zh: "先备份：`{self} backup -n NAMESPACE`。然后在项目中用原来的名字重新添加服务，\
                 chart 可用 `{self} backup export SNAPSHOT RELEASE --chart DIR` 导出；或在 Zadig 的环境中删除该服务。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

fn run(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let inside = claims.inside(context);
    inside
        .filter_map(|(namespace, claim)| finding(namespace, claim))
        .collect()
}

fn finding(namespace: &str, claim: &Claim<'_>) -> Option<Finding> {
    let detail = claim.detail()?;
    let said = detail.refused.as_ref()?;
    // The open interface looks charts of a repository up where they never are.
    if detail.services.iter().any(|service| service.chart) {
        return None;
    }
    Some(Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::namespace(namespace),
        verdict: None,
        summary: format!(
            "Zadig cannot read {} as a whole: a service has no template",
            claim.told()
        ),
        evidence: vec![Evidence::Zadig {
            told: format!("error 6078: {said:?}"),
        }],
        advice: vec![say(
            "add the service in the project again under its name, or remove it from the environment in Zadig, before \
             anybody updates the environment",
        )],
    })
}

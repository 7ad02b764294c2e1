//! `zadig-missing-release`: a service of an environment that has no release.

use super::{Check, Examines, say, zadig_namespace_missing};
use crate::diagnose::claims::{Claim, Claims, in_namespace, looked_for};
use crate::diagnose::{
    Advice, Context, Evidence, Explanation, Finding, Severity, Subject, Text, Verdict,
};
use crate::survey::zadig::ZadigService;
use crate::survey::{History, NamespaceState};

pub(super) static CHECK: Check = Check {
    id: "zadig-missing-release",
    text: Explanation {
        title: Text {
            en: "a service of a Zadig environment without a release",
            zh: "Zadig 环境中的服务没有对应的 release",
        },
        meaning: Text {
            en: "Zadig lists the service in the environment as one that it deploys, and there is no record of its \
                 release. Zadig shows it as not deployed. Services with the deploy strategies \"import\" and \"draft\" \
                 are not counted.",
            zh: "Zadig 的环境中列出了该服务，并且由 Zadig 部署，但集群中没有它的 release 记录，Zadig 中显示为未部署。\
                 部署策略为“仅导入服务”或“草稿”的服务不计入。",
        },
        cause: Text {
            en: "The release was uninstalled with Helm or its records were deleted; a deploy was cut off before Helm \
                 wrote anything; or an update that was to remove the service uninstalled it and did not come to take it \
                 off Zadig's list.",
            zh: "有人用 Helm 卸载了该 release 或删除了它的记录；部署在 Helm 写入之前就被中断；\
                 或者更新环境时已卸载该服务，却没来得及从 Zadig 的环境中移除。",
        },
        cure: Text {
            en: "Deploy the service again in Zadig. If it is not needed, remove it from the environment in Zadig; where \
                 that fails, Zadig's API takes it off the list and leaves the cluster alone (`is_delete=false`): the \
                 finding prints the request. This tool only reads Zadig.",
            zh: "在 Zadig 中重新部署该服务。如果不再需要，在 Zadig 的环境中删除它；若删除失败，\
                 可以调用 Zadig 的接口只移除服务信息、不动集群资源（is_delete=false），结果中会给出该请求。本工具只读取 Zadig。",
        },
    },
    examines: Examines::Claims {
        // In a namespace that is not there nothing is missing by itself.
        needs: zadig_namespace_missing::needs,
        run,
    },
};

fn run(context: Context<'_>, claims: &Claims<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let there = |namespace: &str, release: &str| {
        let mut here = in_namespace(histories, namespace).iter();
        here.any(|one| one.release == release)
    };
    let mut findings = Vec::new();
    for (namespace, claim) in claims
        .all()
        .flat_map(|(namespace, claims)| claims.iter().map(move |claim| (namespace, claim)))
    {
        if context.survey.namespace(namespace) == Some(&NamespaceState::Missing) {
            continue;
        }
        let lost = claim.services().filter(|(service, release)| {
            service.is_deployed_by_zadig()
                && looked_for(context, namespace, release)
                && !there(namespace, release)
        });
        findings.extend(lost.filter_map(|(service, release)| {
            finding(context, claims, (namespace, claim), service, release)
        }));
    }
    findings
}

/// How long ago the service was changed: one that was changed just now may be
/// on its way.
fn quiet(context: Context<'_>, claim: &Claim<'_>, service: &ZadigService) -> Option<i64> {
    let changed = claim.environment.updated.max(service.updated)?;
    Some(context.survey.time?.as_second() - changed.as_second())
}

fn finding(
    context: Context<'_>,
    claims: &Claims<'_>,
    (namespace, claim): (&str, &Claim<'_>),
    service: &ZadigService,
    release: &str,
) -> Option<Finding> {
    let quiet = quiet(context, claim, service);
    if quiet.is_some_and(|quiet| quiet <= context.policy.older_than) {
        return None;
    }
    let busy = claim.is_busy();
    let (severity, verdict) = match (quiet, busy) {
        (Some(_), false) => (Severity::Warning, None),
        _ => (Severity::Warning, Some(Verdict::Unknown)),
    };
    let status = service.status.as_ref().map(|status| Evidence::Zadig {
        told: format!("its status is {status}"),
    });
    let error = service.error.as_ref().map(|error| Evidence::Zadig {
        told: format!("its error is {error:?}"),
    });
    let busy = busy.then(|| Evidence::Lacking {
        condition: format!("the environment is {}", claim.environment.status),
    });
    let untimed = quiet.is_none().then(|| Evidence::Lacking {
        condition: "Zadig does not say when the service was last changed".to_owned(),
    });
    let subject = Subject {
        release: Some(release.to_owned()),
        ..Subject::namespace(namespace)
    };
    Some(Finding {
        id: CHECK.id,
        severity,
        subject,
        verdict,
        summary: format!(
            "service {} of {} has no release",
            service.name,
            claim.told()
        ),
        evidence: [busy, untimed, error, status]
            .into_iter()
            .flatten()
            .collect(),
        advice: advice(claims, claim, release),
    })
}

fn advice(claims: &Claims<'_>, claim: &Claim<'_>, release: &str) -> Vec<Advice> {
    let query = format!(
        "projectName={}&production={}&releaseNames={release}&is_delete=false",
        claim.project, claim.production
    );
    let url = format!(
        "{}/api/aslan/environment/environments/{}/helm/releases?{query}",
        claims.zadig.server, claim.environment.name
    );
    vec![
        say("deploy the service again in Zadig, or remove it there from the environment"),
        say(&format!(
            "where that fails, an administrator can take it off Zadig's list alone (since Zadig 2.2): curl -X DELETE -H \
             \"Authorization: Bearer $ZADIG_TOKEN\" '{url}'"
        )),
    ]
}

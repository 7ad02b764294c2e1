//! `zadig-stale-error`: Zadig calls a release failed that is deployed.

use super::{Check, Examines, say, stated, told_enough};
use crate::diagnose::claims::{Claim, Claims};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Status;
use crate::survey::zadig::ZadigService;
use crate::survey::{History, Record};

pub(super) static CHECK: Check = Check {
    id: "zadig-stale-error",
    text: Explanation {
        title: Text {
            en: "Zadig shows a deployed release as failed",
            zh: "release 已部署成功，Zadig 却显示失败",
        },
        meaning: Text {
            en: "The newest revision is deployed, and Zadig lists the service as failed because it keeps the error of an \
                 earlier try: any error that it keeps hides the release's own status.",
            zh: "最新的 revision 状态是 deployed，但 Zadig 仍把该服务显示为失败，因为它保存着之前某次部署的错误：\
                 只要保存着错误，就会掩盖 release 的真实状态。",
        },
        cause: Text {
            en: "A deploy from Zadig failed, and the release was repaired by other means, or a later try went through \
                 without its result being noted.",
            zh: "通过 Zadig 的某次部署失败后，用其他方式修复了 release；或者后来的部署成功了，但结果没有写回。",
        },
        cure: Text {
            en: "Update the service once more in Zadig: a deploy that succeeds clears the error. Nothing is wrong in \
                 the cluster.",
            zh: "在 Zadig 中重新更新该服务：部署成功后错误就会清除。集群中没有问题。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

fn run(_: Context<'_>, claims: &Claims<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for history in histories {
        let newest = history.newest();
        let deployed = newest.filter(|one| one.status() == Some(Status::Deployed));
        let claiming = claims.of_namespace(history.namespace).iter();
        let failed = claiming.filter_map(|claim| Some((claim, failed(claim, &history.release)?)));
        findings.extend(deployed.into_iter().flat_map(|newest| {
            let failed = failed.clone();
            failed.map(|(claim, service)| finding(history, newest, claim, service))
        }));
    }
    findings
}

/// The service with that release, if Zadig calls it failed.
fn failed<'a>(claim: &Claim<'a>, release: &str) -> Option<&'a ZadigService> {
    let mut services = claim.services();
    let failed = services
        .find(|(service, name)| *name == release && service.status.as_deref() == Some("failed"));
    failed.map(|(service, _)| service)
}

fn finding(
    history: &History<'_>,
    newest: &Record,
    claim: &Claim<'_>,
    service: &ZadigService,
) -> Finding {
    let said = service.error.as_ref().map(|error| Evidence::Zadig {
        told: format!("its error is {error:?}"),
    });
    Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::release(history),
        verdict: None,
        summary: format!(
            "it is deployed, and Zadig shows service {} of {} as failed",
            service.name,
            claim.told()
        ),
        evidence: said.into_iter().chain(stated(newest)).collect(),
        advice: vec![say(
            "update the service in Zadig once more, which clears the error that it keeps",
        )],
    }
}

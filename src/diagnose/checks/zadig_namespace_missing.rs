//! `zadig-namespace-missing`: an environment whose namespace does not exist.

use super::{Check, Examines, say};
use crate::diagnose::claims::{Claim, Claims, is_inside};
use crate::diagnose::{
    Context, Evidence, Explanation, Finding, Severity, Subject, Text, Verdict, around,
};
use crate::survey::{History, NamespaceState, Need};

pub(super) static CHECK: Check = Check {
    id: "zadig-namespace-missing",
    text: Explanation {
        title: Text {
            en: "an environment of Zadig whose namespace does not exist",
            zh: "Zadig 环境对应的命名空间不存在",
        },
        meaning: Text {
            en: "Zadig lists the environment in this cluster, and its namespace is not there: nothing of it runs, and \
                 every deploy to it fails.",
            zh: "Zadig 中有该环境，且属于本集群，但它的命名空间不存在：环境中没有任何服务在运行，部署也会失败。",
        },
        cause: Text {
            en: "Somebody deleted the namespace with kubectl, or a deletion of the environment or its project was cut \
                 off after the namespace and before Zadig's records.",
            zh: "有人用 kubectl 删除了命名空间；或删除环境、项目的过程在删除命名空间之后、清理 Zadig 数据之前中断。",
        },
        cure: Text {
            en: "If the environment is not needed, delete it in Zadig. If it is, put back what was saved (`{self} \
                 backup restore SNAPSHOT`) or create it again in Zadig.",
            zh: "如果不再需要该环境，在 Zadig 中删除它；如果需要，用备份恢复（`{self} backup restore SNAPSHOT`），或在 Zadig 中重新创建。",
        },
    },
    examines: Examines::Claims { needs, run },
};

/// Whether the namespaces that Zadig claims are there.
pub(super) fn needs(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Need> {
    let claimed = claims.all().map(|(namespace, _)| namespace);
    around::namespaces(context, claimed.filter(|one| is_inside(context, one)))
}

fn run(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let missing = claims.inside(context).filter(|(namespace, _)| {
        context.survey.namespace(namespace) == Some(&NamespaceState::Missing)
    });
    missing
        .map(|(namespace, claim)| finding(namespace, claim))
        .collect()
}

fn finding(namespace: &str, claim: &Claim<'_>) -> Finding {
    // One that is being made has no namespace yet, one that goes has none any more.
    let (severity, verdict) = match claim.is_busy() {
        true => (Severity::Warning, Some(Verdict::Unknown)),
        false => (Severity::Error, None),
    };
    Finding {
        id: CHECK.id,
        severity,
        subject: Subject::namespace(namespace),
        verdict,
        summary: format!("{} is to be in it, and it does not exist", claim.told()),
        evidence: vec![Evidence::Zadig {
            told: format!("the environment's status is {}", claim.environment.status),
        }],
        advice: vec![say(
            "delete the environment in Zadig if it is not needed; else restore it from a snapshot, or create it again",
        )],
    }
}

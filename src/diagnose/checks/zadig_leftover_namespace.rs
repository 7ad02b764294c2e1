//! `zadig-leftover-namespace`: a namespace that Zadig made and that holds no
//! release.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Check, Examines, say};
use crate::diagnose::zadig::{self, Environment};
use crate::diagnose::{
    Context, Evidence, Explanation, Finding, Seconds, Severity, Subject, Text, around,
};
use crate::survey::{History, NamespaceState, Need, SeenNamespace};

pub(super) static CHECK: Check = Check {
    id: "zadig-leftover-namespace",
    text: Explanation {
        title: Text {
            en: "a namespace of Zadig's without releases",
            zh: "Zadig 创建的命名空间中没有 release",
        },
        meaning: Text {
            en: "Zadig made this namespace (label createdBy=koderover), and no Helm release is in it, or it is being \
                 deleted and does not go. An environment of a project that deploys Kubernetes YAML looks the same, and \
                 so does one whose services were never deployed: the cluster alone cannot tell them from what is \
                 left of an environment that was deleted.",
            zh: "该命名空间由 Zadig 创建（标签 createdBy=koderover），其中没有 Helm release，或者它正在被删除却一直没有消失。\
                 K8s YAML 项目的环境看起来也是这样，尚未部署过服务的环境也一样：\
                 仅凭集群无法把它们与已删除环境的残留区分开。",
        },
        cause: Text {
            en: "Zadig deletes an environment's records first and its namespace last, and reports success even where \
                 that failed. A namespace that does not go is held up by a finalizer, or by an API that does not \
                 answer.",
            zh: "Zadig 删除环境时先删除自己的数据，最后才删除命名空间，并且即使这一步失败也会提示“成功”。\
                 一直无法消失的命名空间，是被某个 finalizer 或没有响应的 API 挡住了。",
        },
        cure: Text {
            en: "Look for the environment in Zadig. If no environment uses the namespace and nothing in it is needed, \
                 it is left over: save what is in it, and delete it with kubectl. What holds up a deletion, `kubectl \
                 get namespace NAMESPACE -o yaml` says in its status.",
            zh: "在 Zadig 中查找对应的环境。如果没有环境使用该命名空间，且其中的内容都不再需要，它就是残留：\
                 先保存其中的内容，再用 kubectl 删除。删除被什么挡住，可用 `kubectl get namespace NAMESPACE -o yaml` 从其状态中看出。",
        },
    },
    examines: Examines::Survey { needs, run },
};

/// Whether all records of the namespaces in scope were asked for: only then is
/// one known to be empty.
fn sees_all(context: Context<'_>) -> bool {
    context.survey.scope.releases.is_empty() && context.survey.lists_all_records()
}

fn needs(context: Context<'_>, _: &[History<'_>]) -> Vec<Need> {
    match sees_all(context) {
        true => around::namespaces(
            context,
            context.survey.scope.namespace.as_deref().into_iter(),
        ),
        false => Vec::new(),
    }
}

fn run(context: Context<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let survey = context.survey;
    let records = survey.records.iter();
    let holds: BTreeSet<&str> = records.map(|one| one.id.namespace.as_str()).collect();
    if !sees_all(context) {
        return Vec::new();
    }
    let scope = survey.scope.namespace.as_ref();
    let here = |seen: &&SeenNamespace| {
        scope.is_none_or(|namespace| *namespace == seen.name) && !holds.contains(&*seen.name)
    };
    let empty = survey.namespaces.iter().filter(here);
    let findings = empty.filter_map(|seen| {
        let NamespaceState::Present {
            created, deleting, ..
        } = &seen.state
        else {
            return None;
        };
        let environment = zadig::environment(survey, &seen.name).filter(|one| one.made)?;
        finding(context, &seen.name, environment, (*created, *deleting))
    });
    findings.collect()
}

/// One that is just being made or deleted is what it should be.
fn finding(
    context: Context<'_>,
    namespace: &str,
    environment: Environment,
    (created, deleting): (Option<Timestamp>, Option<Timestamp>),
) -> Option<Finding> {
    let now = context.survey.time?;
    let lasts = now.as_second() - deleting.or(created)?.as_second();
    if lasts <= context.policy.older_than {
        return None;
    }
    let (severity, told, advice) = match deleting {
        Some(_) => (
            Severity::Warning,
            format!(
                "it is being deleted for {}, and does not go",
                Seconds(lasts)
            ),
            "its status says what holds it up: kubectl get namespace -o yaml",
        ),
        None => (
            Severity::Info,
            "no Helm release is in it".to_owned(),
            "look for the environment in Zadig: one that deploys Kubernetes YAML looks like this; if there is none, \
             the namespace is left over",
        ),
    };
    let mut evidence = environment.evidence.clone();
    evidence.extend(deleting.map(|since| Evidence::Terminating {
        namespace: namespace.to_owned(),
        since,
    }));
    Some(Finding {
        id: CHECK.id,
        severity,
        subject: Subject::namespace(namespace),
        verdict: None,
        summary: format!("Zadig made it ({}), and {told}", environment.told()),
        evidence,
        advice: vec![say(advice)],
    })
}

//! `zadig-environment-gone`: a namespace of Zadig's that no environment uses.

use super::{Check, Examines, helm, listed, own, say};
use crate::diagnose::claims::{self, Claims, certainty};
use crate::diagnose::zadig::{self, Environment, Strength};
use crate::diagnose::{
    Advice, Context, Evidence, Explanation, Finding, Severity, Subject, Text, Verdict,
};
use crate::survey::zadig::FormerClaim;
use crate::survey::{History, NamespaceState, Need};

/// For how many releases a command is printed.
const FEW: usize = 3;

pub(super) static CHECK: Check = Check {
    id: "zadig-environment-gone",
    text: Explanation {
        title: Text {
            en: "no environment of Zadig uses this namespace of its",
            zh: "Zadig 中已没有环境使用该命名空间",
        },
        meaning: Text {
            en: "The namespace is one that Zadig made, and no environment of any project uses it, test or production: \
                 what runs in it runs on, and nobody sees it in Zadig. A new environment of the same name may collide \
                 with it. That an environment is gone is said only of a list that an administrator got whole, from \
                 the same cluster, twice with five minutes between; else the finding is `unknown` and names what is \
                 missing. Where Zadig's labels are off the namespace, or a production environment used it, its \
                 resources were kept on purpose: that is information, not residue.",
            zh: "该命名空间由 Zadig 创建，但任何项目的测试环境或生产环境都不再使用它：其中的服务仍在运行，而 Zadig 中已看不到。\
                 再创建同名环境可能与之冲突。只有在以下条件都满足时才会断言环境已不存在：使用管理员的 token，列表完整，\
                 属于同一集群，且相隔五分钟的两次读取结果一致；否则结论为 unknown，并说明缺少哪个条件。\
                 如果命名空间上已没有 Zadig 的标签，或曾由生产环境使用，说明资源是有意保留的：这只是提示，不是残留。",
        },
        cause: Text {
            en: "Zadig deletes an environment from its database first, answers that it succeeded, and uninstalls the \
                 releases afterwards, ten seconds each. If aslan is restarted then, or an uninstall fails, what is left \
                 has no owner. Deleting a project whose environment uses a namespace that was there before leaves \
                 every release. Environments are deleted by people, by their recycle day, and by collaboration mode.",
            zh: "Zadig 删除环境时先删除数据库中的记录并返回成功，之后才在后台逐个卸载 release（每个最多 10 秒）。\
                 如果此时 aslan 重启或卸载失败，剩下的资源就不再属于任何环境。删除项目时，如果环境使用的是已有命名空间，\
                 所有 release 都会留下。环境可能被人删除，也可能因“环境回收”到期或协作模式而被自动删除。",
        },
        cure: Text {
            en: "Save it first: `{self} backup -n NAMESPACE`. If it is still needed, create the environment again in \
                 Zadig on this namespace and add its services with the deploy strategy \"import\" (only import): then \
                 nothing is deployed anew. If it is not, `helm uninstall` each release and delete the namespace.",
            zh: "先备份：`{self} backup -n NAMESPACE`。如果仍然需要，在 Zadig 中选择该已有命名空间重新创建环境，\
                 添加服务时部署策略选择“仅导入服务”，这样不会重新部署。如果不再需要，\
                 用 `helm uninstall` 卸载各 release，再删除命名空间。",
        },
    },
    examines: Examines::Claims { needs, run },
};

fn needs(context: Context<'_>, _: &Claims<'_>, histories: &[History<'_>]) -> Vec<Need> {
    let scope = context.survey.scope.namespace.as_deref();
    let held = histories.iter().map(|history| history.namespace);
    zadig::needs(context, held.chain(scope))
}

fn run(context: Context<'_>, claims: &Claims<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let namespaces = claims::namespaces(context).into_iter();
    let unclaimed = namespaces.filter(|namespace| claims.is_unclaimed(namespace));
    unclaimed
        .filter_map(|namespace| {
            let here = claims::in_namespace(histories, namespace);
            Case::of(context, claims, namespace, here)
        })
        .map(Case::finding)
        .collect()
}

/// A namespace that nobody claims.
struct Case<'a, 's> {
    namespace: &'a str,
    releases: &'a [History<'s>],
    sign: Option<Environment>,
    former: Option<FormerClaim>,
    lacking: Vec<String>,
}

impl<'a, 's> Case<'a, 's> {
    /// If it is one of Zadig's, holds something, and there is nothing to say of
    /// it that is worse or that time will tell.
    fn of(
        context: Context<'_>,
        claims: &Claims<'_>,
        namespace: &'a str,
        releases: &'a [History<'s>],
    ) -> Option<Self> {
        let sign = zadig::environment(context.survey, namespace);
        let former = claims.former(namespace);
        if sign.is_none() && former.is_none() {
            return None;
        }
        // That the whole project is gone is worse, and told by another check.
        let project = claims.project_of(context.survey, namespace);
        if project.is_some_and(|project| !claims.has_project(&project)) {
            return None;
        }
        let going = match context.survey.namespace(namespace) {
            Some(NamespaceState::Present { deleting, .. }) => deleting.is_some(),
            _ => false,
        };
        let made = sign.as_ref().is_some_and(|sign| sign.made);
        if going || releases.is_empty() && !made {
            return None;
        }
        let lacking = claims.namespace_gone(namespace);
        Some(Self {
            namespace,
            releases,
            sign,
            former,
            lacking,
        })
    }

    /// Whether what is left was left on purpose, or was never Zadig's.
    fn is_detached(&self) -> bool {
        let former = self.former.as_ref().map(|one| &one.claim);
        let signs = self.sign.as_ref().map(|sign| sign.strength);
        let unlabeled = signs.is_none_or(|strength| strength <= Strength::Named);
        former.is_some_and(|claim| claim.production) || unlabeled && !self.was_uninstalled()
    }

    /// Whether some of its releases are gone: who keeps resources keeps them all.
    fn was_uninstalled(&self) -> bool {
        let former = self.former.iter();
        let mut had = former.flat_map(|one| one.claim.releases.iter().flatten());
        had.any(|release| self.releases.iter().all(|one| one.release != *release))
    }

    fn finding(self) -> Finding {
        let (verdict, lacking) = certainty(&self.lacking);
        let severity = match self.is_detached() {
            true => Severity::Info,
            false => Severity::Warning,
        };
        let advice = self.advice();
        // What is missing says most; without it what is certain stands first.
        let mut evidence: Vec<Evidence> = lacking;
        evidence.extend(self.former.iter().map(was));
        let summary = self.summary(verdict);
        evidence.extend(self.sign.into_iter().flat_map(|sign| sign.evidence));
        Finding {
            id: CHECK.id,
            severity,
            subject: Subject::namespace(self.namespace),
            verdict,
            summary,
            evidence,
            advice,
        }
    }

    fn summary(&self, verdict: Option<Verdict>) -> String {
        let whose = match (&self.sign, &self.former) {
            (_, Some(former)) => {
                let names = former.claim.environments.iter().cloned();
                format!("environment {}", listed(names))
            }
            (Some(sign), None) => sign.told(),
            (None, None) => String::new(),
        };
        let holds = match self.releases.is_empty() {
            true => "no release is in it".to_owned(),
            false => format!("it holds {}", super::zadig_managed::names(self.releases)),
        };
        let told = match (self.is_detached(), verdict) {
            (true, None) => "was kept on purpose, or is not Zadig's",
            (true, Some(_)) => "may have been kept on purpose",
            (false, None) => "is left over",
            (false, Some(_)) => "may be left over",
        };
        format!("no environment of Zadig uses it ({whose}), so it {told}; {holds}")
    }

    fn advice(&self) -> Vec<Advice> {
        let mut advice = vec![own(
            "save what is there first",
            &["backup", "-n", self.namespace],
        )];
        if self.is_detached() {
            advice.push(say("nothing has to be done where it was kept on purpose"));
            return advice;
        }
        advice.push(say(
            "if it is needed: in Zadig, create the environment again on this namespace, and add its services with the \
             deploy strategy \"import\", so that nothing is deployed anew",
        ));
        let removed = self.releases.iter().take(FEW);
        advice.extend(removed.map(|history| helm("if it is not needed", history, "uninstall")));
        advice.push(say("then delete the namespace with kubectl"));
        advice
    }
}

pub(super) fn was(former: &FormerClaim) -> Evidence {
    let names = former.claim.environments.iter().cloned();
    Evidence::Zadig {
        told: format!("at {} environment {} used it", former.seen, listed(names)),
    }
}

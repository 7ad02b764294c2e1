//! `zadig-refuses`: a release of Zadig's in a state that Zadig never gets past.

use super::{Check, Examines, helm, own, say, says};
use crate::diagnose::life::OWN_MANAGER;
use crate::diagnose::zadig::{self, Environment};
use crate::diagnose::{Advice, Context, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Status;
use crate::survey::{History, Need, Record};

/// Zadig gives a deploy ten minutes and waits a minute more; until then a
/// pending release may be one that it is deploying.
const WINDOW: i64 = 600 + 60;

pub(super) static CHECK: Check = Check {
    id: "zadig-refuses",
    text: Explanation {
        title: Text {
            en: "a state in which Zadig refuses every deploy",
            zh: "Zadig 会一直拒绝部署的状态",
        },
        meaning: Text {
            en: "The release belongs to a Zadig environment, and Zadig refuses to deploy it for as long as its newest \
                 revision says this. Pending: \"failed to upgrade release: … with exceptional status: pending-upgrade\" \
                 or \"another operation (install/upgrade/rollback) is in progress, please try later\". Uninstalling or \
                 unknown, with no revision deployed: \"can't install or upgrade chart with status: uninstalling\". \
                 Uninstalled with its history kept: the same, up to Zadig 5.0.0. No version of Zadig repairs any of \
                 it, and trying again does not help. How the release itself got there, and whether something is \
                 still at work, is told by the finding beside this one.",
            zh: "该 release 属于某个 Zadig 环境。只要最新的 revision 是这个状态，Zadig 就会一直拒绝部署。pending 状态报错 \
                 \"failed to upgrade release: … with exceptional status: pending-upgrade\" 或 \
                 \"another operation (install/upgrade/rollback) is in progress, please try later\"；uninstalling 或 unknown \
                 且没有 deployed 的 revision 时报错 \"can't install or upgrade chart with status: uninstalling\"；\
                 保留了历史的 uninstalled 在 Zadig 5.0.0 及更早版本中同样如此。任何版本的 Zadig 都不会自动修复，重试也没有用。\
                 该 release 如何变成这样、是否仍有操作在进行，见与它同时给出的另一条结果。",
        },
        cause: Text {
            en: "Zadig (aslan) was restarted or ran out of memory in the middle of a deploy, a workflow timed out \
                 while Helm went on, or an uninstall could not delete an object: Zadig gives it ten seconds.",
            zh: "Zadig（aslan）在部署过程中重启或内存不足；工作流超时而 Helm 仍在执行；或卸载时有资源删不掉（Zadig 只等待 10 秒）。",
        },
        cure: Text {
            en: "Pending: `{self} unstick RELEASE -n NAMESPACE`, then deploy again in Zadig; the service need not be \
                 deleted. Where revision 1 is pending-install there is nothing to roll back to: unstick it, or \
                 `helm uninstall` it, and deploy again. Uninstalling: end the uninstall with `helm uninstall`. \
                 Unknown: `helm rollback` to a good revision. Uninstalled: `helm uninstall` once more removes the \
                 records that were kept.",
            zh: "pending：先执行 `{self} unstick RELEASE -n NAMESPACE`，再在 Zadig 中重新部署，无需删除服务。\
                 如果是 revision 1 的 pending-install，没有可以回滚的版本：用 unstick 修复或 `helm uninstall`，再重新部署。\
                 uninstalling：用 `helm uninstall` 完成卸载。unknown：用 `helm rollback` 回到正常的 revision。\
                 uninstalled：再执行一次 `helm uninstall` 会删除保留的历史记录。之后在 Zadig 的环境中更新该服务即可。",
        },
    },
    examines: Examines::Release { needs, run },
};

/// What Zadig says to a newest revision of that status; `None` if it goes on.
fn refusal(history: &History<'_>, status: &Status) -> Option<String> {
    let none_deployed = history.deployed().next().is_none();
    let cannot = || format!("can't install or upgrade chart with status: {status}");
    match status {
        status if status.is_pending() => Some(format!(
            "failed to upgrade release: {} with exceptional status: {status}",
            history.release
        )),
        Status::Uninstalled => Some(cannot()),
        Status::Uninstalling | Status::Unknown | Status::Other(_) if none_deployed => {
            Some(cannot())
        }
        _ => None,
    }
}

fn refused<'a>(history: &History<'a>) -> Option<(&'a Record, &'a Status, String)> {
    let newest = history.newest()?;
    let status = &newest.decoded()?.status;
    Some((newest, status, refusal(history, status)?))
}

fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    match refused(history) {
        Some(_) => zadig::needs(context, [history.namespace].into_iter()),
        None => Vec::new(),
    }
}

/// Whether Zadig itself may still be at work: somebody wrote to the record
/// within the time that it gives a deploy.
fn is_young(context: Context<'_>, newest: &Record) -> bool {
    let others = newest
        .writers
        .iter()
        .filter(|one| one.manager != OWN_MANAGER);
    let last = others.map(|one| one.at).chain(newest.created).max();
    let (Some(now), Some(last)) = (context.survey.time, last) else {
        return true;
    };
    now.as_second() - last.as_second() <= WINDOW
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some((newest, status, said)) = refused(history) else {
        return Vec::new();
    };
    let environment = zadig::environment(context.survey, history.namespace);
    let Some(environment) = environment.filter(Environment::is_served) else {
        return Vec::new();
    };
    let deploying = status.is_pending() || *status == Status::Uninstalling;
    if deploying && is_young(context, newest) {
        return Vec::new();
    }
    let until = match status {
        Status::Uninstalled => ", up to 5.0.0,",
        _ => "",
    };
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!(
            "Zadig{until} refuses to deploy it ({}): {said:?}",
            environment.told()
        ),
        evidence: says(newest)
            .into_iter()
            .chain(environment.evidence)
            .collect(),
        advice: advice(history, newest, status),
    }]
}

fn advice(history: &History<'_>, newest: &Record, status: &Status) -> Vec<Advice> {
    let (release, namespace) = (history.release.as_str(), history.namespace);
    let again = say("then deploy it again in Zadig; the service need not be deleted there");
    match status {
        status if status.is_pending() => {
            let first = *status == Status::PendingInstall && newest.revision() == Some(1);
            let text = match first {
                true => {
                    "there is no revision to roll back to: mark it failed, and Zadig upgrades from it (or remove it \
                     with helm uninstall)"
                }
                false => {
                    "mark it failed, if it is stale, and Zadig upgrades from the last good revision"
                }
            };
            let unstick = ["unstick", release, "-n", namespace, "--dry-run"];
            vec![own(text, &unstick), again]
        }
        Status::Uninstalled => vec![
            own(
                "save the history that was kept",
                &["backup", release, "-n", namespace],
            ),
            helm("then remove it: its objects are gone", history, "uninstall"),
            again,
        ],
        Status::Uninstalling => vec![say(
            "end the uninstall first; the finding of the unfinished uninstall says how",
        )],
        _ => vec![
            helm(
                "roll back to the revision that should run",
                history,
                "history",
            ),
            again,
        ],
    }
}

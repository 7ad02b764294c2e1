//! `zadig-orphan-release`: a release that no service of its environment has.

use super::{Check, Examines, own, say, told_enough};
use crate::diagnose::claims::{Claim, Claims, certainty};
use crate::diagnose::zadig;
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text, Verdict};
use crate::helm::Status;
use crate::survey::{History, Record};

pub(super) static CHECK: Check = Check {
    id: "zadig-orphan-release",
    text: Explanation {
        title: Text {
            en: "a release that no service of the Zadig environment has",
            zh: "Zadig 环境中没有任何服务对应该 release",
        },
        meaning: Text {
            en: "The namespace is an environment's, and none of its services has this release: Zadig neither shows nor \
                 updates it. Where an earlier read or the operation log tells that a service had it, or it is called as \
                 a service was called before the naming rule changed, it is left over; else somebody may have installed \
                 it beside Zadig, which is no fault and only told.",
            zh: "该命名空间属于某个环境，但环境中没有任何服务对应这个 release：Zadig 既不显示也不更新它。\
                 如果之前的读取结果或操作日志表明曾有服务对应它，或者它的名字符合旧的命名规则，它就是残留；\
                 否则可能是有人绕过 Zadig 自行安装的，这不算问题，只作提示。",
        },
        cause: Text {
            en: "Zadig takes a service off its list before it uninstalls it, and only sends a message if that fails. \
                 Since 3.1 a service whose template was deleted is dropped from an environment at its next update \
                 without an uninstall. Since 4.2.1 a changed naming rule leaves the release of the old name behind.",
            zh: "Zadig 删除环境中的服务时，先移除服务信息再卸载，卸载失败只会发一条通知。3.1 起，服务模板被删除后，\
                 环境下一次更新时会静默移除该服务而不卸载。4.2.1 起，修改 release 命名规则后，旧名字的 release 会留下。",
        },
        cure: Text {
            en: "Save it with `{self} backup RELEASE -n NAMESPACE`. If it is needed, add the service in Zadig again \
                 with the deploy strategy \"import\"; else `helm uninstall` it.",
            zh: "先用 `{self} backup RELEASE -n NAMESPACE` 备份。如果仍然需要，在 Zadig 中重新添加服务，\
                 部署策略选择“仅导入服务”；否则用 `helm uninstall` 卸载。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

/// Why it is taken for a release that Zadig had.
enum Was {
    /// A service bears another name now.
    Renamed { service: String, now: String },
    /// It was seen as a service's.
    Seen(String),
}

fn run(context: Context<'_>, claims: &Claims<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let found = histories.iter();
    found
        .filter_map(|history| orphan(context, claims, history))
        .collect()
}

fn orphan(context: Context<'_>, claims: &Claims<'_>, history: &History<'_>) -> Option<Finding> {
    let claiming = claims.of_namespace(history.namespace);
    let whole = claiming.iter().all(|claim| claim.detail().is_some());
    let claimed = claiming.iter().any(|claim| has(claim, &history.release));
    if claiming.is_empty() || !whole || claimed || !is_settled(context, history) {
        return None;
    }
    let was = renamed(claiming, history).or_else(|| seen(claims, claiming, history));
    let made = || {
        let sign = zadig::environment(context.survey, history.namespace);
        sign.is_some_and(|sign| sign.made)
    };
    match was {
        Some(was) => Some(finding(claims, claiming, history, was)),
        None => made().then(|| beside(claiming, history)),
    }
}

/// Whether a service has that release, or may have it: where Zadig does not
/// tell the release, the service's name is all there is.
fn has(claim: &Claim<'_>, release: &str) -> bool {
    let services = claim.detail().into_iter().flat_map(|one| &one.services);
    let mut names = services.map(|one| one.release.as_deref().unwrap_or(&one.name));
    names.any(|name| name == release)
}

/// Zadig writes its own list after Helm is done, so a release that was written
/// just now may still come into it; and one that is uninstalled is none.
fn is_settled(context: Context<'_>, history: &History<'_>) -> bool {
    let Some(newest) = history.newest() else {
        return false;
    };
    let written = newest
        .writers
        .iter()
        .map(|one| one.at)
        .chain(newest.created)
        .max();
    let age = context.survey.time.zip(written);
    let age = age.map(|(now, then)| now.as_second() - then.as_second());
    newest.status() != Some(Status::Uninstalled)
        && age.is_some_and(|age| age > context.policy.older_than)
}

/// The names that Zadig's rules give a service's release.
fn renamed(claiming: &[Claim<'_>], history: &History<'_>) -> Option<Was> {
    claiming.iter().find_map(|claim| {
        let environment = &claim.environment.name;
        let mut services = claim.services().filter(|(service, _)| !service.chart);
        services.find_map(|(service, now)| {
            let service = &service.name;
            let rules = [
                format!("{}-{service}", history.namespace),
                service.clone(),
                format!("{environment}-{service}"),
                format!("{}-{service}", claim.project),
                format!("{}-{environment}-{service}", claim.project),
            ];
            rules.contains(&history.release).then(|| Was::Renamed {
                service: service.clone(),
                now: now.to_owned(),
            })
        })
    })
}

/// What tells that a service had it: an earlier read, or the operation log.
fn seen(claims: &Claims<'_>, claiming: &[Claim<'_>], history: &History<'_>) -> Option<Was> {
    if let Some(at) = claims.had_release(history.namespace, &history.release) {
        return Some(Was::Seen(format!("at {at} a service had it")));
    }
    let mut log = claims.zadig.operations.items.iter();
    let deleted = log.find(|one| {
        let about = ["环境的服务", "环境的helm release"].contains(&one.function.as_str());
        let here = claiming.iter().any(|claim| claim.project == one.project);
        about && here && one.targets.contains(&history.release)
    })?;
    Some(Was::Seen(super::zadig_deletion::told(deleted)))
}

fn environments(claiming: &[Claim<'_>]) -> String {
    super::listed(claiming.iter().map(Claim::told))
}

fn finding(
    claims: &Claims<'_>,
    claiming: &[Claim<'_>],
    history: &History<'_>,
    was: Was,
) -> Finding {
    let (verdict, lacking) = certainty(&claims.release_gone(history.namespace, &history.release));
    let (told, evidence) = match was {
        Was::Renamed { service, now } => (
            format!("is called as service {service} was before: its release is {now} now"),
            None,
        ),
        Was::Seen(told) => (
            "was a service's, and none has it any more".to_owned(),
            Some(Evidence::Zadig { told }),
        ),
    };
    let (release, namespace) = (history.release.as_str(), history.namespace);
    let may = match verdict {
        Some(Verdict::Unknown) => " (not for certain)",
        _ => "",
    };
    let newest = history
        .newest()
        .and_then(|newest: &Record| super::stated(newest));
    Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::release(history),
        verdict,
        summary: format!(
            "it {told}{may}; the namespace is that of {}",
            environments(claiming)
        ),
        evidence: lacking.into_iter().chain(evidence).chain(newest).collect(),
        advice: vec![
            own("save it first", &["backup", release, "-n", namespace]),
            say(
                "if it is needed, add the service in Zadig again with the deploy strategy \"import\"",
            ),
            super::helm("if it is not", history, "uninstall"),
        ],
    }
}

/// Nothing tells that it ever was Zadig's.
fn beside(claiming: &[Claim<'_>], history: &History<'_>) -> Finding {
    Finding {
        id: CHECK.id,
        severity: Severity::Info,
        subject: Subject::release(history),
        verdict: None,
        summary: format!(
            "no service of {} has it: it was installed beside Zadig, or Zadig has forgotten it",
            environments(claiming)
        ),
        evidence: Vec::new(),
        advice: vec![say(
            "nothing has to be done if it was installed on purpose; Zadig takes it with the deploy strategy \"import\"",
        )],
    }
}

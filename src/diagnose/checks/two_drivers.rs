//! `two-drivers`: the same release as Secrets and as ConfigMaps.

use super::{Check, Examines, helm, no_needs, own, says};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Driver;
use crate::survey::{History, Payload};

pub(super) static CHECK: Check = Check {
    id: "two-drivers",
    text: Explanation {
        title: Text {
            en: "a release has records in both drivers",
            zh: "同一个 release 在两种存储驱动中都有记录",
        },
        meaning: Text {
            en: "The release has records as Secrets and as ConfigMaps. Helm sees only those that HELM_DRIVER names \
                 (Secrets where it names none) and knows nothing of the others, so two histories of the same objects \
                 go their own ways: what one Helm calls deployed may be long replaced by what the other did.",
            zh: "该 release 既有 Secret 形式的记录，也有 ConfigMap 形式的记录。Helm 只看 HELM_DRIVER 指定的那一种\
                 （未指定时为 Secret），对另一种一无所知。于是同一批资源有两份各自发展的历史：\
                 一个 Helm 认为 deployed 的内容，可能早已被另一个 Helm 替换。",
        },
        cause: Text {
            en: "HELM_DRIVER was changed, or is set for some who deploy and not for others; or records were copied \
                 from one driver to the other and never removed from the first.",
            zh: "HELM_DRIVER 被修改过，或者只在部分部署环境中设置；或者记录从一种驱动复制到另一种之后，没有从原处删除。",
        },
        cure: Text {
            en: "Find out which HELM_DRIVER your deploys use, and give it to all of them. Save both with `{self} \
                 backup` before the records of the other driver are removed; never uninstall by them: that would \
                 delete the objects of both.",
            zh: "弄清部署时使用的是哪个 HELM_DRIVER，并统一设置。删除另一种驱动的记录之前，先用 `{self} backup` 把两者都保存下来；\
                 不要用另一种驱动执行 uninstall：那会删除两者共用的资源。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

/// Told once, of the Secrets; the twin is in the evidence.
fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some(twin) = history.twin.as_deref() else {
        return Vec::new();
    };
    if history.driver != Driver::Secret {
        return Vec::new();
    }
    let differ = match same(history, twin) {
        true => "their newest revisions are the same",
        false => "they differ",
    };
    let newest = history.newest().into_iter().chain(twin.newest());
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject {
            namespace: history.namespace.to_owned(),
            release: Some(history.release.clone()),
            revision: None,
            driver: Some(history.driver),
        },
        verdict: None,
        summary: format!("{}; {}; {differ}", told(history), told(twin)),
        evidence: newest.filter_map(says).collect(),
        advice: vec![
            own(
                "save both",
                &["backup", &history.release, "-n", history.namespace],
            ),
            helm("see what Helm knows by its default", history, "history"),
            helm("see what it knows by the other driver", twin, "history"),
        ],
    }]
}

/// What a driver holds: its newest revision, as Helm sees it.
fn told(history: &History<'_>) -> String {
    let driver = history.driver.resource();
    let newest = history.newest().and_then(|newest| {
        let (revision, status) = (newest.revision()?, newest.status()?);
        Some(format!("{driver} hold revision {revision} as {status}"))
    });
    newest.unwrap_or_else(|| format!("{driver} hold none that Helm can read"))
}

fn same(one: &History<'_>, other: &History<'_>) -> bool {
    let payload = |history: &History<'_>| match history.newest().map(|record| &record.payload) {
        Some(Payload::Decoded { digest, .. } | Payload::TooLarge { digest, .. }) => Some(*digest),
        _ => None,
    };
    payload(one).is_some() && payload(one) == payload(other)
}

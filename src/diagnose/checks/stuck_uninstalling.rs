//! `stuck-uninstalling`: an uninstall began and never ended.

use super::{Check, Examines, helm, look_again, own, say, says, unjudged};
use crate::diagnose::life::{self, Life};
use crate::diagnose::{Context, Explanation, Finding, Subject, Text, Verdict};
use crate::helm::Status;
use crate::live::Observed;
use crate::survey::{History, Need, Record, Release};

pub(super) static CHECK: Check = Check {
    id: "stuck-uninstalling",
    text: Explanation {
        title: Text {
            en: "an uninstall began and never ended",
            zh: "卸载已开始，但一直没有结束",
        },
        meaning: Text {
            en: "The newest revision is uninstalling. `helm upgrade` answers \"has no deployed releases\", \
                 `helm install` \"cannot re-use a name that is still in use\", and Helm 3 hides the release from \
                 `helm list` unless `-a` is given.",
            zh: "最新的 revision 处于 uninstalling 状态。此时 `helm upgrade` 报错 \"has no deployed releases\"，\
                 `helm install` 报错 \"cannot re-use a name that is still in use\"，而 Helm 3 的 `helm list` 不加 `-a` 时看不到它。",
        },
        cause: Text {
            en: "Helm was killed while it deleted objects, or could not delete one: a finalizer that nobody \
                 removes, an API that the cluster no longer serves, a missing permission.",
            zh: "Helm 在删除资源时被杀死，或有资源删不掉：finalizer 无人清除、集群已不再提供该 API、或缺少权限。",
        },
        cure: Text {
            en: "See which objects are left and what holds them, then run `helm uninstall` again: it goes on from \
                 where it stopped. Do not add `--wait` while a finalizer holds an object: when that times out, Helm \
                 removes the records and leaves the object behind. Where an object's API is no longer served, bring \
                 that API back first, or delete the objects yourself: there Helm fails before it deletes anything, \
                 and Helm 3.9 removes the records all the same.",
            zh: "先查看哪些资源还在、被什么阻挡，然后再次执行 `helm uninstall`，它会从中断处继续。\
                 当 finalizer 仍挡住某个资源时不要加 `--wait`：超时后 Helm 会删除发布记录，却把资源留在集群里。\
                 如果集群已不再提供某个资源的 API，请先恢复该 API，或自行删除这些资源：此时 Helm 在删除任何资源之前就会失败，\
                 而 Helm 3.9 仍会删除发布记录。",
        },
    },
    examines: Examines::Release { needs, run },
};

fn uninstalling<'a>(history: &History<'a>) -> Option<(&'a Record, &'a Release)> {
    let newest = history.newest()?;
    let release = newest.decoded()?;
    (release.status == Status::Uninstalling).then_some((newest, release))
}

fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    match uninstalling(history) {
        Some((_, release)) => life::needs(context, history, release),
        None => Vec::new(),
    }
}

/// The release's objects whose API the cluster does not serve.
fn unserved(context: Context<'_>, release: &Release) -> Vec<String> {
    let seen = context.survey.objects.iter();
    let unserved = seen.filter(|seen| seen.observed == Observed::Unserved);
    let objects = unserved.map(|seen| &seen.object);
    let ours = objects.filter(|object| release.objects.contains(object));
    ours.map(|object| format!("{object} ({})", object.api_version))
        .collect()
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some((newest, release)) = uninstalling(history) else {
        let announced = |status: &Status| *status == Status::Uninstalling;
        return unjudged(CHECK.id, context, history, announced);
    };
    let Life { verdict, evidence } = life::judge(context, history, newest, release);
    let (name, namespace) = (history.release.as_str(), history.namespace);
    let unserved = unserved(context, release);
    let advice = match verdict {
        // Helm would delete what bears the same names beside the records.
        Verdict::Stale if history.is_kept_apart() => vec![say(
            "its records are kept in another namespace than the release's: go on with the uninstall by the \
             tool that keeps them there, not by Helm's command line",
        )],
        // Helm cannot go on, and Helm 3.9 forgets the release while all its objects live on.
        Verdict::Stale if !unserved.is_empty() => vec![
            say(&format!(
                "do not run helm uninstall while the cluster does not serve the API of {}: bring it back (a \
                 CustomResourceDefinition), or delete the release's objects yourself",
                unserved.join(", ")
            )),
            own(
                "save the records, which say what those objects are",
                &["backup", name, "-n", namespace],
            ),
        ],
        Verdict::Stale => vec![helm(
            "go on with helm uninstall, once nothing holds its objects any more",
            history,
            "uninstall",
        )],
        Verdict::Unknown => vec![look_again(context, history)],
        Verdict::PossiblyRunning => vec![say("wait until the uninstall ends, then look again")],
    };
    let told = match verdict {
        Verdict::Stale => "and nothing goes on with it",
        Verdict::PossiblyRunning => "and something may still be at work",
        Verdict::Unknown => "and it cannot be known whether something is at work",
    };
    let says = says(newest).into_iter();
    vec![Finding {
        id: CHECK.id,
        severity: verdict.severity(),
        subject: Subject::record(newest),
        verdict: Some(verdict),
        summary: format!("revision {} is uninstalling, {told}", release.version),
        evidence: evidence.into_iter().chain(says).collect(),
        advice,
    }]
}

//! `none-deployed`: no revision says it is the deployed one.

use super::last_unknown::is_unknown;
use super::{Check, Examines, helm, no_needs, say, says};
use crate::diagnose::{Advice, Command, Context, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Status;
use crate::survey::{History, Record};

pub(super) static CHECK: Check = Check {
    id: "none-deployed",
    text: Explanation {
        title: Text {
            en: "no revision is deployed",
            zh: "没有任何 revision 处于 deployed 状态",
        },
        meaning: Text {
            en: "The release has records, but none says deployed. Helm 3.2.1 and later upgrade from the newest \
                 revision if that is failed or superseded; older ones answer \"has no deployed releases\".",
            zh: "release 有记录，但没有一个是 deployed。Helm 3.2.1 及以后的版本在最新 revision 为 failed 或 superseded \
                 时会以它为基准升级；更早的版本报错 \"has no deployed releases\"。",
        },
        cause: Text {
            en: "The first install failed, a rollback failed after it had superseded the old revision, or Helm was \
                 killed between its last two writes: the new version runs, and no record says so.",
            zh: "首次安装失败；回滚在把旧 revision 标记为 superseded 之后失败；或 Helm 在最后两次写入之间被杀死：\
                 新版本已在运行，却没有记录说明。",
        },
        cure: Text {
            en: "Upgrade again with the chart and values you want: Helm takes the newest revision as its base. \
                 After a failed rollback, `helm rollback RELEASE REVISION` also goes back to what ran before it; give \
                 the number, for without one Helm goes to the revision before the newest, whatever that says. Beside \
                 a stuck revision, repair that first.",
            zh: "用期望的 chart 和 values 再升级一次即可，Helm 会以最新的 revision 为基准。回滚失败之后，也可以用 \
                 `helm rollback RELEASE REVISION` 回到之前运行的版本；请写明 revision，否则 Helm 会回到最新 revision 的前一个，\
                 无论它是什么状态。如果同时存在卡住的 revision，请先修复它。",
        },
    },
    examines: Examines::Release {
        needs: no_needs,
        run,
    },
};

fn run(_: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some(newest) = history.newest() else {
        return Vec::new();
    };
    let Some(status) = newest
        .status()
        .filter(|status| *status != Status::Uninstalled)
    else {
        return Vec::new();
    };
    if history.deployed().next().is_some() {
        return Vec::new();
    }
    // Beside a stuck revision it is a part of that picture, not a second one.
    let stuck = status.is_pending() || status == Status::Uninstalling || is_unknown(&status);
    let ran = ran_before(history, newest);
    let (severity, advice) = match (stuck, ran) {
        (true, _) => (
            Severity::Info,
            vec![say("repair the newest revision first")],
        ),
        (false, Some(ran)) => (Severity::Warning, go_back(history, ran)),
        (false, None) => (
            Severity::Warning,
            vec![helm(
                "see what there is, then upgrade again",
                history,
                "history",
            )],
        ),
    };
    let told = match ran {
        Some(ran) => format!(
            "a rollback failed after it had superseded revision {ran}, which ran before; parts of both may run now"
        ),
        None => format!("no revision is labeled deployed; the newest says {status}"),
    };
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject::record(newest),
        verdict: None,
        summary: told,
        evidence: says(newest).into_iter().collect(),
        advice,
    }]
}

/// The revision that a failed rollback superseded before it had applied
/// anything: Helm does so on any error while it applies, and says in the
/// description what it was about (`Rollback "x" failed: …`).
fn ran_before(history: &History<'_>, newest: &Record) -> Option<u32> {
    let release = newest.decoded()?;
    let rollback = release.status == Status::Failed && release.description.starts_with("Rollback ");
    let older = history.visible().rev().nth(1).filter(|_| rollback)?;
    (older.status() == Some(Status::Superseded)).then(|| older.revision())?
}

fn go_back(history: &History<'_>, ran: u32) -> Vec<Advice> {
    let mut rollback = helm("go back to what ran before", history, "rollback");
    if let Some(Command::Helm(_, words)) = &mut rollback.command {
        words.insert(2, ran.to_string());
    }
    vec![
        rollback,
        say("or upgrade with the chart and values you want"),
    ]
}

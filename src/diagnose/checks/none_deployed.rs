//! `none-deployed`: no revision says it is the deployed one.

use super::{Check, Examines, helm, no_needs, say, says};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::helm::Status;
use crate::survey::History;

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
                 Beside a stuck revision, repair that first.",
            zh: "用期望的 chart 和 values 再升级一次即可，Helm 会以最新的 revision 为基准。如果同时存在卡住的 revision，请先修复它。",
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
    let stuck = status.is_pending() || status == Status::Uninstalling;
    let (severity, advice) = match stuck {
        true => (Severity::Info, say("repair the stuck revision first")),
        false => (
            Severity::Warning,
            helm("see what there is, then upgrade again", history, "history"),
        ),
    };
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject::record(newest),
        verdict: None,
        summary: format!("no revision is labeled deployed; the newest says {status}"),
        evidence: says(newest).into_iter().collect(),
        advice: vec![advice],
    }]
}

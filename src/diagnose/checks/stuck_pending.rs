//! `stuck-pending`: the newest revision announced an operation and never said
//! how it ended.

use super::{Check, Examines, look_again, own, say, says, unjudged};
use crate::diagnose::extent::{self, Done, Extent};
use crate::diagnose::life::{self, Life};
use crate::diagnose::{Advice, Command, Context, Explanation, Finding, Subject, Text, Verdict};
use crate::helm::Status;
use crate::survey::{History, Need, Record, Release};

pub(super) static CHECK: Check = Check {
    id: "stuck-pending",
    text: Explanation {
        title: Text {
            en: "an operation began and never ended",
            zh: "操作已开始，但一直没有结束",
        },
        meaning: Text {
            en: "The newest revision is pending-install, pending-upgrade or pending-rollback. As long as it is, \
                 every `helm upgrade` answers \"another operation (install/upgrade/rollback) is in progress\", and \
                 Zadig \"failed to upgrade release … with exceptional status\". Only the newest revision counts. \
                 The verdict says whether the operation may still be alive: `stale` is proven by silence, \
                 `possibly-running` names the signs of life, `unknown` names what could not be read.",
            zh: "最新的 revision 处于 pending-install、pending-upgrade 或 pending-rollback 状态。只要它还在，每次 \
                 `helm upgrade` 都会报错 \"another operation (install/upgrade/rollback) is in progress\"，Zadig 则会报 \
                 \"failed to upgrade release … with exceptional status\"。只有最新的 revision 起作用。\
                 判定结果（verdict）说明该操作是否可能仍在进行：stale 表示长时间毫无动静，已证实失效；\
                 possibly-running 会列出存活迹象；unknown 会列出无法读取的内容。",
        },
        cause: Text {
            en: "The process that ran Helm was killed (a cancelled pipeline, out of memory, a restarted Zadig pod), \
                 or lost the API server, before its last write. Helm itself never cleans this up.",
            zh: "运行 Helm 的进程在最后一次写入之前被杀死（流水线被取消、内存不足、Zadig 的 Pod 重启），\
                 或与 API server 失去连接。Helm 自身不会清理这种状态。",
        },
        cure: Text {
            en: "If the verdict is stale: `{self} unstick RELEASE -n NAMESPACE --dry-run` shows the repair, without \
                 `--dry-run` it saves a snapshot, marks the revision failed and fences it; then run the same upgrade \
                 or rollback again, for an install `helm upgrade --install`. `{self} undo` takes the repair back. \
                 Until that is done, do not run `helm uninstall --keep-history`: it deletes the objects but cannot \
                 mark the fenced revision uninstalled. If it is possibly-running: wait, or end what is named.",
            zh: "如果判定为 stale：先用 `{self} unstick RELEASE -n NAMESPACE --dry-run` 查看修复计划；去掉 \
                 `--dry-run` 后会先保存快照，再把该 revision 标记为 failed 并加以保护（immutable），然后重新执行同样的升级或回滚即可；\
                 如果是安装，请执行 `helm upgrade --install`。`{self} undo` 可以撤销修复。在此操作完成之前不要执行 `helm uninstall --keep-history`：\
                 它会删除资源，却无法把受保护的 revision 标记为 uninstalled。如果判定为 possibly-running：请等待，或先结束所列出的对象。",
        },
    },
    examines: Examines::Release { needs, run },
};

/// The newest record that Helm sees, if it says pending.
fn pending<'a>(history: &History<'a>) -> Option<(&'a Record, &'a Release)> {
    let newest = history.newest()?;
    let release = newest.decoded()?;
    release.status.is_pending().then_some((newest, release))
}

fn needs(context: Context<'_>, history: &History<'_>) -> Vec<Need> {
    match pending(history) {
        Some((newest, release)) => {
            let mut needs = life::needs(context, history, release);
            if context.policy.surroundings {
                needs.extend(extent::needs(history, newest, release));
            }
            needs
        }
        None => Vec::new(),
    }
}

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some((newest, release)) = pending(history) else {
        return unjudged(CHECK.id, context, history, Status::is_pending);
    };
    let Life { verdict, evidence } = life::judge(context, history, newest, release);
    let told = match verdict {
        Verdict::Stale => "and nothing is alive any more",
        Verdict::PossiblyRunning => "and something may still be at work",
        Verdict::Unknown => "and it cannot be known whether something is at work",
    };
    let done = match context.policy.surroundings {
        true => extent::of(context, history, newest, release),
        false => Done::default(),
    };
    let says = says(newest).into_iter();
    vec![Finding {
        id: CHECK.id,
        severity: verdict.severity(),
        subject: Subject::record(newest),
        verdict: Some(verdict),
        summary: format!(
            "revision {} is {}, {told}{}",
            release.version,
            release.status,
            got_in(done.extent)
        ),
        evidence: evidence
            .into_iter()
            .chain(done.evidence)
            .chain(says)
            .collect(),
        advice: advice(context, history, verdict, done.extent),
    }]
}

fn got_in(extent: Extent) -> &'static str {
    match extent {
        Extent::None => "; nothing of it got in",
        Extent::Part => "; a part of it got in",
        Extent::All => "; all of it got in",
        Extent::Unknown => "",
    }
}

fn advice(
    context: Context<'_>,
    history: &History<'_>,
    verdict: Verdict,
    extent: Extent,
) -> Vec<Advice> {
    let (release, namespace) = (history.release.as_str(), history.namespace);
    let windows = context.policy.windows();
    let command = |words: &[&'_ str]| -> Vec<String> {
        let windows = windows.iter().map(String::as_str);
        words
            .iter()
            .copied()
            .chain(windows)
            .map(str::to_owned)
            .collect()
    };
    match verdict {
        Verdict::Stale => {
            let show = own(
                "show the repair: mark the revision failed, after a snapshot",
                &command(&["unstick", release, "-n", namespace, "--dry-run"]),
            );
            [Some(show), afterwards(history, extent)]
                .into_iter()
                .flatten()
                .collect()
        }
        Verdict::Unknown => vec![look_again(context, history)],
        Verdict::PossiblyRunning => {
            let window = crate::diagnose::Seconds(context.policy.wait_window());
            let text = format!(
                "wait until it ends or has been silent for up to {window}; a hook that will never end, or a \
                 held Lease, must be removed by whoever owns it"
            );
            vec![
                say(&text),
                own(
                    "then look again",
                    &command(&["check", release, "-n", namespace]),
                ),
            ]
        }
    }
}

/// What is right once the record is repaired, by what the operation did.
fn afterwards(history: &History<'_>, extent: Extent) -> Option<Advice> {
    let (newest, release) = pending(history)?;
    let back = history
        .deployed()
        .filter(|record| record.revision() < newest.revision())
        .filter_map(Record::revision)
        .max();
    let again = again(&release.status);
    let text = match (extent, back) {
        (Extent::Unknown, _) => return None,
        (Extent::None, _) => {
            format!("then {again}: nothing was changed yet, so nothing is lost")
        }
        (Extent::All, _) => {
            format!("then {again}: it finds its work done, and writes the record that is missing")
        }
        (Extent::Part, None) => format!("then {again}, which goes on from what is there"),
        (Extent::Part, Some(back)) => {
            let text = format!(
                "then {again}, which goes on from what is there; or go back to revision {back}, whose rollback runs \
                 its hooks"
            );
            let words = [
                "rollback",
                &history.release,
                &back.to_string(),
                "-n",
                history.namespace,
            ];
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            let command = Some(Command::Helm(history.driver, words));
            return Some(Advice { text, command });
        }
    };
    Some(say(&text))
}

/// The operation once more. An install's name is in use by then; a rollback
/// without a revision would go to the one before the newest.
fn again(status: &Status) -> &'static str {
    match status {
        Status::PendingInstall => "run helm upgrade --install with what was to be installed",
        Status::PendingRollback => "run the same rollback again, with its revision",
        _ => "run the same upgrade again",
    }
}

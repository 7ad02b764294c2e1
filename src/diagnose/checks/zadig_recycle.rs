//! `zadig-recycle`: an environment that Zadig will delete by itself soon.

use super::{Check, Examines, own, say, told_enough};
use crate::diagnose::claims::{Claim, Claims};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Seconds, Severity, Subject, Text};
use crate::survey::History;

/// How long before it strikes it is told, in seconds.
const AHEAD: i64 = 2 * 86_400;

pub(super) static CHECK: Check = Check {
    id: "zadig-recycle",
    text: Explanation {
        title: Text {
            en: "an environment that Zadig is about to recycle",
            zh: "环境即将被 Zadig 自动回收",
        },
        meaning: Text {
            en: "The test environment has a recycle day, and within two days, or already, it was not updated for that \
                 long: Zadig then deletes it with all its releases, and the namespace if Zadig made it. It looks every \
                 five minutes, asks nobody, and leaves no entry in the operation log.",
            zh: "该测试环境设置了环境回收，并且两天之内（或已经）达到未更新的天数：届时 Zadig 会删除该环境及其所有 release，\
                 如果命名空间由 Zadig 创建也会一并删除。Zadig 每五分钟检查一次，不会询问任何人，也不会写入操作日志。",
        },
        cause: Text {
            en: "Environments get a recycle day when they are created, by the default of the installation \
                 (DEFAULT_ENV_RECYCLE_DAY), or as copies: seven days.",
            zh: "创建环境时设置了环境回收天数，或来自安装时的默认值（DEFAULT_ENV_RECYCLE_DAY），或因为是复制的环境（7 天）。",
        },
        cure: Text {
            en: "If it is needed, switch recycling off for the environment in Zadig, or update it, which begins the \
                 count anew. In any case save it: `{self} backup -n NAMESPACE`.",
            zh: "如果仍然需要，在 Zadig 的环境设置中关闭环境回收，或更新一次环境，重新开始计时。\
                 无论如何先备份：`{self} backup -n NAMESPACE`。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

fn run(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let test = claims
        .inside(context)
        .filter(|(_, claim)| !claim.production);
    test.filter_map(|(namespace, claim)| finding(context, namespace, claim))
        .collect()
}

fn finding(context: Context<'_>, namespace: &str, claim: &Claim<'_>) -> Option<Finding> {
    let days = claim.detail()?.recycle_days?;
    let updated = claim.environment.updated?;
    let due = updated
        .as_second()
        .saturating_add(days.saturating_mul(86_400));
    let left = due - context.survey.time?.as_second();
    let told = match left {
        left if left > AHEAD => return None,
        left if left > 0 => format!("in {}", Seconds(left)),
        _ => "at any moment".to_owned(),
    };
    Some(Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::namespace(namespace),
        verdict: None,
        summary: format!(
            "Zadig deletes {} {told}, with all that is in it",
            claim.told()
        ),
        evidence: vec![Evidence::Zadig {
            told: format!("its recycle day is {days}, and it was last updated at {updated}"),
        }],
        advice: vec![
            own("save it in any case", &["backup", "-n", namespace]),
            say("if it is needed, switch recycling off for it in Zadig, or update it there"),
        ],
    })
}

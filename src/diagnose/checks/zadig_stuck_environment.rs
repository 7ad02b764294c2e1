//! `zadig-stuck-environment`: creating, updating or deleting for too long.

use super::{Check, Examines, own, say, told_enough};
use crate::diagnose::claims::{Claim, Claims};
use crate::diagnose::{
    Advice, Context, Evidence, Explanation, Finding, Seconds, Subject, Text, Verdict,
};
use crate::survey::History;
use crate::survey::zadig::ZadigApi;

pub(super) static CHECK: Check = Check {
    id: "zadig-stuck-environment",
    text: Explanation {
        title: Text {
            en: "an environment of Zadig that is creating, updating or deleting for ever",
            zh: "Zadig 环境一直处于创建中、更新中或删除中",
        },
        meaning: Text {
            en: "Zadig's database says that the environment is being created, updated or deleted, and nothing was \
                 noted of it for longer than any deploy may take. Nothing in Zadig since 3.1 ever sets that right by \
                 itself; up to 3.0 a restart of aslan does.",
            zh: "Zadig 数据库中该环境的状态是 creating（创建中）、updating（更新中）或 deleting（删除中），\
                 但很久没有任何变化，超过了部署可能需要的时间。3.1 起 Zadig 不会自动纠正该状态；3.0 及之前重启 aslan 会重置。",
        },
        cause: Text {
            en: "aslan was restarted or ran out of memory while it worked in the background: deploying releases one by \
                 one, or uninstalling them. A deletion of the whole project marks all its environments first, and may \
                 fail before it comes to them.",
            zh: "aslan 在后台逐个部署或卸载 release 时重启或内存不足。删除整个项目时会先把所有环境标记为删除中，\
                 也可能在真正处理它们之前就失败。",
        },
        cure: Text {
            en: "First repair what is stuck in its namespace (`{self} check -n NAMESPACE`, `{self} unstick`). Then, \
                 in Zadig: update the environment or one of its services again, which sets the status anew; where it \
                 was to be deleted, delete it again.",
            zh: "先修复该命名空间中卡住的 release（`{self} check -n NAMESPACE`、`{self} unstick`）。\
                 然后在 Zadig 中重新更新该环境或其中任一服务，状态会随之更新；如果本来就要删除，则再次删除。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

fn run(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let busy = claims.inside(context).filter(|(_, claim)| claim.is_busy());
    busy.map(|(namespace, claim)| finding(context, claims, namespace, claim))
        .collect()
}

fn finding(
    context: Context<'_>,
    claims: &Claims<'_>,
    namespace: &str,
    claim: &Claim<'_>,
) -> Finding {
    let (verdict, since) = claim.at_work(context.survey.time, context.policy);
    let status = claim.environment.status.as_str();
    let (told, lacking) = match since {
        Some(since) => (format!("for {}", Seconds(since)), None),
        None => (
            "since when is not known".to_owned(),
            Some("Zadig does not say when the environment was last changed"),
        ),
    };
    let lacking = lacking.map(|condition| Evidence::Lacking {
        condition: condition.to_owned(),
    });
    let resets = claims.zadig.api < Some(ZadigApi::Audited);
    Finding {
        id: CHECK.id,
        severity: verdict.severity(),
        subject: Subject::namespace(namespace),
        verdict: Some(verdict),
        summary: format!("{} is {status} {told}", claim.told()),
        evidence: lacking.into_iter().collect(),
        advice: advice(namespace, status, resets, verdict),
    }
}

fn advice(namespace: &str, status: &str, resets: bool, verdict: Verdict) -> Vec<Advice> {
    if verdict == Verdict::PossiblyRunning {
        return vec![say("leave it alone until it is done")];
    }
    let press = match status {
        "deleting" => "then delete the environment, or its project, in Zadig once more",
        _ => "then update the environment in Zadig once more, which sets its status anew",
    };
    let mut advice = vec![
        own(
            "first repair what is stuck in it",
            &["unstick", "--all", "-n", namespace, "--dry-run"],
        ),
        say(press),
    ];
    if resets {
        advice.push(say("up to Zadig 3.0 a restart of aslan sets it to failed"));
    }
    advice
}

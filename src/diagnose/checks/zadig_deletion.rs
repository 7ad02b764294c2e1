//! `zadig-deletion`: who deleted in Zadig what is still here.

use super::{Check, Examines, say, told_enough};
use crate::diagnose::claims::{self, Claims};
use crate::diagnose::zadig;
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::History;
use crate::survey::zadig::ZadigOperation;

/// How many entries of the log one finding tells.
const FEW: usize = 5;

pub(super) static CHECK: Check = Check {
    id: "zadig-deletion",
    text: Explanation {
        title: Text {
            en: "Zadig's operation log tells of a deletion",
            zh: "Zadig 操作日志中有相关的删除记录",
        },
        meaning: Text {
            en: "No environment uses the namespace, and the operation log tells who deleted its environment or its \
                 project, and when. The deletion itself goes on after the answer that the log notes, so status 200 does \
                 not mean that everything went.",
            zh: "已没有环境使用该命名空间，而 Zadig 的操作日志记录了谁在什么时候删除了对应的环境或项目。\
                 删除在返回结果之后才在后台进行，因此日志中的 200 并不表示已清理干净。",
        },
        cause: Text {
            en: "Somebody deleted it in Zadig's pages or through its API. What the recycle day, collaboration mode or a \
                 shared base environment deletes is not in the log: silence proves nothing.",
            zh: "有人在 Zadig 页面上或通过 API 删除了它。环境回收、协作模式以及基准环境联动的删除不会写入操作日志：\
                 没有记录不代表没有删除。",
        },
        cure: Text {
            en: "Ask who is named. Whether what is left is needed says the finding beside this one.",
            zh: "向记录中的人确认。剩下的资源是否还需要、如何处理，见与它同时给出的另一条结果。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

fn run(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let namespaces = claims::namespaces(context).into_iter();
    let unclaimed = namespaces.filter(|namespace| claims.is_unclaimed(namespace));
    unclaimed
        .filter_map(|namespace| finding(context, claims, namespace))
        .collect()
}

/// Whose the namespace is or was: pairs of project and environment.
fn owners(
    context: Context<'_>,
    claims: &Claims<'_>,
    namespace: &str,
) -> Vec<(String, Option<String>)> {
    let former = claims.former(namespace);
    let former = former.iter().flat_map(|one| &one.claim.environments);
    let former = former.filter_map(|pair| {
        let (project, environment) = pair.split_once('/')?;
        Some((project.to_owned(), Some(environment.to_owned())))
    });
    let sign = zadig::environment(context.survey, namespace);
    let sign = sign.and_then(|sign| Some((sign.project?, sign.name)));
    former.chain(sign).collect()
}

fn about(operation: &ZadigOperation, (project, environment): &(String, Option<String>)) -> bool {
    let of_environment = ["环境", "测试环境", "生产环境"].contains(&operation.function.as_str());
    let of_project = operation.function.starts_with("项目管理-项目");
    let named = environment
        .as_ref()
        .is_some_and(|name| operation.targets.contains(name));
    let in_project = operation.project == *project || operation.targets.contains(project);
    in_project && (of_project || of_environment && named)
}

fn finding(context: Context<'_>, claims: &Claims<'_>, namespace: &str) -> Option<Finding> {
    let owners = owners(context, claims, namespace);
    let log = claims.zadig.operations.items.iter();
    let ours: Vec<&ZadigOperation> = log
        .filter(|one| owners.iter().any(|owner| about(one, owner)))
        .take(FEW)
        .collect();
    let first = ours.first()?;
    let evidence = ours.iter().map(|one| Evidence::Zadig { told: told(one) });
    let when = match first.time {
        Some(time) => format!(" at {time}"),
        None => String::new(),
    };
    Some(Finding {
        id: CHECK.id,
        severity: Severity::Info,
        subject: Subject::namespace(namespace),
        verdict: None,
        summary: format!(
            "{} deleted {} in Zadig{when}",
            first.user,
            super::listed(first.targets.iter().cloned())
        ),
        evidence: evidence.collect(),
        advice: vec![say(
            "deletions go on after Zadig's answer, so what is here may be what was not reached",
        )],
    })
}

/// An entry of the operation log in one line.
pub(super) fn told(operation: &ZadigOperation) -> String {
    let ZadigOperation {
        time,
        user,
        project,
        method,
        function,
        targets,
        status,
    } = operation;
    let when = match time {
        Some(time) => format!(" at {time}"),
        None => String::new(),
    };
    let targets = super::listed(targets.iter().cloned());
    format!(
        "the operation log has {method} {function} {targets} of project {project} by {user}{when}, answered {status}"
    )
}

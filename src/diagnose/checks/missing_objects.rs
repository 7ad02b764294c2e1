//! `missing-objects`: what the deployed revision declares is not there.

use super::{Check, Examines, plain, say};
use crate::diagnose::standing::Standing;
use crate::diagnose::{
    Advice, Command, Context, Evidence, Explanation, Finding, Severity, Subject, Text, standing,
};
use crate::live::Found;
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "missing-objects",
    text: Explanation {
        title: Text {
            en: "objects of the deployed revision do not exist",
            zh: "已部署的 revision 所声明的对象不存在",
        },
        meaning: Text {
            en: "The newest deployed revision declares objects that the cluster does not have, although Helm calls \
                 the release deployed. Looked for with --deep only. Hooks, Jobs that go by themselves \
                 (`ttlSecondsAfterFinished`), objects whose names the API server makes, and kinds that are not served \
                 are not counted.",
            zh: "最新的 deployed revision 声明了集群中不存在的对象，而 Helm 仍认为该 release 已部署。只有使用 --deep 时才会检查。\
                 hook、会自行清理的 Job（`ttlSecondsAfterFinished`）、由 API server 生成名称的对象以及集群不提供的类型不计在内。",
        },
        cause: Text {
            en: "Somebody deleted them by hand; another tool cleaned up; a namespace was made anew; Helm 4.0 and 4.1 \
                 delete an object whose apiVersion an upgrade changed; or a fenced record could not be marked \
                 uninstalled by `helm uninstall --keep-history`.",
            zh: "有人手动删除了它们；被其他工具清理；命名空间被重建；Helm 4.0 和 4.1 会在升级改变 apiVersion 时误删对象；\
                 或者 `helm uninstall --keep-history` 无法把受保护（immutable）的记录标记为 uninstalled。",
        },
        cure: Text {
            en: "`helm rollback RELEASE REVISION` to the very revision that is deployed, or the same upgrade again, \
                 makes them anew. Where a newer revision failed, upgrade again instead: it may have removed them on \
                 purpose, and a rollback would take back all that it changed. If they went on purpose, `helm \
                 uninstall` removes what is left of the release.",
            zh: "执行 `helm rollback RELEASE REVISION`（回滚到当前已部署的 revision 本身），或重新执行同样的升级，即可重新创建它们。\
                 如果有更新的 revision 失败了，请改为重新升级：这些对象可能是它有意删除的，而回滚会撤销它的全部更改。\
                 如果是有意删除的，用 `helm uninstall` 清理该 release 的其余部分。",
        },
    },
    examines: Examines::Release {
        needs: standing::needs,
        run,
    },
};

fn run(context: Context<'_>, history: &History<'_>) -> Vec<Finding> {
    let Some(standing) = standing::seen(context, history) else {
        return Vec::new();
    };
    let objects = standing.objects;
    // A Job that is done may have gone by itself.
    let missing = objects
        .iter()
        .filter(|one| one.found == Found::Missing && !one.expires);
    let missing: Vec<String> = missing.map(|one| one.object.to_string()).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let (gone, all) = (missing.len(), objects.len());
    let mut summary = match gone == all {
        true => format!("none of its {} exists", plain(all, "object")),
        false => format!("{gone} of its {} do not exist", plain(all, "object")),
    };
    summary += &standing.newer();
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::record(standing.record),
        verdict: None,
        summary,
        evidence: vec![Evidence::Missing { objects: missing }],
        advice: vec![advice(history, &standing)],
    }]
}

/// To go back to the deployed revision would take back all that a newer one
/// changed.
fn advice(history: &History<'_>, standing: &Standing<'_>) -> Advice {
    if standing.is_overtaken() {
        return say("upgrade again, which makes anew what its chart declares");
    }
    let revision = standing.record.revision().unwrap_or_default().to_string();
    let words = [
        "rollback",
        &history.release,
        &revision,
        "-n",
        history.namespace,
    ];
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Advice {
        text: "make them anew from the revision that is deployed, which runs its rollback hooks"
            .to_owned(),
        command: Some(Command::Helm(history.driver, words)),
    }
}

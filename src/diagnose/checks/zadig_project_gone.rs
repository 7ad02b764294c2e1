//! `zadig-project-gone`: a namespace that names a project which Zadig lacks.

use super::{Check, Examines, listed, own, say};
use crate::diagnose::claims::{self, Claims, certainty};
use crate::diagnose::zadig;
use crate::diagnose::{Advice, Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::{History, Need};

/// For how many releases a command is printed.
const FEW: usize = 3;

pub(super) static CHECK: Check = Check {
    id: "zadig-project-gone",
    text: Explanation {
        title: Text {
            en: "a namespace of a project that Zadig does not have",
            zh: "命名空间所属的项目在 Zadig 中已不存在",
        },
        meaning: Text {
            en: "The namespace says of which project it is (label s-product), and Zadig has no project of that key: \
                 \"the helm project was deleted inexplicably\". What runs in it runs on. That the project is gone is \
                 said only of a list that an administrator got whole, from the same cluster, twice with five minutes \
                 between; else the finding is `unknown` and names what is missing.",
            zh: "该命名空间的标签 s-product 说明了它属于哪个项目，而 Zadig 中没有这个项目标识：\
                 即“Helm 项目莫名其妙被删除”。其中的服务仍在运行。只有使用管理员的 token、列表完整、属于同一集群，\
                 且相隔五分钟的两次读取结果一致时，才会断言项目已不存在；否则结论为 unknown，并说明缺少哪个条件。",
        },
        cause: Text {
            en: "Somebody deleted the project in Zadig, or its deletion was cut off. Zadig deletes the project and its \
                 services' templates first and its environments afterwards, so every uninstall fails for want of the \
                 template; only a namespace that Zadig made and that nobody shares goes as a whole.",
            zh: "有人在 Zadig 中删除了项目，或删除过程被中断。Zadig 会先删除项目及其服务模板，之后才删除环境，\
                 因此每个卸载都会因找不到服务模板而失败；只有由 Zadig 创建且无人共用的命名空间才会整体删除。",
        },
        cure: Text {
            en: "Save it: `{self} backup -n NAMESPACE`, and take each release's chart and values out of the snapshot: \
                 `{self} backup export SNAPSHOT RELEASE --chart DIR`. In Zadig, create the project again with the same \
                 key, add its services from these charts, and create the environment on this namespace with the \
                 deploy strategy \"import\". This tool only reads Zadig, and prints these steps.",
            zh: "先备份：`{self} backup -n NAMESPACE`，再从快照中导出各 release 的 chart 和 values：\
                 `{self} backup export SNAPSHOT RELEASE --chart DIR`。然后在 Zadig 中用相同的项目标识重新创建项目，\
                 用这些 chart 添加服务，并选择该已有命名空间创建环境，部署策略选择“仅导入服务”。\
                 本工具只读取 Zadig，只给出步骤，不代为执行。",
        },
    },
    examines: Examines::Claims { needs, run },
};

fn needs(context: Context<'_>, _: &Claims<'_>, histories: &[History<'_>]) -> Vec<Need> {
    let scope = context.survey.scope.namespace.as_deref();
    let held = histories.iter().map(|history| history.namespace);
    crate::diagnose::around::namespaces(context, held.chain(scope))
}

fn run(context: Context<'_>, claims: &Claims<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for namespace in claims::namespaces(context) {
        let Some(project) = claims.project_of(context.survey, namespace) else {
            continue;
        };
        let here = claims::in_namespace(histories, namespace).iter();
        let mut releases: Vec<&str> = here.map(|one| one.release.as_str()).collect();
        releases.dedup();
        // Where nothing of it is left there is nothing to bring back.
        let labeled = zadig::labeled_project(context.survey, namespace).is_some();
        let left = labeled || !releases.is_empty();
        let unclaimed = claims.is_unclaimed(namespace);
        if left && unclaimed && !claims.has_project(&project) {
            findings.push(finding(context, claims, (namespace, &project), &releases));
        }
    }
    findings
}

fn finding(
    context: Context<'_>,
    claims: &Claims<'_>,
    (namespace, project): (&str, &str),
    releases: &[&str],
) -> Finding {
    let (verdict, lacking) = certainty(&claims.project_gone(project));
    let (severity, told) = match verdict {
        None => (Severity::Error, "has no project"),
        Some(_) => (Severity::Warning, "did not tell of a project"),
    };
    let holds = match releases.is_empty() {
        true => "no release is in it".to_owned(),
        false => format!(
            "it holds {}",
            listed(releases.iter().map(|one| (*one).to_owned()))
        ),
    };
    let labeled = zadig::labeled_project(context.survey, namespace);
    let from = match (labeled, claims.former(namespace)) {
        (None, Some(former)) => Some(super::zadig_environment_gone::was(&former)),
        _ => labeled.map(|project| Evidence::NamespaceLabel {
            namespace: namespace.to_owned(),
            label: format!("s-product={project}"),
        }),
    };
    Finding {
        id: CHECK.id,
        severity,
        subject: Subject::namespace(namespace),
        verdict,
        summary: format!("Zadig {told} {project}, of which it is; {holds}"),
        evidence: lacking.into_iter().chain(from).collect(),
        advice: again(namespace, project, releases),
    }
}

/// How a project comes back.
pub(super) fn again(namespace: &str, project: &str, releases: &[&str]) -> Vec<Advice> {
    let mut advice = vec![own(
        "save what is there; it prints the snapshot's id",
        &["backup", "-n", namespace],
    )];
    let charts = releases.iter().take(FEW).map(|release| {
        let words = ["backup", "export", "SNAPSHOT", release, "-n", namespace];
        own(
            "take the chart and the values out of the snapshot",
            &[&words[..], &["--chart", release]].concat(),
        )
    });
    advice.extend(charts);
    advice.push(say(&format!(
        "in Zadig, create a Helm project with the key {project} again, add a service from each chart, and create the \
         environment on the namespace {namespace} with the deploy strategy \"import\", so that nothing is deployed anew",
    )));
    advice
}

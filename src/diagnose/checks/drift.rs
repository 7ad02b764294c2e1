//! `drift`: a live object is not as the deployed revision has it.

use super::{Check, Examines, plain, say};
use crate::diagnose::{
    Context, Evidence, Explanation, Finding, Severity, Subject, Text, life, standing,
};
use crate::live::{Compared, Difference, Found};
use crate::survey::{History, Release};

pub(super) static CHECK: Check = Check {
    id: "drift",
    text: Explanation {
        title: Text {
            en: "live objects are not as the deployed revision has them",
            zh: "线上对象与已部署的 revision 不一致",
        },
        meaning: Text {
            en: "Fields that the manifest of the newest deployed revision names have other values in the cluster. \
                 Looked for with --deep only; values are never shown. What the API server adds, what controllers of \
                 Kubernetes own and what is scaled by an autoscaler is not counted.",
            zh: "最新的 deployed revision 的 manifest 中写明的字段，在集群中的值不同。只有使用 --deep 时才会检查；不会显示任何值。\
                 API server 补充的字段、Kubernetes 控制器拥有的字段以及由自动伸缩器调整的副本数不计在内。",
        },
        cause: Text {
            en: "Somebody edited the objects, or another tool owns those fields. In Zadig, an environment that sleeps \
                 has its replicas set to 0, and a workflow that only changes an image patches the object.",
            zh: "有人手动修改了对象，或这些字段由其他工具管理。在 Zadig 中，睡眠的环境会把副本数设为 0，\
                 只更新镜像的工作流会直接修改对象。",
        },
        cure: Text {
            en: "If the chart is right, the same upgrade again or `helm rollback` to the deployed revision puts the \
                 fields back (Helm 3 does not, for custom resources; Helm 4 refuses, \"conflict occurred while \
                 applying object\", unless told `--force-conflicts`). If the cluster is right, bring the values into \
                 the chart, or the next upgrade that touches these fields undoes them.",
            zh: "如果以 chart 为准：重新执行同样的升级，或 `helm rollback` 到已部署的 revision，即可恢复这些字段\
                 （对自定义资源，Helm 3 不会恢复；Helm 4 会报错 \"conflict occurred while applying object\"，除非加上 `--force-conflicts`）。如果以集群为准：请把这些值写回 chart，否则下一次涉及这些字段的升级会将其覆盖。",
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
    let drifted: Vec<Evidence> = objects.iter().filter_map(drifted).collect();
    if drifted.is_empty() {
        return Vec::new();
    }
    let (number, all) = (drifted.len(), plain(objects.len(), "object"));
    let differ = if number == 1 { "differs" } else { "differ" };
    let mut summary = format!("{number} of its {all} {differ} from the deployed revision");
    summary += &standing.newer();
    let conflict = may_conflict(standing.release, &drifted);
    if conflict {
        summary += "; Helm's next upgrade may be refused";
    }
    let (severity, advice) = match (conflict, standing.is_overtaken()) {
        (true, _) => (
            Severity::Warning,
            "bring what was changed into the chart, or upgrade with --force-conflicts to take it back",
        ),
        (false, false) => (
            Severity::Info,
            "bring what was changed into the chart, or upgrade again to take it back",
        ),
        (false, true) => (
            Severity::Info,
            "upgrade again, which makes the objects as its chart says",
        ),
    };
    vec![Finding {
        id: CHECK.id,
        severity,
        subject: Subject::record(standing.record),
        verdict: None,
        summary,
        evidence: drifted,
        advice: vec![say(advice)],
    }]
}

/// Whether Helm 4 may be refused: applied on the server, what another manager
/// changed is a conflict (`conflict occurred while applying object`), unless the
/// chart by then says the same.
fn may_conflict(release: &Release, drifted: &[Evidence]) -> bool {
    let others = |evidence: &Evidence| match evidence {
        Evidence::Drifted { writers, .. } => writers
            .iter()
            .any(|writer| !writer.eq_ignore_ascii_case("helm")),
        _ => false,
    };
    release.apply_method == "ssa" && drifted.iter().any(others)
}

fn drifted(one: &Compared) -> Option<Evidence> {
    let Found::Differs { fields } = &one.found else {
        return None;
    };
    let (mut names, mut writers) = (Vec::new(), Vec::new());
    for field in fields.iter().filter(|field| !is_a_controllers(field)) {
        names.push(field.field.clone());
        writers.extend(field.writers.iter().cloned());
    }
    writers.sort();
    writers.dedup();
    (!names.is_empty()).then(|| Evidence::Drifted {
        object: one.object.to_string(),
        fields: names,
        writers,
    })
}

/// Whether a controller of Kubernetes owns the field, or it is what an
/// autoscaler scales.
fn is_a_controllers(field: &Difference) -> bool {
    let of_kubernetes = |writer: &String| {
        let (manager, scale) = match writer.strip_suffix(" (scale)") {
            Some(manager) => (manager, true),
            None => (writer.as_str(), false),
        };
        let manager = manager.split(" (").next().unwrap_or(manager);
        life::CONTROLLERS.contains(&manager) || (scale && manager == "horizontal-pod-autoscaler")
    };
    field.writers.iter().any(of_kubernetes)
}

//! `ownership-mismatch`: a release's object says that it is another's.

use super::{Check, Examines, own};
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text, standing};
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "ownership-mismatch",
    text: Explanation {
        title: Text {
            en: "an object of the release says that it belongs to another one",
            zh: "release 的对象标注为属于另一个 release",
        },
        meaning: Text {
            en: "Helm marks what it applies with `meta.helm.sh/release-name` and `-namespace`. Objects that the \
                 deployed revision declares name another release there. Both releases may write to it, and whichever \
                 is uninstalled first takes it along. Looked for with --deep only.",
            zh: "Helm 会用 `meta.helm.sh/release-name` 和 `meta.helm.sh/release-namespace` 标注它所应用的对象。\
                 已部署的 revision 所声明的对象却标注为另一个 release。两个 release 都可能写入它，先被卸载的那个会把它一起删除。\
                 只有使用 --deep 时才会检查。",
        },
        cause: Text {
            en: "Another release was installed with --take-ownership, an object moved from one chart to another, or \
                 two charts make an object of the same name.",
            zh: "另一个 release 使用 --take-ownership 安装；对象从一个 chart 移到了另一个 chart；或两个 chart 生成了同名对象。",
        },
        cure: Text {
            en: "Decide whose it is. Take it out of the other chart (with `helm.sh/resource-policy: keep` on it \
                 first, so that it is not deleted on the way); the next upgrade of the one that keeps it marks it again.",
            zh: "先决定它应属于哪个 release，再把它从另一个 chart 中移除（移除前先加上 `helm.sh/resource-policy: keep`，\
                 以免途中被删除）；保留它的 release 在下一次升级时会重新标注。",
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
    let other = |(namespace, name): &&(String, String)| {
        *name != history.release || *namespace != standing.namespace
    };
    let claims = standing.objects.iter().filter_map(|one| {
        let (namespace, release) = one.owner.as_ref().filter(other)?;
        Some(Evidence::Claimed {
            object: one.object.to_string(),
            release: format!("{namespace}/{release}"),
        })
    });
    let claims: Vec<Evidence> = claims.collect();
    let Some(Evidence::Claimed { release, .. }) = claims.first() else {
        return Vec::new();
    };
    let (namespace, name) = release.split_once('/').unwrap_or_default();
    let look = own(
        "look at the other release, and decide whose it is",
        &["check", name, "-n", namespace, "--deep"],
    );
    vec![Finding {
        id: CHECK.id,
        severity: Severity::Warning,
        subject: Subject::record(standing.record),
        verdict: None,
        summary: format!("{} of its objects name another release", claims.len()),
        evidence: claims,
        advice: vec![look],
    }]
}

//! `zadig-compatibility`: the Helm in this Zadig is older than Kubernetes.

use super::{Check, Examines, say, told_enough};
use crate::diagnose::claims::Claims;
use crate::diagnose::{Context, Evidence, Explanation, Finding, Severity, Subject, Text};
use crate::survey::History;
use crate::survey::zadig::ZadigApi;

pub(super) static CHECK: Check = Check {
    id: "zadig-compatibility",
    text: Explanation {
        title: Text {
            en: "Zadig's Helm was not made for this Kubernetes",
            zh: "Zadig 内置的 Helm 与该 Kubernetes 版本不匹配",
        },
        meaning: Text {
            en: "Zadig deploys with a Helm of its own that is built in, and Helm supports the Kubernetes that it was \
                 built for and the three versions before it. This cluster is newer. Most deploys work all the same; \
                 what charts ask for with .Capabilities, and new kinds and fields, may not.",
            zh: "Zadig 使用内置的 Helm 部署，而 Helm 支持的是它编译时所用的 Kubernetes 版本及之前三个版本，该集群的版本更新。\
                 多数部署仍然正常，但 chart 中依赖 .Capabilities 的判断以及新的资源类型和字段可能不正常。",
        },
        cause: Text {
            en: "The cluster was upgraded and Zadig was not: 1.15 to 3.x have Helm 3.9, 4.0 has 3.12, and since 4.1 it is \
                 3.18.",
            zh: "集群升级了而 Zadig 没有升级：Zadig 1.15 至 3.x 内置 Helm 3.9，4.0 内置 3.12，4.1 起内置 3.18。",
        },
        cure: Text {
            en: "Upgrade Zadig. Until then, try what is new in a test environment first.",
            zh: "升级 Zadig。在此之前，新的用法先在测试环境中验证。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

/// The Helm that is built in, and the newest minor version of Kubernetes 1 that
/// it was made for. From 3.4 to 4.x probing does not tell which it is: then what
/// is too new for all of them.
fn built_in(api: ZadigApi) -> (&'static str, u32) {
    match api {
        ZadigApi::Aslan | ZadigApi::Open => ("3.9", 24),
        ZadigApi::Audited => ("3.9, 3.12 or 3.18", 33),
        ZadigApi::Context => ("3.18", 33),
    }
}

fn run(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let found = || {
        let (helm, newest) = built_in(claims.zadig.api?);
        let kubernetes = claims.zadig.place.kubernetes.clone()?;
        let newer = minor(&kubernetes)? > newest;
        // It is about the cluster, and told once, where Zadig deploys first.
        let (namespace, _) = claims.inside(context).next().filter(|_| newer)?;
        Some(finding(claims, namespace, (helm, newest), &kubernetes))
    };
    found().into_iter().collect()
}

/// `36` of `v1.36.2`.
fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("v1.")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

fn finding(
    claims: &Claims<'_>,
    namespace: &str,
    (helm, newest): (&str, u32),
    kubernetes: &str,
) -> Finding {
    let version = match &claims.zadig.version {
        Some(version) => format!("version {version}"),
        None => "a version that has the same questions as those with this Helm".to_owned(),
    };
    Finding {
        id: CHECK.id,
        severity: Severity::Info,
        subject: Subject::namespace(namespace),
        verdict: None,
        summary: format!(
            "Zadig's Helm {helm} was made for Kubernetes 1.{newest} at most, and this cluster is {kubernetes}"
        ),
        evidence: vec![Evidence::Zadig { told: version }],
        advice: vec![say(
            "try what is new in Kubernetes in a test environment first, or upgrade Zadig",
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn minor_versions() {
        for (text, expected) in [
            ("v1.36.2", Some(36)),
            ("v1.30", Some(30)),
            ("v1.29+", Some(29)),
            ("1.36", None),
            ("v2.1", None),
            ("v1.", None),
        ] {
            assert_eq!(minor(text), expected, "{text}");
        }
    }
}

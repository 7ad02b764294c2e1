//! `zadig-claimed-twice`: two environments that have the same release.

use std::collections::BTreeMap;

use super::{Check, Examines, listed, say, told_enough};
use crate::diagnose::claims::{Claim, Claims, is_inside};
use crate::diagnose::{Context, Explanation, Finding, Severity, Subject, Text};
use crate::survey::History;

pub(super) static CHECK: Check = Check {
    id: "zadig-claimed-twice",
    text: Explanation {
        title: Text {
            en: "two environments of Zadig have the same release",
            zh: "两个 Zadig 环境对应同一个 release",
        },
        meaning: Text {
            en: "Several environments use the namespace, which Zadig allows, and more than one has a service with this \
                 release: each deploy of one overwrites the other's, and deleting one takes the release from both.",
            zh: "多个环境使用同一个命名空间（Zadig 允许这样做），并且其中不止一个环境的服务对应这个 release：\
                 一个环境的部署会覆盖另一个的，删除其中一个环境会把两者的 release 一起卸载。",
        },
        cause: Text {
            en: "A second environment was created on the same namespace, with services of the same names, or an \
                 environment was copied.",
            zh: "在同一个命名空间上创建了第二个环境，而其中有同名服务；或者环境是复制出来的。",
        },
        cure: Text {
            en: "Decide whose it is. In the other environment, take the service off Zadig's list without deleting its \
                 resources, or give it the deploy strategy \"import\", or another release name.",
            zh: "先确定它应属于哪个环境。在另一个环境中移除该服务但保留资源，或将其部署策略改为“仅导入服务”，\
                 或修改 release 命名规则使名字不同。",
        },
    },
    examines: Examines::Claims {
        needs: told_enough,
        run,
    },
};

fn run(context: Context<'_>, claims: &Claims<'_>, _: &[History<'_>]) -> Vec<Finding> {
    let inside = claims.all().filter(|(one, _)| is_inside(context, one));
    inside
        .flat_map(|(namespace, claiming)| findings(namespace, claiming))
        .collect()
}

fn findings(namespace: &str, claiming: &[Claim<'_>]) -> Vec<Finding> {
    let mut by_release: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for claim in claiming {
        let deployed = claim
            .services()
            .filter(|(one, _)| one.is_deployed_by_zadig());
        for (_, release) in deployed {
            let names = by_release.entry(release).or_default();
            // Two services of one environment are one claim.
            if !names.contains(&claim.told()) {
                names.push(claim.told());
            }
        }
    }
    let twice = by_release.into_iter().filter(|(_, names)| names.len() > 1);
    twice
        .map(|(release, names)| Finding {
            id: CHECK.id,
            severity: Severity::Warning,
            subject: Subject {
                release: Some(release.to_owned()),
                ..Subject::namespace(namespace)
            },
            verdict: None,
            summary: format!("it is a service's of each of these: {}", listed(names.into_iter())),
            evidence: Vec::new(),
            advice: vec![say(
                "decide whose it is, and take it off the other's list in Zadig without deleting its resources",
            )],
        })
        .collect()
}

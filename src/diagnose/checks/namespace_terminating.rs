//! `namespace-terminating`: releases in a namespace that is being deleted.

use jiff::Timestamp;

use super::{Check, Examines, listed, own, say};
use crate::diagnose::{
    Context, Evidence, Explanation, Finding, Seconds, Severity, Subject, Text, around,
};
use crate::survey::{History, NamespaceState, Need};

pub(super) static CHECK: Check = Check {
    id: "namespace-terminating",
    text: Explanation {
        title: Text {
            en: "a namespace with releases is being deleted",
            zh: "保存 release 的命名空间正在被删除",
        },
        meaning: Text {
            en: "The namespace that holds these releases' records is being deleted. Nothing new can be created in \
                 it, so no install, upgrade or rollback goes through (\"forbidden: unable to create new content in \
                 namespace … because it is being terminated\"), and its objects, the records among them, go one \
                 after the other. A deletion of seconds or minutes is usual; one that lasts is held up by \
                 something, and then it is an error.",
            zh: "保存这些 release 记录的命名空间正在被删除。其中无法再创建任何对象，因此安装、升级和回滚都无法进行\
                 （\"forbidden: unable to create new content in namespace … because it is being terminated\"），\
                 其中的对象（包括发布记录）会陆续消失。几秒到几分钟属于正常；持续很久说明被什么挡住了，此时为错误。",
        },
        cause: Text {
            en: "Somebody deleted it: Zadig does so with an environment whose namespace it made. It lasts where an \
                 object has a finalizer that nobody removes, or where an API (often a metrics or webhook server) \
                 does not answer, so that the API server cannot know whether anything is left.",
            zh: "有人删除了它：Zadig 在删除环境时，会一并删除由它创建的命名空间。如果某个对象的 finalizer 无人清除，\
                 或某个 API（常见的是 metrics 或 webhook 服务）没有响应，使 API server 无法确认是否还有残留，删除就会一直持续。",
        },
        cure: Text {
            en: "If it was a mistake, save the records while they are there: `{self} backup -n NAMESPACE`. A deletion \
                 cannot be taken back. What holds it up, its status says: `kubectl get namespace NAMESPACE -o yaml`. \
                 Deploy again once it is gone; in Zadig, create the environment anew.",
            zh: "如果是误删，请趁记录还在先保存：`{self} backup -n NAMESPACE`。删除无法撤销。是什么挡住了删除，可从其状态中看出：\
                 `kubectl get namespace NAMESPACE -o yaml`。等它消失之后再重新部署；在 Zadig 中请重新创建环境。",
        },
    },
    examines: Examines::Survey { needs, run },
};

fn needs(context: Context<'_>, histories: &[History<'_>]) -> Vec<Need> {
    match histories.is_empty() {
        true => Vec::new(),
        false => around::namespaces(context, histories.iter().map(|history| history.namespace)),
    }
}

fn run(context: Context<'_>, histories: &[History<'_>]) -> Vec<Finding> {
    // Histories come by namespace.
    let places = histories.chunk_by(|one, other| one.namespace == other.namespace);
    let findings = places.filter_map(|releases| {
        let namespace = releases.first()?.namespace;
        match context.survey.namespace(namespace)? {
            NamespaceState::Present {
                deleting: Some(since),
                ..
            } => Some(finding(context, namespace, releases, *since)),
            _ => None,
        }
    });
    findings.collect()
}

fn finding(
    context: Context<'_>,
    namespace: &str,
    releases: &[History<'_>],
    since: Timestamp,
) -> Finding {
    let now = context.survey.time;
    let lasts = now.map(|now| now.as_second() - since.as_second());
    let severity = match lasts.is_some_and(|lasts| lasts > context.policy.older_than) {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let lasts = lasts.map(|lasts| format!(" for {}", Seconds(lasts)));
    let mut names: Vec<String> = releases.iter().map(|one| one.release.clone()).collect();
    // The two drivers of a release follow each other.
    names.dedup();
    Finding {
        id: CHECK.id,
        severity,
        subject: Subject::namespace(namespace),
        verdict: None,
        summary: format!(
            "it is being deleted{}, and nothing new can be created in it; it holds {}",
            lasts.unwrap_or_default(),
            listed(names.into_iter())
        ),
        evidence: vec![Evidence::Terminating {
            namespace: namespace.to_owned(),
            since,
        }],
        advice: vec![
            own(
                "save the records while they are there",
                &["backup", "-n", namespace],
            ),
            say(
                "its status says what holds it up (kubectl get namespace -o yaml); deploy again once it is gone",
            ),
        ],
    }
}

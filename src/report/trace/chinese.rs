//! The verdict of `trace` in Chinese.

use super::Trace;
use crate::trace::{Actor, Ending, Kind, Source, Subject};

/// The verdict in sentences.
pub(super) fn told(trace: &Trace<'_>) -> String {
    let Subject {
        namespace, release, ..
    } = trace.subject;
    let verdict = trace.verdict;
    let it = format!("命名空间 {namespace} 中的 release {release} ");
    let by = verdict.actor.as_ref();
    let by = by.map_or("某个客户端".to_owned(), named);
    // Between Latin and Chinese letters stands a blank.
    let by = match by.ends_with(|c: char| c.is_ascii()) {
        true => by + " ",
        false => by,
    };
    let at = verdict
        .at
        .map_or(String::new(), |at| format!("于 {at:.0} "));
    let claim = verdict.by.as_ref();
    let from = claim.map_or(String::new(), |claim| {
        format!("（来源：{}）", source(claim.source))
    });
    match verdict.ending {
        Ending::There => format!("{it}存在；最后由 {by}{at}写入{from}"),
        Ending::UninstallUnfinished => {
            format!("{it}的卸载已经开始但没有完成：记录还在，其中最后一条由 {by}{at}写入{from}")
        }
        Ending::Removed => {
            let dry = match claim.is_some_and(|claim| claim.perhaps_dry) {
                true => "；dry run 在其中看起来也是这样",
                false => "",
            };
            format!("{it}已由 {by}{at}删除{from}{dry}")
        }
        Ending::RemovedWithNamespace => match verdict.actor {
            Some(_) => format!("{it}已随命名空间一起被删除，命名空间由 {by}{at}删除{from}"),
            None => {
                format!("{it}已{at}随命名空间一起被删除{from}；是谁删除了命名空间，没有来源能说明")
            }
        },
        Ending::Gone => format!("{it}已经不在，没有来源能说明是谁删除的"),
        Ending::NeverSeen => format!("{it}没有记录，也没有来源表明曾经有过"),
        Ending::Unknown => format!("{it}是否存在，未能读取"),
    }
}

/// `kubectl（用户 alice，kubectl/v1.32.3）`.
fn named(actor: &Actor) -> String {
    let kind = match actor.kind {
        Kind::NamespaceController => "命名空间控制器",
        Kind::GarbageCollector => "垃圾回收控制器",
        Kind::Other => "其他客户端",
        known => known.told(),
    };
    let agent = actor.agent.as_deref();
    let agent = agent.and_then(|agent| agent.split(' ').next());
    let agent = agent.filter(|agent| !agent.eq_ignore_ascii_case(kind));
    let user = actor.user.as_ref().map(|user| format!("用户 {user}"));
    let about: Vec<_> = user.into_iter().chain(agent.map(str::to_owned)).collect();
    match about.is_empty() {
        true => kind.to_owned(),
        false => format!("{kind}（{}）", about.join("，")),
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::AuditLog => "审计日志",
        Source::ManagedFields => "managedFields",
        Source::Record => "发布记录",
        Source::Event => "事件",
        Source::Zadig => "Zadig 操作日志",
        Source::OwnLog => "本工具的日志",
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::report::trace::Heard;
    use crate::survey::Survey;
    use crate::trace::{Claim, Deed, Thing, Verdict};

    fn claim() -> Claim {
        Claim {
            at: Timestamp::UNIX_EPOCH,
            deed: Deed::Removed,
            what: vec![Thing::Record(1)],
            actor: Some(Actor::of_request("alice", "kubectl/v1.32.3 (linux/amd64)")),
            source: Source::AuditLog,
            words: String::new(),
            perhaps_dry: true,
        }
    }

    fn told_of(ending: Ending, by: Option<Claim>) -> String {
        let verdict = Verdict {
            ending,
            actor: by.as_ref().and_then(|claim| claim.actor.clone()),
            at: by.as_ref().map(|claim| claim.at),
            by,
        };
        let subject = Subject {
            namespace: "shop".into(),
            release: "web".into(),
            ..Subject::default()
        };
        let heard = Heard {
            events: Ok(0),
            operations: Ok(()),
            audit: None,
        };
        told(&Trace {
            subject: &subject,
            survey: &Survey::default(),
            timeline: &[],
            verdict: &verdict,
            heard: &heard,
        })
    }

    #[test]
    fn who_did_it_and_how_that_is_known() {
        assert_eq!(
            told_of(Ending::Removed, Some(claim())),
            "命名空间 shop 中的 release web 已由 kubectl（用户 alice，kubectl/v1.32.3）于 1970-01-01T00:00:00Z \
             删除（来源：审计日志）；dry run 在其中看起来也是这样"
        );
        for ending in [
            Ending::There,
            Ending::UninstallUnfinished,
            Ending::RemovedWithNamespace,
        ] {
            let text = told_of(ending, Some(claim()));
            assert!(
                text.contains("alice") && text.contains("审计日志"),
                "{text}"
            );
            let text = told_of(ending, None);
            assert!(!text.contains("来源："), "{text}");
        }
        for ending in [Ending::Gone, Ending::NeverSeen, Ending::Unknown] {
            let text = told_of(ending, None);
            assert!(
                text.starts_with("命名空间 shop 中的 release web "),
                "{text}"
            );
        }
    }
}

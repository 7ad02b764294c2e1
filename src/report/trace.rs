//! What `trace` prints.

use jiff::Timestamp;
use serde::Serialize;

use super::{Voice, count, json, table::table};
use crate::diagnose::Lang;
use crate::live::Observed;
use crate::survey::{SeenObject, Survey};
use crate::trace::{Actor, Claim, Ending, Kind, Log, Source, Subject, Verdict};

mod chinese;

/// How many things that something was done to at once are named.
const NAMED: usize = 4;

/// Which sources were heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// How many events there were, or why they could not be read.
    pub events: Result<usize, String>,
    /// Our own operations, or why there are none to be heard.
    pub operations: Result<(), String>,
    /// What the audit log held, if one was given.
    pub audit: Option<Log>,
}

/// All there is to print.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    /// What was traced.
    pub subject: &'a Subject,
    /// What was seen.
    pub survey: &'a Survey,
    /// The claims.
    pub timeline: &'a [Claim],
    /// What they come to.
    pub verdict: &'a Verdict,
    /// The sources.
    pub heard: &'a Heard,
}

#[derive(Serialize)]
struct TraceV1<'a> {
    schema: &'static str,
    namespace: &'a str,
    release: &'a str,
    verdict: VerdictV1<'a>,
    timeline: Vec<ClaimV1<'a>>,
    sources: Vec<SourceV1>,
    complete: bool,
}

#[derive(Serialize)]
struct VerdictV1<'a> {
    ending: &'static str,
    text: String,
    time: Option<Timestamp>,
    source: Option<&'static str>,
    by: Option<ActorV1<'a>>,
}

#[derive(Serialize)]
struct ActorV1<'a> {
    kind: &'static str,
    user: Option<&'a str>,
    agent: Option<&'a str>,
}

#[derive(Serialize)]
struct ClaimV1<'a> {
    time: Timestamp,
    deed: &'static str,
    what: Vec<String>,
    by: Option<ActorV1<'a>>,
    source: &'static str,
    says: String,
}

#[derive(Serialize)]
struct SourceV1 {
    source: &'static str,
    heard: bool,
    text: String,
}

impl<'a> From<&'a Actor> for ActorV1<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self {
            kind: kind(actor.kind),
            user: actor.user.as_deref(),
            agent: actor.agent.as_deref(),
        }
    }
}

impl<'a> From<&'a Claim> for ClaimV1<'a> {
    fn from(claim: &'a Claim) -> Self {
        Self {
            time: claim.at,
            deed: claim.deed.told(),
            what: claim.what.iter().map(ToString::to_string).collect(),
            by: claim.actor.as_ref().map(ActorV1::from),
            source: claim.source.told(),
            says: says(claim),
        }
    }
}

/// `trace -o json`: schema `zadig-doctor/trace/v1`, the oldest claim first.
pub fn trace_json(trace: &Trace<'_>) -> String {
    let verdict = trace.verdict;
    json(&TraceV1 {
        schema: "zadig-doctor/trace/v1",
        namespace: &trace.subject.namespace,
        release: &trace.subject.release,
        verdict: VerdictV1 {
            ending: ending(verdict.ending),
            text: told(trace),
            time: verdict.at,
            source: verdict.by.as_ref().map(|claim| claim.source.told()),
            by: verdict.actor.as_ref().map(ActorV1::from),
        },
        timeline: trace.timeline.iter().map(ClaimV1::from).collect(),
        sources: sources(trace),
        complete: trace.survey.unread.is_empty(),
    })
}

/// `trace` for a person: what it comes to, in either language, the claims, and
/// what they rest on.
pub fn trace_text(trace: &Trace<'_>, voice: &Voice) -> String {
    let mut text = match voice.lang {
        Lang::En => told(trace),
        Lang::Zh => chinese::told(trace),
    };
    text.push('\n');
    for unread in &trace.survey.unread {
        text += &format!("could not be read: {}: {}\n", unread.what, unread.reason);
    }
    if !trace.timeline.is_empty() {
        text.push('\n');
        let rows = trace.timeline.iter().map(row).collect();
        text += &table(voice.width, &["TIME", "DEED", "WHAT", "BY", "SOURCE"], rows);
    }
    text += "\nsources:\n";
    for source in sources(trace) {
        let mark = if source.heard { "+" } else { "-" };
        text += &format!("  {mark} {}: {}\n", source.source, source.text);
    }
    text
}

/// What its source says beside, and how far that can be upheld.
fn says(claim: &Claim) -> String {
    const OPEN: &str = "or a dry run, which looks the same in a log of this level";
    match (claim.words.as_str(), claim.perhaps_dry) {
        (words, false) => words.to_owned(),
        ("", true) => OPEN.to_owned(),
        (words, true) => format!("{words}; {OPEN}"),
    }
}

fn row(claim: &Claim) -> Vec<String> {
    let mut what: Vec<_> = claim.what.iter().map(ToString::to_string).collect();
    if what.len() > NAMED + 1 {
        let more = what.len() - NAMED;
        what.truncate(NAMED);
        what.push(format!("{more} more"));
    }
    let mut what = what.join(", ");
    let says = says(claim);
    if !says.is_empty() {
        what += &format!(" ({says})");
    }
    vec![
        format!("{:.0}", claim.at),
        claim.deed.told().to_owned(),
        what,
        claim
            .actor
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        claim.source.told().to_owned(),
    ]
}

/// The verdict in sentences.
fn told(trace: &Trace<'_>) -> String {
    let Subject {
        namespace, release, ..
    } = trace.subject;
    let it = format!("release {release} in namespace {namespace}");
    let verdict = trace.verdict;
    let by = || {
        verdict
            .actor
            .as_ref()
            .map_or("somebody".to_owned(), ToString::to_string)
    };
    let at = || {
        verdict
            .at
            .map_or(String::new(), |at| format!(" at {at:.0}"))
    };
    let source = || {
        let says = verdict.by.as_ref().map(|claim| claim.source.says());
        says.map_or(String::new(), |says| format!(", as {says}"))
    };
    match verdict.ending {
        Ending::There => format!(
            "{it} is there; last written by {}{}{}",
            by(),
            at(),
            source()
        ),
        Ending::UninstallUnfinished => format!(
            "an uninstall of {it} began and did not finish: its records are still there; {} wrote the last of them{}{}",
            by(),
            at(),
            source()
        ),
        Ending::Removed => {
            let dry = match verdict.by.as_ref().is_some_and(|claim| claim.perhaps_dry) {
                true => "; a dry run would look the same there",
                false => "",
            };
            format!("{it} was removed by {}{}{}{dry}", by(), at(), source())
        }
        Ending::RemovedWithNamespace => match verdict.actor {
            Some(_) => format!(
                "{it} was removed with its namespace, which {} deleted{}{}",
                by(),
                at(),
                source()
            ),
            None => format!(
                "{it} was removed with its namespace{}{}; who deleted that, no source says",
                at(),
                source()
            ),
        },
        Ending::Gone => format!("{it} is gone, and no source says who removed it"),
        Ending::NeverSeen => format!("{it} has no records, and no source says that it ever had"),
        Ending::Unknown => format!("whether {it} is there could not be read"),
    }
}

fn sources(trace: &Trace<'_>) -> Vec<SourceV1> {
    let source = |source: Source, heard: Result<String, String>| SourceV1 {
        source: source.told(),
        heard: heard.is_ok(),
        text: match heard {
            Ok(what) => format!("{what}; {}", source.trust()),
            Err(why) => why,
        },
    };
    let own = trace
        .survey
        .records
        .iter()
        .filter(|one| trace.subject.owns(&one.id))
        .count();
    let present = |one: &&SeenObject| matches!(one.observed, Observed::Present(_));
    let objects = trace.survey.objects.iter().filter(present).count();
    let records = count(own, "record");
    let there = |what: String| {
        if own == 0 {
            Err("the release has no records".to_owned())
        } else {
            Ok(what)
        }
    };
    vec![
        source(Source::AuditLog, match trace.heard.audit {
            Some(audit) => Ok(audited(audit)),
            None => Err("not given; --audit-log names the file that kube-apiserver's --audit-log-path writes".to_owned()),
        }),
        source(Source::ManagedFields, match own + objects {
            0 => Err("neither records nor objects are there".to_owned()),
            _ => Ok(format!("of {records} and {}", count(objects, "object"))),
        }),
        source(Source::Record, there(records.clone())),
        source(Source::Event, match &trace.heard.events {
            Ok(events) => Ok(count(*events, "event")),
            Err(reason) => Err(reason.clone()),
        }),
        source(Source::Zadig, zadig(trace.survey)),
        source(Source::OwnLog, match &trace.heard.operations {
            Ok(()) => Ok("the store on this machine".to_owned()),
            Err(reason) => Err(reason.clone()),
        }),
    ]
}

fn zadig(survey: &Survey) -> Result<String, String> {
    let Some(zadig) = &survey.zadig else {
        return Err("not asked; --zadig URL reads its operation log".to_owned());
    };
    if let Some(failed) = &zadig.failed {
        return Err(failed.clone());
    }
    let told = count(zadig.operations.items.len(), "deletion");
    match &zadig.operations.missing {
        None => Ok(told),
        Some(gap) if zadig.operations.items.is_empty() => Err(gap.reason.clone()),
        Some(gap) => Ok(format!("{told}, and not all: {}", gap.reason)),
    }
}

fn audited(audit: Log) -> String {
    let mut text = count(audit.events, "event");
    if let Some((first, last)) = audit.span {
        text += &format!(" from {first} to {last}");
    }
    if audit.others > 0 {
        text += &format!(", {} that are none", count(audit.others, "line"));
    }
    if audit.dropped > 0 {
        text += &format!(", {} older ones left out", audit.dropped);
    }
    text
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::There => "there",
        Ending::UninstallUnfinished => "uninstall-unfinished",
        Ending::Removed => "removed",
        Ending::RemovedWithNamespace => "removed-with-namespace",
        Ending::Gone => "gone",
        Ending::NeverSeen => "never-seen",
        Ending::Unknown => "unknown",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Helm => "helm",
        Kind::Kubectl => "kubectl",
        Kind::Zadig => "zadig",
        Kind::NamespaceController => "namespace-controller",
        Kind::GarbageCollector => "garbage-collector",
        Kind::Kubernetes => "kubernetes",
        Kind::Doctor => "zadig-doctor",
        Kind::Other => "other",
    }
}

//! Live objects (`--deep`): each check fires, stays silent, near misses.

use super::{healthy, stuck};
use crate::diagnose::*;
use crate::helm::{Driver, Status};
use crate::live::{Change, Compared, Difference, Found, ObjectRef, Observed, Readiness};
use crate::survey::fixture::{NAMESPACE, ago, deployment, live, record, says, see, survey, writer};
use crate::survey::{
    ApiState, Besides, Comparison, Hook, Owned, Payload, Record, SeenApi, SeenComparison,
    SeenOwned, Survey, Unread,
};

fn object(name: &str) -> ObjectRef {
    ObjectRef {
        name: name.to_owned(),
        ..deployment()
    }
}

/// Where it lies, as a list of live objects says it.
fn placed(name: &str) -> ObjectRef {
    ObjectRef {
        namespace: Some(NAMESPACE.into()),
        ..object(name)
    }
}

fn owned(release: &str, name: &str) -> Owned {
    Owned {
        namespace: NAMESPACE.into(),
        release: release.into(),
        object: placed(name),
        created: Some(ago(3600)),
        besides: None,
    }
}

fn compared(name: &str, found: Found) -> Compared {
    Compared {
        object: object(name),
        change: Change::Same,
        found,
        keep: false,
        expires: false,
        owner: Some((NAMESPACE.into(), "web".into())),
    }
}

/// A deep look: the newest deployed record beside these objects, and all that
/// is marked as a release's.
fn deep(records: Vec<Record>, objects: Vec<Compared>, owned: Vec<Owned>) -> Survey {
    let deployed = records
        .iter()
        .rfind(|record| record.label("status") == Some("deployed"));
    let id = deployed.map(|record| record.id.clone());
    let mut survey = survey(records);
    survey.comparisons.extend(id.map(|id| SeenComparison {
        of: Comparison {
            record: id.clone(),
            base: Some(id),
            namespace: NAMESPACE.into(),
        },
        objects,
        documents: 0,
        generated: 0,
        failed: None,
    }));
    survey.owned = Some(SeenOwned {
        objects: owned,
        unread: Vec::new(),
    });
    survey.sorted()
}

fn find(survey: &Survey) -> Vec<(&'static str, Severity)> {
    let policy = Policy {
        deep: true,
        ..Policy::default()
    };
    assert_eq!(needs(survey, &policy), []);
    let findings = diagnose(survey, &policy);
    findings.iter().map(|one| (one.id, one.severity)).collect()
}

fn differs(writer: &str) -> Found {
    Found::Differs {
        fields: vec![Difference {
            field: "spec.replicas".into(),
            writers: vec![writer.into()],
        }],
    }
}

#[test]
fn all_is_as_it_should_be() {
    let fine = vec![compared("web", Found::New)];
    assert_eq!(find(&deep(healthy(), fine, vec![owned("web", "web")])), []);
}

#[test]
fn nothing_of_it_is_asked_for_unless_it_is_to_be() {
    let survey = survey(healthy());
    assert_eq!(needs(&survey, &Policy::default()), []);
    let policy = Policy {
        deep: true,
        ..Policy::default()
    };
    let asked = needs(&survey, &policy);
    assert!(asked.contains(&Need::Owned), "{asked:?}");
    let comparisons = asked.iter().filter_map(|need| match need {
        Need::Comparison(of) => Some(of.record.name.as_str()),
        _ => None,
    });
    let newest = ["sh.helm.release.v1.web.v2"];
    assert_eq!(comparisons.collect::<Vec<_>>(), newest);
}

#[test]
fn missing_objects() {
    let with = |found| deep(healthy(), vec![compared("web", found)], vec![]);
    let missing = [("missing-objects", Severity::Warning)];
    assert_eq!(find(&with(Found::Missing)), missing);
    // A kind that is not served has a finding of its own; what could not be read is said.
    assert_eq!(find(&with(Found::Unserved)), []);
    let reason = "forbidden".into();
    assert_eq!(find(&with(Found::Unreadable { reason })), []);
    // A Job that is done goes where it says for how long it stays.
    let mut gone = compared("web", Found::Missing);
    gone.expires = true;
    assert_eq!(find(&deep(healthy(), vec![gone], vec![])), []);
}

/// A failed upgrade has removed and changed what it was to: to go back would
/// take back the rest of it.
#[test]
fn what_a_newer_revision_did_is_not_taken_back() {
    let with = |newest: Option<Status>, found: Found| {
        let mut records = healthy();
        records.extend(newest.map(|status| record(3, status, 3000)));
        let survey = deep(records, vec![compared("web", found)], vec![]);
        let policy = Policy {
            deep: true,
            ..Policy::default()
        };
        let mut findings = diagnose(&survey, &policy);
        findings.retain(|one| ["missing-objects", "drift"].contains(&one.id));
        findings.pop()
    };
    let helm = |finding: &Finding| {
        let mut commands = finding.advice.iter().map(|one| &one.command);
        commands.any(|command| matches!(command, Some(Command::Helm(..))))
    };
    let alone = with(None, Found::Missing).unwrap();
    assert!(helm(&alone) && alone.summary == "none of its 1 object exists");
    let overtaken = with(Some(Status::Failed), Found::Missing).unwrap();
    assert!(!helm(&overtaken), "{overtaken:?}");
    assert!(overtaken.summary.contains("revision 3 is newer (failed)"));
    assert_eq!(overtaken.subject.revision, Some(2));
    let drifted = with(Some(Status::Failed), differs("helm")).unwrap();
    assert!(drifted.summary.contains("revision 3 is newer (failed)"));
    assert!(drifted.advice[0].text.starts_with("upgrade again"));
    // Of a release that is gone nothing is missing.
    assert_eq!(with(Some(Status::Uninstalled), Found::Missing), None);
    assert_eq!(with(Some(Status::Uninstalled), differs("helm")), None);
}

#[test]
fn ownership_mismatch() {
    let with = |owner: Option<(&str, &str)>| {
        let mut one = compared("web", Found::New);
        one.owner = owner.map(|(namespace, name)| (namespace.into(), name.into()));
        find(&deep(healthy(), vec![one], vec![]))
    };
    let mismatch = [("ownership-mismatch", Severity::Warning)];
    assert_eq!(with(Some((NAMESPACE, "other"))), mismatch);
    assert_eq!(with(Some(("other", "web"))), mismatch);
    assert_eq!(with(Some((NAMESPACE, "web"))), []);
    // Objects from before Helm 3.2 bear no marks.
    assert_eq!(with(None), []);
}

#[test]
fn drift() {
    let with = |found| deep(healthy(), vec![compared("web", found)], vec![]);
    let info = [("drift", Severity::Info)];
    assert_eq!(find(&with(differs("kubectl-edit"))), info);
    for controller in [
        "kube-controller-manager",
        "kube-controller-manager (scale)",
        "horizontal-pod-autoscaler (scale)",
    ] {
        assert_eq!(find(&with(differs(controller))), [], "{controller}");
    }
    // Others who scale by hand, and who only calls itself so.
    assert_eq!(find(&with(differs("kubectl (scale)"))), info);
    assert_eq!(find(&with(differs("horizontal-pod-autoscaler"))), info);
}

#[test]
fn what_others_changed_is_a_conflict_where_helm_applies_on_the_server() {
    let with = |writer| {
        let mut records = healthy();
        says(&mut records[1]).apply_method = "ssa".into();
        let drifted = vec![compared("web", differs(writer))];
        find(&deep(records, drifted, vec![]))
    };
    assert_eq!(with("kubectl-edit"), [("drift", Severity::Warning)]);
    assert_eq!(with("helm"), [("drift", Severity::Info)]);
}

#[test]
fn lost_records() {
    let lost = |survey: &Survey| {
        let mut findings = find(survey);
        findings.retain(|finding| finding.0 == "lost-records");
        findings.len()
    };
    let deep = |owned| deep(healthy(), vec![], owned);
    let one = || vec![owned("gone", "a"), owned("gone", "b")];
    assert_eq!(lost(&deep(one())), 1, "one for the release");
    let mut two = one();
    two.push(owned("also", "c"));
    assert_eq!(lost(&deep(two)), 2);
    // What a release declares is its own, whatever mark it bears.
    assert_eq!(lost(&deep(vec![owned("gone", "web")])), 0);
    // Whoever looks at a part of the records cannot know.
    let mut part = deep(one());
    part.scope.driver = Some(Driver::Secret);
    assert_eq!(lost(&part), 0);
    let mut part = deep(one());
    part.scope.selector = Some("team=a".into());
    assert_eq!(lost(&part), 0);
    let mut part = deep(one());
    let reason = "forbidden".to_owned();
    part.unread = vec![Unread::listing(Driver::ConfigMap, None, reason)];
    assert_eq!(lost(&part), 0);
    let mut named = deep(one());
    named.scope.releases = vec!["web".into()];
    named.scope.namespace = Some(NAMESPACE.into());
    let mut findings = diagnose(&named, &Policy::default());
    findings.retain(|finding| finding.id == "lost-records");
    assert_eq!(findings, [], "nobody asked for it");
}

#[test]
fn a_release_of_records_kept_apart_is_not_lost() {
    let mut records = healthy();
    says(&mut records[1]).namespace = "elsewhere".into();
    let mut apart = owned("web", "web");
    apart.namespace = "elsewhere".into();
    let mut survey = survey(records);
    survey.owned = Some(SeenOwned {
        objects: vec![apart],
        unread: Vec::new(),
    });
    let findings = diagnose(&survey, &Policy::default());
    let ids: Vec<_> = findings.iter().map(|one| one.id).collect();
    assert!(!ids.contains(&"lost-records"), "{ids:?}");
}

#[test]
fn orphaned_objects() {
    let with = |records, owned| {
        let mut findings = find(&deep(records, vec![], owned));
        findings.retain(|finding| finding.0 == "orphaned-objects");
        findings.len()
    };
    let orphan = || vec![owned("web", "extra")];
    assert_eq!(with(healthy(), orphan()), 1);
    assert_eq!(with(healthy(), vec![owned("web", "web")]), 0);
    // What the newest or a deployed revision declares is wanted.
    let mut failed = healthy();
    failed.push(record(3, Status::Failed, 3000));
    says(&mut failed[2]).objects.push(object("extra"));
    assert_eq!(with(failed, orphan()), 0);
    // Nobody can say what a record that cannot be read declares.
    let mut broken = healthy();
    broken[0].payload = Payload::Undecodable {
        digest: crate::helm::Digest::of(b""),
        bytes: 0,
        reason: "empty".into(),
    };
    assert_eq!(with(broken, orphan()), 0);
    let mut unreadable = healthy();
    let documents = &mut says(&mut unreadable[1]).unreadable_documents;
    documents.push("a.yaml: has no kind".into());
    assert_eq!(with(unreadable, orphan()), 0);
    // After an uninstall that kept its history all of it is.
    let uninstalled = vec![record(1, Status::Uninstalled, 4000)];
    assert_eq!(with(uninstalled, vec![owned("web", "web")]), 1);
}

#[test]
fn a_release_at_work_has_no_orphans() {
    let mut survey = survey(stuck());
    survey.owned = Some(SeenOwned {
        objects: vec![owned("web", "extra")],
        unread: Vec::new(),
    });
    let findings = diagnose(&survey, &Policy::default());
    assert!(findings.iter().all(|one| one.id != "orphaned-objects"));
}

#[test]
fn what_is_somebodys_besides_is_neither_lost_nor_orphaned() {
    use Besides::{ArgoCd, Deleting, Flux, Generated, Kept, Owner};
    for besides in [ArgoCd, Deleting, Flux, Generated, Kept, Owner] {
        let objects = ["web", "gone"].map(|release| Owned {
            besides: Some(besides),
            ..owned(release, "extra")
        });
        assert_eq!(
            find(&deep(healthy(), vec![], objects.into())),
            [],
            "{besides:?}"
        );
    }
}

#[test]
fn what_was_made_while_we_looked_is_neither_lost_nor_orphaned() {
    let objects = ["web", "new"].map(|release| Owned {
        created: Some(ago(0)),
        ..owned(release, "extra")
    });
    assert_eq!(find(&deep(healthy(), vec![], objects.into())), []);
}

#[test]
fn a_cluster_scoped_object_is_declared_wherever_its_manifest_puts_it() {
    let mut records = healthy();
    let tenant = ObjectRef {
        api_version: "example.com/v1".into(),
        kind: "Tenant".into(),
        namespace: Some("anywhere".into()),
        name: "web".into(),
    };
    says(&mut records[1]).objects.push(tenant.clone());
    let mut live = owned("web", "web");
    live.object = ObjectRef {
        namespace: None,
        ..tenant
    };
    let mut survey = deep(records, vec![], vec![live]);
    let kinds = [("Tenant".to_owned(), false)].into();
    survey.apis.push(SeenApi {
        api_version: "example.com/v1".into(),
        state: ApiState::Served { kinds },
    });
    assert_eq!(find(&survey.sorted()), []);
}

fn hook(kind: &str, name: &str) -> Hook {
    Hook {
        object: ObjectRef {
            api_version: "batch/v1".into(),
            kind: kind.into(),
            ..object(name)
        },
        events: vec!["post-install".into()],
        phase: "Succeeded".into(),
        started: None,
    }
}

/// Live, of that uid.
fn lives(uid: &str) -> Observed {
    match live(Readiness::Ready, vec![writer("helm", 60)]) {
        Observed::Present(mut object) => {
            object.uid = uid.into();
            Observed::Present(object)
        }
        other => other,
    }
}

#[test]
fn leftover_hook() {
    let with = |newest: Option<&str>, there: Observed| {
        let mut records = healthy();
        says(&mut records[0]).hooks.push(hook("Job", "old"));
        let hooks = &mut says(&mut records[1]).hooks;
        hooks.extend(newest.map(|name| hook("Job", name)));
        let survey = deep(records, vec![], vec![]);
        find(&see(survey, hook("Job", "old").object, there))
    };
    let there = |owner: Option<&str>| match lives("old") {
        Observed::Present(mut job) => {
            job.owner = owner.map(|name| (NAMESPACE.into(), name.into()));
            Observed::Present(job)
        }
        other => other,
    };
    let left = [("leftover-hook", Severity::Info)];
    assert_eq!(with(None, there(None)), left);
    assert_eq!(with(Some("new"), there(None)), left);
    // The next run of the same hook takes it away.
    assert_eq!(with(Some("old"), there(None)), []);
    assert_eq!(with(None, Observed::Missing), []);
    // What was a hook is a release's object now.
    assert_eq!(with(None, there(Some("web"))), []);
}

#[test]
fn a_hook_that_is_spelled_in_another_way_is_no_former_one() {
    let with = |now: Hook, seen: Observed| {
        let mut records = healthy();
        says(&mut records[0]).hooks.push(hook("Job", "migrate"));
        says(&mut records[1]).hooks.push(now.clone());
        let survey = deep(records, vec![], vec![]);
        let survey = see(survey, hook("Job", "migrate").object, lives("a"));
        find(&see(survey, now.object, seen))
    };
    let spelled = |change: fn(&mut ObjectRef)| {
        let mut hook = hook("Job", "migrate");
        change(&mut hook.object);
        hook
    };
    let version = || spelled(|object| object.api_version = "batch/v2".into());
    assert_eq!(with(version(), lives("a")), []);
    let placed = || spelled(|object| object.namespace = Some(NAMESPACE.into()));
    assert_eq!(with(placed(), lives("a")), []);
    // Where that cannot be known, nothing is said.
    let reason = "forbidden".to_owned();
    assert_eq!(with(placed(), Observed::Unreadable { reason }), []);
    // One of the same name elsewhere is another one.
    let moved = || spelled(|object| object.namespace = Some("elsewhere".into()));
    let left = [("leftover-hook", Severity::Info)];
    assert_eq!(with(moved(), lives("b")), left);
    assert_eq!(with(moved(), Observed::Missing), left);
}

#[test]
fn hooks_of_the_deployed_revision_are_no_former_ones() {
    let mut records = healthy();
    says(&mut records[1]).hooks.push(hook("Job", "migrate"));
    records.push(record(3, Status::Failed, 3000));
    let survey = deep(records, vec![compared("web", Found::New)], vec![]);
    let survey = see(survey, hook("Job", "migrate").object, lives("a"));
    let ids: Vec<_> = find(&survey).into_iter().map(|one| one.0).collect();
    assert!(!ids.contains(&"leftover-hook"), "{ids:?}");
}

#[test]
fn only_what_ran_is_deleted_for_its_logs_alone() {
    let advice = |kinds: &[&str]| {
        let mut uninstalled = record(1, Status::Uninstalled, 4000);
        let hooks = &mut says(&mut uninstalled).hooks;
        hooks.extend(kinds.iter().map(|kind| hook(kind, "x")));
        let mut survey = deep(vec![uninstalled], vec![], vec![]);
        for kind in kinds {
            survey = see(survey, hook(kind, "x").object, lives(kind));
        }
        let policy = Policy {
            deep: true,
            ..Policy::default()
        };
        let findings = diagnose(&survey, &policy).into_iter();
        let mut left = findings.filter(|one| one.id == "leftover-hook");
        left.next().unwrap().advice.remove(0).text
    };
    assert!(advice(&["Job", "Pod"]).starts_with("delete them"));
    assert!(advice(&["Secret", "PersistentVolumeClaim"]).starts_with("see whether anything uses"));
    let both = advice(&["Job", "Secret"]);
    assert!(both.contains("Jobs and Pods") && both.contains("anything uses"));
}

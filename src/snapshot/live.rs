//! Which live objects belong to a snapshot of releases.

use std::collections::BTreeSet;

use crate::helm::codec;
use crate::survey::{OBJECTS_OF, ObjectRef, Payload, Record, Survey, Unread};

/// The objects of each release's newest and deployed revisions, as far as their
/// payloads were read, and their namespaces; each with the namespace that stands
/// in where its document names none.
///
/// Where records are kept in another namespace than the release's, objects are
/// looked for in both: an SDK puts them into the one, Helm's command line into
/// the other.
pub fn live_objects(survey: &Survey) -> BTreeSet<(String, ObjectRef)> {
    let mut objects = BTreeSet::new();
    for history in survey.histories() {
        let current = history.deployed().chain(history.newest());
        for release in current.filter_map(Record::decoded) {
            for namespace in [history.namespace, &release.namespace] {
                let own = release.objects.iter().cloned();
                objects.extend(own.map(|object| (namespace.to_owned(), object)));
                objects.insert((String::new(), self::namespace(namespace)));
            }
        }
    }
    objects
}

/// What stands for the objects that nobody can tell, because the record that names
/// them cannot be read, or not all of its manifest.
pub fn untold_objects(survey: &Survey) -> Vec<Unread> {
    // Those that Helm cannot read, too, which are in no history that it sees.
    let histories = survey.histories();
    let current = histories.iter().flat_map(|history| {
        let records = history.records.iter().copied();
        let deployed = records.filter(|record| record.label("status") == Some("deployed"));
        let newest = history.records.last().copied();
        deployed.chain(newest).chain(history.newest())
    });
    let untold = current.filter_map(|record| {
        Some(Unread {
            // Not what the record itself is called: that one is saved.
            what: format!("{OBJECTS_OF}{}", record.id),
            reason: untold(&record.payload)?,
        })
    });
    let untold: BTreeSet<_> = untold.collect();
    untold.into_iter().collect()
}

/// Why a payload does not tell all objects.
fn untold(payload: &Payload) -> Option<String> {
    match payload {
        Payload::Decoded { release, .. } if release.unreadable_documents.is_empty() => None,
        Payload::Decoded { release, .. } => {
            let documents = release.unreadable_documents.join(", ");
            Some(format!("its manifest cannot be read: {documents}"))
        }
        Payload::Undecodable { reason, .. } => Some(format!("it cannot be read: {reason}")),
        Payload::TooLarge { .. } => Some(codec::TOO_LARGE.to_owned()),
        // What could not be read is told as that; what nobody asked for lies behind
        // one that is told here.
        Payload::Unread | Payload::Foreign { .. } => None,
    }
}

fn namespace(name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::Status;
    use crate::survey::fixture::{record, says, survey};

    #[test]
    fn the_newest_and_the_deployed_revision_count() {
        let mut records = vec![
            record(1, Status::Superseded, 90),
            record(2, Status::Deployed, 60),
            record(3, Status::Failed, 30),
        ];
        for (record, name) in records.iter_mut().zip(["old", "base", "new"]) {
            says(record).objects[0].name = name.into();
        }
        says(&mut records[2]).namespace = "elsewhere".into();
        let objects = live_objects(&survey(records));
        let told: Vec<String> = objects
            .iter()
            .map(|(namespace, object)| format!("{namespace}: {object}"))
            .collect();
        assert_eq!(
            told,
            [
                ": Namespace elsewhere",
                ": Namespace shop",
                "elsewhere: Deployment new",
                "shop: Deployment base",
                "shop: Deployment new",
            ]
        );
    }

    #[test]
    fn what_nobody_can_tell_is_missing() {
        let mut records = vec![
            record(1, Status::Superseded, 90),
            record(2, Status::Deployed, 60),
            record(3, Status::Failed, 30),
        ];
        says(&mut records[1]).unreadable_documents = vec!["a.yaml: has no kind".into()];
        for (record, reason) in [(0, "of no interest"), (2, "gzip: invalid header")] {
            records[record].payload = Payload::Undecodable {
                digest: crate::helm::Digest::of(b""),
                bytes: 0,
                reason: reason.into(),
            };
        }
        let untold = untold_objects(&survey(records));
        let told: Vec<String> = untold
            .iter()
            .map(|one| format!("{}: {}", one.what, one.reason))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        Objects of Secret shop/sh.helm.release.v1.web.v2: its manifest cannot be read: a.yaml: has no kind
        Objects of Secret shop/sh.helm.release.v1.web.v3: it cannot be read: gzip: invalid header
        ");
    }
}

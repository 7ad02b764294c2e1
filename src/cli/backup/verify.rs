//! `backup verify`: is what was saved still what was saved?

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use super::{existing, of_another};
use crate::cli::args::VerifyArgs;
use crate::cli::reach::unseen;
use crate::cli::settings::Settings;
use crate::cli::{connect, print};
use crate::cluster::{Fetched, Wanted};
use crate::error::{Exit, Failure};
use crate::report::verify as report;
use crate::report::verify::Compared;
use crate::snapshot::Snapshot;
use crate::store::{Damage, Shape, Store, StoreError};
use crate::survey::{RawRecord, RecordId, Survey, Unread};

/// How many times some shapes wait to be compared: they are small.
const WAITING: usize = 16;

pub(super) async fn verify(settings: &Settings, args: &VerifyArgs) -> Result<Exit, Failure> {
    let store = existing(settings)?;
    let find = |id: &str| store.snapshot(id).map_err(connect::unstored);
    let named = args.snapshot.as_deref().map(find).transpose()?;
    let only = named.as_ref().map(|snapshot| &snapshot.id);
    let found = store.verify(only).map_err(connect::unstored)?;
    let damage = |damage: &Damage| match &damage.snapshot {
        Some(snapshot) => format!("snapshot {snapshot}: {}: {}", damage.what, damage.reason),
        None => format!("{}: {}", damage.what, damage.reason),
    };
    let damaged: Vec<_> = found.damaged.iter().map(damage).collect();
    let compared = match args.read_cluster {
        true => {
            let snapshot = named.map_or_else(|| find("latest"), Ok)?;
            Some(compare(settings, &store, &snapshot).await?)
        }
        false => None,
    };
    let numbers = (found.snapshots, found.objects);
    let text = match settings.json() {
        true => report::json(numbers, &damaged, compared.as_ref()),
        false => report::text(numbers, &damaged, compared.as_ref()),
    };
    print(settings, &text)?;
    let differs = compared.as_ref().is_some_and(|one| !one.differ.is_empty());
    Ok(match compared {
        _ if differs || !damaged.is_empty() => Exit::Findings,
        Some(compared) if !compared.unread.is_empty() => Exit::Unreachable,
        _ => Exit::Done,
    })
}

/// Compares a snapshot with the cluster: what has the same uid and
/// resourceVersion must be the same to the last byte.
async fn compare(
    settings: &Settings,
    store: &Store,
    snapshot: &Snapshot,
) -> Result<Compared, Failure> {
    let cluster = connect::cluster(settings).await?;
    let progress = settings.terminal.progress("reading the cluster");
    let surveyed = cluster.survey(&snapshot.scope).await;
    let survey = surveyed.map_err(|error| unseen(&cluster, error))?;
    drop(progress);
    if survey.cluster != snapshot.cluster {
        let message = of_another(snapshot, survey.cluster.as_deref());
        return Err(Failure::new(Exit::Refused, message).hint("--context chooses the cluster"));
    }
    let shapes = store.shapes(&snapshot.id).map_err(connect::unstored)?;
    let (mut compared, unchanged) = counted(&survey, snapshot);
    let progress = settings
        .terminal
        .progress_of("comparing records", unchanged.len());
    let wanted = Wanted::of(&survey, |id| unchanged.contains_key(id));
    let (out, mut read) = mpsc::channel(WAITING);
    let shape = |raw: &RawRecord| (Shape::of(raw), raw.state());
    let reading = cluster.read_records(wanted, move || shape, out);
    let comparing = async {
        while let Some(fetched) = read.recv().await {
            for one in fetched {
                progress.step();
                note(&mut compared, &shapes, &unchanged, one);
            }
        }
    };
    tokio::join!(reading, comparing);
    compared.differ.sort();
    compared.unread.sort();
    compared.unread.dedup();
    Ok(compared)
}

/// A uid and a resourceVersion.
type State = (String, String);

/// Counts what changed since, and tells what did not.
fn counted(survey: &Survey, snapshot: &Snapshot) -> (Compared, BTreeMap<RecordId, State>) {
    let mut compared = Compared {
        snapshot: snapshot.id.to_string(),
        // Of what it should hold and does not, nobody knows whether it changed.
        unread: [&survey.unread[..], &snapshot.missing].concat(),
        incomplete: !snapshot.complete(),
        partial: !survey.unread.is_empty(),
        ..Compared::default()
    };
    let seen: BTreeMap<_, _> = survey.records.iter().map(|one| (&one.id, one)).collect();
    let mut unchanged = BTreeMap::new();
    for saved in &snapshot.records {
        let state = (saved.uid.clone(), saved.resource_version.clone());
        match seen.get(&saved.id) {
            Some(record) if (&record.uid, &record.resource_version) == (&state.0, &state.1) => {
                unchanged.insert(saved.id.clone(), state);
            }
            Some(_) => compared.changed += 1,
            None => compared.gone += 1,
        }
    }
    compared.new = survey.records.len() - unchanged.len() - compared.changed;
    (compared, unchanged)
}

fn note(
    compared: &mut Compared,
    shapes: &BTreeMap<RecordId, Shape>,
    unchanged: &BTreeMap<RecordId, State>,
    (id, read): Fetched<(Result<Shape, StoreError>, State)>,
) {
    let unread = |reason: String| Unread {
        what: id.to_string(),
        reason,
    };
    match read {
        Ok(Some((_, state))) if unchanged.get(&id) != Some(&state) => compared.changed += 1,
        Ok(Some((Ok(shape), _))) => match shapes.get(&id) {
            Some(saved) if *saved == shape => compared.same += 1,
            // What is damaged was told.
            None => {}
            Some(_) => compared.differ.push(id.to_string()),
        },
        Ok(Some((Err(error), _))) => compared.unread.push(unread(error.to_string())),
        Ok(None) => compared.gone += 1,
        Err(error) => compared.unread.push(unread(error.reason())),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::cluster::ApiError;
    use crate::helm::Driver;
    use crate::snapshot::SnapshotId;
    use crate::survey::fixture::survey;
    use crate::survey::{RawRecord, Scope};

    fn raw(annotation: &str, version: &str) -> RawRecord {
        RawRecord {
            id: RecordId {
                namespace: "shop".into(),
                driver: Driver::Secret,
                name: "sh.helm.release.v1.web.v1".into(),
            },
            object: json!({"metadata": {
                "namespace": "shop", "name": "sh.helm.release.v1.web.v1", "uid": "u",
                "resourceVersion": version, "annotations": {"a": annotation},
            }}),
            payload: Some(b"text".to_vec().into()),
        }
    }

    fn compared(read: Result<Option<RawRecord>, ApiError>) -> Compared {
        let saved = raw("a", "7");
        let shapes = BTreeMap::from([(saved.id.clone(), Shape::of(&saved).unwrap())]);
        let unchanged = BTreeMap::from([(saved.id.clone(), saved.state())]);
        let mut compared = Compared::default();
        let read = read.map(|read| read.map(|raw| (Shape::of(&raw), raw.state())));
        note(&mut compared, &shapes, &unchanged, (saved.id, read));
        compared
    }

    #[test]
    fn what_a_snapshot_lacks_is_not_called_the_same() {
        let missing = Unread {
            what: "secrets in namespace shop".to_owned(),
            reason: "forbidden".to_owned(),
        };
        let snapshot = Snapshot {
            id: SnapshotId("ab12".into()),
            time: Timestamp::UNIX_EPOCH,
            cluster: None,
            reason: "backup".to_owned(),
            note: String::new(),
            tags: Vec::new(),
            scope: Scope::default(),
            version: None,
            records: Vec::new(),
            objects: Vec::new(),
            missing: vec![missing.clone()],
        };
        let (compared, unchanged) = counted(&survey(Vec::new()), &snapshot);
        assert_eq!(compared.unread, [missing]);
        assert!(compared.incomplete && !compared.partial);
        assert!(unchanged.is_empty());
    }

    #[test]
    fn the_same_state_must_be_the_same_bytes() {
        assert_eq!(compared(Ok(Some(raw("a", "7")))).same, 1);
        let other = compared(Ok(Some(raw("b", "7"))));
        assert_eq!(other.differ, ["Secret shop/sh.helm.release.v1.web.v1"]);
        let mut payload = raw("a", "7");
        payload.payload = Some(b"test".to_vec().into());
        assert_eq!(compared(Ok(Some(payload))).differ.len(), 1);
        // Written between the list and the read.
        assert_eq!(compared(Ok(Some(raw("b", "8")))).changed, 1);
        assert_eq!(compared(Ok(None)).gone, 1);
        assert_eq!(compared(Err(ApiError::Timeout)).unread.len(), 1);
    }
}

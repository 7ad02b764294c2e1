//! `backup list` and `verify`: look at what was saved.

use super::existing;
use crate::cli::settings::Settings;
use crate::cli::{connect, print};
use crate::error::{Exit, Failure};
use crate::report::snapshot as report;
use crate::store::Damage;

pub(super) fn list(settings: &Settings) -> Result<Exit, Failure> {
    let snapshots = match connect::existing_store(settings)? {
        Some(store) => store.list().map_err(connect::unstored)?,
        None => Vec::new(),
    };
    let text = match settings.json() {
        true => report::list_json(&snapshots),
        false => report::list_table(&snapshots, &settings.voice),
    };
    print(settings, &text)
}

pub(super) fn verify(settings: &Settings, id: Option<&str>) -> Result<Exit, Failure> {
    let store = existing(settings)?;
    let snapshot = id.map(|id| store.snapshot(id)).transpose();
    let snapshot = snapshot
        .map_err(connect::unstored)?
        .map(|snapshot| snapshot.id);
    let found = store.verify(snapshot.as_ref()).map_err(connect::unstored)?;
    let damage = |damage: &Damage| match &damage.snapshot {
        Some(snapshot) => format!("snapshot {snapshot}: {}: {}", damage.what, damage.reason),
        None => format!("{}: {}", damage.what, damage.reason),
    };
    let damaged: Vec<_> = found.damaged.iter().map(damage).collect();
    let text = match settings.json() {
        true => report::verify_json(found.snapshots, found.objects, &damaged),
        false => report::verify_text(found.snapshots, found.objects, &damaged),
    };
    print(settings, &text)?;
    Ok(match damaged.is_empty() {
        true => Exit::Done,
        false => Exit::Findings,
    })
}

//! `backup show`: what a snapshot holds.

use super::{existing, mask, pick};
use crate::cli::args::{PartArgs, ShowArgs};
use crate::cli::settings::Settings;
use crate::cli::{connect, print, print_exact};
use crate::error::{Exit, Failure};
use crate::helm::{release, yaml};
use crate::live::masked;
use crate::report::contents::{self as report, Part, Tolds};
use crate::snapshot::{SavedRecord, SavedRelease, Snapshot, Told, Untold, decoded, plain};
use crate::store::{SavedPayload, Store};

pub(super) fn show(settings: &Settings, args: &ShowArgs) -> Result<Exit, Failure> {
    pick::no_selector(settings)?;
    let store = existing(settings)?;
    let snapshot = store.snapshot(&args.snapshot).map_err(connect::unstored)?;
    let PartArgs {
        values,
        manifest,
        raw,
    } = args.part;
    if !(values || manifest || raw) {
        return list(settings, &store, &snapshot, &args.releases);
    }
    let (release, record) = pick::one(settings, &snapshot, &args.releases, args.revision)?;
    let part = Part {
        snapshot: &snapshot,
        release: &release,
        record,
    };
    match raw {
        true => show_raw(settings, &store, &part),
        false => show_part(settings, &store, &part, values),
    }
}

/// The releases, or of those that were named the histories.
fn list(
    settings: &Settings,
    store: &Store,
    snapshot: &Snapshot,
    names: &[String],
) -> Result<Exit, Failure> {
    let releases = pick::releases(settings, snapshot, names)?;
    let read: Vec<&SavedRecord> = match names.is_empty() {
        true => releases.iter().filter_map(SavedRelease::newest).collect(),
        false => releases
            .iter()
            .flat_map(|one| one.records.iter().copied())
            .collect(),
    };
    let mut tolds = Tolds::new();
    let mut holding = store.holding(&snapshot.id).map_err(connect::unstored)?;
    for saved in read {
        let told = match holding.payload(&saved.id) {
            Ok(SavedPayload::Json(json)) => Told::read(&json),
            Ok(SavedPayload::Text(text)) => decoded(Some(&text)).and_then(|json| Told::read(&json)),
            Ok(SavedPayload::None) => decoded(None).and_then(|json| Told::read(&json)),
            // What is damaged does not keep the rest from being shown.
            Err(error) => Err(Untold::Undecodable(error.to_string())),
        };
        tolds.insert(saved.id.clone(), told);
    }
    let text = match (settings.json(), names.is_empty()) {
        (true, _) => report::contents_json(snapshot, &releases, &tolds),
        (false, true) => report::contents_table(snapshot, &releases, &tolds, &settings.voice),
        (false, false) => {
            let namespace = settings.global.namespace.as_deref();
            let lacking = snapshot.missing_of(namespace, names);
            report::histories_table(&releases, &tolds, lacking, &settings.voice)
        }
    };
    print(settings, &text)
}

/// Values or manifest of one revision.
fn show_part(
    settings: &Settings,
    store: &Store,
    part: &Part<'_>,
    values: bool,
) -> Result<Exit, Failure> {
    let raw = store.raw_record(&part.snapshot.id, &part.record.id);
    let json = plain(&raw.map_err(connect::unstored)?)
        .map_err(|why| undecodable(part, &why.to_string()))?;
    if values {
        let values = release::content::values(&json);
        let values = values.map_err(|why| undecodable(part, &why.to_string()))?;
        return match settings.json() {
            true => print(settings, &part.values_json(&values)),
            false => print_exact(settings, yaml::text(&values).as_bytes()),
        };
    }
    let view = release::parse(&json).map_err(|why| undecodable(part, &why.to_string()))?;
    let manifest = masked::manifest(&view.manifest, &mask()?);
    match settings.json() {
        true => print(settings, &part.manifest_json(&manifest)),
        false => print_exact(settings, manifest.as_bytes()),
    }
}

/// The payload itself, secrets and all.
fn show_raw(settings: &Settings, store: &Store, part: &Part<'_>) -> Result<Exit, Failure> {
    let raw = store.raw_record(&part.snapshot.id, &part.record.id);
    let raw = raw.map_err(connect::unstored)?;
    match plain(&raw) {
        Ok(json) => print_exact(settings, &json),
        Err(why) => {
            let text = format!("the payload cannot be decoded ({why}); this is its text");
            settings.terminal.say(&text);
            print_exact(settings, raw.payload.as_deref().unwrap_or_default())
        }
    }
}

fn undecodable(part: &Part<'_>, why: &str) -> Failure {
    let message = format!("{} cannot be decoded: {why}", part.record.id);
    Failure::new(Exit::Unreachable, message)
        .hint("--raw prints what is there, --revision takes another one")
}

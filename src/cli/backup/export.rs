//! `backup export`: what was saved, for other programs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::objects::{self, is_namespace};
use super::out::{self, NewFile};
use super::{archive, existing, pick};
use crate::cli::args::{ExportArgs, ExportFormat};
use crate::cli::settings::Settings;
use crate::cli::{connect, print, print_exact};
use crate::error::{Exit, Failure};
use crate::helm::{chart, release, yaml};
use crate::report::export::{self as report, Chart, Written};
use crate::snapshot::{Snapshot, manifests, plain};
use crate::store::Store;
use crate::survey::Unread;

pub(super) fn export(settings: &Settings, args: &ExportArgs) -> Result<Exit, Failure> {
    pick::no_selector(settings)?;
    let store = existing(settings)?;
    if args.format == Some(ExportFormat::Archive) {
        return archive::export(settings, &store, args);
    }
    if args.parent.is_some() {
        let message = "only an archive can leave out what a parent holds";
        return Err(Failure::new(Exit::Usage, message).hint("--parent goes with --format archive"));
    }
    let snapshot = store.snapshot(&args.snapshot).map_err(connect::unstored)?;
    if let Some(folder) = &args.chart {
        return export_chart(settings, &store, &snapshot, args, folder);
    }
    match (args.format, &args.to) {
        (Some(ExportFormat::Manifests), Some(to)) => {
            export_manifests(settings, &store, &snapshot, &args.releases, to)
        }
        // The command line wants one of them and all that it needs.
        _ => Err(Failure::new(
            Exit::Usage,
            "give --format and --to, or --chart",
        )),
    }
}

/// The chart of one revision, as a folder.
fn export_chart(
    settings: &Settings,
    store: &Store,
    snapshot: &Snapshot,
    args: &ExportArgs,
    to: &Path,
) -> Result<Exit, Failure> {
    let (release, record) = pick::one(settings, snapshot, &args.releases, args.revision)?;
    let raw = store.raw_record(&snapshot.id, &record.id);
    let raw = raw.map_err(connect::unstored)?;
    let unreadable = |why: String| {
        let message = format!("{} holds no chart that can be read: {why}", record.id);
        Failure::new(Exit::Unreachable, message).hint("--revision takes another one")
    };
    let json = plain(&raw).map_err(|why| unreadable(why.to_string()))?;
    let content = release::content(&json).map_err(|why| unreadable(why.to_string()))?;
    let folder = chart::folder(&content).map_err(|why| unreadable(format!("failed to {why}")))?;
    out::write_folder(to, &folder.files)?;
    let told = Chart {
        to: &to.display().to_string(),
        namespace: release.namespace,
        release: &release.release,
        revision: record.revision(),
        folder: &folder,
    };
    let text = match settings.json() {
        true => report::chart_json(&told),
        false => report::chart_text(&told, &settings.voice),
    };
    print(settings, &text)
}

/// Records as YAML that kubectl brings back.
fn export_manifests(
    settings: &Settings,
    store: &Store,
    snapshot: &Snapshot,
    names: &[String],
    to: &Path,
) -> Result<Exit, Failure> {
    let releases = pick::releases(settings, snapshot, names)?;
    let mut written = Written {
        to: to.display().to_string(),
        missing: snapshot.missing.clone(),
        ..Written::default()
    };
    let mut target = Target::new(settings, snapshot, to)?;
    let all = || objects::of(settings, store, snapshot, names);
    let namespaces = all().filter(|one| one.as_ref().is_ok_and(|one| is_namespace(one.0)));
    for (_, content) in namespaces.flatten() {
        target.turn_to("00-namespaces.yaml", &mut written)?;
        target.document(&content)?;
        written.objects += 1;
    }
    let mut holding = store.holding(&snapshot.id).map_err(connect::unstored)?;
    for release in &releases {
        let name = manifests::file_name(release.namespace, &release.release);
        target.turn_to(&name, &mut written)?;
        for saved in &release.records {
            match holding.raw_record(&saved.id) {
                Ok(raw) => {
                    target.document(&manifests::object(&raw))?;
                    written.records += 1;
                }
                // What is damaged does not keep the rest from being saved.
                Err(error) => written.missing.push(Unread {
                    what: saved.id.to_string(),
                    reason: error.to_string(),
                }),
            }
        }
    }
    drop(holding);
    for object in all() {
        match object {
            Ok((object, _)) if is_namespace(object) => {}
            Ok((_, content)) => {
                target.turn_to("live-objects_.yaml", &mut written)?;
                target.document(&content)?;
                written.objects += 1;
            }
            Err(lost) => written.missing.push(lost),
        }
    }
    target.finish()?;
    tell(settings, &written, to)?;
    Ok(match written.missing.is_empty() {
        true => Exit::Done,
        false => Exit::Unreachable,
    })
}

/// Says what was written; where that went to stdout, on stderr what was not.
fn tell(settings: &Settings, written: &Written, to: &Path) -> Result<(), Failure> {
    if to == Path::new("-") {
        for missing in &written.missing {
            let text = format!("missing: {}: {}", missing.what, missing.reason);
            settings.terminal.say(&text);
        }
        return Ok(());
    }
    let text = match settings.json() {
        true => report::manifests_json(written),
        false => report::manifests_text(written, &settings.voice),
    };
    print(settings, &text).map(drop)
}

/// Where documents go: stdout, one file, or a file for each release.
struct Target<'a> {
    settings: &'a Settings,
    head: String,
    /// The directory, if there is to be a file for each release.
    folder: Option<PathBuf>,
    /// The file that is being written.
    file: Option<NewFile>,
    /// Its name.
    current: String,
}

impl<'a> Target<'a> {
    fn new(settings: &'a Settings, snapshot: &Snapshot, to: &Path) -> Result<Self, Failure> {
        let mut target = Self {
            settings,
            head: report::manifests_head(snapshot),
            folder: None,
            file: None,
            current: String::new(),
        };
        if to != Path::new("-") {
            if out::is_folder(to) {
                out::make_folder(to)?;
                target.folder = Some(to.to_owned());
                return Ok(target);
            }
            target.file = Some(NewFile::begin(to)?);
        }
        let head = target.head.clone();
        target.write(&head)?;
        Ok(target)
    }

    /// Begins the file of that name, if there is to be more than one.
    fn turn_to(&mut self, name: &str, written: &mut Written) -> Result<(), Failure> {
        let Some(folder) = &self.folder else {
            written.files = 1;
            return Ok(());
        };
        if self.current == name {
            return Ok(());
        }
        let file = NewFile::begin(&folder.join(name))?;
        if let Some(whole) = self.file.replace(file) {
            whole.finish()?;
        }
        name.clone_into(&mut self.current);
        written.files += 1;
        let head = self.head.clone();
        self.write(&head)
    }

    fn document(&mut self, object: &Value) -> Result<(), Failure> {
        self.write(&format!("---\n{}", yaml::text(object)))
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.file {
            Some(file) => file.write(text),
            None => print_exact(self.settings, text.as_bytes()).map(drop),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self.file {
            Some(file) => file.finish(),
            None => Ok(()),
        }
    }
}

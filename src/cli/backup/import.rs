//! `backup import`: a snapshot out of an archive.

use super::out;
use crate::cli::args::ImportArgs;
use crate::cli::settings::Settings;
use crate::cli::{connect, print};
use crate::error::{Exit, Failure};
use crate::report::archive::{self as report, Read};

pub(super) fn import(settings: &Settings, args: &ImportArgs) -> Result<Exit, Failure> {
    settings.durable_store(args.ephemeral_store)?;
    let file = out::open(&args.file)?;
    let store = connect::store(settings)?;
    let progress = settings.terminal.progress("reading the archive");
    let imported = store.import(file).map_err(connect::unstored)?;
    drop(progress);
    let summaries = store.list().map_err(connect::unstored)?;
    let mut found = summaries.into_iter();
    let Some(summary) = found.find(|summary| summary.id == imported.snapshot) else {
        let message = "somebody forgot the snapshot while it was imported";
        return Err(Failure::new(Exit::Findings, message));
    };
    let read = Read {
        from: args.file.display().to_string(),
        summary,
        parent: imported.parent,
        digest: imported.digest,
        new: imported.new,
        bytes: imported.bytes,
    };
    let text = match settings.json() {
        true => report::imported_json(&read),
        false => report::imported_text(&read, &settings.voice),
    };
    print(settings, &text)
}

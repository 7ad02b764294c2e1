//! `backup stats`: what the store holds, and what that takes.

use super::existing;
use crate::cli::settings::Settings;
use crate::cli::{connect, print};
use crate::error::{Exit, Failure};
use crate::report::stored as report;

pub(super) fn stats(settings: &Settings) -> Result<Exit, Failure> {
    let stats = existing(settings)?.stats().map_err(connect::unstored)?;
    let numbers = report::Numbers {
        snapshots: stats.snapshots,
        histories: stats.histories,
        records: stats.records,
        objects: stats.objects,
        held: stats.held,
        plain: stats.plain,
        stored: stats.stored,
        file: stats.file,
        ratio: stats.ratio(),
    };
    let text = match settings.json() {
        true => report::stats_json(&numbers),
        false => report::stats_text(&numbers),
    };
    print(settings, &text)
}

//! `backup list`: which snapshots there are.

use crate::cli::settings::Settings;
use crate::cli::{connect, print};
use crate::error::{Exit, Failure};
use crate::report::snapshot as report;

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

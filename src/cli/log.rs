//! `log`: the operations of this tool.

use super::settings::Settings;
use super::{connect, print};
use crate::error::{Exit, Failure};
use crate::report::operation as report;

pub(super) fn log(settings: &Settings) -> Result<Exit, Failure> {
    let receipts = match connect::existing_store(settings)? {
        Some(store) => store.operations().map_err(connect::unstored)?,
        None => Vec::new(),
    };
    let text = match settings.json() {
        true => report::log_json(&receipts),
        false => report::log_table(&receipts, &settings.voice),
    };
    print(settings, &text)
}

//! What a record that Helm cannot read says by its label. Pure.

use jiff::Timestamp;

use super::by_us;
use crate::diagnose::life::OWN_MANAGER;
use crate::helm::Status;
use crate::survey::Record;

/// Whether a record that Helm cannot read, of which no finding tells whether it is
/// alive, is labeled as worked on and was written too lately to be given up:
/// within so many seconds, by the API server's time.
pub(super) fn announces(record: &Record, now: Option<Timestamp>, window: i64) -> bool {
    let status = record.label("status").map(Status::from);
    let busy = status.is_some_and(|one| one.is_pending() || one == Status::Uninstalling);
    let others = record.writers.iter();
    let others = others.filter(|one| one.manager != OWN_MANAGER);
    let written = others.map(|one| one.at).max().or(record.created);
    let young = now
        .zip(written)
        .is_none_or(|(now, at)| now.as_second() - at.as_second() <= window);
    record.broken() && busy && young && !by_us(record)
}

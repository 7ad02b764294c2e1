//! What a record that Helm cannot read says by its label.
//!
//! No finding tells whether the operation that it announces is alive: what it was
//! to do stands in the payload.

use crate::diagnose::life::{OWN_MANAGER, by_us};
use crate::helm::Status;
use crate::survey::{Record, Survey};

/// The operation that a record announces by its label alone, because Helm cannot
/// read the rest.
pub fn announced(record: &Record) -> Option<Status> {
    let status = record.label("status").map(Status::from);
    let busy = |one: &Status| one.is_pending() || *one == Status::Uninstalling;
    status.filter(|one| record.broken() && busy(one))
}

/// The same where it may still be under way: the record was written within so
/// many seconds, by the API server's time, and not by us alone.
pub fn under_way(record: &Record, survey: &Survey, window: i64) -> Option<Status> {
    let others = record.writers.iter();
    let others = others.filter(|one| one.manager != OWN_MANAGER);
    let written = others.map(|one| one.at).max().or(record.created);
    let young = survey
        .time
        .zip(written)
        .is_none_or(|(now, at)| now.as_second() - at.as_second() <= window);
    announced(record).filter(|_| young && !by_us(record))
}

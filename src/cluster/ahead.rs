//! Looking ahead: payloads that nearly every judgement wants, read beside the
//! metadata instead of after it.

use std::pin::pin;

use futures::future::{join, join_all};
use futures::{StreamExt, stream};
use tokio::task::spawn_blocking;

use super::Cluster;
use super::answer::read;
use super::error::ApiError;
use super::listing::Selection;
use super::records::labels;
use crate::helm::{CURRENT_SELECTOR, Driver};
use crate::survey::{Labels, Payload, Record, Scope, Survey};

impl Cluster {
    /// Looks at the cluster as [`Cluster::survey`] does, and at the same time
    /// reads the payloads of all records that are not superseded.
    ///
    /// This decides nothing: a payload is kept where it is of the very state of
    /// its record that the survey holds, and what did not come is unread, to be
    /// asked for as ever.
    ///
    /// # Errors
    ///
    /// As [`Cluster::survey`].
    pub async fn survey_ahead(&self, scope: &Scope) -> Result<Survey, ApiError> {
        let mut survey = self.open_survey(scope).await?;
        let asked = |driver: &Driver| scope.driver.is_none_or(|asked| asked == *driver);
        let drivers = Driver::ALL.into_iter().filter(asked);
        let bodies = drivers.map(|driver| self.list_payloads(current(scope, driver)));
        let ((), read) = join(self.list_records(&mut survey), join_all(bodies)).await;
        for record in read.into_iter().flatten() {
            keep(&mut survey, record);
        }
        Ok(survey)
    }

    /// Reads bodies by one list, decoded on other threads while more arrive. What
    /// fails is left out.
    async fn list_payloads(&self, selection: Selection) -> Vec<Record> {
        let driver = selection.driver;
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let items = stream::unfold(self.list(selection), |mut listing| async {
            let item = listing.next().await.ok()??;
            Some((item, listing))
        });
        let records = items
            .map(|item| async move {
                let read = spawn_blocking(move || read(&item, driver));
                // The survey has the rest of it.
                read.await.ok()?.ok().map(|record| Record {
                    labels: Labels::default(),
                    writers: Vec::new(),
                    ..record
                })
            })
            // One waits for its turn: each holds a payload, unpacked some megabytes.
            .buffer_unordered(threads + 1);
        let mut records = pin!(records);
        let mut read = Vec::new();
        while let Some(record) = records.next().await {
            read.extend(record);
        }
        read
    }
}

/// What is not superseded: the newest revision of every release, and what was
/// or will be its base.
fn current(scope: &Scope, driver: Driver) -> Selection {
    Selection {
        driver,
        namespace: scope.namespace.clone(),
        labels: Some(labels(scope, CURRENT_SELECTOR)),
        fields: None,
        whole: true,
        at_least: None,
    }
}

/// Keeps a payload where the survey saw the same state of the record.
fn keep(survey: &mut Survey, read: Record) {
    let at = survey
        .records
        .binary_search_by(|seen| seen.id.cmp(&read.id));
    let Some(seen) = at.ok().and_then(|at| survey.records.get_mut(at)) else {
        return;
    };
    let same = seen.uid == read.uid && seen.resource_version == read.resource_version;
    if same && seen.payload == Payload::Unread {
        seen.payload = read.payload;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::Status;
    use crate::survey::fixture::{record, survey};

    #[test]
    fn only_a_payload_of_the_state_that_was_seen_is_kept() {
        let read = record(1, Status::Deployed, 60);
        assert_ne!(read.payload, Payload::Unread);
        let unread = |change: fn(&mut Record)| {
            let mut seen = read.clone();
            seen.payload = Payload::Unread;
            change(&mut seen);
            let mut survey = survey(vec![seen]);
            keep(&mut survey, read.clone());
            survey.records[0].payload == Payload::Unread
        };
        assert!(!unread(|_| ()));
        assert!(unread(|seen| seen.resource_version.push('9')));
        assert!(unread(|seen| seen.uid.push('9')));
        assert!(unread(|seen| seen.id.name.push('9')));
    }
}

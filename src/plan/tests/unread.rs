//! What `unstick` says of records that cannot be read.

use super::{plan_for, stuck};
use crate::helm::{Digest, Status};
use crate::survey::fixture::{record, survey};
use crate::survey::{Payload, Record};

fn garbled(mut record: Record) -> Record {
    record.payload = Payload::Undecodable {
        digest: Digest::of(b"x"),
        bytes: 1,
        reason: "base64".into(),
    };
    record
}

#[test]
fn what_helm_cannot_read_is_refused_with_what_to_do() {
    let refused = |record: Record, named: bool| {
        let mut seen = survey(vec![
            self::record(1, Status::Deployed, 9000),
            self::record(2, Status::PendingUpgrade, 9000),
            garbled(record),
        ]);
        seen.scope.releases = named.then(|| "web".to_owned()).into_iter().collect();
        let plan = plan_for(&seen);
        assert_eq!((plan.steps.len(), plan.refused.len()), (0, 1));
        plan.refused[0].reason.clone()
    };
    for reason in [
        refused(record(3, Status::Deployed, 4000), true),
        refused(record(3, Status::PendingUpgrade, 4000), false),
    ] {
        assert!(reason.contains("\"restore\", \"SNAPSHOT\""), "{reason}");
    }
    // Nobody asked for it, and it announces nothing.
    let other = refused(record(3, Status::Deployed, 4000), false);
    assert!(other.contains("make this readable"), "{other}");
    let only = survey(vec![garbled(record(1, Status::Deployed, 4000))]);
    assert_eq!(plan_for(&only).refused, []);
}

#[test]
fn nobody_is_to_make_readable_what_is_too_large_for_us() {
    let mut seen = stuck();
    seen.records[1].payload = Payload::TooLarge {
        digest: Digest::of(b"x"),
        bytes: 1,
    };
    seen.note_too_large();
    let plan = plan_for(&seen);
    let reason = &plan.refused[0].reason;
    assert!(
        reason.contains("zadig-doctor does not; nothing is changed"),
        "{reason}"
    );
    seen.records[1].payload = Payload::Unread;
    seen.unread.clear();
    let reason = &plan_for(&seen).refused[0].reason;
    assert!(reason.contains("make this readable"), "{reason}");
}

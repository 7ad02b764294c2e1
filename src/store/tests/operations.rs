//! Operations: intent, events, and who is carrying them out.

use super::*;
use crate::plan::{Action, Event, Guard, OperationId, Step};
use crate::snapshot::SnapshotId;

#[test]
fn an_operation_is_told_from_intent_to_end() {
    let (_home, store) = open();
    assert_eq!(store.operations().unwrap(), []);
    let snapshot = save(&store, 0, &[]);
    let nothing = SnapshotId("00".to_owned());
    let error = begin(&store, &plan(), &nothing, None, time(1)).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchSnapshot { .. }));
    let mut creates = plan();
    creates.steps.push(Step {
        action: Action::CreateRecord {
            from: nothing,
            fit: None,
        },
        object: record(1, None).id,
        release: "web".to_owned(),
        guard: Guard::Absent,
        reason: String::new(),
    });
    let error = begin(&store, &creates, &snapshot.id, None, time(1)).unwrap_err();
    assert!(
        matches!(error, StoreError::NoSuchSnapshot { .. }),
        "forgotten since"
    );
    assert_eq!(store.operations().unwrap(), []);
    let first = begin(&store, &plan(), &snapshot.id, None, time(1)).unwrap();
    let second = begin(
        &store,
        &plan(),
        &snapshot.id,
        Some(first.operation()),
        time(2),
    )
    .unwrap();
    let events = [
        Event::Started {
            step: 0,
            will_be: Some(Digest::of(b"x")),
            at: Some(time(3)),
        },
        Event::Done {
            step: 0,
            uid: Some("u".to_owned()),
            resource_version: None,
        },
        Event::Ended,
    ];
    for event in &events {
        store.append(second.operation(), event).unwrap();
    }
    let receipt = store.operation(&second.operation().0).unwrap();
    assert_eq!(receipt.events, events);
    assert_eq!(receipt.plan, plan());
    assert_eq!((receipt.began, &receipt.snapshot), (time(2), &snapshot.id));
    assert_eq!(receipt.undoes.as_ref(), Some(first.operation()));
    let all = store.operations().unwrap();
    assert_eq!(all[0].operation, *first.operation());
    assert_eq!(all[1], receipt);
}

#[test]
fn an_operation_whose_process_is_gone_is_unfinished() {
    let (_home, store) = open();
    let other = Store::open(store.dir()).unwrap();
    let snapshot = save(&store, 0, &[]);
    let lock = begin(&store, &plan(), &snapshot.id, None, time(1)).unwrap();
    let id = lock.operation().clone();
    assert!(other.is_running(&id).unwrap());
    assert_eq!(other.unfinished().unwrap(), []);
    let error = other.hold(&id).unwrap_err();
    assert!(matches!(error, StoreError::Running { .. }));
    drop(lock);
    assert!(!other.is_running(&id).unwrap());
    assert_eq!(other.unfinished().unwrap().len(), 1);
    let taken = other.hold(&id).unwrap();
    assert!(store.is_running(&id).unwrap());
    other.append(&id, &Event::Ended).unwrap();
    drop(taken);
    assert_eq!(store.unfinished().unwrap(), []);
    // A shortened id means the same lock.
    let short = OperationId(id.0[..9].to_owned());
    let again = store.hold(&short).unwrap();
    assert!(other.is_running(&short).unwrap() && other.is_running(&id).unwrap());
    drop(again);
    let unknown = OperationId("../store.db".to_owned());
    assert!(matches!(
        store.hold(&unknown).unwrap_err(),
        StoreError::NoSuchOperation { .. }
    ));
}

#[test]
fn a_claim_whose_process_died_is_known_before_anything_is_stored() {
    let (_home, store) = open();
    let claim = store.claim().unwrap();
    let id = claim.operation().clone();
    assert!(!store.died(&id).unwrap());
    drop(claim);
    assert!(store.died(&id).unwrap());
    let stranger = OperationId("00ff00ff00ff00ff".into());
    assert!(!store.died(&stranger).unwrap());
    let outside = OperationId("../store.db".into());
    assert!(!store.died(&outside).unwrap());
}

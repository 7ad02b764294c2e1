//! A record of a snapshot, made to fit where it is put.

use serde::{Deserialize, Serialize};

use crate::helm::codec::{self, DecodeError};
use crate::helm::release;
use crate::helm::texts::{self, Field};
use crate::live::relocate::{RelocateError, relocate};
use crate::survey::{RawRecord, RecordId};

/// How a record of a snapshot is changed when it is created: the rest of it is
/// as it was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// The record of the snapshot. If it is of another namespace than the one
    /// that is created, it moves: see [`fit`].
    pub record: RecordId,
    /// Whether the place is another one, here or in another cluster: finalizers
    /// stay behind then, since who would remove them may not be there.
    pub elsewhere: bool,
}

/// A record that fits, and what was done to it.
#[derive(Debug)]
pub struct Fitted {
    /// To be created.
    pub record: RawRecord,
    /// Whether owners were left out: the garbage collector deletes what belongs
    /// to objects that are gone.
    pub owners: bool,
    /// Whether finalizers were left out.
    pub finalizers: bool,
    /// What moving it changed, if it moved.
    pub moved: Option<Moved>,
}

/// What moving a record into another namespace changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Whether the payload was read; one that does not decode stays as it is.
    pub decoded: bool,
    /// How many places in its manifest and hooks name the new namespace now.
    pub changed: usize,
    /// How many objects lie in other namespaces, and stay there.
    pub elsewhere: usize,
}

/// Why a record does not fit. Repeats no values.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The object makes no sense.
    #[error("its object has no metadata")]
    NoMetadata,
    /// Records are in one namespace, the release in another: nobody says which
    /// of them is meant to move.
    #[error("its records are in one namespace and its objects in another")]
    KeptApart,
    /// Its manifest cannot be moved.
    #[error("its manifest cannot be moved: {0}")]
    Manifest(RelocateError),
    /// A hook's manifest cannot be moved.
    #[error("a hook's manifest cannot be moved: {0}")]
    Hook(RelocateError),
    /// The payload has no room for it.
    #[error("its payload cannot be rewritten: {0}")]
    Payload(String),
}

/// Makes a saved record fit: it gets the name and namespace of `object`, loses
/// its owners, loses its finalizers where the place is another one, and where
/// the namespace is another one, its payload moves along.
///
/// # Errors
///
/// If it cannot be moved without changing more than its namespace.
pub fn fit(mut record: RawRecord, fit: &Fit, object: &RecordId) -> Result<Fitted, FitError> {
    let moves = fit.record.namespace != object.namespace;
    let moved = match moves {
        true => Some(move_payload(
            &mut record,
            &fit.record.namespace,
            &object.namespace,
        )?),
        false => None,
    };
    record.id = object.clone();
    let metadata = record.object["metadata"].as_object_mut();
    let metadata = metadata.ok_or(FitError::NoMetadata)?;
    metadata.insert("name".to_owned(), object.name.clone().into());
    metadata.insert("namespace".to_owned(), object.namespace.clone().into());
    let mut leave = |field: &str| {
        let left = metadata.shift_remove(field);
        left.is_some_and(|left| left.as_array().is_some_and(|all| !all.is_empty()))
    };
    let owners = leave("ownerReferences");
    let finalizers = fit.elsewhere && leave("finalizers");
    Ok(Fitted {
        record,
        owners,
        finalizers,
        moved,
    })
}

/// Rewrites the namespace in a payload: the release's own, and what its
/// manifest and hooks say of their objects. One that Helm cannot read stays as
/// it is.
fn move_payload(record: &mut RawRecord, from: &str, to: &str) -> Result<Moved, FitError> {
    let text = record.payload.as_deref().unwrap_or_default();
    let plain = match codec::decode(text, codec::PLAIN_LIMIT) {
        Ok(plain) => plain,
        Err(error @ DecodeError::TooLarge) => return Err(FitError::Payload(error.to_string())),
        Err(_) => return Ok(Moved::default()),
    };
    let Ok(view) = release::parse(&plain.json) else {
        return Ok(Moved::default());
    };
    if !view.namespace.is_empty() && view.namespace != from {
        return Err(FitError::KeptApart);
    }
    drop(view);
    let unwritable = |error: &dyn ToString| FitError::Payload(error.to_string());
    let found = texts::find(&plain.json).map_err(|error| unwritable(&error))?;
    let mut moved = Moved {
        decoded: true,
        ..Moved::default()
    };
    let mut changes = Vec::new();
    for one in &found {
        let edits = match one.field {
            Field::Namespace if one.text == from => vec![(0..from.len(), to.to_owned())],
            Field::Namespace => Vec::new(),
            Field::Manifest | Field::Hook => {
                let change = relocate(&one.text, from, to).map_err(|error| match one.field {
                    Field::Hook => FitError::Hook(error),
                    _ => FitError::Manifest(error),
                })?;
                moved.changed += change.edits.len();
                moved.elsewhere += change.elsewhere;
                change.edits
            }
        };
        if !edits.is_empty() {
            changes.push((one, edits));
        }
    }
    if changes.is_empty() {
        return Ok(moved);
    }
    let json = texts::replace(&plain.json, &changes);
    let json = json.ok_or_else(|| unwritable(&"a text is not where it was found"))?;
    let text = codec::encode(&json, record.room()).map_err(|error| unwritable(&error))?;
    record.payload = Some(text.into());
    Ok(moved)
}

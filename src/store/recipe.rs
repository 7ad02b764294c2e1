//! How a record is taken apart for the store and put together again. Pure.

use std::ops::Range;

use super::StoreError;
use super::objects::length;
use super::records::{PayloadKind, Row};
use crate::helm::Digest;
use crate::helm::codec::{self, PLAIN_LIMIT, TEXT_LIMIT};
use crate::snapshot::seams;
use crate::survey::RawRecord;

/// Texts longer than this are kept as they are.
///
/// JSON is compressed anew when it is restored, and what another compressor
/// just fitted into a Secret might not fit again.
const LONGEST: usize = TEXT_LIMIT / 16 * 15;

/// A record taken apart.
pub(super) struct Taken {
    /// What the tables say of it.
    pub(super) row: Row,
    /// The object's JSON without `data.release`.
    pub(super) object: Vec<u8>,
    /// What its parts join to.
    plain: Vec<u8>,
    parts: Vec<Range<usize>>,
}

impl Taken {
    /// Takes a record apart.
    ///
    /// JSON that Helm compressed is kept as JSON, cut at its seams. All else is
    /// kept whole: what does not decode, what was never compressed, and what is
    /// too long to be sure of.
    pub(super) fn apart(record: &RawRecord) -> Result<Self, StoreError> {
        let object = serde_json::to_vec(&record.object).map_err(StoreError::Json)?;
        let text = record.payload.as_deref();
        let (payload, plain, parts) = match text {
            None => (PayloadKind::None, Vec::new(), Vec::new()),
            Some(text) => json(text).unwrap_or_else(|| whole(text)),
        };
        let row = Row {
            id: record.id.clone(),
            uid: record.uid().to_owned(),
            resource_version: record.resource_version().to_owned(),
            object: Digest::of(&object),
            payload,
            plain: Digest::of(&plain),
            text: record.digest(),
            bytes: text.map_or(0, length),
        };
        Ok(Self {
            row,
            object,
            plain,
            parts,
        })
    }

    /// The payload's parts, in order.
    pub(super) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(|range| &self.plain[range.clone()])
    }
}

type Plain = (PayloadKind, Vec<u8>, Vec<Range<usize>>);

fn json(text: &[u8]) -> Option<Plain> {
    if text.len() > LONGEST {
        return None;
    }
    let plain = codec::decode(text, PLAIN_LIMIT).ok()?;
    if !plain.gzip {
        return None;
    }
    let parts = seams::split(&plain.json);
    Some((PayloadKind::Json, plain.json, parts))
}

fn whole(text: &[u8]) -> Plain {
    let all = Some(0..text.len()).filter(|_| !text.is_empty());
    let parts = all.into_iter().collect();
    (PayloadKind::Text, text.to_owned(), parts)
}

/// Puts a record together: from its row, its object, and the joined parts.
///
/// A payload that was kept as text is the same text; one that was kept as JSON
/// is packed as Helm does, and decodes to the same bytes.
pub(super) fn together(row: Row, object: &[u8], plain: Vec<u8>) -> Result<RawRecord, StoreError> {
    let damaged = |reason| StoreError::damaged(row.id.to_string(), reason);
    if Digest::of(&plain) != row.plain {
        return Err(damaged("its joined parts have another digest"));
    }
    let payload = match row.payload {
        PayloadKind::None => None,
        PayloadKind::Text => Some(plain),
        PayloadKind::Json => {
            let text = codec::encode(&plain, TEXT_LIMIT);
            Some(text.map_err(|_| damaged("it cannot be packed again"))?)
        }
    };
    let object = serde_json::from_slice(object).map_err(|_| damaged("its object is no JSON"))?;
    Ok(RawRecord {
        id: row.id,
        object,
        payload,
    })
}

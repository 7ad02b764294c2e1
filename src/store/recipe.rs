//! How a record is taken apart for the store and put together again. Pure.
//!
//! A record becomes the parts of its chart, which other revisions and releases
//! share, and the rest: its object's JSON and what its payload says beside the
//! chart. The rest of one revision is much like that of another.

use std::ops::Range;

use super::contents::{Entry, PayloadKind, Short, sealed};
use super::{StoreError, room};
use crate::helm::Digest;
use crate::helm::codec::{self, PLAIN_LIMIT, TEXT_LIMIT, Unpacker};
use crate::snapshot::seams;
use crate::survey::{RawRecord, RecordId, stored};

/// Texts longer than this are kept as they are.
///
/// JSON is compressed anew when it is restored, and what another compressor
/// just fitted into a Secret might not fit again.
const LONGEST: usize = TEXT_LIMIT / 16 * 15;

/// A record taken apart, without the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: RecordId,
    pub(super) uid: String,
    pub(super) version: String,
    pub(super) seen: Short,
    pub(super) payload: PayloadKind,
    /// Length of the payload's text.
    pub(super) bytes: u64,
    pub(super) rest: Digest,
    /// Where in the rest the object's JSON ends.
    pub(super) object: usize,
    /// Where in what follows the parts belong.
    pub(super) at: usize,
    pub(super) parts: Vec<Digest>,
}

/// A record taken apart.
pub(super) struct Taken<'a> {
    /// What is said of it.
    pub(super) row: Row,
    /// The object's JSON without `data.release`, and then the payload without
    /// the parts.
    pub(super) rest: Vec<u8>,
    plain: &'a [u8],
    parts: Vec<Range<usize>>,
}

/// A chart that is larger is not compared with the next.
const LARGEST_KEPT: usize = 8 << 20;

/// The chart of a record, as it was cut.
#[derive(Default)]
pub(super) struct Chart {
    /// Its bytes; none where it is not to be compared.
    json: Vec<u8>,
    /// Its pieces, from its beginning.
    pieces: Vec<(Range<usize>, Digest)>,
}

impl Chart {
    /// The pieces of the chart that those bytes begin with. To compare it with
    /// the one before is cheaper than to find where it is to be cut, and to hash
    /// it.
    fn pieces(&mut self, json: &[u8]) -> &[(Range<usize>, Digest)] {
        if self.begins(json) {
            return &self.pieces;
        }
        let pieces = seams::pieces(json, 0).into_iter().map(|piece| {
            let digest = Digest::of(&json[piece.clone()]);
            (piece, digest)
        });
        self.pieces = pieces.collect();
        let end = self.pieces.last().map_or(0, |(piece, _)| piece.end);
        self.json.clear();
        if end <= LARGEST_KEPT && room::make(&mut self.json, end).is_ok() {
            self.json.extend_from_slice(&json[..end]);
        }
        &self.pieces
    }

    /// Whether it is what those bytes begin with. An object says itself where it
    /// ends, so the same bytes are all of it.
    fn begins(&self, json: &[u8]) -> bool {
        self.json.starts_with(b"{") && json.starts_with(&self.json)
    }
}

impl<'a> Taken<'a> {
    /// Takes a record apart; `chart` is that of the record before, if any, and of
    /// this one after.
    ///
    /// JSON that Helm compressed is kept as JSON, cut at its seams. All else is
    /// kept whole: what does not decode, what was never compressed, and what is
    /// too long to be sure of.
    pub(super) fn apart(
        record: &'a RawRecord,
        unpacker: &'a mut Unpacker,
        chart: &mut Chart,
    ) -> Result<Self, StoreError> {
        let mut rest = serde_json::to_vec(&record.object).map_err(StoreError::Json)?;
        let object = rest.len();
        let text = record.payload.as_deref();
        let (payload, plain) = match text {
            None => (PayloadKind::None, &[][..]),
            Some(text) => match json(unpacker, text) {
                Some(json) => (PayloadKind::Json, json),
                None => (PayloadKind::Text, text),
            },
        };
        let start = match payload {
            PayloadKind::Json => seams::chart(plain),
            PayloadKind::None | PayloadKind::Text => None,
        };
        let (parts, digests): (Vec<_>, Vec<_>) = start.map_or_else(Default::default, |start| {
            let placed = |piece: &Range<usize>| piece.start + start..piece.end + start;
            let pieces = chart.pieces(&plain[start..]).iter();
            pieces
                .map(|(piece, digest)| (placed(piece), *digest))
                .unzip()
        });
        let chart = match (parts.first(), parts.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => plain.len()..plain.len(),
        };
        rest.reserve_exact(plain.len() - chart.len());
        rest.extend_from_slice(&plain[..chart.start]);
        rest.extend_from_slice(&plain[chart.end..]);
        let metadata = stored::from_metadata(&record.object["metadata"], record.id.driver);
        let row = Row {
            id: record.id.clone(),
            uid: record.uid().to_owned(),
            version: record.resource_version().to_owned(),
            seen: Short::of(metadata.seen()),
            payload,
            bytes: text.map_or(0, |text| text.len() as u64),
            rest: Digest::of(&rest),
            object,
            at: chart.start,
            parts: digests,
        };
        Ok(Self {
            row,
            rest,
            plain,
            parts,
        })
    }

    /// The chart's parts, in order, each with its digest.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Digest, &[u8])> {
        let parts = self.parts.iter().map(|range| &self.plain[range.clone()]);
        self.row.parts.iter().copied().zip(parts)
    }
}

/// The release's JSON, if it may be kept as that.
fn json<'a>(unpacker: &'a mut Unpacker, text: &[u8]) -> Option<&'a [u8]> {
    if text.len() > LONGEST {
        return None;
    }
    let unpacked = unpacker.unpack(text, PLAIN_LIMIT).ok()?;
    unpacked.gzip.then_some(unpacked.json)
}

/// Whether a record's rest is of the record that its entry speaks of, and cut in
/// places that it has; `parts` is how long its parts are together.
pub(super) fn agrees(id: &RecordId, entry: &Entry, rest: &[u8], parts: usize) -> bool {
    let cut = |bytes: &[u8], at: u64| usize::try_from(at).ok().filter(|at| *at <= bytes.len());
    let Some(at) = cut(rest, entry.object) else {
        return false;
    };
    let (object, payload) = rest.split_at(at);
    let Ok(object) = serde_json::from_slice::<serde_json::Value>(object) else {
        return false;
    };
    let metadata = stored::from_metadata(&object["metadata"], id.driver);
    let whole = payload.len().saturating_add(parts);
    metadata.id == *id
        && metadata.uid == entry.uid
        && metadata.resource_version == entry.version
        && cut(payload, entry.at).is_some()
        && match entry.payload {
            PayloadKind::None => whole == 0 && entry.bytes == 0,
            PayloadKind::Text => whole as u64 == entry.bytes,
            PayloadKind::Json => whole <= PLAIN_LIMIT,
        }
}

/// A record's object and its payload, not packed yet.
pub(super) struct Parts {
    pub(super) object: Vec<u8>,
    pub(super) plain: Vec<u8>,
}

/// Puts the bytes of a record together, from what is said of it and the objects
/// it names.
pub(super) fn joined(
    id: &RecordId,
    entry: &Entry,
    rest: &(Digest, Vec<u8>),
    parts: &[(Digest, Vec<u8>)],
) -> Result<Parts, StoreError> {
    let damaged = |reason| StoreError::damaged(id.to_string(), reason);
    let digests = parts.iter().map(|(digest, _)| digest);
    if sealed(&rest.0, digests) != entry.digest {
        return Err(damaged("its objects are other ones"));
    }
    let cut = |bytes: &[u8], at: u64| {
        let at = usize::try_from(at).ok()?;
        let (head, tail) = bytes.split_at_checked(at)?;
        Some((head.to_vec(), tail.to_vec()))
    };
    let torn = || damaged("it is cut in the wrong place");
    let (object, payload) = cut(&rest.1, entry.object).ok_or_else(torn)?;
    let (mut plain, tail) = cut(&payload, entry.at).ok_or_else(torn)?;
    for (_, part) in parts {
        plain.extend_from_slice(part);
    }
    plain.extend(tail);
    Ok(Parts { object, plain })
}

/// Puts a record together.
///
/// A payload that was kept as text is the same text; one that was kept as JSON
/// is packed as Helm does, and decodes to the same bytes.
pub(super) fn together(
    id: RecordId,
    entry: &Entry,
    rest: &(Digest, Vec<u8>),
    parts: &[(Digest, Vec<u8>)],
) -> Result<RawRecord, StoreError> {
    let damaged = |reason| StoreError::damaged(id.to_string(), reason);
    let Parts { object, plain } = joined(&id, entry, rest, parts)?;
    let payload = match entry.payload {
        PayloadKind::None => None,
        PayloadKind::Text => Some(plain),
        PayloadKind::Json => {
            let text = codec::encode(&plain, TEXT_LIMIT);
            Some(text.map_err(|_| damaged("it cannot be packed again"))?)
        }
    };
    let object = serde_json::from_slice(&object).map_err(|_| damaged("its object is no JSON"))?;
    Ok(RawRecord {
        id,
        object,
        payload: payload.map(Into::into),
    })
}

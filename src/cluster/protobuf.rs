//! Takes a list apart while its bytes arrive.
//!
//! The API server's protobuf answer is `k8s\0` and an `Unknown` envelope
//! `{1: typeMeta, 2: raw, …}`; `raw` is a list `{1: ListMeta, 2: item*}`, the
//! same for lists of whole objects and of metadata
//! (`k8s.io/apimachinery/pkg/runtime/generated.proto`). Only one item is held
//! at a time, so a list of any size costs no memory.

use std::ops::Range;

use k8s_pb::apimachinery::pkg::apis::meta::v1::ListMeta;
use prost::Message;

use super::error::ApiError;
use super::rooms::Rooms;

/// No object in etcd is larger than 1.5 MiB by default.
const MAX_ITEM: u64 = 16 << 20;

const MAGIC: &[u8] = b"k8s\0";

const GARBLED: ApiError = ApiError::Garbled {
    what: "protobuf that makes no sense",
};

/// The state between two pieces of an answer.
#[derive(Default)]
pub(super) struct ListWalker {
    /// Where an item finds room.
    rooms: Rooms,
    buffer: Vec<u8>,
    /// What of `buffer` is done with.
    start: usize,
    /// An item of which the rest is still to come, and how long it will be.
    partial: Option<(Vec<u8>, usize)>,
    place: Place,
    /// Bytes to pass over before the next field.
    skip: u64,
    /// Whether the list was there at all.
    seen_list: bool,
    /// What the list says of itself.
    end: End,
}

/// What a list says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// Where its next page starts, if there is one.
    pub(super) next_page: Option<String>,
    /// Of which state of the cluster it is.
    pub(super) version: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Magic,
    Envelope,
    /// In the list, with so many bytes of it left.
    List(u64),
}

/// What a step found.
enum Step {
    Item(Vec<u8>),
    Went,
    NeedsMore,
}

impl ListWalker {
    /// Its items take their room from there.
    pub(super) fn in_rooms(rooms: Rooms) -> Self {
        Self {
            rooms,
            ..Self::default()
        }
    }

    /// Takes the next piece and hands out the items that are complete with it.
    pub(super) fn push(
        &mut self,
        mut piece: &[u8],
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<(), ApiError> {
        if let Some((mut item, length)) = self.partial.take() {
            let (head, tail) = piece.split_at(piece.len().min(length - item.len()));
            item.extend_from_slice(head);
            if item.len() < length {
                self.partial = Some((item, length));
                return Ok(());
            }
            each(item);
            piece = tail;
        }
        self.buffer.extend_from_slice(piece);
        loop {
            match self.step()? {
                Step::Item(item) => each(item),
                Step::Went => {}
                Step::NeedsMore => break,
            }
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        Ok(())
    }

    /// The answer is over.
    pub(super) fn finish(self) -> Result<End, ApiError> {
        let done = matches!(self.place, Place::Envelope | Place::List(0));
        let open = self.skip > 0 || !self.buffer.is_empty() || self.partial.is_some();
        if !done || open || !self.seen_list {
            return Err(ApiError::Garbled {
                what: "the list is cut short",
            });
        }
        Ok(self.end)
    }

    fn step(&mut self) -> Result<Step, ApiError> {
        if self.skip > 0 {
            let step = self.skip.min(self.rest().len() as u64);
            if step == 0 {
                return Ok(Step::NeedsMore);
            }
            self.skip -= step;
            self.advance(step);
            return Ok(Step::Went);
        }
        match self.place {
            Place::Magic => self.magic(),
            Place::Envelope => self.envelope(),
            Place::List(0) => {
                self.place = Place::Envelope;
                Ok(Step::Went)
            }
            Place::List(left) => self.list(left),
        }
    }

    fn magic(&mut self) -> Result<Step, ApiError> {
        let seen = self.rest().len().min(MAGIC.len());
        if self.rest()[..seen] != MAGIC[..seen] {
            return Err(GARBLED);
        }
        if seen < MAGIC.len() {
            return Ok(Step::NeedsMore);
        }
        self.advance(MAGIC.len() as u64);
        self.place = Place::Envelope;
        Ok(Step::Went)
    }

    fn envelope(&mut self) -> Result<Step, ApiError> {
        let Some(field) = Field::read(self.rest())? else {
            return Ok(Step::NeedsMore);
        };
        self.advance(field.head);
        if field.number == 2 && field.message {
            self.place = Place::List(field.body);
            self.seen_list = true;
        } else {
            self.skip = field.body;
        }
        Ok(Step::Went)
    }

    fn list(&mut self, left: u64) -> Result<Step, ApiError> {
        let Some(field) = Field::read(self.rest())? else {
            return Ok(Step::NeedsMore);
        };
        let whole = field.head.checked_add(field.body).ok_or(GARBLED)?;
        let left = left.checked_sub(whole).ok_or(GARBLED)?;
        if !(field.message && matches!(field.number, 1 | 2)) {
            self.advance(field.head);
            self.skip = field.body;
            self.place = Place::List(left);
            return Ok(Step::Went);
        }
        if field.body > MAX_ITEM {
            return Err(ApiError::TooLarge);
        }
        let length = field.body as usize;
        if (self.rest().len() as u64) < whole {
            // The rest of an item goes straight to where it belongs.
            if field.number == 2 {
                self.advance(field.head);
                let mut item = self.rooms.take(length);
                item.extend_from_slice(self.rest());
                self.advance(item.len() as u64);
                self.partial = Some((item, length));
                self.place = Place::List(left);
            }
            return Ok(Step::NeedsMore);
        }
        self.advance(field.head);
        let body = self.rest()[..length].to_vec();
        self.advance(field.body);
        self.place = Place::List(left);
        if field.number == 2 {
            return Ok(Step::Item(body));
        }
        let meta = ListMeta::decode(body.as_slice()).map_err(|_| GARBLED)?;
        self.end = End {
            next_page: meta.r#continue.filter(|token| !token.is_empty()),
            version: meta.resource_version.and_then(|text| text.parse().ok()),
        };
        Ok(Step::Went)
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Never past the end of the buffer: callers saw these bytes.
    fn advance(&mut self, bytes: u64) {
        self.start += bytes as usize;
    }
}

/// The head of one field: its number, and how many bytes are its body.
struct Field {
    number: u64,
    /// Whether it is length-delimited.
    message: bool,
    head: u64,
    body: u64,
}

impl Field {
    /// `None` if the head is not complete yet.
    fn read(bytes: &[u8]) -> Result<Option<Self>, ApiError> {
        let Some((key, key_len)) = varint(bytes)? else {
            return Ok(None);
        };
        let (number, message) = (key >> 3, key & 7 == 2);
        let rest = &bytes[key_len as usize..];
        let (head, body) = match key & 7 {
            0 | 2 => {
                let Some((value, len)) = varint(rest)? else {
                    return Ok(None);
                };
                (key_len + len, if message { value } else { 0 })
            }
            1 => (key_len, 8),
            5 => (key_len, 4),
            _ => return Err(GARBLED),
        };
        if number == 0 {
            return Err(GARBLED);
        }
        Ok(Some(Self {
            number,
            message,
            head,
            body,
        }))
    }
}

/// A varint and its length; `None` if it is not complete yet.
fn varint(bytes: &[u8]) -> Result<Option<(u64, u64)>, ApiError> {
    let mut value = 0_u64;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits.checked_shl(7 * i as u32).unwrap_or(0);
        if shifted >> (7 * i) != bits {
            return Err(GARBLED);
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Ok(Some((value, i as u64 + 1)));
        }
    }
    match bytes.len() {
        0..10 => Ok(None),
        _ => Err(GARBLED),
    }
}

/// The length-delimited fields of one whole message, by number; others are
/// passed over.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Result<(u64, &[u8]), ApiError>> {
    placed(message).map(|one| one.map(|one| (one.number, &message[one.body])))
}

/// A length-delimited field, and where in its message it is.
pub(super) struct Placed {
    pub(super) number: u64,
    pub(super) whole: Range<usize>,
    pub(super) body: Range<usize>,
}

/// The same, each with its place.
pub(super) fn placed(message: &[u8]) -> impl Iterator<Item = Result<Placed, ApiError>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let start = message.len() - rest.len();
            let Some((field, body, tail)) = split_field(rest) else {
                rest = &[];
                return Some(Err(GARBLED));
            };
            rest = tail;
            if field.message {
                let end = message.len() - tail.len();
                return Some(Ok(Placed {
                    number: field.number,
                    whole: start..end,
                    body: end - body.len()..end,
                }));
            }
        }
        None
    })
}

/// The first field, its body, and what follows; `None` if it is no field.
fn split_field(bytes: &[u8]) -> Option<(Field, &[u8], &[u8])> {
    let field = Field::read(bytes).ok()??;
    let (_, rest) = bytes.split_at_checked(usize::try_from(field.head).ok()?)?;
    let (body, tail) = rest.split_at_checked(usize::try_from(field.body).ok()?)?;
    Some((field, body, tail))
}

/// One object's bytes out of its envelope.
pub(super) fn unwrap(answer: &[u8]) -> Result<Vec<u8>, ApiError> {
    use k8s_pb::apimachinery::pkg::runtime::Unknown;

    let envelope = answer.strip_prefix(MAGIC).ok_or(GARBLED)?;
    let envelope = Unknown::decode(envelope).map_err(|_| GARBLED)?;
    envelope.raw.ok_or(GARBLED)
}

#[cfg(test)]
#[path = "protobuf_tests.rs"]
mod tests;

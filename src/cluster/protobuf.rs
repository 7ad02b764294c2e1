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
mod tests {
    use k8s_pb::apimachinery::pkg::apis::meta::v1::{
        ObjectMeta, PartialObjectMetadata, PartialObjectMetadataList,
    };
    use k8s_pb::apimachinery::pkg::runtime::{TypeMeta, Unknown};
    use proptest::prelude::*;

    use super::*;

    fn wrap(raw: Vec<u8>) -> Vec<u8> {
        let unknown = Unknown {
            type_meta: Some(TypeMeta {
                api_version: Some("meta.k8s.io/v1".into()),
                kind: Some("PartialObjectMetadataList".into()),
            }),
            raw: Some(raw),
            content_encoding: Some(String::new()),
            content_type: Some("x".into()),
        };
        [MAGIC, &unknown.encode_to_vec()].concat()
    }

    fn list(names: &[&str], next: &str) -> Vec<u8> {
        let item = |name: &&str| PartialObjectMetadata {
            metadata: Some(ObjectMeta {
                name: Some((*name).to_owned()),
                ..Default::default()
            }),
        };
        let list = PartialObjectMetadataList {
            metadata: Some(ListMeta {
                r#continue: Some(next.to_owned()),
                ..Default::default()
            }),
            items: names.iter().map(item).collect(),
        };
        wrap(list.encode_to_vec())
    }

    fn name(item: &[u8]) -> String {
        let item = PartialObjectMetadata::decode(item).unwrap();
        item.metadata.unwrap().name.unwrap()
    }

    type Walked = Result<(Vec<String>, Option<String>), ApiError>;

    fn walk<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Walked {
        let mut walker = ListWalker::default();
        let mut names = Vec::new();
        for piece in pieces {
            walker.push(piece, |item| names.push(name(&item)))?;
        }
        Ok((names, walker.finish()?.next_page))
    }

    #[test]
    fn every_split_gives_the_same_list() {
        let long = "x".repeat(200);
        let bytes = list(&["a", &long, "c"], "token");
        let expected = (
            vec!["a".to_owned(), long.clone(), "c".to_owned()],
            Some("token".to_owned()),
        );
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(walk([head, tail]).as_ref(), Ok(&expected), "split at {at}");
        }
        assert_eq!(walk(bytes.chunks(1)), Ok(expected));
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = list(&["a", "b"], "");
        assert_eq!(
            walk([&*bytes]).map(|(n, next)| (n.len(), next)),
            Ok((2, None))
        );
        // After `raw` come the envelope's own last fields, which carry nothing:
        // a cut between those whole fields is the same list.
        let tail = Unknown {
            content_encoding: Some(String::new()),
            content_type: Some("x".into()),
            ..Default::default()
        };
        let list_end = bytes.len() - tail.encode_to_vec().len();
        for at in 0..list_end {
            assert!(walk([&bytes[..at]]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn an_empty_list_is_a_list_and_no_list_is_none() {
        let empty = [MAGIC, &[0x12, 0x00]].concat();
        assert_eq!(walk([&*empty]), Ok((vec![], None)));
        assert!(walk([MAGIC]).is_err());
        assert!(walk([&b"{\"kind\":1}"[..]]).is_err());
    }

    #[test]
    fn unknown_fields_are_passed_over() {
        // 5: varint, 6: fixed64, 7: fixed32, 8: bytes; then one item.
        let mut raw = vec![0x28, 0x96, 0x01];
        raw.extend([0x31, 1, 2, 3, 4, 5, 6, 7, 8]);
        raw.extend([0x3d, 1, 2, 3, 4]);
        raw.extend([0x42, 3, 1, 2, 3]);
        raw.extend([0x12, 0x05, 0x0a, 0x03, 0x0a, 0x01, b'z']);
        assert_eq!(walk(wrap(raw).chunks(2)), Ok((vec!["z".to_owned()], None)));
    }

    #[test]
    fn a_claim_of_too_much_is_refused_before_it_is_held() {
        // An item of 1 GiB in a list of 2 GiB.
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0x12, 0x80, 0x80, 0x80, 0x80, 0x08]);
        bytes.extend([0x12, 0x80, 0x80, 0x80, 0x80, 0x04]);
        assert_eq!(walk([&*bytes]), Err(ApiError::TooLarge));
        // An item that is longer than its list.
        let bytes = [MAGIC, &[0x12, 0x02, 0x12, 0x05]].concat();
        assert_eq!(walk([&*bytes]), Err(GARBLED));
    }

    #[test]
    fn one_object_comes_out_of_its_envelope() {
        assert_eq!(unwrap(&wrap(b"body".to_vec())), Ok(b"body".to_vec()));
        assert!(unwrap(b"{}").is_err());
    }

    #[test]
    fn fields_of_a_message() {
        // 1: varint, 2: "ab", 3: fixed32, 4: "".
        let message = [
            0x08, 0x96, 0x01, 0x12, 2, b'a', b'b', 0x1d, 1, 2, 3, 4, 0x22, 0,
        ];
        let all = fields(&message).collect::<Result<Vec<_>, _>>();
        assert_eq!(all, Ok(vec![(2, &b"ab"[..]), (4, &b""[..])]));
        // Cut between two fields, it is another message.
        for cut in (0..message.len()).filter(|cut| ![0, 3, 7, 12].contains(cut)) {
            let all = fields(&message[..cut]).collect::<Result<Vec<_>, _>>();
            assert_eq!(all, Err(GARBLED), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn fields_of_hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = fields(&bytes).count();
        }

        #[test]
        fn hostile_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200), piece in 1_usize..20) {
            let bytes = [MAGIC, &tail].concat();
            let mut walker = ListWalker::default();
            let fine = bytes.chunks(piece).all(|piece| walker.push(piece, |_| ()).is_ok());
            if fine {
                let _ = walker.finish();
            }
        }

        #[test]
        fn any_list_in_any_pieces(names in prop::collection::vec("[a-z]{0,300}", 0..20), piece in 1_usize..500) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let bytes = list(&names, "");
            let (walked, _) = walk(bytes.chunks(piece)).unwrap();
            prop_assert_eq!(walked, names);
        }
    }
}

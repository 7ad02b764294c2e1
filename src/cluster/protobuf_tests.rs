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

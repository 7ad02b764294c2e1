use std::sync::Arc;

use proptest::prelude::*;

use super::super::unpack::Decompressor;
use super::*;

/// Bytes of which nothing is found twice.
fn noise(length: usize) -> Vec<u8> {
    let digests = (0_u32..).flat_map(|i| *Digest::of(&i.to_be_bytes()).as_bytes());
    digests.take(length).collect()
}

fn base(plain: Vec<u8>) -> Base {
    let digest = Digest::of(&plain);
    let plain = Arc::new(plain);
    Base { digest, plain }
}

#[test]
fn all_of_a_base_is_within_reach() {
    let mut compressor = Compressor::new().unwrap();
    for length in [1 << 10, 63 << 10, 64 << 10, 1 << 20, 3 << 20, 8 << 20] {
        let base = base(noise(length));
        let plain = [&base.plain[..], b"and what is new"].concat();
        let digest = Digest::of(&plain);
        let packed = compressor.pack_on(&base, digest, &plain).unwrap();
        assert!(
            packed.len() < 100 + length / 100,
            "{length}: {}",
            packed.len()
        );
        assert_eq!(packed.base, Some(base.digest));
        assert_eq!(packed.plain(Some(&base.plain)).unwrap(), plain);
        assert!(packed.plain(None).is_err(), "{length}");
    }
}

#[test]
fn a_base_that_looks_like_a_dictionary_is_none() {
    let mut compressor = Compressor::new().unwrap();
    let base = base([&DICTIONARY[..], &noise(1 << 10)].concat());
    let plain = [b'x'; 99];
    let packed = compressor
        .pack_on(&base, Digest::of(&plain), &plain)
        .unwrap();
    assert_eq!(packed.base, None);
    assert_eq!(packed.plain(None).unwrap(), plain);
}

proptest! {
    #[test]
    fn nothing_of_an_object_is_left_for_the_next(
        objects in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>(), any::<bool>()), 1..8),
    ) {
        let mut compressor = Compressor::new().unwrap();
        let mut decompressor = Decompressor::new();
        let mut read = vec![1; 9];
        for (prefix, tail, damaged) in objects {
            let base = base([b"{", &prefix[..]].concat());
            let plain = [&base.plain[..], &tail].concat();
            let digest = Digest::of(&plain);
            let mut object = compressor.pack_on(&base, digest, &plain).unwrap();
            if damaged {
                object.bytes.truncate(object.bytes.len() / 2);
            }
            let packed = (object.encoding, &object.bytes[..]);
            let size = object.size;
            let done = decompressor.unpack(packed, Some(&base.plain), size, &mut read);
            match damaged {
                true => prop_assert!(done.is_err()),
                false => prop_assert_eq!((done, &read), (Ok(()), &plain)),
            }
        }
    }
}

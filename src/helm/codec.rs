//! The payload codec: base64 of gzip of JSON, as Helm's drivers write it.
//!
//! Source: helm v4 `pkg/storage/driver/util.go`, the same since 3.0. The text
//! is what `data.release` holds once the API's own base64 is off a Secret; a
//! ConfigMap holds it plain.

use std::io::{self, Read, Write};
use std::num::NonZeroU64;

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError as Base64Error, DecodeSliceError, Engine as _};
use base64_simd::Out;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use libdeflater::Decompressor;
use memchr::memmem;

use super::buffer::Buffer;

/// How many bytes of JSON a payload may unpack to.
///
/// A payload's text is at most [`TEXT_LIMIT`] bytes, and deflate can blow that
/// up to 800 MB. Real records unpack to less than ten times their text (6.6 MB
/// for kube-prometheus-stack), so this is far above any of them and still lets
/// a few be unpacked at once on a small machine.
pub const PLAIN_LIMIT: usize = 128 << 20;

/// Why a payload beyond [`PLAIN_LIMIT`] is not read, as a fragment.
pub const TOO_LARGE: &str = "unpacks to more than 128 MiB: Helm may read it, zadig-doctor does not";

/// How many bytes a buffer may keep between two payloads: more than nearly all
/// real ones need. What is given back the allocator holds on to.
const KEPT: usize = 8 << 20;

/// How many bytes the API server accepts in the data of one Secret or
/// ConfigMap (`MaxSecretSize`), all keys together.
pub const TEXT_LIMIT: usize = 1_048_576;

/// The first bytes of a gzip member; Helm takes anything else for JSON that
/// was written before payloads were compressed.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Go's `base64.StdEncoding`: padding is required, and bits that the last
/// symbol has too many are not looked at.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A payload's JSON, and how it was packed. It has no `Debug`: the bytes hold
/// Secrets.
pub struct Plain {
    /// The JSON, not looked at yet.
    pub json: Vec<u8>,
    /// Whether it was compressed.
    pub gzip: bool,
}

/// Why a payload cannot be unpacked, by Helm or, if it is too large, by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is nothing in it.
    #[error("empty")]
    Empty,
    /// A byte that is not of the base64 alphabet, or padding before the end.
    #[error("base64: unexpected byte at offset {offset}")]
    Base64Byte {
        /// Where in the text.
        offset: usize,
    },
    /// The text ends inside a group of four.
    #[error("base64: cut off or badly padded")]
    Base64Length,
    /// It ends inside a gzip member, or less than a member follows one.
    #[error("gzip: unexpected end of data")]
    GzipEnd,
    /// The bytes are not those that were packed.
    #[error("gzip: invalid checksum")]
    GzipChecksum,
    /// What follows a member is not another one, or a header is damaged.
    #[error("gzip: invalid header")]
    GzipHeader,
    /// The compressed data makes no sense.
    #[error("gzip: corrupt data")]
    GzipData,
    /// It unpacks to more than we are willing to hold.
    #[error("{TOO_LARGE}")]
    TooLarge,
}

/// Why a payload cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It does not fit.
    #[error("fit {needed} bytes into the {allowed} that are left")]
    TooLarge {
        /// The smallest text that was reached, in bytes.
        needed: usize,
        /// The room there was, in bytes.
        allowed: usize,
    },
    /// The compressor failed.
    #[error("compress")]
    Compress(#[source] io::Error),
}

/// Unpacks the text of `data.release` to at most `limit` bytes of JSON.
///
/// Exactly as Helm reads it: line breaks anywhere in the text are passed over,
/// any other white space is an error; gzip may have several members and must
/// end cleanly.
///
/// # Errors
///
/// If Helm could not unpack it either, or it is larger than `limit`.
pub fn decode(text: &[u8], limit: usize) -> Result<Plain, DecodeError> {
    let mut unpacker = Unpacker::default();
    let gzip = unpacker.fill(text, limit)?;
    let json = unpacker.json.into_vec();
    Ok(Plain { json, gzip })
}

/// Unpacks one payload after the other through the same buffers. Where
/// thousands are, an allocator would hold on to much of what each was given.
///
/// It has no `Debug`: the bytes hold Secrets.
#[derive(Default)]
pub struct Unpacker {
    packed: Buffer,
    json: Buffer,
}

/// [`Plain`] in an [`Unpacker`]'s buffer.
#[derive(Clone, Copy)]
pub struct Unpacked<'a> {
    /// The JSON, not looked at yet.
    pub json: &'a [u8],
    /// Whether it was compressed.
    pub gzip: bool,
}

impl Unpacker {
    /// Unpacks a payload as [`decode`] does.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn unpack(&mut self, text: &[u8], limit: usize) -> Result<Unpacked<'_>, DecodeError> {
        // A rare large one is not held for all that follow.
        if self.json.len() > KEPT {
            self.json = Buffer::default();
        }
        let gzip = self.fill(text, limit)?;
        let json = self.json.filled();
        Ok(Unpacked { json, gzip })
    }

    /// Leaves the JSON in its buffer, and tells whether it was compressed.
    fn fill(&mut self, text: &[u8], limit: usize) -> Result<bool, DecodeError> {
        let Self { packed, json } = self;
        unbase64_into(text, packed)?;
        let bytes = packed.filled();
        if bytes.is_empty() {
            return Err(DecodeError::Empty);
        }
        let gzip = bytes.len() > MAGIC.len() && bytes.starts_with(&MAGIC);
        if gzip {
            gunzip(packed, limit, json)?;
        } else {
            std::mem::swap(packed, json);
        }
        match json.filled().len() > limit {
            true => Err(DecodeError::TooLarge),
            false => Ok(gzip),
        }
    }
}

/// Packs JSON into a text of at most `room` bytes.
///
/// First as Helm does, at gzip's best level; if that does not fit, with a
/// compressor that takes seconds to win a few percent, so that a record near the
/// limit does not outgrow it by being repaired.
///
/// # Errors
///
/// If it does not fit.
pub fn encode(json: &[u8], room: usize) -> Result<Vec<u8>, EncodeError> {
    let mut packed = deflate(json).map_err(EncodeError::Compress)?;
    let mut needed = text_len(packed.len());
    // Zopfli wins 3 to 8 percent, so a text that is an eighth too long is not
    // worth its seconds.
    if needed > room && needed - room <= room / 8 {
        let smaller = deflate_harder(json).map_err(EncodeError::Compress)?;
        if smaller.len() < packed.len() {
            packed = smaller;
            needed = text_len(packed.len());
        }
    }
    if needed > room {
        let allowed = room;
        return Err(EncodeError::TooLarge { needed, allowed });
    }
    Ok(BASE64.encode(packed).into_bytes())
}

fn text_len(packed: usize) -> usize {
    packed.div_ceil(3).saturating_mul(4)
}

fn deflate(json: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(json)?;
    encoder.finish()
}

fn deflate_harder(json: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    // One round costs some 3 seconds per megabyte of JSON and won 3.0 percent of
    // a chart's payload; five cost twice that and won 3.3.
    let options = zopfli::Options {
        iteration_count: NonZeroU64::MIN,
        ..zopfli::Options::default()
    };
    zopfli::compress(options, zopfli::Format::Gzip, json, &mut packed)?;
    Ok(packed)
}

/// Takes base64 off, as Go does.
pub(super) fn unbase64(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Buffer::default();
    unbase64_into(text, &mut bytes)?;
    Ok(bytes.into_vec())
}

fn unbase64_into(text: &[u8], bytes: &mut Buffer) -> Result<(), DecodeError> {
    let room = bytes.room(base64::decoded_len_estimate(text.len()));
    // It takes nothing that Go does not.
    if let Ok(decoded) = base64_simd::STANDARD.decode(text, Out::from_slice(room)) {
        let length = decoded.len();
        bytes.fill(length);
        return Ok(());
    }
    let broken = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let joined: Vec<u8> = text.iter().copied().filter(|b| !broken(b)).collect();
    match BASE64.decode_slice(joined, room) {
        Ok(length) => {
            bytes.fill(length);
            Ok(())
        }
        Err(DecodeSliceError::DecodeError(Base64Error::InvalidByte(index, _))) => {
            let mut symbols = (0..text.len()).filter(|at| !broken(&text[*at]));
            let offset = symbols.nth(index).unwrap_or(text.len());
            Err(DecodeError::Base64Byte { offset })
        }
        Err(_) => Err(DecodeError::Base64Length),
    }
}

fn gunzip(packed: &mut Buffer, limit: usize, json: &mut Buffer) -> Result<(), DecodeError> {
    let packed = packed.filled_mut();
    if gunzip_at_once(packed, limit, json).is_some() {
        return Ok(());
    }
    // Go passes over the three reserved flags, flate2 refuses them.
    if let Some(flags) = packed.get_mut(MAGIC.len()) {
        *flags &= 0x1f;
    }
    // One byte more than the limit, so that reaching it is seen, and so that
    // what just fits is read to its checksum.
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    json.read(MultiGzDecoder::new(&*packed).take(bound))
        .map_err(|error| gzip_error(&error))
}

/// Unpacks one sound member without optional fields, as all that Helm writes
/// are; `None` for anything else. It is laxer than Go in corners of deflate that
/// no compressor writes: who forges such a record may hide that Helm can not
/// read it, and nothing else.
fn gunzip_at_once(packed: &[u8], limit: usize, json: &mut Buffer) -> Option<()> {
    // A member ends with its checksum and its size (RFC 1952). The size may be a
    // lie, so no more room is made than deflate can fill: 1032 times its length.
    let size = u32::from_le_bytes(*packed.last_chunk()?);
    let room = usize::try_from(size).ok()?;
    if packed.get(MAGIC.len()) != Some(&0) || room > limit.min(packed.len().saturating_mul(1032)) {
        return None;
    }
    let plain = json.room(room);
    Decompressor::new()
        .gzip_decompress(packed, plain)
        .ok()
        .filter(|written| *written == room)?;
    // What follows a member is passed over there. That there is nothing shows in
    // its size, which it ends with, standing nowhere before.
    let end = size.to_le_bytes();
    let is_last = memmem::find(packed, &end)? + end.len() == packed.len();
    is_last.then(|| json.fill(room))
}

/// flate2 tells its failures apart by text alone; a test holds the texts.
fn gzip_error(error: &io::Error) -> DecodeError {
    let text = error.to_string();
    if error.kind() == io::ErrorKind::UnexpectedEof {
        DecodeError::GzipEnd
    } else if text.contains("checksum") {
        DecodeError::GzipChecksum
    } else if text.contains("header") {
        DecodeError::GzipHeader
    } else {
        DecodeError::GzipData
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(packed: &[u8]) -> Vec<u8> {
        BASE64.encode(packed).into_bytes()
    }

    fn read(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
        decode(text, 1 << 20).map(|plain| plain.json)
    }

    fn reason(packed: &[u8]) -> String {
        read(&text(packed)).unwrap_err().to_string()
    }

    #[test]
    fn a_text_begins_as_helm_begins_it() {
        let text = encode(b"{}", TEXT_LIMIT).unwrap();
        assert!(text.starts_with(b"H4sIAAAAAAAC/"));
        let plain = decode(&text, 2).unwrap();
        assert!(plain.gzip);
        assert_eq!(plain.json, b"{}");
    }

    #[test]
    fn uncompressed_json_is_read() {
        let plain = decode(&text(b"{\"version\":1}"), 100).unwrap();
        assert!(!plain.gzip);
        assert_eq!(plain.json, b"{\"version\":1}");
        // Three bytes of magic alone are not gzip to Helm.
        assert_eq!(read(&text(&MAGIC)).unwrap(), MAGIC);
    }

    #[test]
    fn nothing_is_its_own_error() {
        assert_eq!(read(b""), Err(DecodeError::Empty));
        assert_eq!(read(b"\r\n\n"), Err(DecodeError::Empty));
    }

    #[test]
    fn base64_is_as_strict_as_gos() {
        assert_eq!(read(b"e3\r\n0\n=\n").unwrap(), b"{}");
        assert_eq!(read(b"e31=").unwrap(), b"{}", "trailing bits");
        let offset = |offset| Err(DecodeError::Base64Byte { offset });
        assert_eq!(read(b"e3 0="), offset(2));
        assert_eq!(read(b"\ne3\n 0="), offset(4));
        assert_eq!(read(b"e_0="), offset(1), "the URL alphabet");
        assert_eq!(read(b"e30"), Err(DecodeError::Base64Length));
        assert!(read(b"e30=e30=").is_err());
        assert!(read(b"e30==").is_err());
    }

    #[test]
    fn members_follow_each_other() {
        let mut packed = deflate(b"{\"a\":").unwrap();
        packed.extend(deflate(b"1}").unwrap());
        assert_eq!(read(&text(&packed)).unwrap(), b"{\"a\":1}");
        let twice = deflate(b"{}").unwrap().repeat(2);
        assert_eq!(read(&text(&twice)).unwrap(), b"{}{}");
    }

    #[test]
    fn a_size_that_lies_is_found() {
        let sound = deflate(&[b' '; 5_000]).unwrap();
        for size in [0, 4_999, 5_001, 1 << 19, u32::MAX] {
            let mut packed = sound.clone();
            let end = packed.len() - 4;
            packed[end..].copy_from_slice(&size.to_le_bytes());
            assert_eq!(reason(&packed), "gzip: invalid checksum", "{size}");
        }
    }

    #[test]
    fn damage_is_named() {
        let packed = deflate(br#"{"name":"web","version":1,"manifest":"---\n"}"#).unwrap();
        let end = "gzip: unexpected end of data";
        for cut in 4..packed.len() {
            assert_eq!(reason(&packed[..cut]), end, "cut at {cut}");
        }
        assert_eq!(reason(&[&packed[..], &[0]].concat()), end);
        assert_eq!(reason(&[&packed[..], &[0; 9]].concat()), end);
        assert_eq!(
            reason(&[&packed[..], &[0; 20]].concat()),
            "gzip: invalid header"
        );
        let mut flags = packed.clone();
        flags[3] = 0xe0;
        assert!(read(&text(&flags)).is_ok());
        let mut checksum = packed.clone();
        checksum[packed.len() - 8] ^= 1;
        assert_eq!(reason(&checksum), "gzip: invalid checksum");
        let mut data = packed.clone();
        data[10] = 0xff;
        assert_eq!(reason(&data), "gzip: corrupt data");
    }

    #[test]
    fn nothing_of_a_payload_is_left_for_the_next() {
        let mut unpacker = Unpacker::default();
        let mut unpack = |text: &[u8]| {
            let unpacked = unpacker.unpack(text, 1 << 20);
            unpacked.map(|unpacked| unpacked.json.to_vec())
        };
        let long = encode(&[b'x'; 5_000], TEXT_LIMIT).unwrap();
        let two = [deflate(b"{}").unwrap(), deflate(b" ").unwrap()].concat();
        for _ in 0..2 {
            assert_eq!(unpack(&long).unwrap(), [b'x'; 5_000]);
            assert_eq!(unpack(&text(&two)).unwrap(), b"{} ");
            assert!(unpack(&long[..40]).is_err());
            assert_eq!(unpack(b"e30=").unwrap(), b"{}");
            assert_eq!(unpack(&encode(b"1", 100).unwrap()).unwrap(), b"1");
        }
    }

    #[test]
    fn output_is_bounded() {
        let zeros = encode(&vec![b' '; 100_000], TEXT_LIMIT).unwrap();
        assert!(zeros.len() < 1_000);
        assert!(decode(&zeros, 100_000).is_ok());
        let error = decode(&zeros, 99_999).err();
        assert_eq!(error, Some(DecodeError::TooLarge));
        assert_eq!(PLAIN_LIMIT, 128 << 20, "TOO_LARGE says it");
        assert!(decode(&text(b"{} "), 2).is_err());
    }

    #[test]
    fn a_stronger_compressor_is_tried_before_giving_up() {
        let json: Vec<u8> = (0..2_000u32)
            .flat_map(|i| format!("{{\"k{i}\":{}}}", i.wrapping_mul(2_654_435_761)).into_bytes())
            .collect();
        let plain = encode(&json, TEXT_LIMIT).unwrap();
        let squeezed = encode(&json, plain.len() - 1).unwrap();
        assert!(squeezed.len() < plain.len());
        assert_eq!(read(&squeezed).unwrap(), json);
        let error = encode(&json, plain.len() / 2).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "fit {} bytes into the {} that are left",
                plain.len(),
                plain.len() / 2
            )
        );
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(json in prop::collection::vec(any::<u8>(), 1..2_000), room in 0usize..4_000) {
            match encode(&json, room) {
                Ok(text) => {
                    prop_assert!(text.len() <= room);
                    prop_assert_eq!(read(&text).unwrap(), json);
                }
                Err(EncodeError::TooLarge { needed, allowed }) => {
                    prop_assert!(needed > room && allowed == room);
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
        }

        #[test]
        fn base64_is_read_as_by_the_slow_reader(bytes in prop::collection::vec(any::<u8>(), 0..99), end in "[Aa+/=\r\n]{0,5}") {
            let text = [text(&bytes), end.into_bytes()].concat();
            let joined: Vec<u8> = text.iter().copied().filter(|b| !b"\r\n".contains(b)).collect();
            prop_assert_eq!(unbase64(&text).ok(), BASE64.decode(joined).ok());
        }

        #[test]
        fn random_text_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, 100);
            let _ = decode(&text(&bytes), 100);
            let _ = decode(&text(&[&MAGIC[..], &[0], &bytes].concat()), 100);
        }
    }
}

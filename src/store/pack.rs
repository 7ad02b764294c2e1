//! From plain bytes to those in the table. Pure.

use zstd::bulk;
use zstd::zstd_safe::{CCtx, CParameter, SafeResult, compress_bound, get_error_name};

use super::objects::{Base, Stored, length};
use super::sum::Sum;
use super::{StoreError, fold, room};
use crate::helm::Digest;

/// The level of zstd. A better one wins a twentieth where a release is small, and
/// less than a hundredth of a large store: most bytes are found in a base, at any level.
const LEVEL: i32 = 1;

/// What is too large for a prefix that a context is given again and again.
const LARGE: usize = 64 << 10;

/// More room is not held for what follows.
const KEPT: usize = 8 << 20;

/// What a dictionary of zstd begins with (`ZSTD_MAGIC_DICTIONARY`).
const DICTIONARY: [u8; 4] = [0x37, 0xa4, 0x30, 0xec];

/// Packs objects, one after the other: setting it up costs more than most objects
/// do, and so does room that is given back between them.
pub(super) struct Compressor {
    zstd: bulk::Compressor<'static>,
    folded: Vec<u8>,
    packed: Vec<u8>,
}

impl Compressor {
    pub(super) fn new() -> Result<Self, StoreError> {
        let zstd = bulk::Compressor::new(LEVEL);
        Ok(Self {
            zstd: zstd.map_err(|error| StoreError::Database(error.into()))?,
            folded: Vec::new(),
            packed: Vec::new(),
        })
    }

    /// Packs bytes, unless that makes them longer.
    pub(super) fn pack(&mut self, digest: Digest, plain: &[u8]) -> Result<Stored, StoreError> {
        self.compress(plain)?;
        Ok(self.stored(digest, plain, "zstd"))
    }

    /// Packs a part of a chart: its base64 is decoded first.
    pub(super) fn pack_folded(
        &mut self,
        digest: Digest,
        plain: &[u8],
    ) -> Result<Stored, StoreError> {
        let mut folded = std::mem::take(&mut self.folded);
        let packed = match fold::fold(plain, &mut folded) {
            Some(()) => self
                .compress(&folded)
                .map(|()| self.stored(digest, plain, "fold")),
            None => self.pack(digest, plain),
        };
        if folded.capacity() <= KEPT {
            self.folded = folded;
        }
        packed
    }

    /// Packs bytes that are much like those of a base.
    pub(super) fn pack_on(
        &mut self,
        base: &Base,
        digest: Digest,
        plain: &[u8],
    ) -> Result<Stored, StoreError> {
        // Bases are JSON; what an archive brought may begin as a dictionary of zstd's.
        if base.plain.starts_with(&DICTIONARY) {
            return self.pack(digest, plain);
        }
        let packed = &mut self.packed;
        make_room(packed, plain)?;
        let done = match base.plain.len().max(plain.len()) < LARGE {
            true => {
                let context = self.zstd.context_mut();
                context.compress_using_dict(packed, plain, &base.plain, LEVEL)
            }
            false => pack_far(packed, plain, &base.plain),
        };
        done.map_err(|code| StoreError::Database(get_error_name(code).into()))?;
        let mut object = self.stored(digest, plain, "zstd");
        object.base = Some(base.digest).filter(|_| object.encoding == "zstd");
        Ok(object)
    }

    fn compress(&mut self, plain: &[u8]) -> Result<(), StoreError> {
        make_room(&mut self.packed, plain)?;
        self.zstd
            .compress_to_buffer(plain, &mut self.packed)
            .map_err(|error| StoreError::Database(error.into()))?;
        Ok(())
    }

    /// What was packed last, or what it was made of if that is shorter.
    fn stored(&mut self, digest: Digest, plain: &[u8], encoding: &'static str) -> Stored {
        let (encoding, bytes) = match self.packed.len() < plain.len() {
            true => (encoding, &self.packed[..]),
            false => ("raw", plain),
        };
        let stored = Stored {
            digest,
            base: None,
            sum: Some(Sum::of(plain)),
            encoding,
            size: length(plain),
            bytes: bytes.to_owned(),
        };
        if self.packed.capacity() > KEPT {
            self.packed = Vec::new();
        }
        stored
    }
}

/// Room for what those bytes are packed to.
fn make_room(packed: &mut Vec<u8>, plain: &[u8]) -> Result<(), StoreError> {
    let made = room::make(packed, compress_bound(plain.len()));
    made.map_err(|error| StoreError::Database(Box::new(error)))
}

/// Packs so that all of the base is within reach: of a prefix, zstd indexes no
/// more than eight bytes for each place in its table. No context does that twice:
/// it borrows the base for its life.
fn pack_far(packed: &mut Vec<u8>, plain: &[u8], base: &[u8]) -> SafeResult {
    let reach = usize::BITS - (base.len() + plain.len()).leading_zeros();
    let mut context = CCtx::create();
    context.set_parameter(CParameter::CompressionLevel(LEVEL))?;
    context.set_parameter(CParameter::WindowLog(reach))?;
    context.set_parameter(CParameter::HashLog(reach - 3))?;
    context.ref_prefix(base)?;
    context.compress2(packed, plain)
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;

//! From the bytes in the table to the plain ones. Pure.

use zstd::zstd_safe::DCtx;

use super::{fold, room};
use crate::helm::codec::PLAIN_LIMIT;

/// More room is not held for what follows.
const KEPT: usize = 4 << 20;

/// Unpacks objects, one after the other: setting it up costs more than most
/// objects do, and so does room that is given back between them.
pub(super) struct Decompressor {
    /// Once something was compressed: many only look.
    context: Option<DCtx<'static>>,
    folded: Vec<u8>,
}

impl Decompressor {
    pub(super) fn new() -> Self {
        Self {
            context: None,
            folded: Vec::new(),
        }
    }

    /// Leaves the plain bytes in `plain`, as many as there are to be. Whether they
    /// are the ones that were packed, the caller proves.
    pub(super) fn unpack(
        &mut self,
        (encoding, bytes): (&str, &[u8]),
        base: Option<&[u8]>,
        size: i64,
        plain: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        // No payload and no object of the API is larger.
        let size = usize::try_from(size).ok();
        let size = size.filter(|size| *size <= PLAIN_LIMIT);
        let size = size.ok_or("its size is none")?;
        let unpacked = match encoding {
            "raw" => {
                plain.clear();
                plain.extend_from_slice(bytes);
                Some(())
            }
            "zstd" => {
                let context = self.context.get_or_insert_with(DCtx::create);
                unzstd(context, bytes, base, size, plain)
            }
            // It is shorter than what it unfolds to but for a few lengths.
            "fold" => {
                let room = size.saturating_add(size / 8);
                let context = self.context.get_or_insert_with(DCtx::create);
                unzstd(context, bytes, None, room, &mut self.folded)
                    .and_then(|()| fold::unfold(&self.folded, size, plain))
            }
            _ => return Err("its encoding is unknown"),
        };
        // A rare large one is not held for all that follow.
        if self.folded.capacity() > KEPT {
            self.folded = Vec::new();
        }
        unpacked
            .filter(|()| plain.len() == size)
            .ok_or("it does not unpack")
    }
}

/// Unpacks at most that many bytes, at once: as a stream it would have a window
/// of megabytes beside them.
fn unzstd(
    context: &mut DCtx<'_>,
    bytes: &[u8],
    base: Option<&[u8]>,
    size: usize,
    plain: &mut Vec<u8>,
) -> Option<()> {
    // The size may be damaged, too.
    room::make(plain, size).ok()?;
    let base = base.unwrap_or_default();
    let unpacked = context.decompress_using_dict(plain, bytes, base).ok()?;
    (unpacked <= size).then_some(())
}

//! Room that is used again and again. Pure.

use std::io::{self, Read};

/// What is larger gets as much room as it needs: it may be hostile.
const LARGE: usize = 8 << 20;

/// Bytes, of which the first ones are filled. To give the others back, or to
/// clear what is written over anyway, costs more than to keep it.
///
/// It has no `Debug`: the bytes hold Secrets.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// Empties it, and makes room for so many bytes, or more: the next ones may be
    /// a few more. What was in it is not moved.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        self.filled = 0;
        if self.bytes.len() < length {
            // Given back first: both together would be too much.
            self.bytes = Vec::new();
            let more = match length <= LARGE {
                true => length.next_power_of_two(),
                false => length,
            };
            self.bytes = vec![0; more];
        }
        &mut self.bytes[..length]
    }

    /// Says how much of the room was filled.
    pub(super) fn fill(&mut self, length: usize) {
        self.filled = length.min(self.bytes.len());
    }

    /// Fills it with all that a reader gives.
    pub(super) fn read(&mut self, mut reader: impl Read) -> io::Result<()> {
        self.filled = 0;
        self.bytes.clear();
        self.filled = reader.read_to_end(&mut self.bytes)?;
        Ok(())
    }

    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    pub(super) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.filled]
    }

    /// How many bytes it takes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.bytes
    }
}

//! An archive's entries as bytes: each behind its kind and length, and before
//! the sha256 of all that the file held so far. So nothing can be changed, left
//! out, doubled or moved unseen.

use std::fmt;
use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

use super::super::StoreError;
use crate::helm::Digest;
use crate::helm::codec::PLAIN_LIMIT;

/// With which every archive begins, whatever its version.
pub const MAGIC: &str = "zadig-doctor archive ";

/// The version that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;

/// The most digits that a version may have.
const DIGITS: usize = 9;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    /// What the snapshot says of itself: the first.
    Description,
    /// Bytes.
    Object,
    /// The records of a release.
    History,
    /// The same as the parent has them.
    Kept,
    /// Live objects of a namespace.
    Live,
    /// How many there were: the last.
    End,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Description,
        Self::Object,
        Self::History,
        Self::Kept,
        Self::Live,
        Self::End,
    ];

    fn letter(self) -> u8 {
        match self {
            Self::Description => b'S',
            Self::Object => b'O',
            Self::History => b'H',
            Self::Kept => b'K',
            Self::Live => b'L',
            Self::End => b'E',
        }
    }

    /// The longest that such an entry may be.
    fn limit(self) -> u32 {
        const OBJECT: u32 = PLAIN_LIMIT as u32 + 4096;
        match self {
            Self::Description => 16 << 20,
            Self::Object => OBJECT,
            Self::History | Self::Live => 32 << 20,
            Self::Kept | Self::End => 4096,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Description => "the snapshot's description",
            Self::Object => "an object",
            Self::History => "a history",
            Self::Kept => "a history of the parent",
            Self::Live => "a list of live objects",
            Self::End => "the end",
        })
    }
}

/// Writes entries.
pub(in crate::store) struct Writer<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    pub(in crate::store) fn begin(out: W) -> Result<Self, StoreError> {
        let hash = Sha256::new();
        let mut writer = Self {
            out,
            hash,
            bytes: 0,
        };
        writer.write(format!("{MAGIC}{VERSION}\n").as_bytes())?;
        Ok(writer)
    }

    /// Writes an entry, from pieces; returns the digest behind it.
    pub(in crate::store) fn entry(
        &mut self,
        kind: Kind,
        pieces: &[&[u8]],
    ) -> Result<Digest, StoreError> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let length = u32::try_from(length).ok();
        let length = length.filter(|length| *length <= kind.limit());
        let length = length.ok_or_else(|| StoreError::TooLarge {
            what: kind.to_string(),
        })?;
        self.write(&[kind.letter()])?;
        self.write(&length.to_be_bytes())?;
        for piece in pieces {
            self.write(piece)?;
        }
        let digest = digest(&self.hash);
        self.write(digest.as_bytes())?;
        Ok(digest)
    }

    /// Ends the file; returns its size.
    pub(in crate::store) fn finish(mut self) -> Result<u64, StoreError> {
        self.out.flush().map_err(StoreError::WriteArchive)?;
        Ok(self.bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(StoreError::WriteArchive)
    }
}

/// Reads entries.
pub(in crate::store) struct Reader<R> {
    input: R,
    hash: Sha256,
    /// How many bytes were read.
    pub(super) bytes: u64,
    /// How many entries were read.
    number: u64,
    at: Option<Kind>,
}

/// An entry, proven.
pub(in crate::store) struct Entry {
    pub(in crate::store) kind: Kind,
    pub(in crate::store) bytes: Vec<u8>,
    /// Of everything before this digest.
    pub(super) digest: Digest,
}

impl<R: Read> Reader<R> {
    /// Reads the first line.
    pub(in crate::store) fn begin(input: R) -> Result<Self, StoreError> {
        let hash = Sha256::new();
        let mut reader = Self {
            input,
            hash,
            bytes: 0,
            number: 0,
            at: None,
        };
        let magic = reader.some(MAGIC.len())?;
        if magic != MAGIC.as_bytes() {
            return Err(StoreError::NotAnArchive);
        }
        let mut version = Vec::new();
        while version.last() != Some(&b'\n') {
            let next = reader.some(1)?;
            if next.is_empty() || version.len() > DIGITS {
                return Err(StoreError::NotAnArchive);
            }
            version.extend(next);
        }
        let version = std::str::from_utf8(&version).unwrap_or_default().trim_end();
        match version.parse() {
            Ok(VERSION) if version == VERSION.to_string() => Ok(reader),
            Ok(version) if version > VERSION => Err(StoreError::NewerArchive {
                version,
                known: VERSION,
            }),
            _ => Err(StoreError::NotAnArchive),
        }
    }

    /// The next entry.
    pub(in crate::store) fn next(&mut self) -> Result<Entry, StoreError> {
        self.number += 1;
        self.at = None;
        let letter = self.exactly(1)?;
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| [kind.letter()] == letter[..]);
        let kind = kind.ok_or_else(|| self.damaged("it is of no known kind"))?;
        self.at = Some(kind);
        let length = self.exactly(4)?;
        let length = length
            .iter()
            .fold(0, |all, byte| all << 8 | u32::from(*byte));
        if length > kind.limit() {
            return Err(self.damaged("it claims to be larger than any"));
        }
        let bytes = self.exactly(length as usize)?;
        let digest = digest(&self.hash);
        if self.exactly(32)? != digest.as_bytes() {
            return Err(self.damaged("its digest is another one"));
        }
        Ok(Entry {
            kind,
            bytes,
            digest,
        })
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), StoreError> {
        match self.some(1)?.is_empty() {
            true => Ok(()),
            false => Err(self.damaged("something follows it")),
        }
    }

    /// What is wrong with the entry that was read last.
    pub(super) fn damaged(&self, reason: &'static str) -> StoreError {
        let what = match self.at {
            Some(kind) => format!("entry {} ({kind})", self.number),
            None => format!("entry {}", self.number),
        };
        StoreError::DamagedArchive { what, reason }
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>, StoreError> {
        let bytes = self.some(length)?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(self.damaged("the file is cut off in it")),
        }
    }

    /// Up to that many bytes. What a length claims reserves no memory.
    fn some(&mut self, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let mut input = self.input.by_ref().take(length as u64);
        let read = input.read_to_end(&mut bytes);
        read.map_err(StoreError::ReadArchive)?;
        self.hash.update(&bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes)
    }
}

fn digest(hash: &Sha256) -> Digest {
    Digest::from_bytes(hash.clone().finalize().into())
}

/// Without a buffer each of the small reads would be one of the system's.
pub(super) fn buffered(input: impl Read) -> impl Read {
    io::BufReader::with_capacity(1 << 16, input)
}

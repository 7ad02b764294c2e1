//! Names of records: `sh.helm.release.v1.<release>.v<revision>`.

use std::fmt;

const PREFIX: &str = "sh.helm.release.v1.";

/// A record's name taken apart.
///
/// Release names may hold dots, so the revision is read from the right; what
/// Helm would not have written (`v0`, `v01`, `v+1`) is no key at all.
/// Source: helm v4 `pkg/storage/storage.go`, `makeKey`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The release's name.
    pub release: String,
    /// The revision, from 1.
    pub revision: u32,
}

impl RecordKey {
    /// Takes an object's name apart; `None` if Helm would not have made it.
    pub fn parse(name: &str) -> Option<Self> {
        let (release, revision) = name.strip_prefix(PREFIX)?.rsplit_once(".v")?;
        let plain = revision.bytes().all(|b| b.is_ascii_digit()) && !revision.starts_with('0');
        if release.is_empty() || !plain {
            return None;
        }
        Some(Self {
            release: release.to_owned(),
            revision: revision.parse().ok()?,
        })
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}.v{}", self.release, self.revision)
    }
}

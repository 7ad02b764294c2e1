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

/// Whether Helm takes that for a release's name: a DNS subdomain of at most 53
/// characters (helm v4 `pkg/chart/v2/util/validate_name.go`, the same since 3.0).
/// It refuses all others before it looks at any record.
pub fn is_release_name(name: &str) -> bool {
    name.len() <= 53 && name.split('.').all(is_label)
}

/// Whether the API server takes that for a namespace's name: an RFC 1123 label of
/// at most 63 characters.
pub fn is_namespace(name: &str) -> bool {
    name.len() <= 63 && is_label(name)
}

fn is_label(label: &str) -> bool {
    let inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let ends = !label.starts_with('-') && !label.ends_with('-');
    !label.is_empty() && ends && label.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helm_takes_for_a_name() {
        for good in ["a", "web-2", "other.v2", "0", &"a".repeat(53)] {
            assert!(is_release_name(good), "{good}");
        }
        for bad in [
            "",
            "Bad",
            "a b",
            "..",
            "a.",
            "-a",
            "a-",
            "a_b",
            &"a".repeat(54),
        ] {
            assert!(!is_release_name(bad), "{bad}");
        }
    }

    #[test]
    fn what_may_be_a_namespace() {
        for good in ["a", "shop-2", "0", &"a".repeat(63)] {
            assert!(is_namespace(good), "{good}");
        }
        for bad in ["", "Bad NS", "a.b", "a/..", "-a", "a-", &"a".repeat(64)] {
            assert!(!is_namespace(bad), "{bad}");
        }
    }
}

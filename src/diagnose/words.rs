//! Small values as people read them.

use std::fmt;

use serde::Serialize;

/// Names, at most ten of them.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a>(pub &'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const TOLD: usize = 10;
        let told = self.0.iter().take(TOLD).map(String::as_str);
        f.write_str(&told.collect::<Vec<_>>().join(", "))?;
        match self.0.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// How far a hook got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookState {
    /// It was not begun.
    NotRun,
    /// It was begun and has not ended.
    Running,
    /// It ended well.
    Done,
    /// It failed.
    Failed,
    /// It was begun, and its object is not there to tell how it ended.
    Unknown,
}

impl fmt::Display for HookState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotRun => "was not run",
            Self::Running => "is still running",
            Self::Done => "is done",
            Self::Failed => "failed",
            Self::Unknown => "was begun, and nothing tells how it ended",
        })
    }
}

/// A duration as people write it: `45s`, `12m`, `3h 5m`, `9d 4h`.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0);
        let (big, unit, small, part) = match seconds {
            0..120 => return write!(f, "{seconds}s"),
            120..7_200 => (seconds / 60, 'm', seconds % 60, 's'),
            7_200..172_800 => (seconds / 3_600, 'h', seconds % 3_600 / 60, 'm'),
            _ => (seconds / 86_400, 'd', seconds % 86_400 / 3_600, 'h'),
        };
        write!(f, "{big}{unit}")?;
        if small > 0 {
            write!(f, " {small}{part}")?;
        }
        Ok(())
    }
}

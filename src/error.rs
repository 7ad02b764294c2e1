//! The one human edge of errors, and the exit codes.
//!
//! Rooms return small enums of their own; only here do they become `error:`,
//! `caused by:` and `hint:`. Nothing here prints.

use std::error::Error;
use std::fmt;

/// Why the tool ends, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; no finding at or above `--fail-on`.
    Done = 0,
    /// Findings at or above it, or work left undone.
    Findings = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The cluster or the store cannot be reached or read.
    Unreachable = 3,
    /// Refused: a guard failed, the world moved, a sign of life, or the user
    /// said no.
    Refused = 4,
    /// Ctrl-C stopped it in order: 128 and the signal, as a shell says it.
    Interrupted = 130,
    /// SIGTERM stopped it in order.
    Terminated = 143,
}

impl Exit {
    /// The one to end with where two apply: 3 goes before 4 before 1, and being
    /// stopped before all.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Refused => 2,
            Self::Unreachable => 3,
            Self::Usage => 4,
            Self::Interrupted | Self::Terminated => 5,
        };
        match rank(self) >= rank(other) {
            true => self,
            false => other,
        }
    }
}

/// An error on its way to a person.
#[derive(Debug)]
pub struct Failure {
    /// How the tool ends.
    pub exit: Exit,
    /// What was being done: "failed to …", or a sentence of its own.
    pub message: String,
    /// What came of it, innermost last.
    pub source: Option<Box<dyn Error + Send + Sync>>,
    /// What to do next: a command, a flag or a permission.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a source.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            source: None,
            hint: None,
        }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with the name under which we were invoked where a hint leaves
    /// room for it, so that its commands can be pasted.
    #[must_use]
    pub fn named(mut self, invoked: &str) -> Self {
        self.hint = self.hint.map(|hint| hint.replace("{self}", invoked));
        self
    }

    /// A failure to do something, because of `source`.
    pub fn caused(
        exit: Exit,
        message: impl Into<String>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            source: Some(Box::new(source)),
            ..Self::new(exit, message)
        }
    }

    /// The lines that a person reads, without color.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("error", self.message.clone())];
        let mut source: Option<&dyn Error> = self.source.as_ref().map(|source| {
            let source: &dyn Error = source.as_ref();
            source
        });
        while let Some(error) = source {
            lines.push(("caused by", error.to_string()));
            source = error.source();
        }
        lines.extend(self.hint.clone().map(|hint| ("hint", hint)));
        lines
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source: &(dyn Error + 'static) = self.source.as_deref()?;
        Some(source)
    }
}

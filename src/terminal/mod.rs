//! stdout, stderr, prompts, progress, width and sanitizing.
//!
//! stdout is data, stderr is talk. All text that may come from a cluster passes
//! through [`sanitize()`] on its way out. This room decides nothing.

use std::io::{self, IsTerminal, Write};

use dialoguer::theme::SimpleTheme;
use dialoguer::{Input, Password};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::Failure;

mod sanitize;

pub use sanitize::sanitize;

/// The terminal as it was found at the start.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Columns, where stdout is a terminal.
    pub width: Option<u16>,
    /// Whether somebody can be asked: stdin and stderr are a terminal.
    pub interactive: bool,
    /// Whether progress can be shown: stderr is a terminal that can move its
    /// cursor.
    pub lively: bool,
}

impl Terminal {
    /// Looks at the standard streams; `kind` is what `TERM` says.
    pub fn find(kind: Option<&str>) -> Self {
        let columns = || terminal_size::terminal_size().map_or(80, |(width, _)| width.0);
        Self {
            width: io::stdout().is_terminal().then(columns),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            lively: io::stderr().is_terminal() && kind != Some("dumb"),
        }
    }

    /// Writes data to stdout: sanitized, and silently cut off if the reader
    /// went away (`| head`).
    pub fn data(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(sanitize(text).as_bytes());
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes what another program shall read to stdout, to the byte. Where a
    /// person reads instead, it is sanitized.
    pub fn exact(&self, bytes: &[u8]) -> io::Result<()> {
        if self.width.is_some() {
            return self.data(&String::from_utf8_lossy(bytes));
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes);
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes rows of fields for another program, with a tab between them; each
    /// field is sanitized.
    pub fn fields(&self, rows: &[Vec<String>]) -> io::Result<()> {
        let line = |row: &Vec<String>| {
            let fields: Vec<_> = row.iter().map(|field| sanitize(field)).collect();
            fields.join("\t") + "\n"
        };
        let text: String = rows.iter().map(line).collect();
        io::stdout().lock().write_all(text.as_bytes())
    }

    /// Says a sentence on stderr. Where nobody listens any more, work goes on.
    pub fn say(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{}", sanitize(text));
    }

    /// Prints a failure: `error:`, `caused by:`, `hint:`.
    pub fn failure(&self, failure: &Failure) {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        let quiet = anstyle::Style::new().bold();
        for (label, text) in failure.lines() {
            let style = match label {
                "error" => red,
                _ => quiet,
            };
            let text = sanitize(&text);
            let _ = writeln!(anstream::stderr(), "{style}{label}:{style:#} {text}");
        }
    }

    /// Asks yes or no on stderr. Only a whole line that says `y` or `yes`,
    /// typed after the question was asked, is a yes. Call it only where
    /// [`Terminal::interactive`] says so.
    pub fn confirm(&self, question: &str) -> bool {
        discard_typed_ahead();
        let prompt: dialoguer::Result<String> = Input::with_theme(&SimpleTheme)
            .with_prompt(format!("{} [y/N]", sanitize(question)))
            .allow_empty(true)
            .interact();
        let answer = prompt.unwrap_or_default().trim().to_lowercase();
        answer == "y" || answer == "yes"
    }

    /// Asks for a secret on stderr; it is not shown as it is typed. Call it only
    /// where [`Terminal::interactive`] says so.
    pub fn secret(&self, question: &str) -> Option<String> {
        let prompt = Password::with_theme(&SimpleTheme).with_prompt(sanitize(question));
        prompt.allow_empty_password(true).interact().ok()
    }

    /// Shows that something long goes on, and how far it is, where that can be
    /// seen.
    pub fn progress(&self, what: &str) -> Progress {
        self.line(what, None, "{spinner} {msg} [{elapsed}]")
    }

    /// The same where it is known how much there is to do.
    pub fn progress_of(&self, what: &str, total: usize) -> Progress {
        let total = u64::try_from(total).ok();
        self.line(
            what,
            total,
            "{spinner} {msg} {pos} of {len}, {per_sec} [{elapsed}, {eta} left]",
        )
    }

    fn line(&self, what: &str, total: Option<u64>, template: &str) -> Progress {
        let target = match self.lively {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(total, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(sanitize(what).into_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Progress(bar)
    }
}

/// Forgets what was typed before a question was asked: the next command, typed
/// by somebody who did not wait, is no answer.
fn discard_typed_ahead() {
    #[cfg(unix)]
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// A line that shows that something goes on; gone when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Says what goes on now.
    pub fn say(&self, what: &str) {
        self.0.set_message(sanitize(what).into_owned());
    }

    /// One more is done.
    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

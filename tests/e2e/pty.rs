//! A true terminal for the program under test: what is typed on it arrives as
//! if somebody sat there (Ctrl-C becomes SIGINT), and what is written to it is
//! looked at as a person sees it, on a screen.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::process::{Output, Program, Running, wait_until};

/// More rows than anything here prints, so that nothing scrolls out of sight.
const ROWS: u16 = 200;

/// Typed instead of a letter.
pub(crate) const CTRL_C: &str = "\u{3}";

/// Which of the standard streams is no terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piped {
    Nothing,
    Stdin,
    Stdout,
    Stderr,
}

/// A program on a terminal.
pub(crate) struct Pty {
    keyboard: File,
    seen: Arc<Mutex<Seen>>,
    running: Running,
}

/// What was written so far.
struct Seen {
    bytes: Vec<u8>,
    screen: vt100::Parser,
}

impl Seen {
    /// The screen, without the empty rows below.
    fn text(&self) -> String {
        let text = self.screen.screen().contents();
        text.trim_end().to_owned() + "\n"
    }
}

impl Pty {
    /// Starts the program on a terminal with that many columns.
    pub(crate) fn start(program: Program, columns: u16) -> Self {
        Self::with(program, columns, Piped::Nothing)
    }

    /// The same with one stream that is none.
    pub(crate) fn with(program: Program, columns: u16, piped: Piped) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: ROWS,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let terminal = open(&master);
        tcsetwinsize(&terminal, size).unwrap();
        let running = program.on_terminal(terminal, piped);
        let screen = File::from(master.try_clone().unwrap());
        let seen = Arc::new(Mutex::new(Seen {
            bytes: Vec::new(),
            screen: vt100::Parser::new(ROWS, columns, 0),
        }));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || watch(screen, &shared));
        Self {
            keyboard: File::from(master),
            seen,
            running,
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// What stands on the screen, without the empty rows below.
    pub(crate) fn screen(&self) -> String {
        self.seen().text()
    }

    /// Returns when the text stands on the screen.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let what = format!("the screen shows {text:?}");
        wait_until(&what, || {
            // Only who had read all before it looked knows that nothing more comes.
            let over = !self.running.is_running() && Arc::strong_count(&self.seen) == 1;
            let shows = self.screen().contains(text);
            assert!(
                shows || !over,
                "{what} was to come, but it ended: {}",
                self.screen()
            );
            shows.then_some(())
        });
    }

    /// Types.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end, and until all that was written has been seen.
    pub(crate) fn finish(self) -> Shown {
        let Self {
            keyboard,
            seen,
            running,
        } = self;
        let output = running.finish();
        // The thread that watches lets go when the terminal is closed.
        wait_until("the screen has been read", || {
            (Arc::strong_count(&seen) == 1).then_some(())
        });
        drop(keyboard);
        let seen = lock(&seen);
        Shown {
            output,
            screen: seen.text(),
            bytes: seen.bytes.clone(),
        }
    }
}

/// What came of a program on a terminal.
pub(crate) struct Shown {
    /// How it ended, and what went to a stream that was no terminal.
    pub(crate) output: Output,
    /// What stands on the screen.
    pub(crate) screen: String,
    /// Every byte that was written to it.
    pub(crate) bytes: Vec<u8>,
}

impl Shown {
    /// The same, if it ended with that code; else the test fails.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.output.code(), Some(code), "{}", self.screen);
        self
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The other end, which the program gets.
fn open(master: &OwnedFd) -> File {
    let name = ptsname(master, Vec::new()).unwrap();
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OpenptFlags::NOCTTY.bits().cast_signed())
        .open(name.to_str().unwrap())
        .unwrap()
}

/// Reads what is written until nobody has the terminal open any more.
fn watch(mut screen: File, seen: &Mutex<Seen>) {
    let mut buffer = [0; 4096];
    // The error at its end is the terminal's way to say that it is closed.
    while let Ok(count @ 1..) = screen.read(&mut buffer) {
        let mut seen = lock(seen);
        seen.bytes.extend_from_slice(&buffer[..count]);
        seen.screen.process(&buffer[..count]);
    }
}

#[test]
fn a_terminal_is_one() {
    let script = "tty -s && test \"$(stty size)\" = '200 60' && read line && echo \"got $line\"";
    let program = Program::new("/bin/sh".as_ref()).args(["-c", script]);
    let mut pty = Pty::start(program.env("PATH", "/usr/bin:/bin"), 60);
    pty.type_in("hello\n");
    pty.wait_for("got hello");
    let shown = pty.finish().expect_code(0);
    assert_eq!(shown.screen, "hello\ngot hello\n");
}

#[test]
fn ctrl_c_reaches_what_runs() {
    let script = "echo ready; exec sleep 1000";
    let program = Program::new("/bin/sh".as_ref()).args(["-c", script]);
    let mut pty = Pty::start(program.env("PATH", "/usr/bin:/bin"), 60);
    pty.wait_for("ready");
    pty.type_in(CTRL_C);
    let output = pty.finish().output;
    assert!(output.was_interrupted(), "{output}");
}

//! Ctrl-C and SIGTERM while something is written.
//!
//! The first asks what is at work to stop in order: the write under way is
//! finished and read back, the next one is not begun. A second one ends the
//! process at once, which is as safe as any kill. Before anything is written
//! there is nothing to stop in order, so there the signals do what they do to
//! every program.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::error::{Exit, Failure};
use crate::terminal::Terminal;

/// Whether somebody asked to stop.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    asked: CancellationToken,
    exit: Arc<OnceLock<Exit>>,
}

impl Interrupt {
    /// From now on the signals are caught.
    pub(super) fn listen(terminal: &Terminal) -> Result<Self, Failure> {
        let interrupt = Self {
            asked: CancellationToken::new(),
            exit: Arc::default(),
        };
        let caught = signals::Signals::catch().map_err(|error| {
            Failure::caused(Exit::Unreachable, "failed to listen for signals", error)
        })?;
        tokio::spawn(interrupt.clone().watch(caught, terminal.clone()));
        Ok(interrupt)
    }

    async fn watch(self, mut signals: signals::Signals, terminal: Terminal) {
        loop {
            let exit = signals.next().await;
            if self.exit.set(exit).is_err() {
                end(exit);
            }
            terminal.say("stopping before the next write; once more ends it at once");
            self.asked.cancel();
        }
    }

    /// What is cancelled when somebody asks to stop.
    pub(super) fn token(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// How to end, if somebody asked to stop.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit.get().copied()
    }
}

/// Ends the process. What it was writing is found out by the next run.
#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "somebody asked twice, and does not want to wait for main to return"
)]
fn end(exit: Exit) -> ! {
    std::process::exit(i32::from(exit as u8))
}

#[cfg(unix)]
mod signals {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::error::Exit;

    /// What asks to stop.
    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Signals {
        pub(super) fn catch() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }

        /// The next one, as the exit code it stands for.
        pub(super) async fn next(&mut self) -> Exit {
            tokio::select! {
                _ = self.interrupt.recv() => Exit::Interrupted,
                _ = self.terminate.recv() => Exit::Terminated,
            }
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use std::io;

    use crate::error::Exit;

    /// What asks to stop: Ctrl-C alone.
    pub(super) struct Signals;

    impl Signals {
        pub(super) fn catch() -> io::Result<Self> {
            Ok(Self)
        }

        /// The next one, as the exit code it stands for.
        pub(super) async fn next(&mut self) -> Exit {
            match tokio::signal::ctrl_c().await {
                Ok(()) => Exit::Interrupted,
                // It cannot be caught, so it ends the process by itself.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

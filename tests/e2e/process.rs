//! Programs under test: started with an empty environment, watched, stopped,
//! woken and killed; never left running and never waited for without a limit.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::pty::Piped;

/// How long a program may take before the test fails. Real Helm on two busy
/// cores takes seconds, never minutes.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition is looked at again.
const GLANCE: Duration = Duration::from_millis(15);

/// Looks until the condition gives a value; fails the test after `PATIENCE`.
pub(crate) fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(GLANCE);
    }
}

/// Who shall receive a signal: a process that may not be started yet.
///
/// The proxy's rules hold one before the program that they aim at exists. A
/// signal is never sent to a process that was already reaped, whose number
/// may be somebody else's by now.
#[derive(Clone, Default)]
pub(crate) struct Victim(Arc<Mutex<Stage>>);

#[derive(Default)]
enum Stage {
    #[default]
    Unborn,
    Alive {
        pid: Pid,
        /// How many times it was woken up.
        wakes: usize,
    },
    Gone,
}

impl Victim {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether the process has been started (it may have ended since).
    pub(crate) fn is_born(&self) -> bool {
        !matches!(*self.stage(), Stage::Unborn)
    }

    /// Sends the signal to the process and those it started; `false` if there is none.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        match *self.stage() {
            Stage::Alive { pid, .. } => kill_process_group(pid, signal).is_ok(),
            Stage::Unborn | Stage::Gone => false,
        }
    }

    /// Wakes it up, for good: who still waits until it is stopped waits no more.
    fn wake(&self) {
        if let Stage::Alive { pid, wakes } = &mut *self.stage() {
            *wakes += 1;
            kill_process_group(*pid, Signal::CONT).ok();
        }
    }

    /// Sends it a signal to stop or to be killed; tells when that has reached
    /// all of it. A stop that somebody undid since has, even if nobody else saw it.
    pub(crate) fn strike(&self, signal: Signal) -> impl Fn() -> bool {
        let mut before = 0;
        if let Stage::Alive { pid, wakes } = *self.stage() {
            before = wakes;
            kill_process_group(pid, signal).ok();
        }
        let victim = self.clone();
        move || {
            let undone = signal == Signal::STOP && victim.wakes() > before;
            undone || victim.rests(signal)
        }
    }

    fn wakes(&self) -> usize {
        match *self.stage() {
            Stage::Alive { wakes, .. } => wakes,
            Stage::Unborn | Stage::Gone => 0,
        }
    }

    /// Whether no thread of it can run any more: a signal to stop or to kill
    /// needs a moment to reach them all, in which one may still read an answer
    /// and send the next request.
    fn rests(&self, signal: Signal) -> bool {
        let stage = self.stage();
        let Stage::Alive { pid, .. } = *stage else {
            return matches!(*stage, Stage::Gone);
        };
        let still: &[char] = if signal == Signal::KILL {
            &['Z', 'X']
        } else {
            &['T', 'Z', 'X']
        };
        let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
            return true;
        };
        threads.flatten().all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat"));
            // `pid (name) state …`, and the name may hold anything. A thread without one is gone.
            stat.map_or(true, |stat| {
                let state = stat
                    .rsplit_once(") ")
                    .and_then(|(_, rest)| rest.chars().next());
                state.is_some_and(|state| still.contains(&state))
            })
        })
    }
}

/// A program to run: nothing of the tests' own environment reaches it.
pub(crate) struct Program {
    command: Command,
    said: Vec<String>,
    victim: Victim,
}

impl Program {
    /// The program at that path, with an environment of its own.
    ///
    /// Where util-linux has `setpriv`, the program also dies with the thread
    /// that started it, so that an aborted test run leaves nothing behind.
    pub(crate) fn new(path: &Path) -> Self {
        let guard = Path::new("/usr/bin/setpriv");
        let mut command = if guard.exists() {
            let mut command = Command::new(guard);
            command.args(["--pdeathsig", "KILL", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.env_clear().stdin(Stdio::null()).process_group(0);
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            command,
            said: vec![name.to_string_lossy().into_owned()],
            victim: Victim::new(),
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.said.push(arg.as_ref().to_string_lossy().into_owned());
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// With that file as its stdin.
    pub(crate) fn stdin(mut self, file: &Path) -> Self {
        self.command.stdin(File::open(file).unwrap());
        self
    }

    /// Makes the process the one that rules holding this victim aim at.
    pub(crate) fn victim(mut self, victim: &Victim) -> Self {
        self.victim = victim.clone();
        self
    }

    /// Starts the program.
    pub(crate) fn spawn(mut self) -> Running {
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        self.command
            .stdout(stdout.try_clone().unwrap())
            .stderr(stderr.try_clone().unwrap());
        self.start(stdout, stderr)
    }

    fn start(mut self, stdout: File, stderr: File) -> Running {
        let command = self.said.join(" ");
        let child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start {command}: {error}"),
        };
        let pid = Pid::from_child(&child);
        *self.victim.stage() = Stage::Alive { pid, wakes: 0 };
        Running {
            child,
            victim: self.victim,
            command,
            stdout,
            stderr,
        }
    }

    /// Starts the program as the first of a session on that terminal, whose
    /// keys it gets as signals. What is piped goes to the output instead.
    pub(crate) fn on_terminal(mut self, terminal: File, piped: Piped) -> Running {
        let mut command = Command::new("/usr/bin/setsid");
        command.arg("--ctty");
        if piped == Piped::Stdin {
            // setsid takes the terminal from stdin: it is taken away after that.
            command.args(["/bin/sh", "-c", "exec \"$@\" </dev/null", "sh"]);
        }
        command.arg(self.command.get_program());
        command.args(self.command.get_args());
        command.env_clear().env("TERM", "xterm");
        let set =
            |(key, value): (&OsStr, Option<&OsStr>)| Some((key.to_owned(), value?.to_owned()));
        command.envs(self.command.get_envs().filter_map(set));
        command.stdin(terminal.try_clone().unwrap());
        self.command = command;
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let stream = |which: Piped, file: &File| match piped == which {
            true => file.try_clone().unwrap(),
            false => terminal.try_clone().unwrap(),
        };
        self.command
            .stdout(stream(Piped::Stdout, &stdout))
            .stderr(stream(Piped::Stderr, &stderr));
        self.start(stdout, stderr)
    }

    /// Runs the program to its end.
    pub(crate) fn run(self) -> Output {
        self.spawn().finish()
    }
}

/// A program at work. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    victim: Victim,
    command: String,
    stdout: File,
    stderr: File,
}

impl Running {
    /// Whether it still runs (or is stopped).
    pub(crate) fn is_running(&mut self) -> bool {
        self.reap().is_none()
    }

    /// Kills it, as the kernel kills what takes too much memory, and waits until it is gone.
    pub(crate) fn kill9(self) -> Output {
        self.end_with(Signal::KILL)
    }

    /// Sends it a signal, and waits until it is gone.
    pub(crate) fn end_with(self, signal: Signal) -> Output {
        self.victim.signal(signal);
        self.finish()
    }

    /// Stops it, as a suspended virtual machine is stopped; returns when it is.
    pub(crate) fn sigstop(&mut self) {
        self.victim.signal(Signal::STOP);
        self.wait_until_stopped();
    }

    /// Returns once it is stopped, by us or by a rule of the proxy.
    pub(crate) fn wait_until_stopped(&mut self) {
        let what = format!("{} is stopped", self.command);
        wait_until(&what, || {
            assert!(self.is_running(), "{} was to stop, but ended", self.command);
            self.victim.rests(Signal::STOP).then_some(())
        });
    }

    /// Wakes it up.
    pub(crate) fn sigcont(&self) {
        self.victim.wake();
    }

    /// Waits until it ends by itself.
    pub(crate) fn finish(mut self) -> Output {
        let what = format!("{} ends", self.command);
        let status = wait_until(&what, || self.reap());
        Output {
            command: self.command.clone(),
            status,
            stdout: whole(&mut self.stdout),
            stderr: whole(&mut self.stderr),
        }
    }

    /// Asks whether it has ended. Under the victim's lock: once reaped, its
    /// number must not receive a signal any more.
    fn reap(&mut self) -> Option<ExitStatus> {
        let mut stage = self.victim.stage();
        let status = self.child.try_wait().unwrap()?;
        *stage = Stage::Gone;
        Some(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            self.victim.signal(Signal::KILL);
            let mut stage = self.victim.stage();
            self.child.wait().ok();
            *stage = Stage::Gone;
        }
    }
}

fn whole(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a program said and how it ended. Displayed whole when a test fails.
pub(crate) struct Output {
    command: String,
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// The exit code; `None` if a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it, if one did.
    pub(crate) fn signal(&self) -> Option<Signal> {
        Signal::from_named_raw(self.status.signal()?)
    }

    /// Whether SIGKILL ended it.
    pub(crate) fn was_killed(&self) -> bool {
        self.signal() == Some(Signal::KILL)
    }

    /// Whether SIGINT ended it.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.status.signal() == Some(Signal::INT.as_raw())
    }

    /// The same, if it ended with that code; else the test fails.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    /// stdout as JSON; else the test fails.
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("stdout is no JSON ({error}): {self}"),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.command, self.status)?;
        writeln!(f, "--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

fn shell(script: &str) -> Program {
    Program::new(Path::new("/bin/sh")).args(["-c", script])
}

#[test]
fn output_and_exit_code_are_told_apart() {
    let output = shell("echo out; echo err >&2; exit 3").run().expect_code(3);
    assert_eq!((&*output.stdout, &*output.stderr), ("out\n", "err\n"));
    assert!(!output.was_killed());
}

#[test]
fn json_is_read_from_stdout_alone() {
    let output = shell(r#"echo '{"a": 1}'; echo talk >&2"#).run();
    assert_eq!(output.json()["a"], 1);
}

#[test]
fn nothing_of_our_environment_is_handed_on() {
    let output = shell("/usr/bin/env").env("KEPT", "1").run().expect_code(0);
    let shells_own = ["KEPT", "PWD", "_", "SHLVL", "OLDPWD"];
    for line in output.stdout.lines() {
        let key = line.split('=').next().unwrap();
        assert!(shells_own.contains(&key), "{line}");
    }
    assert!(output.stdout.contains("KEPT=1"));
}

#[test]
fn a_stopped_program_goes_on_when_woken_and_a_killed_one_does_not() {
    let script = "echo began; while [ ! -e \"$GO\" ]; do :; done; echo ended";
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go");
    let mut running = shell(script).env("GO", &go).spawn();
    running.sigstop();
    std::fs::write(&go, "").unwrap();
    assert!(running.is_running());
    running.sigcont();
    let output = running.finish().expect_code(0);
    assert_eq!(output.stdout, "began\nended\n");

    let victim = Victim::new();
    assert!(!victim.is_born());
    let running = shell(script).env("GO", "/never").victim(&victim).spawn();
    assert!(victim.is_born());
    assert!(running.kill9().was_killed());
    assert!(
        !victim.signal(Signal::KILL),
        "a reaped process is left alone"
    );
}

/// Who stopped it may look only after somebody else, who saw it stopped, woke it up.
#[test]
fn who_looks_too_late_does_not_wait_for_a_stop_that_was_undone() {
    let victim = Victim::new();
    let mut running = shell("while :; do :; done").victim(&victim).spawn();
    for _ in 0..2 {
        let has_arrived = victim.strike(Signal::STOP);
        running.wait_until_stopped();
        assert!(has_arrived());
        running.sigcont();
        wait_until("it runs", || (!victim.rests(Signal::STOP)).then_some(()));
        assert!(has_arrived());
    }
    assert!(running.kill9().was_killed());
}

#[test]
fn a_forgotten_program_is_killed_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let running = shell("/bin/sleep 1000 & echo $! > \"$AT\"; wait")
        .env("AT", &pid)
        .spawn();
    let pid = wait_until("the pid is written", || {
        let text = std::fs::read_to_string(&pid).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    });
    drop(running);
    wait_until("the grandchild is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
            .then_some(())
    });
}

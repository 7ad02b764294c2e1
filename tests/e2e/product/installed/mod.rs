//! Installed as users install it, by the tools that they install it with.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use tempfile::TempDir;

use crate::bed::{Bed, Namespace, setting};
use crate::helm::{Helm, HelmVersion, chart};
use crate::process::{Program, wait_until};

mod archive;
mod helm;
mod hook;
mod krew;
mod kubectl;
mod shells;
mod web;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_zadig-doctor");

/// The release of a chart that holds next to nothing.
const RELEASE: &str = "quiet";

/// Where programs lie that every machine has.
const SYSTEM: &str = "/usr/bin:/bin";

/// The checkout.
fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A release of the program under test: what `make dist` makes, but of the
/// program that the tests were built with.
struct Release {
    dir: TempDir,
}

impl Release {
    /// The one that all tests share while any of them needs it.
    fn get() -> Arc<Self> {
        static SHARED: Mutex<Weak<Release>> = Mutex::new(Weak::new());
        let mut shared = SHARED
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        shared.upgrade().unwrap_or_else(|| {
            let release = Arc::new(Self::pack(&[]));
            *shared = Arc::downgrade(&release);
            release
        })
    }

    /// Packs one, with these variables in the packing script's environment.
    fn pack(variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pack = Program::new(&checkout().join("packaging/dist"))
            .args(["--target", "x86_64-unknown-linux-musl"])
            .args(["--program", PROGRAM, "--out"])
            .arg(dir.path().join("dist"))
            .env("PATH", std::env::var("PATH").unwrap())
            .env("SOURCE_DATE_EPOCH", "1700000000");
        let pack = variables
            .iter()
            .fold(pack, |pack, (key, value)| pack.env(key, value));
        pack.run().expect_code(0);
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("dist").join(name)
    }

    fn archive(&self) -> PathBuf {
        let version = env!("CARGO_PKG_VERSION");
        self.file(&format!("zadig-doctor-{version}-linux-amd64.tar.gz"))
    }

    /// Unpacks the archive there.
    fn unpack(&self, into: &Path) {
        std::fs::create_dir_all(into).unwrap();
        Program::new(Path::new("/bin/tar"))
            .arg("-xzf")
            .arg(self.archive())
            .arg("-C")
            .arg(into)
            .env("PATH", SYSTEM)
            .run()
            .expect_code(0);
    }
}

/// A user's machine: a home, a directory on the PATH, and a namespace with a
/// release in it.
struct Machine {
    home: TempDir,
    namespace: Namespace,
}

impl Machine {
    fn new(label: &str) -> Self {
        let namespace = Namespace::new(label);
        Helm::new(HelmVersion::V4, &namespace).ok(&["install", RELEASE, &chart("quiet")]);
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("bin")).unwrap();
        Self { home, namespace }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// The directory that comes first on the PATH.
    fn bin(&self) -> PathBuf {
        self.home().join("bin")
    }

    /// A program, as this user runs it.
    fn program(&self, program: &Path) -> Program {
        Program::new(program)
            .env("HOME", self.home())
            .env("PATH", format!("{}:{SYSTEM}", self.bin().display()))
            .env("KUBECONFIG", &Bed::get().kubeconfig)
    }

    /// A program of the bed.
    fn bed(&self, key: &str) -> Program {
        self.program(setting(key).as_ref())
    }

    /// Puts the program under test on the PATH, under that name.
    fn links(&self, name: &str) -> PathBuf {
        let link = self.bin().join(name);
        std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
        link
    }
}

/// Asks what may come next until the candidate is offered, as one more press of
/// a key does: a busy machine may find no names in the moment that there is.
fn offers(candidate: &str, ask: impl Fn() -> Program) {
    wait_until(&format!("{candidate} is offered"), || {
        let answer = ask().run().expect_code(0);
        let mut words = answer.stdout.lines().map(|line| line.split('\t').next());
        // A shell's answer ends with a space where the word is whole.
        let offered = words.any(|word| word.map(str::trim_end) == Some(candidate));
        offered.then_some(())
    });
}

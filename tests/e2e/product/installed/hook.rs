//! The plugin's install hook: what it fetches it verifies, and whatever goes
//! wrong, it says so and leaves nothing half-done.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::web::Web;
use super::{PROGRAM, Release, SYSTEM, checkout};
use crate::process::{Output, Program};

/// A plugin's directory as Helm made it from a checkout.
struct Plugin {
    dir: TempDir,
}

impl Plugin {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let yaml = checkout().join("plugin.yaml");
        std::fs::copy(yaml, dir.path().join("plugin.yaml")).unwrap();
        Self { dir }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    fn hook(&self, variables: &[(&str, &str)]) -> Output {
        let hook = Program::new(Path::new("/bin/sh"))
            .arg(checkout().join("packaging/helm-hook.sh"))
            .env("PATH", SYSTEM)
            .env("HELM_PLUGIN_DIR", self.dir.path());
        let hook = variables
            .iter()
            .fold(hook, |hook, (key, value)| hook.env(key, value));
        hook.run()
    }

    /// That the hook refuses, says that, and leaves the directory as it was.
    fn refuses(&self, variables: &[(&str, &str)], because: &str) {
        let before = self.files();
        let said = self.hook(variables).expect_code(1);
        assert!(said.stderr.contains(because), "{because:?}: {said}");
        for way in ["ZADIG_DOCTOR_ARCHIVE=", "ZADIG_DOCTOR_URL=", "cargo build"] {
            assert!(said.stderr.contains(way), "{way}: {said}");
        }
        assert_eq!(self.files(), before, "{said}");
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn version(&self) -> String {
        let program = Program::new(&self.path("bin/zadig-doctor")).arg("-V");
        program.run().expect_code(0).stdout
    }
}

/// A directory of programs: those of the system, but for these.
fn without(missing: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for tool in [
        "sed", "cat", "rm", "mkdir", "mv", "basename", "dirname", "uname", "cut", "tar", "gzip",
        "sh",
    ] {
        if !missing.contains(&tool) {
            symlink(Path::new("/bin").join(tool), dir.path().join(tool)).unwrap();
        }
    }
    dir
}

/// A copy of the release's files, to be spoiled.
fn copy_of(release: &Release) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let archive = release.archive();
    let copy = dir.path().join(archive.file_name().unwrap());
    std::fs::copy(&archive, &copy).unwrap();
    let sums = dir.path().join("checksums.txt");
    std::fs::copy(release.file("checksums.txt"), sums).unwrap();
    (dir, copy)
}

#[test]
fn what_is_damaged_or_not_published_is_refused() {
    let release = Release::get();
    let plugin = Plugin::new();
    let archive = |path: &Path| path.to_str().unwrap().to_owned();

    plugin.refuses(
        &[("ZADIG_DOCTOR_ARCHIVE", "/nowhere.tar.gz")],
        "there is no file /nowhere.tar.gz",
    );

    let (dir, copy) = copy_of(&release);
    let mut bytes = std::fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&copy, bytes).unwrap();
    plugin.refuses(
        &[("ZADIG_DOCTOR_ARCHIVE", &archive(&copy))],
        "its sha256 is ",
    );
    let web = Web::of(dir.path());
    plugin.refuses(&[("ZADIG_DOCTOR_URL", &web.url())], "its sha256 is ");

    let sums = dir.path().join("checksums.txt");
    std::fs::write(&sums, "").unwrap();
    plugin.refuses(
        &[("ZADIG_DOCTOR_ARCHIVE", &archive(&copy))],
        "checksums.txt does not name ",
    );
    std::fs::remove_file(&sums).unwrap();
    plugin.refuses(
        &[("ZADIG_DOCTOR_ARCHIVE", &archive(&copy))],
        "checksums.txt to verify",
    );
    plugin.refuses(&[("ZADIG_DOCTOR_URL", &web.url())], "could not fetch ");

    // Whole and as published, but of another version than the plugin.
    let yaml = std::fs::read_to_string(plugin.path("plugin.yaml")).unwrap();
    let other = yaml.replace(env!("CARGO_PKG_VERSION"), "99.0.0");
    std::fs::write(plugin.path("plugin.yaml"), other).unwrap();
    let whole = release.archive();
    plugin.refuses(
        &[("ZADIG_DOCTOR_ARCHIVE", &archive(&whole))],
        "is not version 99.0.0",
    );
}

#[test]
fn a_machine_without_what_is_needed_is_told_so() {
    let plugin = Plugin::new();
    let bare = without(&[]);
    let path = bare.path().to_str().unwrap();
    let neither = "neither curl nor wget is there to fetch ";
    plugin.refuses(&[("PATH", path)], neither);
    plugin.refuses(
        &[("ZADIG_DOCTOR_URL", "http://127.0.0.1:1")],
        "could not fetch http://127.0.0.1:1/v",
    );

    let release = Release::get();
    let archive = release.archive();
    let archive = ("ZADIG_DOCTOR_ARCHIVE", archive.to_str().unwrap());
    plugin.refuses(
        &[("PATH", path), archive],
        "neither sha256sum nor shasum nor openssl",
    );

    // Another machine.
    let other = without(&["uname"]);
    for (says, because) in [
        ("Plan9", "no archive for Plan9"),
        ("Linux", "no archive for Linux on Linux"),
    ] {
        let uname = other.path().join("uname");
        std::fs::write(&uname, format!("#!/bin/sh\necho {says}\n")).unwrap();
        std::fs::set_permissions(&uname, PermissionsExt::from_mode(0o755)).unwrap();
        plugin.refuses(&[("PATH", other.path().to_str().unwrap())], because);
    }
}

#[test]
fn a_program_that_is_there_stays_where_the_next_cannot_be_had() {
    let plugin = Plugin::new();
    std::fs::create_dir(plugin.path("bin")).unwrap();
    let program = plugin.path("bin/zadig-doctor");
    std::fs::write(&program, "#!/bin/sh\necho an older one\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    plugin.refuses(
        &[("ZADIG_DOCTOR_URL", "http://127.0.0.1:1")],
        "could not fetch ",
    );
    assert_eq!(plugin.version(), "an older one\n");
    // It is replaced as soon as it can be.
    let release = Release::get();
    let archive = release.archive();
    let archive = ("ZADIG_DOCTOR_ARCHIVE", archive.to_str().unwrap());
    plugin.hook(&[archive]).expect_code(0);
    let version = concat!("zadig-doctor ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(plugin.version(), version);
}

#[test]
fn a_checkout_that_was_built_runs_what_was_built() {
    let plugin = Plugin::new();
    std::fs::create_dir_all(plugin.path("target/release")).unwrap();
    symlink(PROGRAM, plugin.path("target/release/zadig-doctor")).unwrap();
    let nowhere = ("ZADIG_DOCTOR_URL", "http://127.0.0.1:1");
    let said = plugin.hook(&[nowhere]).expect_code(0);
    assert!(said.stdout.contains("target/release"), "{said}");
    plugin.version();
    let again = plugin.hook(&[nowhere]).expect_code(0);
    assert_eq!(
        (&*again.stdout, &*again.stderr),
        ("", ""),
        "nothing is left to do"
    );
}

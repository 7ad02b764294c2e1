//! `helm doctor`: one plugin for every Helm.

use std::path::Path;

use super::web::Web;
use super::{Machine, RELEASE, Release, SYSTEM, checkout, offers};
use crate::helm::HelmVersion;
use crate::process::{Output, Program};

/// Helm with plugins, on a user's machine. `HELM_PLUGINS` must not be set:
/// Helm 4 installs somewhere else than it then reads.
struct Plugins {
    machine: Machine,
    version: HelmVersion,
}

impl Plugins {
    fn new(version: HelmVersion) -> Self {
        let machine = Machine::new("helm-plugin");
        Self { machine, version }
    }

    fn command(&self, args: &[&str]) -> Program {
        self.machine.program(&self.version.program()).args(args)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).run()
    }

    /// `helm plugin install`. Helm 4 installs what bears no signature only if
    /// told to; nothing else knows the flag, nor does Helm 4 for a directory
    /// need it.
    fn install(&self, source: &str) -> Program {
        let unsigned = match self.version {
            HelmVersion::V4 => &["--verify=false"][..],
            _ => &[],
        };
        self.command(&["plugin", "install", source]).args(unsigned)
    }

    /// That it works, whichever way it came.
    fn works(&self) {
        let list = self.run(&["plugin", "list"]).expect_code(0);
        let version = format!("doctor\t{}", env!("CARGO_PKG_VERSION"));
        assert!(list.stdout.contains(&version), "{list}");
        let namespace = self.machine.namespace.name();
        let json = ["doctor", "check", RELEASE, "-o", "json", "-n", namespace];
        let found = self.run(&json).expect_code(0);
        assert_eq!(found.json()["examined"]["records"], 1, "{found}");
    }

    fn uninstall(&self) {
        self.run(&["plugin", "uninstall", "doctor"]).expect_code(0);
        let list = self.run(&["plugin", "list"]).expect_code(0);
        assert!(!list.stdout.contains("doctor"), "{list}");
        let gone = self.run(&["doctor", "check"]).expect_code(1);
        assert!(gone.stderr.contains("unknown command"), "{gone}");
    }
}

#[test]
fn from_an_unpacked_archive_without_a_network() {
    let release = Release::get();
    for version in HelmVersion::ALL {
        let helm = Plugins::new(version);
        let unpacked = helm.machine.home().join("zadig-doctor");
        release.unpack(&unpacked);
        // The program is there, so nothing is fetched: from this address nothing could be.
        let install = helm.install(unpacked.to_str().unwrap());
        let install = install.env("ZADIG_DOCTOR_URL", "http://127.0.0.1:1");
        install.run().expect_code(0);
        helm.works();
        says_its_name(&helm);
        completes(&helm);
        helm.uninstall();
        assert!(unpacked.join("bin/zadig-doctor").exists());
    }
}

fn says_its_name(helm: &Plugins) {
    let help = helm.run(&["doctor", "check", "--help"]).expect_code(0);
    assert!(help.stdout.contains("Usage: helm doctor check ["), "{help}");
    assert!(help.stdout.contains("\n  helm doctor check -A "), "{help}");
    let wrong = helm.run(&["doctor", "unstick"]);
    assert!(
        wrong.stderr.contains("Usage: helm doctor unstick <"),
        "{wrong}"
    );
    let wrong = helm.run(&["doctor", "explain", "nothing"]);
    assert!(wrong.stderr.contains("`helm doctor explain`"), "{wrong}");
}

fn completes(helm: &Plugins) {
    let namespace = helm.machine.namespace.name();
    let cases: [(&[&str], &str); 4] = [
        (&["u"], "unstick"),
        (&["check", "--fail"], "--fail-on"),
        (&["explain", "stuck-"], "stuck-pending"),
        // Helm takes -n for itself, and tells it to us.
        (&["check", "-n", namespace, ""], RELEASE),
    ];
    for (words, candidate) in cases {
        let words = [&["__complete", "doctor"], words].concat();
        offers(candidate, || helm.command(&words));
    }
}

#[test]
fn from_an_archive_on_the_web() {
    let release = Release::get();
    let web = Web::of(release.archive().parent().unwrap());
    let name = release.archive();
    let url = format!("{}/{}", web.url(), name.file_name().unwrap().display());
    for version in HelmVersion::ALL {
        let helm = Plugins::new(version);
        helm.install(&url).run().expect_code(0);
        helm.works();
        helm.uninstall();
    }
}

/// What a checkout holds of the plugin, as a repository of its own.
fn repository(at: &Path) {
    std::fs::create_dir_all(at.join("packaging")).unwrap();
    for file in [
        "plugin.yaml",
        "plugin.complete",
        "packaging/helm-hook.sh",
        ".gitignore",
    ] {
        std::fs::copy(checkout().join(file), at.join(file)).unwrap();
    }
    git(at, &["init", "--quiet"]);
    commit(at);
}

fn commit(at: &Path) {
    git(at, &["add", "--all"]);
    git(
        at,
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.c",
            "commit",
            "--quiet",
            "-m",
            "all",
        ],
    );
}

fn git(at: &Path, args: &[&str]) {
    let git = Program::new(Path::new("/usr/bin/git")).arg("-C").arg(at);
    git.args(args).env("PATH", SYSTEM).run().expect_code(0);
}

#[test]
fn from_a_repository_with_a_program_that_is_fetched_and_verified() {
    let release = Release::get();
    let web = Web::of(release.archive().parent().unwrap());
    for version in HelmVersion::ALL {
        let helm = Plugins::new(version);
        let source = helm.machine.home().join("source");
        repository(&source);
        let url = format!("file://{}", source.display());
        let install = helm.install(&url).env("ZADIG_DOCTOR_URL", web.url());
        let said = install.run().expect_code(0);
        assert!(said.stdout.contains("zadig-doctor: installed"), "{said}");
        helm.works();

        // The next version is fetched by an update; where it cannot be, the message says what to do.
        let update = || helm.command(&["plugin", "update", "doctor"]);
        let same = update().env("ZADIG_DOCTOR_ARCHIVE", release.archive());
        same.run().expect_code(0);
        helm.works();
        let yaml = std::fs::read_to_string(source.join("plugin.yaml")).unwrap();
        let newer = yaml.replace(env!("CARGO_PKG_VERSION"), "99.0.0");
        std::fs::write(source.join("plugin.yaml"), newer).unwrap();
        commit(&source);
        let said = update()
            .env("ZADIG_DOCTOR_URL", web.url())
            .run()
            .expect_code(1);
        assert!(
            said.stderr
                .contains("zadig-doctor-99.0.0-linux-amd64.tar.gz"),
            "{said}"
        );
        assert!(
            said.stderr.contains("helm plugin uninstall doctor &&"),
            "{said}"
        );
        helm.uninstall();
    }
}

#[test]
fn a_plugin_that_could_not_be_fetched_leaves_the_others_alone() {
    let release = Release::get();
    for version in HelmVersion::ALL {
        let helm = Plugins::new(version);
        let other = helm.machine.home().join("other");
        std::fs::create_dir(&other).unwrap();
        let yaml = "name: other\nversion: 1.0.0\nusage: says so\ncommand: echo other works\n";
        std::fs::write(other.join("plugin.yaml"), yaml).unwrap();
        helm.install(other.to_str().unwrap()).run().expect_code(0);

        let source = helm.machine.home().join("source");
        repository(&source);
        let source = source.to_str().unwrap();
        let install = helm
            .install(source)
            .env("ZADIG_DOCTOR_URL", "http://127.0.0.1:1");
        let said = install.run().expect_code(1);
        assert!(
            said.stderr.contains("could not fetch http://127.0.0.1:1/v"),
            "{said}"
        );
        let works = helm.run(&["other"]).expect_code(0);
        assert_eq!(works.stdout, "other works\n");

        // What the message says to do helps.
        helm.uninstall();
        let again = helm
            .install(source)
            .env("ZADIG_DOCTOR_ARCHIVE", release.archive());
        again.run().expect_code(0);
        helm.works();
    }
}

/// Helm 4 alone makes and takes packages, in a form of its own: one directory
/// that is called what the file is called.
#[test]
fn from_a_package_of_helm_4() {
    let helm = Plugins::new(HelmVersion::V4);
    let unpacked = helm.machine.home().join("doctor");
    Release::get().unpack(&unpacked);
    let package = [
        "plugin",
        "package",
        "--sign=false",
        unpacked.to_str().unwrap(),
    ];
    let package = helm.command(&package).arg("-d").arg(helm.machine.home());
    package.run().expect_code(0);
    let package = format!("doctor-{}.tgz", env!("CARGO_PKG_VERSION"));
    let package = helm.machine.home().join(package);
    let package = package.to_str().unwrap();
    let unsigned = helm.run(&["plugin", "install", package]).expect_code(1);
    assert!(unsigned.stderr.contains(".prov"), "{unsigned}");
    helm.install(package).run().expect_code(0);
    helm.works();
    helm.uninstall();
}

//! krew installs it from what a release brings.

use std::path::Path;

use super::{Machine, RELEASE, Release, SYSTEM};
use crate::bed::setting;

#[test]
fn krew_installs_it_and_takes_it_away() {
    let machine = Machine::new("krew");
    let release = Release::get();
    let root = machine.home().join(".krew");
    let path = format!("{}/bin:{SYSTEM}", root.display());
    // Only `install` from files does without an index; the rest wants a repository there, be it an empty one.
    let index = root.join("index/default");
    let git = machine.program(Path::new("/usr/bin/git"));
    git.args(["init", "--quiet"])
        .arg(&index)
        .run()
        .expect_code(0);
    let krew = |args: &[&str]| {
        let krew = machine.bed("BED_KREW").args(args).env("PATH", &path);
        krew.env("KREW_NO_UPGRADE_CHECK", "1").run().expect_code(0)
    };
    let (manifest, archive) = (release.file("zadig-doctor.yaml"), release.archive());
    let manifest = format!("--manifest={}", manifest.display());
    krew(&[
        "install",
        &manifest,
        &format!("--archive={}", archive.display()),
    ]);
    let list = krew(&["list"]);
    assert!(list.stdout.contains("zadig-doctor"), "{list}");

    let kubectl = |args: &[&str]| {
        let kubectl = machine.program(setting("BED_KUBECTL").as_ref());
        kubectl
            .arg("zadig-doctor")
            .args(args)
            .env("PATH", &path)
            .run()
    };
    let version = kubectl(&["--version"]).expect_code(0);
    assert!(
        version
            .stdout
            .ends_with("invoked as: kubectl zadig-doctor\n"),
        "{version}"
    );
    let namespace = machine.namespace.name();
    let check = ["check", RELEASE, "-n", namespace, "-o", "json"];
    let check = kubectl(&check).expect_code(0);
    assert_eq!(check.json()["examined"]["records"], 1, "{check}");

    krew(&["uninstall", "zadig-doctor"]);
    let gone = kubectl(&["check"]).expect_code(1);
    assert!(gone.stderr.contains("unknown command"), "{gone}");
}

//! What a release is made of.

use super::{Release, SYSTEM, checkout};
use crate::process::Program;

fn text(file: &str) -> String {
    std::fs::read_to_string(checkout().join(file)).unwrap()
}

#[test]
fn packing_twice_gives_the_same_bytes() {
    let one = Release::get();
    let two = Release::pack(&[
        ("TZ", "Asia/Shanghai"),
        ("LC_ALL", "C"),
        ("HOME", "/nowhere"),
    ]);
    let read = |release: &Release| std::fs::read(release.archive()).unwrap();
    assert!(read(&one) == read(&two), "the archives differ");
    for file in ["checksums.txt", "zadig-doctor.yaml"] {
        let read = |release: &Release| std::fs::read_to_string(release.file(file)).unwrap();
        assert_eq!(read(&one), read(&two));
    }
}

#[test]
fn an_archive_holds_what_helm_krew_and_people_want() {
    let release = Release::get();
    let list = Program::new("/bin/tar".as_ref()).arg("-tvzf");
    let list = list
        .arg(release.archive())
        .env("PATH", SYSTEM)
        .env("TZ", "UTC");
    let list = list.run().expect_code(0);
    let mut names = Vec::new();
    for line in list.stdout.lines() {
        let (about, name) = line.rsplit_once(' ').unwrap();
        assert!(about.contains(" 0/0 "), "owned by nobody: {line}");
        assert!(about.ends_with(" 2023-11-14 22:13"), "of one time: {line}");
        names.push((name, about.starts_with("-rwxr-xr-x")));
    }
    let sorted = names.iter().map(|(name, _)| name.trim_end_matches('/'));
    assert!(sorted.is_sorted(), "{names:?}");
    for (name, runs) in [
        ("LICENSE", false),
        ("README.md", false),
        ("bin/zadig-doctor", true),
        ("completions/zadig-doctor.bash", false),
        ("kubectl_complete-zadig_doctor", true),
        ("packaging/helm-hook.sh", true),
        ("plugin.complete", true),
        ("plugin.yaml", false),
    ] {
        assert!(names.contains(&(name, runs)), "{name}: {names:?}");
    }
    let sums = release.file("checksums.txt");
    let check = Program::new("/bin/sh".as_ref()).args([
        "-c",
        "cd \"$1\" && sha256sum -c checksums.txt",
        "sh",
    ]);
    let check = check.arg(sums.parent().unwrap()).env("PATH", SYSTEM);
    check.run().expect_code(0);
}

#[test]
fn version_and_address_are_said_alike_everywhere() {
    let version = format!("\nversion: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(text("plugin.yaml").contains(&version));
    let releases = concat!(
        "{ZADIG_DOCTOR_URL:-",
        env!("CARGO_PKG_REPOSITORY"),
        "/releases/download}"
    );
    assert!(text("packaging/helm-hook.sh").contains(releases));
}

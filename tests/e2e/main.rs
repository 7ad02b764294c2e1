//! Black-box tests: the real binary and real Helms against a real control plane.
//!
//! `make test` runs them. One binary for all: linking once per file costs minutes.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests own every effect: processes, files, clocks and the API"
)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod audit;
mod bed;
mod helm;
mod process;
mod product;
mod proxy;
mod pty;
mod records;
mod rooms;
mod scenarios;
mod tool;
mod zadig;

use std::collections::BTreeSet;
use std::path::Path;

/// Adds the `.rs` files below a directory, and the files that the `mod` lines in them name.
fn walk(dir: &Path, files: &mut BTreeSet<String>, modules: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files, modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // `x/mod.rs` and `x.rs` are one module, whose own modules lie in `x/`.
            let stem = path.with_extension("");
            let own = if stem.ends_with("mod") {
                dir.to_owned()
            } else {
                stem
            };
            let inner = if own.ends_with("main") { dir } else { &own };
            let text = std::fs::read_to_string(&path).unwrap();
            let named = text.lines().filter_map(|line| {
                let line = line.trim_start_matches("pub(crate) ");
                line.strip_prefix("mod ")?.strip_suffix(';')
            });
            modules.extend(named.map(|name| inner.join(name).display().to_string()));
            files.insert(own.display().to_string());
        }
    }
}

#[test]
fn no_file_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let (mut files, mut modules) = (BTreeSet::new(), BTreeSet::new());
    walk(&root, &mut files, &mut modules);
    files.remove(&root.join("main").display().to_string());
    assert!(files.len() > 5, "{files:?}");
    assert_eq!(
        files, modules,
        "a file that no `mod` line names is never compiled"
    );
}

//! Records that are too large, or almost.

use super::Unstick::Repairs;
use super::charts::{config_map, hook, like_quiet};
use super::make::quiet;
use super::{BUSY, RELEASE, Scenario, Stage, finds, scenarios, stale};

/// How much the API server lets one Secret hold.
const LIMIT: i64 = 1_048_576;

/// Each hook's times make the record grow while Helm works.
const HOOKS: usize = 12;

scenarios! {
    oversized_upgrade [every, old] {
        what: "an upgrade whose record does not fit: it was refused before anything was changed",
        how: "a chart with a file of 800 kB that cannot be compressed",
        leaves: &[(1, "deployed", "deployed")],
        make: |stage| {
            quiet(stage, "install", "one");
            let chart = bulky(stage, 800_000);
            let said = stage.helm.run(&["upgrade", RELEASE, &chart]).expect_code(1).to_string();
            assert!(said.contains("Too long"), "{said}");
        },
    }
    near_size_limit [every] {
        what: "a record that takes 83 % of what a Secret can hold",
        how: "a chart with a file of 650 kB that cannot be compressed",
        leaves: &[(1, "deployed", "deployed")],
        finds: &[finds("near-size-limit")],
        make: |stage| drop(stage.helm.ok(&["install", RELEASE, &bulky(stage, 650_000)])),
    }
    outgrown_while_installing [every, old] {
        what: "an install that said it succeeded, but is pending: its record just fitted, and then grew",
        how: "the times of twelve hooks go into a record with 200 bytes to spare; Helm's last write is refused",
        leaves: &[(1, "pending-install", "pending-install")],
        upgrade_says: Some(BUSY),
        finds: &[stale("stuck-pending").part_in(), finds("near-size-limit")],
        may_find: &["none-deployed"],
        unstick: Repairs,
        make: outgrown,
    }
}

/// An install whose record has 200 bytes to spare before its hooks run.
fn outgrown(stage: &Stage) {
    let mut size = 700_000_i64;
    let chart = loop {
        let chart = bulky(stage, size);
        stage.helm.ok(&["install", RELEASE, &chart, "--no-hooks"]);
        let needed = i64::try_from(stage.record(1).text().len()).unwrap();
        stage.helm.ok(&["uninstall", RELEASE, "--no-hooks"]);
        let spare = LIMIT - 200 - needed;
        if spare.abs() < 40 {
            break chart;
        }
        // Base64 twice, with a compressor in between that wins back the first.
        size += spare * 149 / 200;
    };
    stage.helm.ok(&["install", RELEASE, &chart]);
}

/// A chart with a file of that size that cannot be compressed, and hooks that
/// are done at once.
fn bulky(stage: &Stage, size: i64) -> String {
    let noise = noise(usize::try_from(size).unwrap());
    let hooks = (0..HOOKS).map(|number| {
        let metadata = hook("post-install");
        let template = config_map(&format!("hook-{number}"), &metadata);
        (format!("templates/hook-{number}.yaml"), template)
    });
    let hooks: Vec<_> = hooks.collect();
    let hooks = hooks
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_slice()));
    let files: Vec<_> = hooks.chain([("noise", noise.as_slice())]).collect();
    like_quiet(stage, &files)
}

/// Bytes without a pattern, the same every time (xorshift).
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let words = std::iter::repeat_with(next).flatten();
    words.take(size).collect()
}

//! The store under hostile circumstances: killed at any instant, written by two
//! at once, cut off by a full disk; and what `forget` and `stats` say.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::helm::HelmVersion;
use crate::process::{Output, Program};
use crate::scenarios::{Stage, find};
use crate::tool::Tool;

/// Releases, each with one record: enough that a backup takes several batches of
/// its time, little enough for hundreds of them.
const RELEASES: usize = 40;

/// A namespace full of records, and the tool with a store of its own.
struct Field {
    stage: Stage,
    tool: Tool,
}

impl Field {
    /// Copies one record that Helm wrote under other names. Their payloads still
    /// name its release; a backup keeps what there is.
    fn new() -> Self {
        let stage = find("healthy").make(HelmVersion::V3_17);
        let api = stage.namespace.bed().api();
        let original = stage.records().remove(0).object;
        for number in 1..=RELEASES {
            let labels = original["metadata"]["labels"].clone();
            let mut copy = json!({
                "metadata": {"name": name(number), "labels": labels},
                "type": original["type"], "data": original["data"],
            });
            copy["metadata"]["labels"]["name"] = release(number).into();
            copy["metadata"]["annotations"] = json!({"noise": noise(number)});
            api.create(&stage.namespace.core("secrets"), &copy);
        }
        let tool = Tool::new();
        Self { stage, tool }
    }

    fn command(&self, home: &Path, args: &[&str]) -> Program {
        let place = ["-n", self.stage.namespace.name()];
        let place = match args.get(1) {
            Some(&"forget") => &[],
            _ => &place[..],
        };
        let args = [args, place, &["-o", "json"]].concat();
        let home = home.to_str().unwrap();
        self.tool.command(&args).env("ZADIG_DOCTOR_HOME", home)
    }

    fn run(&self, home: &Path, args: &[&str]) -> Output {
        self.command(home, args).run()
    }

    /// How long a command takes that is left to end.
    fn takes(&self, home: &Path, args: &[&str]) -> Duration {
        let start = Instant::now();
        self.run(home, args).expect_code(0);
        start.elapsed()
    }

    /// Runs a command and kills it after a while, unless it ended before.
    fn killed(&self, home: &Path, args: &[&str], after: Duration) -> Output {
        killed(self.command(home, args), after)
    }

    fn verified(&self, home: &Path) {
        if home.join("store.db").exists() {
            self.run(home, &["backup", "verify"]).expect_code(0);
        }
    }

    /// The ids of all snapshots, every one of them whole.
    fn listed(&self, home: &Path) -> Vec<String> {
        let list = self.run(home, &["backup", "list"]).expect_code(0).json();
        let snapshots = list["snapshots"].as_array().unwrap();
        assert!(
            snapshots.iter().all(|one| one["complete"] == true),
            "{list}"
        );
        let id = |one: &serde_json::Value| one["id"].as_str().unwrap().to_owned();
        snapshots.iter().map(id).collect()
    }
}

fn killed(program: Program, after: Duration) -> Output {
    let mut running = program.spawn();
    // At any instant: that is what is tried here.
    std::thread::sleep(after);
    match running.is_running() {
        true => running.kill9(),
        false => running.finish(),
    }
}

fn release(number: usize) -> String {
    format!("r{number:02}")
}

fn name(number: usize) -> String {
    crate::records::name(&release(number), 1)
}

/// A text of its own for each, so that there is something to write.
fn noise(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let digits = (0..400).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!("{:08x}", state >> 32)
    });
    digits.collect()
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn copy(from: &Path) -> TempDir {
    let to = home();
    for name in ["store.db", "store.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.path().join(name)).unwrap();
        }
    }
    to
}

/// What a run is thought to take, after one more: how busy the machine is changes
/// from one to the next.
fn learned(takes: Duration, after: Duration, killed: bool) -> Duration {
    match killed {
        true => takes.max(after),
        false => takes.min(after.max(takes / 2)),
    }
}

#[test]
fn a_backup_that_is_killed_at_any_instant_loses_nothing_that_was_reported() {
    const STORES: u32 = 20;
    const KILLS: u32 = 8;
    let field = Field::new();
    let own = field.stage.records().len();
    let mut takes = field.takes(home().path(), &["backup"]);
    let (mut killed, mut reported) = (0, 0);
    for store in 0..STORES {
        let home = home();
        let mut done = Vec::new();
        for kill in 0..KILLS {
            // Spread over the run and a little beyond; no two runs alike.
            let nth = (store * 7 + kill * STORES) % (STORES * KILLS);
            let after = takes * nth / (STORES * KILLS - 20);
            let output = field.killed(home.path(), &["backup", "--check"], after);
            takes = learned(takes, after, output.was_killed());
            match output.was_killed() {
                true => killed += 1,
                false => drop(
                    output
                        .code()
                        .filter(|code| *code == 0)
                        .expect("it ends well"),
                ),
            }
            // What was printed was reported, even if it was killed right then.
            if let Ok(saved) = serde_json::from_str::<serde_json::Value>(&output.stdout) {
                assert_eq!(saved["records"], RELEASES + own);
                done.push(saved["id"].as_str().unwrap().to_owned());
            }
        }
        field.verified(home.path());
        if !home.path().join("store.db").exists() {
            continue;
        }
        let listed = field.listed(home.path());
        assert!(
            done.iter().all(|id| listed.contains(id)),
            "{done:?} {listed:?}"
        );
        reported += done.len();
        field.run(home.path(), &["backup"]).expect_code(0);
        field.verified(home.path());
    }
    assert!(
        killed > 0 && reported > 0,
        "{killed} killed, {reported} reported"
    );
}

#[test]
fn a_forget_that_is_killed_at_any_instant_does_all_or_nothing() {
    const KILLS: u32 = 120;
    const ARGS: [&str; 5] = ["backup", "forget", "--keep-last", "2", "--yes"];
    let field = Field::new();
    let full = home();
    for number in 0..6 {
        field
            .run(full.path(), &["backup", "--check"])
            .expect_code(0);
        let changed = json!({"metadata": {"annotations": {"noise": noise(100 + number)}}});
        let api = field.stage.namespace.bed().api();
        api.merge(
            &field
                .stage
                .namespace
                .core(&format!("secrets/{}", name(1 + number))),
            &changed,
        );
    }
    let all = field.listed(full.path());
    let mut takes = field.takes(copy(full.path()).path(), &ARGS);
    let (mut nothing, mut everything) = (0, 0);
    for kill in 0..KILLS {
        let home = copy(full.path());
        // From everywhere in the run, whichever way the estimate is going.
        let after = takes * (kill * 7 % KILLS) / (KILLS - 20);
        let output = field.killed(home.path(), &ARGS, after);
        takes = learned(takes, after, output.was_killed());
        field.verified(home.path());
        let left = field.listed(home.path());
        match left.len() {
            6 => nothing += 1,
            _ => everything += 1,
        }
        assert!(left == all || left == all[4..], "{left:?} of {all:?}");
        let done = output.code() == Some(0);
        assert!(!done || left.len() == 2, "it was reported: {output}");
        // The next run makes up for it.
        if kill % 10 == 0 {
            field.run(home.path(), &ARGS).expect_code(0);
            field.verified(home.path());
        }
    }
    assert!(nothing > 0 && everything > 0, "{nothing} {everything}");
}

#[test]
fn an_import_that_is_killed_at_any_instant_does_all_or_nothing() {
    const KILLS: u32 = 100;
    let field = Field::new();
    let full = home();
    field.run(full.path(), &["backup"]).expect_code(0);
    let all = field.listed(full.path());
    let file = full.path().join("archive");
    let file = file.to_str().unwrap();
    let export = [
        "backup",
        "export",
        "latest",
        "--format=archive",
        "--to",
        file,
    ];
    let program = |home: &Path, args: &[&str]| {
        let home = home.to_str().unwrap();
        let args = [args, &["-o", "json"]].concat();
        field.tool.command(&args).env("ZADIG_DOCTOR_HOME", home)
    };
    program(full.path(), &export).run().expect_code(0);
    let args = ["backup", "import", file];
    let mut takes = {
        let start = Instant::now();
        program(home().path(), &args).run().expect_code(0);
        start.elapsed()
    };
    let (mut nothing, mut everything) = (0, 0);
    for kill in 0..KILLS {
        let home = home();
        let after = takes * (kill * 7 % KILLS) / (KILLS - 20);
        let output = killed(program(home.path(), &args), after);
        takes = learned(takes, after, output.was_killed());
        field.verified(home.path());
        let left = match home.path().join("store.db").exists() {
            true => field.listed(home.path()),
            false => Vec::new(),
        };
        match left.is_empty() {
            true => nothing += 1,
            false => everything += 1,
        }
        assert!(left.is_empty() || left == all, "{left:?} of {all:?}");
        assert!(
            output.code() != Some(0) || left == all,
            "it was reported: {output}"
        );
        // The next run makes up for it.
        if kill % 10 == 0 {
            program(home.path(), &args).run().expect_code(0);
            assert_eq!(field.listed(home.path()), all);
            field.verified(home.path());
        }
    }
    assert!(nothing > 0 && everything > 0, "{nothing} {everything}");
}

#[test]
fn two_backups_at_once_are_both_whole() {
    let field = Field::new();
    let home = home();
    let running: Vec<_> = (0..4)
        .map(|_| field.command(home.path(), &["backup"]).spawn())
        .collect();
    let ids: Vec<_> = running
        .into_iter()
        .map(|one| one.finish().expect_code(0).json()["id"].clone())
        .collect();
    let mut listed = field.listed(home.path());
    listed.sort();
    let mut ids: Vec<_> = ids
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    assert_eq!(listed, ids);
    field.verified(home.path());
}

#[test]
fn a_disk_that_is_full_leaves_what_was_there() {
    let field = Field::new();
    let home = home();
    let first = field
        .run(home.path(), &["backup", "r01"])
        .expect_code(0)
        .json();
    let size = std::fs::metadata(home.path().join("store.db"))
        .unwrap()
        .len();
    // The shell's unit is 512 bytes; a signal would only be another kill.
    let limit = (size / 512 + 40).to_string();
    let script =
        r#"trap '' XFSZ; ulimit -f "$LIMIT"; exec "$TOOL" backup --check -n "$NS" -o json"#;
    let kubeconfig = &field.stage.namespace.bed().kubeconfig;
    let output = Program::new(Path::new("/bin/sh"))
        .args(["-c", script])
        .env("LIMIT", &limit)
        .env("TOOL", env!("CARGO_BIN_EXE_zadig-doctor"))
        .env("NS", field.stage.namespace.name())
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", home.path())
        .env("ZADIG_DOCTOR_HOME", home.path())
        .run();
    let output = output.expect_code(3);
    assert!(output.stderr.contains("store"), "{output}");
    assert_eq!(field.listed(home.path()), [first["id"].as_str().unwrap()]);
    field.verified(home.path());
    field.run(home.path(), &["backup"]).expect_code(0);
    field.verified(home.path());
}

#[test]
fn what_cannot_be_written_can_be_read() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let home = home();
    let set = |mode: u32, file_mode: u32| {
        let permissions = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(home.path(), permissions(mode)).unwrap();
        std::fs::set_permissions(home.path().join("store.db"), permissions(file_mode)).unwrap();
    };
    let store = home.path().to_str().unwrap();
    let run = |args: &[&str]| {
        let program = tool.command(&[args, &["-o", "json"]].concat());
        program.env("ZADIG_DOCTOR_HOME", store).run()
    };
    let saved = run(&["backup", "-n", stage.namespace.name()]).expect_code(0);
    let id = saved.json()["id"].as_str().unwrap().to_owned();
    set(0o500, 0o400);
    // Even root obeys modes without these capabilities.
    let unable = |args: &[&str]| {
        let root = [
            "--bounding-set=-dac_override,-dac_read_search",
            env!("CARGO_BIN_EXE_zadig-doctor"),
        ];
        let program = match rustix::process::geteuid().is_root() {
            true => Program::new(Path::new("/usr/bin/setpriv")).args(root),
            false => Program::new(Path::new(env!("CARGO_BIN_EXE_zadig-doctor"))),
        };
        program
            .args([args, &["-o", "json"]].concat())
            .env("KUBECONFIG", &stage.namespace.bed().kubeconfig)
            .env("HOME", tool.home())
            .env("ZADIG_DOCTOR_HOME", store)
            .run()
    };
    let listed = unable(&["backup", "list"]).expect_code(0).json();
    assert_eq!(listed["snapshots"][0]["id"], id.as_str());
    unable(&["backup", "verify"]).expect_code(0);
    let shown = unable(&["backup", "show", "latest"]).expect_code(0).json();
    assert_eq!(shown["snapshot"]["id"], id.as_str());
    unable(&["log"]).expect_code(0);
    for refused in [
        &["backup", "-n", stage.namespace.name()][..],
        &["backup", "forget", &id, "--yes"],
    ] {
        let refused = unable(refused).expect_code(3);
        assert!(refused.stderr.contains("ZADIG_DOCTOR_HOME"), "{refused}");
    }
    // What its last writer left in a log, nobody can read without writing.
    set(0o700, 0o600);
    std::fs::write(home.path().join("store.db-wal"), [0; 64]).unwrap();
    set(0o500, 0o400);
    let left = unable(&["backup", "list"]).expect_code(3);
    assert!(left.stderr.contains("copy the whole directory"), "{left}");
    set(0o700, 0o600);
    run(&["backup", "verify"]).expect_code(0);
    // Where nobody may look, there may be all of it.
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(home.path(), closed).unwrap();
    let unseen = unable(&["backup", "list"]).expect_code(3);
    assert!(unseen.stderr.contains(store), "{unseen}");
    let open = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(home.path(), open).unwrap();
}

#[test]
fn what_is_to_be_forgotten_is_named_and_asked_for() {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let tool = Tool::new();
    let namespace = stage.namespace.name();
    let backup = |tag: &str| {
        let args = ["backup", "-n", namespace, "--tag", tag, "-o", "json"];
        let saved = tool.run(&args).expect_code(0).json();
        saved["id"].as_str().unwrap().to_owned()
    };
    let (first, second, third) = (backup("keep"), backup("b"), backup("c"));
    // Without any rule, everything would go.
    let bare = tool.run(&["backup", "forget"]).expect_code(2);
    assert!(bare.stderr.contains("--keep-daily"), "{bare}");
    tool.run(&["backup", "forget", &first, "--keep-last", "1"])
        .expect_code(2);
    tool.run(&["backup", "forget", "--keep-last", "0"])
        .expect_code(2);
    tool.run(&["backup", "forget", "ffffffffffffffff", "--yes"])
        .expect_code(2);

    let rules = ["backup", "forget", "--keep-last", "1", "--keep-tag", "keep"];
    let with = |more: &[&str]| tool.run(&[&rules[..], more].concat());
    let dry = with(&["--dry-run", "-o", "json"]).expect_code(0).json();
    assert_eq!(dry["schema"], "zadig-doctor/forget/v1");
    assert_eq!(dry["forgotten"], json!([second]));
    assert_eq!(
        dry["kept"][0],
        json!({"id": first, "reasons": ["tagged keep"]})
    );
    assert_eq!(dry["kept"][1]["id"], third.as_str());
    let refused = with(&[]).expect_code(4);
    assert!(refused.stderr.contains("--yes"), "{refused}");
    with(&["--yes"]).expect_code(0);
    with(&["--yes"]).expect_code(0);
    tool.run(&["backup", "forget", &first[..8], "--yes"])
        .expect_code(0);
    let list = tool
        .run(&["backup", "list", "-o", "json"])
        .expect_code(0)
        .json();
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 1);
    tool.run(&["backup", "verify"]).expect_code(0);

    let stats = tool
        .run(&["backup", "stats", "-o", "json"])
        .expect_code(0)
        .json();
    assert_eq!(stats["schema"], "zadig-doctor/stats/v1");
    assert_eq!(
        (&stats["snapshots"], &stats["histories"]),
        (&1.into(), &1.into())
    );
    assert!(stats["file_bytes"].as_u64() > stats["stored_bytes"].as_u64());
    let text = tool.run(&["backup", "stats"]).expect_code(0);
    assert!(text.stdout.contains("ratio"), "{text}");
}

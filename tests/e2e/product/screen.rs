//! What stands on a person's screen: progress while something goes on and
//! nothing of it afterwards, no color and no cursor tricks where there must be none.

use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::{LONG, Later};
use crate::helm::HelmVersion;
use crate::process::Program;
use crate::proxy::{Fault, Rule};
use crate::pty::{Piped, Pty, Shown};
use crate::scenarios::{RELEASE, Stage, find};

const ESCAPE: u8 = 0x1b;

/// A healthy release, and a cluster slow enough for progress to be seen.
fn slow() -> (Stage, Later) {
    let stage = find("healthy").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    later
        .proxy
        .rule(Rule::new(Fault::Delay(Duration::from_millis(400))));
    (stage, later)
}

fn check(stage: &Stage, later: &Later, env: &[(&str, &str)], piped: Piped) -> Pty {
    let args = ["check", RELEASE, "-n", stage.namespace.name()];
    let program = later.tool.command(&args);
    let set = |program: Program, (key, value): &(&str, &str)| program.env(key, value);
    Pty::with(env.iter().fold(program, set), 100, piped)
}

#[test]
fn progress_is_shown_and_goes() {
    let (stage, later) = slow();
    let mut pty = check(&stage, &later, &[], Piped::Nothing);
    pty.wait_for("reading the cluster");
    let screen = pty.finish().expect_code(0).screen;
    assert!(screen.starts_with("examined 3 records"), "{screen}");

    let mut pty = Pty::start(
        later
            .tool
            .command(&["backup", "-n", stage.namespace.name()]),
        100,
    );
    pty.wait_for("saving records");
    let screen = pty.finish().expect_code(0).screen;
    assert!(!screen.contains("saving records"), "{screen}");
}

#[test]
fn no_progress_where_nobody_looks() {
    let (stage, later) = slow();
    let Shown { output, screen, .. } = check(&stage, &later, &[], Piped::Stderr).finish();
    assert_eq!((output.code(), &*output.stderr), (Some(0), ""), "{screen}");
    assert!(screen.starts_with("examined 3 records"), "{screen}");
    // Nor in what is data.
    let output = check(&stage, &later, &[], Piped::Stdout).finish().output;
    assert!(output.stdout.starts_with("examined 3 records"), "{output}");
    assert!(!output.stdout.as_bytes().contains(&ESCAPE), "{output}");
}

#[test]
fn a_terminal_that_can_do_nothing_is_asked_for_nothing() {
    let (stage, later) = slow();
    let shown = check(&stage, &later, &[("TERM", "dumb")], Piped::Nothing).finish();
    let Shown { screen, bytes, .. } = shown.expect_code(0);
    assert!(
        !bytes.contains(&ESCAPE),
        "{}",
        String::from_utf8_lossy(&bytes)
    );
    assert!(!screen.contains("reading the cluster"), "{screen}");
}

#[test]
fn who_wants_no_color_gets_none() {
    let tool = crate::tool::Tool::new();
    let failing = |env: &[(&str, &str)]| {
        let program = tool.command(&["check", "--from", "/no/such/file"]);
        let set = |program: Program, (key, value): &(&str, &str)| program.env(key, value);
        let shown = Pty::start(env.iter().fold(program, set), 100).finish();
        let Shown { screen, bytes, .. } = shown.expect_code(3);
        assert!(screen.starts_with("error: "), "{screen}");
        bytes.contains(&ESCAPE)
    };
    assert!(failing(&[]), "an error stands out by its color too");
    assert!(!failing(&[("NO_COLOR", "1")]));
    assert!(!failing(&[("CLICOLOR", "0")]));
}

#[test]
fn json_at_a_terminal_is_json() {
    let (stage, later) = slow();
    let args = ["check", RELEASE, "-n", stage.namespace.name(), "-o", "json"];
    let program = later.tool.command(&args);
    let screen = Pty::start(program, 200).finish().expect_code(0).screen;
    let report: serde_json::Value = serde_json::from_str(&screen).unwrap();
    assert_eq!(report["complete"], true);
}

/// The lines that were written to a terminal that can do nothing but show them.
fn lines(program: Program, columns: u16) -> Vec<String> {
    let shown = Pty::start(program.env("TERM", "dumb"), columns).finish();
    let text = String::from_utf8(shown.bytes).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn everything_fits_but_what_is_to_be_copied() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V4);
    let later = Later::by(LONG);
    let namespace = stage.namespace.name();
    let verbs: [&[&str]; 3] = [&["check"], &["unstick", "--dry-run"], &["backup"]];
    for columns in [40, 60, 80, 200] {
        for (verb, lang) in verbs.iter().flat_map(|verb| [(verb, "en"), (verb, "zh")]) {
            let args = [verb, &["-n", namespace, RELEASE, "--lang", lang][..]].concat();
            for line in lines(later.tool.command(&args), columns) {
                // Nor is a name broken, which somebody may want to copy.
                let whole = line.starts_with("      ") || !line.trim_start().contains(' ');
                let fits = line.width() <= columns.into();
                assert!(fits || whole, "{args:?} on {columns}: {line:?}");
            }
        }
    }
}

#[test]
fn sentences_wrap_in_both_languages() {
    let tool = crate::tool::Tool::new();
    for (lang, columns) in [("en", 40), ("en", 100), ("zh", 40), ("zh", 100)] {
        let args = ["explain", "stuck-pending", "--lang", lang];
        let screen = Pty::start(tool.command(&args), columns).finish().screen;
        let name = format!("explain-{lang}-{columns}");
        insta::with_settings!({prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name, screen);
        });
    }
}

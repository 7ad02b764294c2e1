//! What is asked at a terminal, and what the answers do.

use super::{LONG, Later, essence};
use crate::helm::HelmVersion;
use crate::pty::{CTRL_C, Piped, Pty, Shown};
use crate::scenarios::{RELEASE, Stage, find};

const QUESTION: &str = "Carry out this plan to unstick? [y/N]";

fn stuck() -> Stage {
    find("pending-upgrade-in-wait").make(HelmVersion::V3_17)
}

/// `unstick` at a terminal, when it has asked.
fn asked(stage: &Stage, later: &Later) -> Pty {
    let args = ["unstick", RELEASE, "-n", stage.namespace.name()];
    let mut pty = Pty::start(later.tool.command(&args), 100);
    pty.wait_for(QUESTION);
    pty
}

/// Types an answer on a release that must be left as it was.
fn refuses(stage: &Stage, keys: &str) -> Shown {
    let later = Later::by(LONG);
    let before = essence(&stage.records());
    let mut pty = asked(stage, &later);
    pty.type_in(keys);
    let shown = pty.finish();
    assert_eq!(essence(&stage.records()), before, "{keys:?}");
    shown
}

#[test]
fn only_a_yes_is_a_yes() {
    let stage = stuck();
    for keys in ["n\r", "\r", "nyes\r", "yep\r", "да\r"] {
        let screen = refuses(&stage, keys).expect_code(4).screen;
        assert!(
            screen.contains("not confirmed; nothing was changed"),
            "{keys:?}: {screen}"
        );
    }
    let later = Later::by(LONG);
    let mut pty = asked(&stage, &later);
    pty.type_in("yes\r");
    let screen = pty.finish().expect_code(0).screen;
    assert!(screen.contains("1. done:"), "{screen}");
    assert_eq!(stage.record(2).status(), "failed");
}

#[test]
fn ctrl_c_at_the_prompt_changes_nothing() {
    let stage = stuck();
    let output = refuses(&stage, CTRL_C).output;
    assert!(output.was_interrupted(), "{output}");
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let stage = stuck();
    let later = Later::by(LONG);
    let args = ["unstick", RELEASE, "-n", stage.namespace.name()];
    let mut pty = Pty::start(later.tool.command(&args), 100);
    pty.type_in("y\r");
    pty.wait_for(QUESTION);
    pty.type_in("n\r");
    pty.finish().expect_code(4);
    assert_eq!(stage.record(2).status(), "pending-upgrade");
}

#[test]
fn without_a_keyboard_nothing_is_asked_and_without_a_screen_neither() {
    let stage = stuck();
    let later = Later::by(LONG);
    let args = ["unstick", RELEASE, "-n", stage.namespace.name()];
    for piped in [Piped::Stdin, Piped::Stderr] {
        let pty = Pty::with(later.tool.command(&args), 100, piped);
        let Shown { output, screen, .. } = pty.finish().expect_code(4);
        let said = screen + &output.stderr;
        assert!(said.contains("give --yes"), "{said}");
    }
    // Where stdout goes to a file, the question is asked on what is left of the terminal.
    let mut pty = Pty::with(later.tool.command(&args), 100, Piped::Stdout);
    pty.wait_for(QUESTION);
    assert!(pty.screen().contains("Plan to unstick"), "{}", pty.screen());
    pty.type_in("y\r");
    let output = pty.finish().output.expect_code(0);
    assert!(output.stdout.contains("Plan to unstick"), "{output}");
    assert!(!output.stdout.contains(QUESTION), "{output}");
}

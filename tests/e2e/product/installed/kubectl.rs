//! `kubectl zadig-doctor`: kubectl itself finds the program and completes it.

use std::net::TcpListener;

use super::{Machine, RELEASE, checkout, offers};

const ALL: [&str; 3] = ["BED_KUBECTL_1_22", "BED_KUBECTL", "BED_KUBECTL_1_37"];

/// Those that ask plugins what may come next.
const COMPLETING: [&str; 2] = ["BED_KUBECTL", "BED_KUBECTL_1_37"];

fn machine(label: &str) -> Machine {
    let machine = Machine::new(label);
    machine.links("kubectl-zadig_doctor");
    machine
}

#[test]
fn every_kubectl_runs_it() {
    let machine = machine("kubectl-runs");
    let namespace = machine.namespace.name();
    for kubectl in ALL {
        let run = |args: &[&str]| machine.bed(kubectl).arg("zadig-doctor").args(args).run();
        let found = run(&["check", RELEASE, "-n", namespace, "-o", "json"]).expect_code(0);
        assert_eq!(found.json()["examined"]["records"], 1, "{found}");
        // kubectl's own flags come after its plugin's name, or it refuses.
        let context = run(&["check", "--context=nowhere"]).expect_code(3);
        assert!(context.stderr.contains("nowhere"), "{context}");
        let before = ["-n", namespace, "zadig-doctor", "check"];
        let before = machine.bed(kubectl).args(before).run().expect_code(1);
        assert!(before.stderr.contains("before plugin name"), "{before}");
    }
}

#[test]
fn what_it_says_can_be_pasted() {
    let machine = machine("kubectl-says");
    let run = |args: &[&str]| {
        machine
            .bed("BED_KUBECTL")
            .arg("zadig-doctor")
            .args(args)
            .run()
    };
    let said = [
        (
            run(&["check", "--help"]).stdout,
            "Usage: kubectl zadig-doctor check [",
        ),
        (
            run(&["check", "--help"]).stdout,
            "\n  kubectl zadig-doctor check -A ",
        ),
        (
            run(&["unstick"]).stderr,
            "Usage: kubectl zadig-doctor unstick <",
        ),
        (
            run(&["undo", "nothing"]).stderr,
            "`kubectl zadig-doctor log`",
        ),
        (
            run(&["explain", "nothing"]).stderr,
            "`kubectl zadig-doctor explain`",
        ),
        (
            run(&["check", "nothing"]).stderr,
            " kubectl zadig-doctor check -A",
        ),
        (
            run(&["explain", "stuck-pending"]).stdout,
            "`kubectl zadig-doctor undo`",
        ),
        (
            run(&["--version"]).stdout,
            "invoked as: kubectl zadig-doctor\n",
        ),
    ];
    for (text, part) in said {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn kubectl_completes_verbs_flags_and_names() {
    let machine = machine("kubectl-completes");
    let helper = "kubectl_complete-zadig_doctor";
    // The one that the release brings is the one that the program prints.
    let file = checkout().join("packaging/files").join(helper);
    let shown = ["zadig-doctor", "completion", "kubectl"];
    let shown = machine.bed("BED_KUBECTL").args(shown).run().expect_code(0);
    assert_eq!(shown.stdout, std::fs::read_to_string(&file).unwrap());
    std::fs::copy(&file, machine.bin().join(helper)).unwrap();

    let namespace = machine.namespace.name();
    for kubectl in COMPLETING {
        let ask = |words: &[&str]| {
            let words = [&["__complete", "zadig-doctor"], words].concat();
            machine.bed(kubectl).args(words)
        };
        let cases: [(&[&str], &str); 6] = [
            (&["u"], "unstick"),
            (&["check", "--fail"], "--fail-on"),
            (&["check", "--fail-on", "w"], "warning"),
            (&["check", "-n", namespace, "q"], RELEASE),
            (&["check", "-n", "kubectl-comp"], namespace),
            (&["explain", "stuck-"], "stuck-pending"),
        ];
        for (words, candidate) in cases {
            offers(candidate, || ask(words));
        }
        let verbs = ask(&[""]).run();
        assert!(verbs.stdout.contains("check\tFind releases"), "{verbs}");
        assert!(!verbs.stdout.contains("--"), "{verbs}");
        assert!(verbs.stdout.ends_with(":4\n"), "no file names: {verbs}");
    }
}

#[test]
fn a_cluster_that_does_not_answer_leaves_a_prompt_alone() {
    let machine = machine("kubectl-waits");
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("--server=https://{}", deaf.local_addr().unwrap());
    let asked = ["__complete", "check", "--request-timeout=1h", &server, ""];
    let answer = machine.program(&machine.bin().join("kubectl-zadig_doctor"));
    let answer = answer.args(asked).run().expect_code(0);
    assert_eq!((&*answer.stdout, &*answer.stderr), (":4\n", ""));
    for wrong in [
        &["__complete", "check", "--context=nowhere", ""][..],
        &["__complete", "check", "--kubeconfig=/nowhere", ""],
        &["__complete", "no-verb", "--no-flag", ""],
    ] {
        let answer = machine.program(&machine.bin().join("kubectl-zadig_doctor"));
        let answer = answer.args(wrong).run().expect_code(0);
        assert_eq!(answer.stderr, "", "{answer}");
        assert!(answer.stdout.ends_with(":4\n"), "{answer}");
    }
}

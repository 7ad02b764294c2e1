//! By its own name or another, and completed by a shell.

use std::path::Path;

use super::{Machine, PROGRAM, RELEASE, SYSTEM, offers};
use crate::process::Program;

#[test]
fn it_calls_itself_what_it_was_called() {
    let home = tempfile::tempdir().unwrap();
    let named = [
        ("zadig-doctor", "zadig-doctor"),
        ("zadig-doctor.exe", "zadig-doctor"),
        ("kubectl-zadig_doctor", "kubectl zadig-doctor"),
        ("kubectl-zadig-doctor", "kubectl zadig doctor"),
        ("zd", "zd"),
    ];
    // Another plugin of Helm's may have called it.
    let plugin: [(&str, &str); 2] = [
        ("HELM_PLUGIN_NAME", "other"),
        ("HELM_PLUGIN_DIR", "/plugins/other"),
    ];
    for (file, name) in named {
        let path = home.path().join(file);
        std::os::unix::fs::symlink(PROGRAM, &path).unwrap();
        for variables in [&[][..], &plugin] {
            let program = Program::new(&path).args(["explain", "no-check"]);
            let program = variables
                .iter()
                .fold(program, |program, (key, value)| program.env(key, value));
            let said = program.run().expect_code(2);
            let hint = format!("hint: `{name} explain` lists all checks\n");
            assert!(said.stderr.ends_with(&hint), "{hint}{said}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn as_a_plugin_of_helm_it_is_named_by_its_directory() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("renamed-by-somebody");
    std::fs::create_dir_all(dir.join("bin")).unwrap();
    let program = dir.join("bin/zadig-doctor");
    std::os::unix::fs::symlink(PROGRAM, &program).unwrap();
    let said = Program::new(&program)
        .arg("--version")
        .env("HELM_PLUGIN_NAME", "doctor")
        .env("HELM_PLUGIN_DIR", &dir)
        .run()
        .expect_code(0);
    assert!(
        said.stdout.ends_with("\ninvoked as: helm doctor\n"),
        "{said}"
    );
}

#[test]
fn the_version_says_what_a_report_of_a_mistake_needs() {
    let said = Program::new(Path::new(PROGRAM)).arg("--version").run();
    let said = said.expect_code(0).stdout;
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines[0],
        format!("zadig-doctor {}", env!("CARGO_PKG_VERSION"))
    );
    let rest = [
        "commit: ",
        "platform: linux/x86_64",
        "invoked as: zadig-doctor",
    ];
    for (line, start) in lines[1..].iter().zip(rest) {
        assert!(line.starts_with(start), "{said}");
    }
    let short = Program::new(Path::new(PROGRAM)).arg("-V").run();
    assert_eq!(short.stdout.trim_end(), lines[0], "scripts read this");
}

/// What bash offers at the end of the line: its own completion function is
/// called as readline would call it.
const BASH: &str = r#"
source <(zadig-doctor completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
complete -p zadig-doctor > /dev/null || exit 7
function=$(complete -p zadig-doctor | sed 's/.* -F \([^ ]*\) .*/\1/')
"$function" zadig-doctor "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null
printf '%s\n' "${COMPREPLY[@]}"
"#;

#[test]
fn bash_completes_verbs_flags_and_names() {
    let machine = Machine::new("bash-completes");
    machine.links("zadig-doctor");
    let namespace = machine.namespace.name();
    let cases: [(&[&str], &str); 6] = [
        (&["un"], "unstick"),
        (&["check", "--fail"], "--fail-on"),
        (&["backup", "v"], "verify"),
        (&["backup", "r"], "restore"),
        (&["prune", "-n", namespace, ""], RELEASE),
        (&["check", "-n", "bash-comp"], namespace),
    ];
    for (words, candidate) in cases {
        let bash = || machine.program(Path::new("/bin/bash"));
        let line = ["-c", BASH, "bash", "zadig-doctor"];
        offers(candidate, || bash().args(line).args(words));
    }
}

#[test]
fn every_shell_has_its_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = Program::new(Path::new(PROGRAM)).args(["completion", shell]);
        let script = script.env("PATH", SYSTEM).run().expect_code(0);
        assert!(script.stdout.contains("zadig-doctor"), "{script}");
    }
}

//! What Zadig answers that must not be taken for what it seems to say.

use super::{APART, Desk, find, install, lacks, made, shop};
use crate::bed::{Bed, Namespace};
use crate::process::Output;
use crate::pty::Pty;
use crate::tool::Tool;
use crate::zadig::{Environment, Fault, State, Version, Zadig};

/// A namespace of Zadig's with a release, and a Zadig that has neither its
/// environment nor its project: whatever is kept from us looks like that.
fn lost(label: &str) -> (Namespace, State) {
    let namespace = made(&format!("shop-env-{label}"), "shop");
    install(&namespace, "web");
    (namespace, State::default())
}

/// Looks twice; the check is incomplete, says why, and does not say "gone".
fn incomplete(desk: &Desk, namespace: &Namespace, why: &str) {
    let first = desk.run(namespace, &["--zadig-cluster=local"]);
    first.expect_code(3);
    desk.later(APART);
    let report = desk
        .run(namespace, &["--zadig-cluster=local"])
        .expect_code(3)
        .json();
    let unread = report["unread"].to_string();
    assert!(unread.contains(why), "{why}: {report:#}");
    for id in ["zadig-project-gone", "zadig-environment-gone"] {
        let found = super::all(&report).filter(|one| one["id"] == id);
        found.for_each(|one| assert_eq!(one["verdict"], "unknown", "{report:#}"));
    }
    // The rest is told all the same.
    find(&report, "zadig-managed");
}

#[test]
fn empty_lists_of_somebody_who_may_see_none() {
    for version in [Version::V1_15, Version::V1_18, Version::V3_4, Version::V5_0] {
        let (namespace, _) = lost("blind");
        let mut state = shop(&namespace);
        (state.version, state.admin) = (version, false);
        incomplete(
            &Desk::new(state),
            &namespace,
            "not shown to be an administrator's",
        );
    }
}

#[test]
fn answers_that_are_refusals() {
    let envelope = r#"{"type":"error","message":"m","code":6005,"description":"d","extra":{}}"#;
    let cases = [
        (
            "/openapi/projects",
            Fault::Status(403, String::new()),
            "forbidden by Zadig",
        ),
        (
            "/openapi/projects",
            Fault::Status(400, envelope.into()),
            "Zadig answered 6005",
        ),
        (
            "/openapi/projects",
            Fault::Status(500, "oops".into()),
            "Zadig answered 500",
        ),
        ("/openapi/projects", Fault::Half, "unreadable"),
        ("/openapi/projects", Fault::Cut, "broke"),
        (
            "/openapi/environments",
            Fault::Status(403, String::new()),
            "forbidden by Zadig",
        ),
        (
            "/openapi/projects",
            Fault::Redirect("https://elsewhere.example.com/login".into()),
            "redirects to elsewhere.example.com",
        ),
    ];
    for (text, fault, why) in cases {
        let (namespace, state) = lost("refused");
        let desk = Desk::new(state);
        desk.zadig.fault(text, fault);
        incomplete(&desk, &namespace, why);
    }
}

#[test]
fn a_token_that_is_replaced_in_the_middle() {
    let (namespace, state) = lost("rotated");
    let desk = Desk::new(state);
    desk.zadig
        .fault("/openapi/environments", Fault::Status(401, String::new()));
    incomplete(&desk, &namespace, "not authorized by Zadig");
    // Nothing more was asked with a token that no longer counts.
    let asked = desk.zadig.seen();
    let after = asked
        .iter()
        .filter(|one| one.target.contains("operation?searchType"));
    assert_eq!(after.count(), 0, "{asked:?}");
}

#[test]
fn a_zadig_that_never_answers_costs_one_wait() {
    let (namespace, state) = lost("silent");
    let desk = Desk::new(state);
    desk.zadig.fault("/openapi/projects", Fault::Hang);
    let args = ["--zadig-cluster=local", "--request-timeout=2s"];
    let report = desk.run(&namespace, &args).expect_code(3).json();
    assert!(
        report["unread"]
            .to_string()
            .contains("did not answer in time"),
        "{report:#}"
    );
    let hung = desk
        .zadig
        .seen()
        .into_iter()
        .filter(|one| one.target.contains("projects"));
    assert_eq!(hung.count(), 1);
}

#[test]
fn a_licence_that_does_not_cover_production_is_no_fault_and_no_proof() {
    let (namespace, mut state) = lost("licence");
    state.projects = vec!["shop".into()];
    state.licence = false;
    let desk = Desk::new(state);
    desk.run(&namespace, &["--zadig-cluster=local"])
        .expect_code(0);
    desk.later(APART);
    let report = desk
        .run(&namespace, &["--zadig-cluster=local"])
        .expect_code(0)
        .json();
    assert!(
        report["skipped"].to_string().contains("Zadig's licence"),
        "{report:#}"
    );
    let finding = find(&report, "zadig-environment-gone");
    assert_eq!(finding["verdict"], "unknown");
    assert!(
        lacks(finding)[0].contains("production environments of project shop"),
        "{finding:#}"
    );
}

#[test]
fn more_projects_than_a_page_holds() {
    let namespace = made("shop-env-many", "shop-250");
    install(&namespace, "web");
    let projects = (0..=250).map(|number| format!("shop-{number}")).collect();
    let environments = vec![Environment::new("shop-250", "dev", namespace.name()).with("web")];
    let desk = Desk::new(State {
        projects,
        environments,
        ..State::default()
    });
    let report = desk.check(&namespace);
    assert_eq!(super::wrong(&report), [""; 0], "{report:#}");
    assert_eq!(report["complete"], true);
}

#[test]
fn a_list_that_is_shorter_than_zadig_counts() {
    let (namespace, state) = lost("short");
    let desk = Desk::new(state);
    let body = r#"{"total":3,"projects":[{"project_name":"A","project_key":"a"}]}"#;
    desk.zadig
        .fault("/openapi/projects", Fault::Status(200, body.into()));
    incomplete(&desk, &namespace, "counts 3 and told 1");
}

#[test]
fn the_token_goes_to_one_address_and_into_no_text() {
    let (namespace, state) = lost("token");
    let token = state.token.clone();
    let desk = Desk::new(state);
    let trap = Zadig::start(State::default());
    desk.zadig.fault(
        "/openapi/environments",
        Fault::Redirect(format!("{}/x", trap.url())),
    );
    let output = desk
        .run(&namespace, &["--zadig-cluster=local"])
        .expect_code(3);
    assert_eq!(trap.seen(), []);
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(&token), "{text}");
    }
    let one = format!("Bearer {token}");
    assert!(
        desk.zadig
            .seen()
            .iter()
            .all(|seen| seen.authorization == one)
    );
}

#[test]
fn no_token_no_address_no_zadig() {
    let namespace = Namespace::new("no-token");
    let tool = Tool::new();
    let check = |tool: &Tool, more: &[&str]| -> Output {
        tool.run(&[&["check", "-n", namespace.name()], more].concat())
    };
    let output = check(&tool, &["--zadig=http://127.0.0.1:1"]).expect_code(2);
    assert!(output.stderr.contains("ZADIG_TOKEN"), "{}", output.stderr);
    let tool = tool.env("ZADIG_TOKEN", "x");
    for bad in ["zadig.example.com", "https://u:p@zadig.example.com"] {
        check(&tool, &["--zadig", bad]).expect_code(2);
    }
    let output = check(
        &tool,
        &["--zadig=http://127.0.0.1:1", "--zadig-cluster=local"],
    );
    let output = output.expect_code(3);
    assert!(
        output.stdout.contains("cannot connect to Zadig"),
        "{}",
        output.stdout
    );
    let file = tool.home().join("token");
    std::fs::write(&file, "two words").unwrap();
    let file = file.to_str().unwrap();
    check(
        &tool,
        &["--zadig=http://127.0.0.1:1", "--zadig-token-file", file],
    )
    .expect_code(2);
}

#[test]
fn a_token_that_is_typed_is_not_shown() {
    let namespace = made("shop-env-typed", "shop");
    install(&namespace, "web");
    let state = shop(&namespace);
    let token = state.token.clone();
    let zadig = Zadig::start(state);
    let tool = Tool::new();
    let check = ["check", "-n", namespace.name(), "--zadig-cluster=local"];
    let args = [&check[..], &["--zadig", zadig.url()]].concat();
    let mut pty = Pty::start(tool.command(&args), 100);
    pty.wait_for("API token of Zadig");
    pty.type_in(&format!("{token}\r"));
    let shown = pty.finish().expect_code(0);
    let bytes = String::from_utf8_lossy(&shown.bytes).into_owned();
    assert!(!bytes.contains(&token), "{bytes}");
    assert!(!zadig.seen().is_empty());
    // Nothing typed is no token.
    let mut pty = Pty::start(tool.command(&args), 100);
    pty.wait_for("API token of Zadig");
    pty.type_in("\r");
    pty.finish().expect_code(2);
}

#[test]
fn a_certificate_is_verified_and_its_authority_can_be_named() {
    let (namespace, state) = lost("tls");
    let bed = Bed::get();
    let zadig = Zadig::with_tls(state.clone(), &bed.dir);
    let file = Tool::new();
    let token = file.home().join("token");
    std::fs::write(&token, format!("{}\n", state.token)).unwrap();
    let args = [
        "check",
        "-n",
        namespace.name(),
        "--zadig-cluster=local",
        "--zadig-token-file",
        token.to_str().unwrap(),
    ];
    let tool = Tool::new().env("ZADIG_URL", zadig.url());
    let output = tool.run(&args).expect_code(3);
    assert!(
        output.stdout.contains("cannot trust Zadig"),
        "{}",
        output.stdout
    );
    assert_eq!(zadig.seen(), []);
    let ca = ["--zadig-ca", bed.ca.to_str().unwrap()];
    tool.run(&[&args[..], &ca].concat()).expect_code(0);
    assert!(!zadig.seen().is_empty());
    let other = ["--zadig-ca", token.to_str().unwrap()];
    tool.run(&[&args[..], &other].concat()).expect_code(2);
}

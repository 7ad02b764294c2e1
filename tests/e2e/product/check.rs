//! `check` only looks, and what it saw can be judged again. What it finds, the scenarios' own plays show.

use serde_json::{Value, json};
use zadig_doctor::helm::Driver;

use super::{LONG, Later};
use crate::audit;
use crate::helm::{HelmVersion, chart};
use crate::records;
use crate::scenarios::{RELEASE, Stage, find};

#[test]
fn it_only_reads() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V3_17);
    let later = Later::by(LONG);
    let (code, _) = later.check(&stage);
    assert_eq!(code, Some(1));
    let everything = ["check", "-A", "--all-revisions", "-o", "json"];
    assert!(matches!(
        later.tool.run(&everything).code(),
        Some(0 | 1 | 3)
    ));

    // On the wire every request was a GET, and the API server took them for reads.
    let seen = later.proxy.seen();
    assert!(seen.len() > 10, "{seen:?}");
    assert!(seen.iter().all(|one| one.method == "GET"), "{seen:?}");
    let events = audit::requests(stage.namespace.name(), "zadig-doctor");
    assert!(!events.is_empty());
    let reads = ["get", "list", "watch"];
    assert!(
        events
            .iter()
            .all(|event| reads.contains(&event.verb.as_str())),
        "{events:?}"
    );
}

#[test]
fn a_survey_can_be_saved_and_judged_again() {
    let stage = find("pending-upgrade-in-wait").make(HelmVersion::V4);
    let later = Later::by(LONG);
    for name in ["survey.json", "survey.json.gz"] {
        let file = later.tool.home().join(name).display().to_string();
        let output = later.on(&stage, &["check", "-o", "json", "--save", &file]);
        let report = output.expect_code(1).json();
        let saved = std::fs::read(&file).unwrap();
        assert_eq!(saved.starts_with(&[0x1f, 0x8b]), name.ends_with(".gz"));

        let asked = later.proxy.seen().len();
        let again = later.tool.run(&["check", "--from", &file, "-o", "json"]);
        assert_eq!(again.expect_code(1).json(), report);
        assert_eq!(later.proxy.seen().len(), asked, "the cluster is not asked");
    }
}

#[test]
fn what_is_saved_holds_no_text_in_which_a_secret_may_lie() {
    let stage = Stage::new("redacted", HelmVersion::V3_17, Driver::Secret);
    let install = ["install", RELEASE, &chart("quiet")];
    let described = ["--description", "with password=hunter2"];
    stage.helm.ok(&[&install[..], &described].concat());
    let secret = stage.namespace.core("secrets") + "/" + &records::name(RELEASE, 1);
    // A finding that quotes the description, and a label that is somebody's own.
    let labels = json!({"metadata": {"labels": {"status": "failed", "team": "hunter2"}}});
    stage.namespace.bed().api().merge(&secret, &labels);

    let later = Later::by(LONG);
    let file = later.tool.home().join("survey.json").display().to_string();
    let check = |more: &[&str]| {
        let save = ["check", "-o", "json", "--save", &file];
        let output = later.on(&stage, &[&save, more].concat());
        let whole = output.expect_code(1).json();
        let again = later.tool.run(&["check", "--from", &file, "-o", "json"]);
        let saved = std::fs::read_to_string(&file).unwrap();
        (whole, again.expect_code(1).json(), saved)
    };
    let (whole, again, saved) = check(&[]);
    assert!(whole.to_string().contains("hunter2"), "{whole:#}");
    assert!(!saved.contains("hunter2"), "{saved}");
    assert!(again.to_string().contains("(redacted)"), "{again:#}");
    let text = whole
        .to_string()
        .replace("with password=hunter2", "(redacted)");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), again);

    let (whole, again, saved) = check(&["--save-unredacted"]);
    assert_eq!(whole, again);
    assert!(saved.contains("hunter2"), "{saved}");
    let alone = ["check", "--save-unredacted"];
    later.run(&alone).expect_code(2);
}

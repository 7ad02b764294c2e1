//! Every scenario is what it says it is, with every Helm.

use super::*;

/// Makes it, which looks at the records, and asks Helm what it thinks of it.
fn proves_itself(scenario: &Scenario, version: HelmVersion) {
    let stage = scenario.make(version);
    let answer = make::upgrade(&stage);
    match (scenario.upgrade_says, answer) {
        (None, answer) => assert_eq!(answer, Ok(())),
        (Some(says), Ok(())) => panic!("the upgrade succeeded, and was to say: {says}"),
        (Some(says), Err(said)) => {
            assert!(said.contains(says), "{said}");
            // A refused upgrade leaves everything as it was.
            assert_eq!(records::states(&stage.records()), scenario.leaves);
        }
    }
}

on_every_scenario!(super::proves_itself);

#[test]
fn the_lists_agree() {
    // Each name of the macro finds its scenario, or its own test fails; so does the number here.
    let text = include_str!("mod.rs");
    let (_, names) = text.split_once("on_every_scenario! { $test:\n").unwrap();
    let (names, _) = names.split_once('}').unwrap();
    let named: Vec<_> = names
        .split_whitespace()
        .map(|name| name.replace('_', "-"))
        .collect();
    let listed: Vec<_> = ALL.iter().map(|scenario| scenario.name).collect();
    assert_eq!(named, listed);
}

#[test]
fn every_scenario_says_what_it_is() {
    for scenario in &ALL {
        assert!(
            !scenario.what.is_empty() && !scenario.how.is_empty(),
            "{}",
            scenario.name
        );
        for id in scenario
            .finds
            .iter()
            .map(|finds| finds.id)
            .chain(scenario.may_find.iter().copied())
        {
            let kebab = id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            assert!(kebab, "{}: {id}", scenario.name);
        }
        let stuck = scenario
            .finds
            .iter()
            .filter(|finds| finds.verdict.is_some());
        assert!(stuck.count() <= 1, "{}", scenario.name);
    }
}

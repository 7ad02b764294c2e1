//! Holds what `check -o json` says of a release against what its scenario expects.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Finds, RELEASE, Scenario};

impl Scenario {
    /// Fails the test unless the report (`zadig-doctor/check/v1`) shows, for
    /// the release in that namespace, every finding that it must and none that
    /// it must not.
    pub(super) fn expect_in(&self, report: &Value, namespace: &str) {
        if let Err(wrong) = compare(report, namespace, self.finds, self.may_find) {
            panic!("{}: {wrong}: {report:#}", self.name);
        }
    }

    /// The same for what a look at the live objects adds.
    pub(super) fn expect_deep(&self, report: &Value, namespace: &str) {
        let all = [self.finds, self.deep.unwrap_or_default()].concat();
        if let Err(wrong) = compare(report, namespace, &all, self.may_find) {
            panic!("{}: deep: {wrong}: {report:#}", self.name);
        }
    }

    /// The same for what remains when all is done.
    pub(super) fn expect_remains(&self, report: &Value, namespace: &str) {
        if let Err(wrong) = compare(report, namespace, self.remains, &[]) {
            panic!("{}: in the end {wrong}: {report:#}", self.name);
        }
    }
}

fn compare(
    report: &Value,
    namespace: &str,
    finds: &[Finds],
    may_find: &[&str],
) -> Result<(), String> {
    if report["schema"] != "zadig-doctor/check/v1" || report["complete"] != true {
        return Err("it is not a complete report of check".to_owned());
    }
    let findings = report["findings"].as_array().ok_or("no findings")?;
    // What is said of the namespace is said of its releases.
    let of_ours = |one: &Value| one["release"] == RELEASE || one["release"].is_null();
    let ours = findings
        .iter()
        .filter(|one| one["namespace"] == namespace && of_ours(one));
    let mut missing: BTreeSet<&str> = finds.iter().map(|finds| finds.id).collect();
    for one in ours {
        let id = one["id"].as_str().unwrap_or_default();
        missing.remove(id);
        match finds.iter().find(|finds| finds.id == id) {
            Some(finds) if one["verdict"].as_str() != finds.verdict => {
                return Err(format!("{id} has another verdict"));
            }
            Some(finds) if one["extent"].as_str() != finds.extent => {
                return Err(format!(
                    "{id}: what got in is {}, expected {:?}",
                    one["extent"], finds.extent
                ));
            }
            Some(_) => {}
            None if !may_find.contains(&id) => return Err(format!("{id} was not expected")),
            None if one["severity"] == "error" => return Err(format!("{id} is no error here")),
            None => {}
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("{missing:?} not found")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenarios::{finds, stale};

    fn finding(id: &str, severity: &str, verdict: Option<&str>) -> Value {
        json!({"id": id, "severity": severity, "namespace": "ns", "release": RELEASE, "verdict": verdict})
    }

    fn report(complete: bool, findings: &[Value]) -> Value {
        json!({"schema": "zadig-doctor/check/v1", "complete": complete, "findings": findings})
    }

    fn stuck(findings: &[Value]) -> Result<(), String> {
        let report = report(true, findings);
        compare(&report, "ns", &[stale("stuck-pending")], &["none-deployed"])
    }

    #[test]
    fn what_must_be_found_is_missed_if_it_is_not() {
        let one = finding("stuck-pending", "error", Some("stale"));
        assert_eq!(stuck(std::slice::from_ref(&one)), Ok(()));
        assert!(stuck(&[]).is_err());
        let mut elsewhere = one;
        elsewhere["namespace"] = "other".into();
        assert!(stuck(&[elsewhere]).is_err());
        let mut place = finding("namespace-terminating", "error", None);
        place["release"] = Value::Null;
        let terminating = [finds("namespace-terminating")];
        let report = report(true, &[place]);
        assert_eq!(compare(&report, "ns", &terminating, &[]), Ok(()));
        assert!(compare(&report, "ns", &[], &[]).is_err());
        assert!(stuck(&[finding("stuck-pending", "warning", Some("unknown"))]).is_err());
        assert!(stuck(&[finding("stuck-pending", "warning", None)]).is_err());
    }

    #[test]
    fn what_must_not_be_found_is_noticed() {
        let one = finding("stuck-pending", "error", Some("stale"));
        let with = |other| stuck(&[one.clone(), other]);
        assert_eq!(with(finding("none-deployed", "info", None)), Ok(()));
        assert!(with(finding("none-deployed", "error", None)).is_err());
        assert!(with(finding("several-deployed", "info", None)).is_err());
    }

    #[test]
    fn a_report_that_is_not_whole_proves_nothing() {
        assert!(compare(&report(false, &[]), "ns", &[], &[]).is_err());
        assert!(compare(&json!({"findings": []}), "ns", &[], &[]).is_err());
        assert_eq!(compare(&report(true, &[]), "ns", &[], &[]), Ok(()));
    }
}
